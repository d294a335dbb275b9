//! Adoption: a machine that somebody else has deployed is taken over as it runs.

use super::lab::Lab;
use ferric_drivers::{BootDevice, PowerState};
use ferric_model::event::What;
use ferric_model::node::NetworkBoot;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;

/// A node whose machine runs, with an image that nobody can reach.
async fn running() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.machine.bmc.force_power(PowerState::On);
    lab.go(Verb::Manage, State::Manageable).await;
    std::fs::remove_file(lab.folder.path().join("os.raw")).unwrap();
    lab
}

#[tokio::test(start_paused = true)]
async fn a_running_machine_is_adopted_as_it_is() {
    let lab = running().await;
    lab.machine.state.lock().was_off = false;
    lab.go(Verb::Adopt, State::Active).await;
    let node = lab.node().await;
    assert_eq!(
        (node.run, node.last_error, node.network_boot),
        (None, None, NetworkBoot::LocalDisk)
    );
    let bmc = &lab.machine.bmc;
    assert_eq!(
        (bmc.power(), bmc.boots().len(), bmc.boot().device),
        (PowerState::On, 0, Some(BootDevice::Disk))
    );
    let switched = lab.events().await.into_iter().any(
        |what| matches!(what, What::StepStarted { step, .. } if step.interface == "power" && step.step != "get"),
    );
    assert!(!switched && !lab.machine.state.lock().was_off);
    std::fs::write(lab.folder.path().join("os.raw"), "os").unwrap();
    lab.go(Verb::Rebuild, State::Active).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_for_a_deploy_fails_the_adoption() {
    let lab = running().await;
    lab.edit(|node| {
        node.instance_info.shift_remove("image_source");
    })
    .await;
    lab.go(Verb::Adopt, State::AdoptFailed).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(
        error.contains("deploy.validate") && error.contains("image_source"),
        "{error}"
    );
    assert_eq!(lab.machine.bmc.power(), PowerState::On);
    let source = serde_json::json!(lab.image_url());
    lab.edit(|node| {
        node.instance_info.insert("image_source".to_owned(), source);
    })
    .await;
    lab.go(Verb::Adopt, State::Active).await;
    assert_eq!(lab.node().await.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn a_boot_that_could_not_be_prepared_fails_the_adoption() {
    let lab = running().await;
    lab.edit(|node| {
        let missing = serde_json::json!("/no/such/kernel");
        node.driver_info.insert("deploy_kernel".to_owned(), missing);
    })
    .await;
    lab.go(Verb::Adopt, State::AdoptFailed).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(
        error.contains("boot.validate") && error.contains("/no/such/kernel"),
        "{error}"
    );
    lab.go(Verb::Manage, State::Manageable).await;
}
