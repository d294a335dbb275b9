//! Limits on deploys and cleans that run at the same time, in all and by conductor group.

use super::cluster_lab::{Cluster, host_among};
use super::lab::Lab;
use super::steps::{clean, step};
use crate::conductor::requests::{ProvisionRequest, RequestError};
use crate::config::Conductor as Settings;
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::Transaction;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

async fn lab(edit: impl FnOnce(&mut Settings)) -> Lab {
    let mut lab = Lab::new();
    lab.configure(|settings| edit(&mut settings.conductor));
    lab.start(None).await;
    lab.enroll_available().await;
    lab
}

/// Another node, of a group, in a state.
async fn another(lab: &Lab, number: u128, group: &str, state: State) -> NodeId {
    let own = lab.node().await;
    let id = NodeId(Uuid::from_u128(number));
    let node = Node {
        uuid: id,
        conductor_group: group.to_owned(),
        provision_state: state,
        ..own
    };
    let address = format!("52:54:00:00:01:{number:02x}").parse().unwrap();
    let port = PortId(Uuid::from_u128(number + 100));
    let port = Port::new(port, address, id, node.created_at);
    let made = Transaction::new().put(&node).put(&port);
    lab.store.commit(made).await.unwrap();
    id
}

async fn is_refused(lab: &Lab, verb: Verb) -> bool {
    is_turned_away(lab, ProvisionRequest::new(verb)).await
}

async fn is_turned_away(lab: &Lab, request: ProvisionRequest) -> bool {
    match lab.try_to(request).await {
        Ok(()) => false,
        Err(RequestError::Busy { retry_after_s, .. }) => {
            assert!(retry_after_s > 0);
            true
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn deploys_beyond_the_limit_are_told_to_come_back() {
    for state in [State::Deploying, State::DeployWait] {
        let lab = lab(|settings| settings.max_concurrent_deploy = 2).await;
        another(&lab, 11, "", state).await;
        another(&lab, 12, "", state).await;
        assert!(is_refused(&lab, Verb::Deploy).await, "{state}");
        assert_eq!(lab.node().await.provision_state, State::Available);
        another(&lab, 12, "", State::Active).await;
        assert!(!is_refused(&lab, Verb::Deploy).await, "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn undeploying_and_cleaning_share_a_limit() {
    for (state, verb) in [
        (State::Active, Verb::Undeploy),
        (State::Manageable, Verb::Provide),
    ] {
        for other in [State::Deleting, State::Cleaning, State::CleanWait] {
            let lab = lab(|settings| settings.max_concurrent_clean = 1).await;
            lab.edit(|node| node.provision_state = state).await;
            another(&lab, 11, "", other).await;
            assert!(is_refused(&lab, verb).await, "{verb} beside {other}");
            assert_eq!(lab.node().await.provision_state, state);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn manual_cleaning_has_the_same_limit() {
    for (limit, refused) in [(1, true), (2, false)] {
        let lab = lab(|settings| settings.max_concurrent_clean = limit).await;
        lab.edit(|node| node.provision_state = State::Manageable)
            .await;
        another(&lab, 11, "", State::CleanWait).await;
        let steps = vec![step("power", "power_on", json!({}))];
        assert_eq!(is_turned_away(&lab, clean(steps)).await, refused);
    }
}

#[tokio::test(start_paused = true)]
async fn each_group_may_have_its_own_room() {
    for (per_group, refused) in [(true, false), (false, true)] {
        let lab = lab(|settings| {
            settings.max_concurrent_deploy = 1;
            settings.max_concurrent_per_conductor_group = per_group;
        })
        .await;
        another(&lab, 11, "elsewhere", State::DeployWait).await;
        assert_eq!(is_refused(&lab, Verb::Deploy).await, refused);
    }
}

/// Both look for room before either has taken it.
#[tokio::test(start_paused = true)]
async fn the_last_place_is_given_away_once_in_a_cluster() {
    const LIMIT: usize = 3;
    let mut cluster = Cluster::new();
    // Each reads before the others have written.
    cluster.late = Duration::from_millis(50);
    cluster.configure = |_, settings| settings.conductor.max_concurrent_deploy = LIMIT;
    let names = ["one", "two", "three"];
    let members = cluster.start_all(&names).await;
    cluster.lab.enroll_available().await;
    let own = cluster.lab.machine.node;
    let host = host_among(&names, own);
    cluster.owned_by(&host, Duration::from_secs(60)).await;
    let mut nodes = vec![own];
    for number in 11..26 {
        nodes.push(another(&cluster.lab, number, "", State::Available).await);
    }
    let is_spread = async || {
        let owners = cluster.owners().await;
        let right = |node: &NodeId| owners[node].0 == host_among(&names, *node);
        nodes.iter().all(right)
    };
    while !is_spread().await {
        sleep(Duration::from_secs(1)).await;
    }
    let owners = cluster.owners().await;
    let owning: BTreeSet<&String> = nodes.iter().map(|node| &owners[node].0).collect();
    assert!(owning.len() > 1, "one conductor has all nodes");
    let asked = nodes.iter().map(|id| {
        let conductor = &members[&owners[id].0].conductor;
        conductor.provision(*id, ProvisionRequest::new(Verb::Deploy))
    });
    let outcomes = futures_util::future::join_all(asked).await;
    let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(accepted, LIMIT, "{outcomes:?}");
    let busy = |outcome: &Result<(), RequestError>| matches!(outcome, Err(RequestError::Busy { retry_after_s, .. }) if *retry_after_s > 0);
    let refused = outcomes.iter().filter(|outcome| outcome.is_err());
    for outcome in refused {
        assert!(busy(outcome), "{outcome:?}");
    }
}

/// What was accepted before goes on, however many there are.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_taken_up_again_is_not_refused() {
    let mut lab = lab(|settings| settings.max_concurrent_deploy = 1).await;
    lab.ask(Verb::Deploy).await;
    lab.kill();
    for number in 11..15 {
        another(&lab, number, "", State::DeployWait).await;
    }
    lab.configure(|settings| settings.conductor.max_concurrent_deploy = 0);
    lab.start(None).await;
    lab.wait_for(State::Active).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_place_is_given_away_once() {
    let lab = lab(|settings| settings.max_concurrent_deploy = 3).await;
    let mut nodes = vec![lab.machine.node];
    for number in 11..18 {
        nodes.push(another(&lab, number, "", State::Available).await);
    }
    let conductor = lab.conductor();
    let asked = nodes
        .iter()
        .map(|id| conductor.provision(*id, ProvisionRequest::new(Verb::Deploy)));
    let outcomes = futures_util::future::join_all(asked).await;
    let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(accepted, 3, "{outcomes:?}");
    let busy = |outcome: &Result<(), RequestError>| {
        matches!(outcome, Ok(()) | Err(RequestError::Busy { .. }))
    };
    assert!(outcomes.iter().all(busy), "{outcomes:?}");
}
