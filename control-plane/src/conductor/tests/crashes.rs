//! The conductor dies at each of its commits, and another one goes on: no work is lost and none is done twice.

use super::agent::{Manners, Plan};
use super::halting_store::Death;
use super::lab::Lab;
use crate::conductor::requests::ProvisionRequest;
use ferric_drivers::{BootDevice, PowerAction, PowerState};
use ferric_model::ids::NodeId;
use ferric_model::node::{NetworkBoot, Node};
use ferric_model::state::{PowerState as Stored, ProvisionState as State};
use ferric_model::verb::Verb;
use ferric_store::{Query, Table, Transaction};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Longer than any of these runs.
pub(super) const PATIENCE: Duration = Duration::from_secs(900);

/// A node that is available, with nobody looking after it.
pub(super) async fn available(manners: Manners) -> Lab {
    let mut lab = Lab::new();
    let writing = Duration::from_secs(11);
    lab.plan(Plan {
        manners,
        writing,
        ..Plan::default()
    });
    lab.start(None).await;
    lab.enroll_available().await;
    lab.kill();
    lab
}

/// Starts the verb under a conductor that dies at its commit `k`, lets another one go on, and waits for the goal. Answers
/// whether the first one died at all.
pub(super) async fn die_at(
    lab: &mut Lab,
    verb: Verb,
    fate: (usize, Death),
    is_goal: impl Fn(&Node) -> bool + Copy,
) -> bool {
    let store = lab.start(Some(fate)).await;
    sleep(Duration::from_secs(1)).await;
    let ask = lab.conductor();
    let asked = timeout(
        Duration::from_secs(1),
        ask.provision(lab.machine.node, request(verb)),
    )
    .await;
    let died = tokio::select! {
        biased;
        () = store.died.notified() => true,
        () = lab.wait_until("the goal", PATIENCE, is_goal) => false,
    };
    lab.kill();
    sleep(Duration::from_secs(7)).await;
    lab.start(None).await;
    // The client was not answered, or not well: it asks again if nothing came of it.
    let node = lab.node().await;
    if !matches!(asked, Ok(Ok(()))) && node.run.is_none() && !is_goal(&node) {
        lab.try_to(request(verb)).await.unwrap();
    }
    lab.wait_until("the goal", PATIENCE, is_goal).await;
    died
}

/// With what must come along.
pub(super) fn request(verb: Verb) -> ProvisionRequest {
    match verb {
        Verb::Rescue => super::rescue::request(),
        Verb::Service => super::service::request(&["flash", "reset"]),
        _ => ProvisionRequest::new(verb),
    }
}

/// A node that runs its instance, with nobody looking after it.
pub(super) async fn active() -> Lab {
    let mut lab = available(Manners::Ferric).await;
    lab.start(None).await;
    lab.go(Verb::Deploy, State::Active).await;
    lab.kill();
    lab
}

/// Every commit of a deploy in turn, until one is reached that the deploy does not have.
async fn deploy_survives(manners: Manners, death: Death) {
    for k in 0.. {
        let mut lab = available(manners).await;
        let died = die_at(&mut lab, Verb::Deploy, (k, death), |node| {
            node.provision_state == State::Active
        })
        .await;
        let node = lab.node().await;
        let context = format!("{death:?} commit {k}: {:?}", node.last_error);
        assert_eq!(lab.machine.state.lock().writes, 1, "{context}");
        assert_eq!(node.last_error, None, "{context}");
        assert_eq!(
            (node.run, node.reservation, node.network_boot),
            (None, None, NetworkBoot::LocalDisk),
            "{context}"
        );
        let bmc = &lab.machine.bmc;
        assert_eq!(
            (bmc.power(), bmc.boot().device),
            (PowerState::On, Some(BootDevice::Disk)),
            "{context}"
        );
        if !died {
            assert!(k > 20, "a deploy has more commits than {k}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deploy_survives_the_loss_of_each_commit() {
    deploy_survives(Manners::Ferric, Death::Before).await;
}

#[tokio::test(start_paused = true)]
async fn a_deploy_survives_death_after_each_commit() {
    deploy_survives(Manners::Ferric, Death::After).await;
}

#[tokio::test(start_paused = true)]
async fn a_deploy_with_ironics_agent_survives_the_loss_of_each_commit() {
    deploy_survives(Manners::Ironic, Death::Before).await;
}

#[tokio::test(start_paused = true)]
async fn cleaning_survives_the_loss_of_each_commit() {
    for k in 0.. {
        let mut lab = Lab::new();
        lab.start(None).await;
        lab.enroll_real().await;
        lab.go(Verb::Manage, State::Manageable).await;
        lab.kill();
        let died = die_at(&mut lab, Verb::Provide, (k, Death::Before), |node| {
            node.provision_state == State::Available
        })
        .await;
        let node = lab.node().await;
        assert_eq!(
            (node.last_error, node.maintenance),
            (None, false),
            "commit {k}"
        );
        assert_eq!(lab.machine.state.lock().erasures, 1, "commit {k}");
        if !died {
            assert!(k > 12, "cleaning has more commits than {k}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn inspection_survives_the_loss_of_each_commit() {
    for k in 0.. {
        let mut lab = Lab::new();
        lab.start(None).await;
        lab.enroll_real().await;
        lab.go(Verb::Manage, State::Manageable).await;
        lab.kill();
        let died = die_at(&mut lab, Verb::Inspect, (k, Death::Before), |node| {
            node.inspection_finished_at.is_some()
        })
        .await;
        let node = lab.node().await;
        assert_eq!((node.run, node.last_error), (None, None), "commit {k}");
        assert_eq!(node.properties["cpu_arch"], "x86_64", "commit {k}");
        assert_eq!(lab.machine.bmc.power(), PowerState::Off, "commit {k}");
        if !died {
            assert!(k > 8, "inspection has more commits than {k}");
            return;
        }
    }
}

/// A step that failed while nobody was there is not done once more: who goes on learns that it failed.
async fn a_failure_survives(manners: Manners) {
    for k in 0.. {
        let mut lab = available(manners).await;
        lab.plan(Plan {
            manners,
            // Sooner than the next conductor comes.
            writing: Duration::from_secs(3),
            failing: Some(("write_image", "the checksum is wrong")),
            ..Plan::default()
        });
        let died = die_at(&mut lab, Verb::Deploy, (k, Death::Before), |node| {
            node.provision_state == State::DeployFailed
        })
        .await;
        let node = lab.node().await;
        let error = node.last_error.unwrap_or_default();
        assert!(
            error.contains("the checksum is wrong"),
            "commit {k}: {error}"
        );
        assert_eq!(lab.machine.state.lock().writes, 1, "commit {k}");
        assert_eq!(lab.machine.bmc.power(), PowerState::Off, "commit {k}");
        if !died {
            assert!(k > 10, "a deploy has more commits than {k}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_deploy_is_cleared_up_by_the_next_conductor() {
    a_failure_survives(Manners::Ferric).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_deploy_with_ironics_agent_is_cleared_up_by_the_next_conductor() {
    a_failure_survives(Manners::Ironic).await;
}

#[tokio::test(start_paused = true)]
async fn a_conductor_that_was_away_for_hours_ends_no_wait() {
    let mut lab = available(Manners::Ferric).await;
    lab.plan(Plan {
        writing: Duration::from_secs(60),
        ..Plan::default()
    });
    lab.start(None).await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    lab.kill();
    sleep(Duration::from_secs(3 * 3600)).await;
    lab.start(None).await;
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
}

#[tokio::test(start_paused = true)]
async fn the_image_is_written_once_when_the_conductor_dies_in_the_middle() {
    for manners in [Manners::Ferric, Manners::Ironic] {
        let mut lab = available(manners).await;
        lab.plan(Plan {
            manners,
            writing: Duration::from_secs(120),
            ..Plan::default()
        });
        lab.start(None).await;
        lab.ask(Verb::Deploy).await;
        while lab.machine.state.lock().writes == 0 {
            sleep(Duration::from_secs(1)).await;
        }
        sleep(Duration::from_secs(40)).await;
        lab.kill();
        sleep(Duration::from_secs(20)).await;
        lab.start(None).await;
        lab.wait_for(State::Active).await;
        assert_eq!(lab.machine.state.lock().writes, 1);
    }
}

/// The machine is switched on once, whichever commit is the last of the first conductor.
async fn power_on_survives(death: Death) {
    let is_done = |node: &Node| node.target_power_state.is_none();
    for k in 0.. {
        let mut lab = available(Manners::Ferric).await;
        let store = lab.start(Some((k, death))).await;
        sleep(Duration::from_secs(1)).await;
        let (conductor, id) = (lab.conductor(), lab.machine.node);
        let set = conductor.set_power(id, PowerAction::On, None);
        let asked = timeout(Duration::from_secs(5), set).await;
        let died = timeout(Duration::from_secs(5), store.died.notified()).await;
        lab.kill();
        lab.start(None).await;
        let node = lab.node().await;
        let context = format!("{death:?} commit {k}: asked {asked:?}, {node:?}");
        if !matches!(asked, Ok(Ok(()))) && is_done(&node) && node.power_state != Some(Stored::On) {
            let set = lab.conductor();
            set.set_power(id, PowerAction::On, None).await.unwrap();
        }
        lab.wait_until("the end of the action", PATIENCE, is_done)
            .await;
        let node = lab.node().await;
        let bmc = &lab.machine.bmc;
        assert_eq!(
            (bmc.power(), bmc.boots().len()),
            (PowerState::On, 1),
            "{context}"
        );
        assert_eq!(
            (node.power_state, node.last_error),
            (Some(Stored::On), None),
            "{context}"
        );
        if died.is_err() {
            assert!(k >= 4, "a power action has more commits than {k}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_conductor_that_comes_back_under_another_name_goes_on_at_once() {
    let mut lab = available(Manners::Ferric).await;
    lab.plan(Plan {
        writing: Duration::from_secs(60),
        ..Plan::default()
    });
    lab.start(None).await;
    lab.ask(Verb::Deploy).await;
    while lab.machine.state.lock().writes == 0 {
        sleep(Duration::from_secs(1)).await;
    }
    lab.kill();
    lab.rename("another-name");
    lab.start(None).await;
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
    let owner = lab.node().await.ownership.unwrap().conductor;
    assert_eq!(owner, "another-name");
}

#[tokio::test(start_paused = true)]
async fn a_power_action_survives_the_loss_of_each_commit() {
    power_on_survives(Death::Before).await;
}

#[tokio::test(start_paused = true)]
async fn a_power_action_survives_death_after_each_commit() {
    power_on_survives(Death::After).await;
}

/// The agent gave up sending its data long before somebody was there to take them.
#[tokio::test(start_paused = true)]
async fn inspection_data_that_nobody_took_are_asked_for() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab.ask(Verb::Inspect).await;
    lab.wait_for(State::InspectWait).await;
    lab.kill();
    sleep(Duration::from_secs(300)).await;
    lab.start(None).await;
    lab.wait_for(State::Manageable).await;
    let node = lab.node().await;
    assert_eq!(node.properties["cpu_arch"], "x86_64");
    assert!(node.inspection_finished_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_orderly_stop_comes_soon_and_the_next_conductor_goes_on() {
    for seconds in [1, 4, 22, 40] {
        let mut lab = available(Manners::Ferric).await;
        lab.machine.bmc.set_delay(Duration::from_secs(2));
        lab.start(None).await;
        lab.ask(Verb::Deploy).await;
        sleep(Duration::from_secs(seconds)).await;
        let took = lab.stop().await;
        assert!(took <= Duration::from_secs(20), "{took:?}");
        lab.start(None).await;
        lab.wait_for(State::Active).await;
        assert_eq!(lab.machine.state.lock().writes, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn many_nodes_are_taken_over_in_few_commits() {
    let mut lab = available(Manners::Ferric).await;
    let first = lab.node().await;
    let many = (0..250).fold(Transaction::new(), |made, number| {
        let uuid = NodeId(Uuid::from_u128(number + 10));
        made.put(&Node {
            uuid,
            ..first.clone()
        })
    });
    lab.store.commit(many).await.unwrap();
    let store = lab.start(None).await;
    // The periodic jobs have begun as well, and store what they find node by node.
    let commits = store.commits.load(Ordering::SeqCst);
    assert!(commits < 125, "{commits} commits");
    let nodes = lab.store.page(&Query::all(Table::Node)).await.unwrap();
    assert_eq!(nodes.records.len(), 251);
    let before = first.ownership.unwrap();
    for record in nodes.records {
        let owner = record.decode::<Node>().unwrap().ownership.unwrap();
        assert_eq!(owner.epoch.0, before.epoch.0 + 1);
        assert_ne!(owner.incarnation, before.incarnation);
    }
}
