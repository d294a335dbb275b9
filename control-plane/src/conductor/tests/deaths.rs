//! The conductor dies at each commit of rescue, service, adoption and aborts, and where a machine is not switched off.

use super::agent::Manners;
use super::crashes::{PATIENCE, active, available, die_at, request};
use super::halting_store::Death;
use super::lab::Lab;
use crate::conductor::requests::ProvisionRequest;
use ferric_drivers::{BootDevice, PowerState};
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The ramdisk is told the password, and whether it was told can be seen by nobody: then it is booted and told again.
async fn rescue_survives(death: Death) {
    for k in 0.. {
        let mut lab = active().await;
        let died = die_at(&mut lab, Verb::Rescue, (k, death), |node| {
            node.provision_state == State::Rescue
        })
        .await;
        let node = lab.node().await;
        assert_eq!(node.last_error, None, "{death:?} commit {k}");
        let told = lab.machine.state.lock().rescue.clone();
        assert_eq!(told["hashed"], true, "{death:?} commit {k}");
        let bmc = &lab.machine.bmc;
        assert_eq!(
            (bmc.power(), bmc.boots().last()),
            (PowerState::On, Some(&Some(BootDevice::Pxe))),
            "{death:?} commit {k}"
        );
        lab.go(Verb::Unrescue, State::Active).await;
        assert_eq!(
            lab.machine.bmc.boots().last(),
            Some(&Some(BootDevice::Disk))
        );
        if !died {
            assert!(k > 8, "a rescue has more commits than {k}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rescue_survives_the_loss_of_each_commit() {
    rescue_survives(Death::Before).await;
}

#[tokio::test(start_paused = true)]
async fn a_rescue_survives_death_after_each_commit() {
    rescue_survives(Death::After).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_survives_the_loss_of_each_commit() {
    for k in 0.. {
        let mut lab = active().await;
        let machine = lab.machine.clone();
        let machine = &machine;
        let is_goal = move |node: &Node| {
            let serviced = machine.state.lock().services.len() == 2;
            serviced && node.provision_state == State::Active
        };
        let died = die_at(&mut lab, Verb::Service, (k, Death::Before), is_goal).await;
        let node = lab.node().await;
        assert_eq!(
            (node.last_error, node.maintenance),
            (None, false),
            "commit {k}"
        );
        let services = lab.machine.state.lock().services.clone();
        assert_eq!(services, ["flash", "reset"], "commit {k}");
        let bmc = &lab.machine.bmc;
        assert_eq!(
            (bmc.power(), bmc.boots().last()),
            (PowerState::On, Some(&Some(BootDevice::Disk))),
            "commit {k}"
        );
        if !died {
            assert!(k > 15, "a service has more commits than {k}");
            return;
        }
    }
}

/// A restart may be done twice, a machine without power may not be seen.
#[tokio::test(start_paused = true)]
async fn a_deploy_without_switching_off_survives_the_loss_of_each_commit() {
    for k in 0.. {
        let mut lab = available(Manners::Ferric).await;
        lab.edit(|node| node.disable_power_off = true).await;
        lab.machine.bmc.force_power(PowerState::On);
        lab.machine.bmc.set_delay(Duration::from_secs(1));
        sleep(Duration::from_secs(1)).await;
        lab.machine.state.lock().was_off = false;
        let died = die_at(&mut lab, Verb::Deploy, (k, Death::Before), |node| {
            node.provision_state == State::Active
        })
        .await;
        let node = lab.node().await;
        assert_eq!((node.last_error, node.agent), (None, None), "commit {k}");
        let state = lab.machine.state.lock();
        assert_eq!((state.writes, state.was_off), (1, false), "commit {k}");
        let boots = lab.machine.bmc.boots();
        assert_eq!(boots.last(), Some(&Some(BootDevice::Disk)), "commit {k}");
        if !died {
            assert!(k > 20, "a deploy has more commits than {k}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deploy_on_the_fast_track_survives_the_loss_of_each_commit() {
    for k in 0.. {
        let mut lab = Lab::new();
        lab.configure(|settings| settings.deploy.fast_track = true);
        lab.start(None).await;
        lab.enroll_real().await;
        lab.make_available().await;
        lab.kill();
        let died = die_at(&mut lab, Verb::Deploy, (k, Death::Before), |node| {
            node.provision_state == State::Active
        })
        .await;
        let node = lab.node().await;
        assert_eq!((node.last_error, node.agent), (None, None), "commit {k}");
        let boots = lab.machine.bmc.boots();
        let expected = [Some(BootDevice::Pxe), Some(BootDevice::Disk)];
        assert_eq!(boots, expected, "commit {k}");
        assert_eq!(lab.machine.state.lock().writes, 1, "commit {k}");
        if !died {
            assert!(k > 20, "a deploy has more commits than {k}");
            return;
        }
    }
}

/// Whichever commit is the last one of the conductor that was told to abort.
#[tokio::test(start_paused = true)]
async fn an_aborted_service_survives_the_loss_of_each_commit() {
    for k in 0.. {
        let mut lab = active().await;
        let store = lab.start(None).await;
        lab.try_to(request(Verb::Service)).await.unwrap();
        lab.wait_for(State::ServiceWait).await;
        store.doom((k, Death::Before));
        let abort = ProvisionRequest::new(Verb::Abort);
        let asked = timeout(Duration::from_secs(5), lab.try_to(abort)).await;
        let died = tokio::select! {
            biased;
            () = store.died.notified() => true,
            () = lab.wait_until("the goal", PATIENCE, is_active) => false,
        };
        lab.kill();
        lab.start(None).await;
        if !matches!(asked, Ok(Ok(()))) && lab.node().await.provision_state == State::ServiceWait {
            lab.ask(Verb::Abort).await;
        }
        lab.wait_until("the goal", PATIENCE, is_active).await;
        let node = lab.node().await;
        let error = node.last_error.clone().unwrap_or_default();
        assert!(error.contains("aborted"), "commit {k}: {error:?}");
        super::service::runs_its_instance(&lab, &node);
        if !died {
            assert!(k > 5, "an abort has more commits than {k}");
            return;
        }
    }
}

fn is_active(node: &Node) -> bool {
    node.provision_state == State::Active
}

#[tokio::test(start_paused = true)]
async fn an_adoption_survives_the_loss_of_each_commit() {
    for k in 0.. {
        let mut lab = Lab::new();
        lab.start(None).await;
        lab.enroll_real().await;
        lab.go(Verb::Manage, State::Manageable).await;
        lab.kill();
        let died = die_at(&mut lab, Verb::Adopt, (k, Death::Before), |node| {
            node.provision_state == State::Active
        })
        .await;
        assert_eq!(lab.node().await.last_error, None, "commit {k}");
        assert_eq!(lab.machine.bmc.boots().len(), 0, "commit {k}");
        if !died {
            assert!(k > 5, "an adoption has more commits than {k}");
            return;
        }
    }
}
