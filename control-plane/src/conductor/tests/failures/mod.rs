//! What goes wrong with machines ends in the right state, with a sentence that helps, and can be tried again.

mod reboots;

use crate::conductor::requests::{Maintenance, ProvisionRequest, RequestError};
use crate::conductor::tests::agent::{Manners, Plan};
use crate::conductor::tests::lab::Lab;
use ferric_drivers::{FakeFault, PowerState};
use ferric_model::event::What;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const DISCARD: &str = "standby.discard_image";
/// Every failure must be seen within two minutes.
const SOON: Duration = Duration::from_secs(120);

async fn enrolled() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab
}

async fn available() -> Lab {
    let lab = enrolled().await;
    lab.make_available().await;
    lab
}

/// With an image that takes this long to be written, a few seconds after that has begun.
async fn writing_for(seconds: u64) -> Lab {
    let lab = available().await;
    lab.plan(Plan {
        writing: Duration::from_secs(seconds),
        ..Plan::default()
    });
    lab.ask(Verb::Deploy).await;
    while lab.machine.state.lock().writes == 0 {
        sleep(Duration::from_millis(500)).await;
    }
    sleep(Duration::from_secs(5)).await;
    lab
}

/// The state comes soon, the error says why, the machine is off, and the next deploy works.
async fn ends_well(lab: &Lab, parts: &[&str]) {
    lab.wait_for_within(State::DeployFailed, SOON).await;
    let node = lab.node().await;
    let error = node.last_error.unwrap();
    for part in parts {
        assert!(error.contains(part), "{error:?} does not contain {part:?}");
    }
    assert!(!error.contains('\n'));
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
    lab.plan(Plan::default());
    lab.go(Verb::Deploy, State::Active).await;
    assert_eq!(lab.node().await.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_says_becomes_the_error() {
    let lab = available().await;
    let text = "the image is larger than /dev/vda: choose a larger disk with root_device";
    lab.plan(Plan {
        failing: Some(("write_image", text)),
        ..Plan::default()
    });
    lab.ask(Verb::Deploy).await;
    lab.wait_for_within(State::DeployFailed, SOON).await;
    let explained = lab.conductor().explain(lab.machine.node).await.unwrap();
    let failure = explained.last_failure.unwrap();
    assert_eq!(failure.step.as_deref(), Some("deploy.write_image"));
    assert!(failure.message.contains(text), "{}", failure.message);
    ends_well(&lab, &["Deploying failed in deploy.write_image", text]).await;
    let logs = lab
        .folder
        .path()
        .join(format!("ramdisk-logs/{}.tar.gz", lab.machine.node));
    assert_eq!(std::fs::read(logs).unwrap(), b"logs");
}

#[tokio::test(start_paused = true)]
async fn an_image_whose_deploy_fails_afterwards_is_taken_from_the_disk_again() {
    let lab = available().await;
    let failing = Some(("image.install_bootloader", "no boot loader was found"));
    lab.plan(Plan {
        failing,
        ..Plan::default()
    });
    lab.ask(Verb::Deploy).await;
    ends_well(&lab, &["prepare_instance_boot", "no boot loader was found"]).await;
    let discards = |lab: &Lab| {
        let told = lab.machine.state.lock().told.clone();
        told.iter().filter(|name| *name == DISCARD).count()
    };
    assert_eq!(discards(&lab), 1);
    let noted = |what: &What| matches!(what, What::Note { text } if text.contains("taken from /dev/vda again"));
    assert!(lab.events().await.iter().any(noted));
    lab.plan(Plan {
        failing,
        manners: Manners::Ironic,
        ..Plan::default()
    });
    lab.ask(Verb::Rebuild).await;
    lab.wait_for_within(State::DeployFailed, SOON).await;
    assert_eq!(discards(&lab), 1, "Ironic's agent does not know it");
    let noted =
        |what: &What| matches!(what, What::Note { text } if text.contains("stays on the disk"));
    assert!(lab.events().await.iter().any(noted));
}

#[tokio::test(start_paused = true)]
async fn power_loss_in_the_middle_of_the_write_is_seen() {
    let lab = writing_for(600).await;
    lab.machine.bmc.force_power(PowerState::Off);
    ends_well(&lab, &["lost power", "check its power supply"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_silent_for_a_while_is_waited_for() {
    let lab = writing_for(100).await;
    lab.machine.state.lock().silent = true;
    sleep(Duration::from_secs(300)).await;
    lab.machine.state.lock().silent = false;
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_stays_silent_times_out() {
    let lab = writing_for(100).await;
    lab.machine.state.lock().silent = true;
    let start = Instant::now();
    lab.wait_for_within(State::DeployFailed, Duration::from_secs(4000))
        .await;
    assert!(
        start.elapsed() > Duration::from_secs(1700),
        "{:?}",
        start.elapsed()
    );
    let error = lab.node().await.last_error.unwrap();
    assert!(
        error.contains("timed out") && error.contains("deploy.write_image"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_not_there_costs_no_reboot() {
    let lab = available().await;
    std::fs::remove_file(lab.folder.path().join("os.raw")).unwrap();
    let boots = lab.machine.bmc.boots().len();
    lab.ask(Verb::Deploy).await;
    lab.wait_for_within(State::DeployFailed, SOON).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(
        error.contains("deploy.check_image") && error.contains("os.raw"),
        "{error}"
    );
    assert_eq!(lab.machine.bmc.boots().len(), boots);
    std::fs::write(lab.folder.path().join("os.raw"), "os").unwrap();
    lab.go(Verb::Deploy, State::Active).await;
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_refuses_the_password_fails_verification_and_deploys() {
    let lab = enrolled().await;
    lab.machine.bmc.fail_next([FakeFault::Credentials]);
    lab.ask(Verb::Manage).await;
    lab.wait_for_within(State::Enroll, SOON).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(
        error.contains("refused the user name or password") && error.contains("driver_info"),
        "{error}"
    );
    lab.make_available().await;
    lab.machine.bmc.fail_next([FakeFault::Credentials]);
    lab.ask(Verb::Deploy).await;
    ends_well(&lab, &["power.off", "refused the user name or password"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_clean_step_keeps_the_node_out_of_reach_until_somebody_looked() {
    let lab = enrolled().await;
    lab.plan(Plan {
        failing: Some(("erase_devices_metadata", "/dev/vda is write protected")),
        ..Plan::default()
    });
    lab.go(Verb::Manage, State::Manageable).await;
    lab.go(Verb::Provide, State::CleanFailed).await;
    let node = lab.node().await;
    assert_eq!(
        (node.maintenance, node.fault.as_deref()),
        (true, Some("clean failure"))
    );
    assert!(
        node.last_error
            .unwrap()
            .contains("/dev/vda is write protected")
    );
    lab.plan(Plan::default());
    lab.make_available().await;
    assert!(!lab.node().await.maintenance);
}

#[tokio::test(start_paused = true)]
async fn an_abort_ends_a_wait() {
    let lab = available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    lab.ask(Verb::Abort).await;
    ends_well(&lab, &["aborted"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_deploy_can_be_undone_while_it_waits() {
    let lab = available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    lab.go(Verb::Undeploy, State::Available).await;
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
}

#[tokio::test(start_paused = true)]
async fn a_config_drive_does_not_outlive_the_deploy_that_failed() {
    let lab = available().await;
    lab.plan(Plan {
        failing: Some(("write_image", "no")),
        ..Plan::default()
    });
    let configdrive = Some(json!("https://192.0.2.1/drive"));
    let request = ProvisionRequest {
        configdrive,
        ..ProvisionRequest::new(Verb::Deploy)
    };
    lab.conductor()
        .provision(lab.machine.node, request)
        .await
        .unwrap();
    ends_well(&lab, &["no"]).await;
    assert_eq!(
        lab.machine.state.lock().written["step"]["args"]["configdrive"],
        json!(null)
    );
}

#[tokio::test(start_paused = true)]
async fn maintenance_stops_progress_and_refuses_deploys() {
    let lab = writing_for(20).await;
    let on = Maintenance::On {
        reason: Some("screws".to_owned()),
    };
    lab.conductor()
        .set_maintenance(lab.machine.node, on)
        .await
        .unwrap();
    sleep(Duration::from_secs(4000)).await;
    assert_eq!(lab.node().await.provision_state, State::DeployWait);
    lab.conductor()
        .set_maintenance(lab.machine.node, Maintenance::Off)
        .await
        .unwrap();
    lab.wait_for(State::Active).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_asker_is_told_who_holds_the_node() {
    let lab = available().await;
    lab.machine.bmc.set_delay(Duration::from_secs(30));
    lab.ask(Verb::Deploy).await;
    let error = lab
        .conductor()
        .provision(lab.machine.node, ProvisionRequest::new(Verb::Deploy))
        .await
        .unwrap_err();
    let RequestError::Conflict(text) = error else {
        panic!("{error}")
    };
    assert!(text.contains("locked by host one (deploying)"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn verbs_are_refused_in_the_wrong_state() {
    let lab = available().await;
    let error = lab
        .conductor()
        .provision(lab.machine.node, ProvisionRequest::new(Verb::Rebuild))
        .await
        .unwrap_err();
    let RequestError::Invalid(text) = error else {
        panic!("{error}")
    };
    assert!(
        text.contains("\"rebuild\" can not be performed") && text.contains("\"available\""),
        "{text}"
    );
    assert!(text.ends_with(": active, deploy, manage."), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_the_run_that_met_it_and_nothing_else() {
    let lab = available().await;
    lab.plan(Plan {
        panicking: true,
        ..Plan::default()
    });
    lab.ask(Verb::Deploy).await;
    ends_well(&lab, &["internal error (a fault in the program)"]).await;
}

#[tokio::test(start_paused = true)]
async fn power_loss_between_two_commands_is_seen_too() {
    let lab = writing_for(20).await;
    // While the boot loader is installed, which the conductor waits for within a step.
    while !lab.is_running("prepare_instance_boot").await {
        sleep(Duration::from_millis(200)).await;
    }
    lab.machine.bmc.force_power(PowerState::Off);
    ends_well(&lab, &["deploy.prepare_instance_boot", "lost power"]).await;
}
