//! Boot mode and secure boot: on request, by what the instance wants, and as the BMC shows them.

use super::agent::Manners;
use super::crashes::available as nobodys;
use super::halting_store::Death;
use super::lab::Lab;
use crate::conductor::requests::RequestError;
use ferric_drivers::{BootMode, FakeFault, Management, PowerState, SecureBoot, SecureBootState};
use ferric_model::node::Node;
use ferric_model::state::{PowerState as Shown, ProvisionState as State};
use ferric_model::verb::Verb;
use serde_json::json;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(120);

async fn available() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    sleep(Duration::from_secs(1)).await;
    lab
}

async fn set_mode(lab: &Lab, mode: BootMode) -> Result<(), RequestError> {
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    conductor.set_boot_mode(id, mode).await?;
    lab.wait_until("the end of it", Duration::from_secs(1200), |node| {
        node.wish.is_none()
    })
    .await;
    Ok(())
}

async fn set_secure_boot(lab: &Lab, state: SecureBootState) {
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    conductor.set_secure_boot(id, state).await.unwrap();
    lab.wait_until("the end of it", SOON, |node| node.wish.is_none())
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_set_is_shown_and_holds() {
    let lab = available().await;
    set_secure_boot(&lab, SecureBootState::On).await;
    assert_eq!(lab.node().await.secure_boot, Some(true));
    set_mode(&lab, BootMode::Bios).await.unwrap();
    let node = lab.node().await;
    assert_eq!(node.boot_mode.as_deref(), Some("bios"));
    assert_eq!(node.secure_boot, Some(false), "there is none in BIOS mode");
    assert_eq!(node.last_error, None);
    let bmc = &lab.machine.bmc;
    assert_eq!(bmc.boot_mode().await.unwrap(), Some(BootMode::Bios));
    assert_eq!(bmc.boots().len(), 0, "nothing needed a restart");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_the_last_error_and_the_next_request_clears_it() {
    let lab = available().await;
    let broken = FakeFault::Broken("on fire".to_owned());
    lab.machine.bmc.fail_next([broken]);
    set_mode(&lab, BootMode::Bios).await.unwrap();
    let error = lab.node().await.last_error.unwrap();
    assert!(error.starts_with("changing the boot mode: "), "{error}");
    assert!(error.ends_with("on fire"), "{error}");
    set_secure_boot(&lab, SecureBootState::On).await;
    assert_eq!(lab.node().await.last_error, None);
    set_mode(&lab, BootMode::Bios).await.unwrap();
    set_secure_boot(&lab, SecureBootState::On).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains("boot mode bios"), "{error}");
    lab.machine.bmc.fail_next([FakeFault::Panic]);
    set_mode(&lab, BootMode::Uefi).await.unwrap();
    let error = lab.node().await.last_error.unwrap();
    assert!(error.starts_with("an internal error"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_takes_it_over_at_boot_is_restarted_and_left_as_it_was() {
    for (power, left) in [(None, Shown::Off), (Some(()), Shown::On)] {
        let lab = available().await;
        let bmc = &lab.machine.bmc;
        bmc.set_firmware_at_boot();
        if power.is_some() {
            bmc.force_power(PowerState::On);
        }
        lab.edit(|node| node.power_state = Some(left)).await;
        let boots = bmc.boots().len();
        set_mode(&lab, BootMode::Bios).await.unwrap();
        let node = lab.node().await;
        assert_eq!(node.boot_mode.as_deref(), Some("bios"));
        assert_eq!(node.power_state, Some(left));
        assert_eq!(bmc.boots().len(), boots + 1);
        let is_on = bmc.power() == PowerState::On;
        assert_eq!(is_on, left == Shown::On);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_on_its_way_is_left_alone() {
    let lab = available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    let mode = conductor.set_boot_mode(id, BootMode::Bios).await;
    let secure_boot = conductor.set_secure_boot(id, SecureBootState::On).await;
    for refused in [mode, secure_boot] {
        match refused {
            Err(RequestError::Conflict(text)) => assert!(text.contains("wait call-back"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

/// Whichever commit is the last of the first conductor.
async fn change_survives(death: Death) {
    let is_done = |node: &Node| node.wish.is_none();
    for k in 0.. {
        let mut lab = nobodys(Manners::Ferric).await;
        let store = lab.start(Some((k, death))).await;
        sleep(Duration::from_secs(1)).await;
        let (conductor, id) = (lab.conductor(), lab.machine.node);
        let set = conductor.set_boot_mode(id, BootMode::Bios);
        let asked = timeout(Duration::from_secs(5), set).await;
        let died = timeout(Duration::from_secs(5), store.died.notified()).await;
        lab.kill();
        lab.start(None).await;
        let node = lab.node().await;
        let context = format!("{death:?} commit {k}: asked {asked:?}, {node:?}");
        let is_set = node.boot_mode.as_deref() == Some("bios");
        if !matches!(asked, Ok(Ok(()))) && is_done(&node) && !is_set {
            let set = lab.conductor();
            set.set_boot_mode(id, BootMode::Bios).await.unwrap();
        }
        lab.wait_until("the end of it", SOON, is_done).await;
        let (node, bmc) = (lab.node().await, &lab.machine.bmc);
        let mode = bmc.boot_mode().await.unwrap();
        assert_eq!(mode, Some(BootMode::Bios), "{context}");
        assert_eq!(node.boot_mode.as_deref(), Some("bios"), "{context}");
        assert_eq!(node.last_error, None, "{context}");
        if died.is_err() {
            assert!(k >= 4, "it has more commits than {k}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_survives_the_loss_of_each_commit() {
    change_survives(Death::Before).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_survives_death_after_each_commit() {
    change_survives(Death::After).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_bmc_shows_is_stored_by_verification_and_by_the_power_sync() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.machine.bmc.set_boot_mode(BootMode::Bios).await.unwrap();
    lab.go(Verb::Manage, State::Manageable).await;
    let node = lab.node().await;
    assert_eq!(node.boot_mode.as_deref(), Some("bios"));
    assert_eq!(node.secure_boot, Some(false));
    let bmc = &lab.machine.bmc;
    bmc.set_boot_mode(BootMode::Uefi).await.unwrap();
    bmc.set_state(SecureBootState::On).await.unwrap();
    let both =
        |node: &Node| node.boot_mode.as_deref() == Some("uefi") && node.secure_boot == Some(true);
    lab.wait_until("the power sync", Duration::from_secs(300), both)
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_wants_secure_boot_has_it_until_it_goes() {
    let lab = available().await;
    let wants = json!({"secure_boot": "true"});
    lab.edit(|node| {
        let info = &mut node.instance_info;
        info.insert("capabilities".to_owned(), wants);
    })
    .await;
    lab.go(Verb::Deploy, State::Active).await;
    let bmc = &lab.machine.bmc;
    let state = bmc.state().await.unwrap();
    assert_eq!(state, Some(SecureBootState::On));
    assert_eq!(lab.node().await.secure_boot, Some(true));
    lab.go(Verb::Undeploy, State::Available).await;
    let state = bmc.state().await.unwrap();
    assert_eq!(state, Some(SecureBootState::Off));
    assert_eq!(lab.node().await.secure_boot, Some(false));
}

/// An instance with secure boot that has run, and whose node is not cleaned after it.
async fn with_secure_boot() -> Lab {
    let lab = available().await;
    let wants = json!({"secure_boot": "true"});
    lab.edit(|node| {
        let info = &mut node.instance_info;
        info.insert("capabilities".to_owned(), wants);
        node.automated_clean = Some(false);
    })
    .await;
    lab.go(Verb::Deploy, State::Active).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn an_instance_goes_although_its_machine_has_no_secure_boot_any_more() {
    let lab = with_secure_boot().await;
    lab.machine.bmc.lose_secure_boot();
    lab.go(Verb::Undeploy, State::Available).await;
    let node = lab.node().await;
    assert_eq!(node.last_error, None);
    assert!(node.instance_info.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_instance_goes_although_nobody_can_switch_its_secure_boot_any_more() {
    let lab = with_secure_boot().await;
    lab.edit(|node| {
        let none = "noop".to_owned();
        node.interfaces.insert("management".to_owned(), none);
    })
    .await;
    lab.go(Verb::Undeploy, State::Available).await;
    let node = lab.node().await;
    assert_eq!(node.last_error, None);
    assert!(node.instance_info.is_empty());
}

/// What the BMC refuses otherwise is no reason to leave the next user a machine that boots nothing of theirs.
#[tokio::test(start_paused = true)]
async fn secure_boot_that_stays_on_keeps_the_instance() {
    let lab = with_secure_boot().await;
    lab.machine.bmc.jam_secure_boot("on fire");
    lab.go(Verb::Undeploy, State::Error).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains("changing secure boot"), "{error}");
    assert!(error.contains("on fire"), "{error}");
}

/// A node whose tear-down has failed, and would not fail again.
async fn in_error() -> Lab {
    let lab = with_secure_boot().await;
    lab.machine.bmc.jam_secure_boot("on fire");
    lab.go(Verb::Undeploy, State::Error).await;
    lab.machine.bmc.mend_secure_boot();
    lab
}

#[tokio::test(start_paused = true)]
async fn a_tear_down_that_failed_can_be_asked_for_again() {
    let lab = in_error().await;
    lab.go(Verb::Undeploy, State::Available).await;
    let node = lab.node().await;
    assert_eq!((node.last_error, node.secure_boot), (None, Some(false)));
    assert!(node.instance_info.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_instance_whose_tear_down_failed_can_be_rebuilt() {
    let lab = in_error().await;
    lab.go(Verb::Rebuild, State::Active).await;
    let node = lab.node().await;
    assert_eq!((node.last_error, node.secure_boot), (None, Some(true)));
    assert_eq!(lab.machine.state.lock().writes, 2);
    assert_eq!(lab.machine.bmc.power(), PowerState::On);
}

#[tokio::test(start_paused = true)]
async fn a_held_node_is_left_alone_like_one_on_its_way() {
    let lab = available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    super::holds::hold_next(&lab).await;
    lab.wait_for(State::DeployHold).await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    match conductor.set_boot_mode(id, BootMode::Bios).await {
        Err(RequestError::Conflict(text)) => assert!(text.contains("deploy hold"), "{text}"),
        other => panic!("{other:?}"),
    }
}
