//! Several conductors on one store: death, pause, outage, joining; leaving is in `leaving`. No work is lost, none is done
//! twice, and nobody touches what is another one's.

use super::cluster_lab::{Cluster, Member, host_among};
use crate::conductor::RunError;
use crate::conductor::node_task::{NodeTask, TaskError};
use crate::conductor::requests::RequestError;
use ferric_drivers::{BootDevice, PowerState};
use ferric_model::event::What;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::{EventFilter, Transaction};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

pub(super) const BEAT: Duration = Duration::from_secs(10);
const BEAT_TIMEOUT: Duration = Duration::from_secs(120);
/// From a conductor's last beat until others take its nodes.
const LIMIT: Duration = Duration::from_secs(220);
/// From one look to the next, and what a busy store adds.
pub(super) const LOOK: Duration = Duration::from_secs(15);
pub(super) const LONG: Duration = Duration::from_secs(900);

/// These conductors, and a node that may be deployed and is where it belongs. Answers who that is.
pub(super) async fn available(names: &[&str]) -> (Cluster, BTreeMap<String, Member>, String) {
    available_in(Cluster::new(), names).await
}

async fn available_in(
    cluster: Cluster,
    names: &[&str],
) -> (Cluster, BTreeMap<String, Member>, String) {
    let members = cluster.start_all(names).await;
    cluster.lab.enroll_available().await;
    let host = host_among(names, cluster.lab.machine.node);
    cluster.owned_by(&host, BEAT + LOOK).await;
    sleep(BEAT).await;
    (cluster, members, host)
}

pub(super) async fn deploy(cluster: &Cluster) {
    let deploy = super::crashes::request(Verb::Deploy);
    cluster.lab.try_to(deploy).await.unwrap();
}

pub(super) async fn writes_image(cluster: &Cluster) {
    let begun = async {
        while cluster.lab.machine.state.lock().writes == 0 {
            sleep(Duration::from_millis(500)).await;
        }
    };
    timeout(LONG, begun).await.expect("an image is written");
}

pub(super) async fn is_deployed(cluster: &Cluster, context: &str) {
    cluster.lab.wait_for_within(State::Active, LONG).await;
    let node = cluster.lab.node().await;
    assert_eq!(node.last_error, None, "{context}");
    let bmc = &cluster.lab.machine.bmc;
    assert_eq!(
        (cluster.lab.machine.state.lock().writes, bmc.power()),
        (1, PowerState::On),
        "{context}"
    );
    assert_eq!(
        bmc.boots().last(),
        Some(&Some(BootDevice::Disk)),
        "{context}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_nodes_of_the_dead_go_where_the_ring_says_and_not_earlier_than_they_may() {
    let (cluster, mut members, host) = available(&["one", "two", "three"]).await;
    deploy(&cluster).await;
    writes_image(&cluster).await;
    cluster.kill(&host, members.remove(&host).unwrap());
    let before = cluster.owner().await;
    let left: Vec<&str> = members.keys().map(String::as_str).collect();
    let heir = host_among(&left, cluster.lab.machine.node);
    let took = cluster.changes_hands(LIMIT + LOOK).await;
    assert!(took >= LIMIT - BEAT, "taken over after {took:?}");
    // It is looked once a second.
    let most = LIMIT + Duration::from_secs(1);
    assert!(took <= most, "taken over after {took:?}");
    let owner = cluster.owner().await;
    assert_eq!(
        (owner.conductor.as_str(), owner.epoch.0),
        (heir.as_str(), before.epoch.0 + 1)
    );
    let figures = members[&heir].conductor.ownership_figures();
    assert_eq!(figures.taken_over, 1);
    is_deployed(&cluster, "after the takeover").await;
    let resumed = cluster
        .lab
        .events()
        .await
        .into_iter()
        .find_map(|what| match what {
            What::Resumed { detail } => Some(detail),
            _ => None,
        });
    let resumed = resumed.expect("it says so");
    assert!(resumed.contains(&format!("{host} is gone")), "{resumed}");
    assert_eq!(cluster.owner().await, owner, "it stays there");
}

/// The node without what a handover changes.
async fn untouched(cluster: &Cluster) -> Node {
    Node {
        ownership: None,
        updated_at: None,
        ..cluster.lab.node().await
    }
}

/// Its timeline, with who wrote it.
async fn lines(cluster: &Cluster) -> Vec<(String, What)> {
    let filter = EventFilter {
        node: Some(cluster.lab.machine.node),
        ..EventFilter::default()
    };
    let stored = cluster.lab.store.events(&filter).await.unwrap();
    let lines = stored.into_iter().map(|stored| stored.event);
    lines.map(|event| (event.conductor, event.what)).collect()
}

/// A process is stopped right behind its commit `k`, and woken when another conductor is through with the node. Answers
/// whether it came to that commit at all.
async fn is_harmless_when_woken(k: usize, late: Duration) -> bool {
    let mut cluster = Cluster::new();
    cluster.late = late;
    let (cluster, members, host) = available_in(cluster, &["one", "two"]).await;
    let sleeper = &members[&host];
    sleeper.store.freeze_after(k);
    let asked = timeout(Duration::from_secs(5), deploy(&cluster)).await;
    let start = Instant::now();
    while !sleeper.store.is_frozen() {
        sleep(Duration::from_secs(1)).await;
        if cluster.lab.node().await.provision_state == State::Active || start.elapsed() > LONG {
            sleeper.store.freeze(false);
            return false;
        }
    }
    cluster.changes_hands(LIMIT + LOOK).await;
    if asked.is_err() && cluster.lab.node().await.run.is_none() {
        deploy(&cluster).await;
    }
    let context = format!("stopped behind commit {k}");
    is_deployed(&cluster, &context).await;
    sleep(Duration::from_secs(30)).await;
    let bmc = &cluster.lab.machine.bmc;
    let done = || (bmc.changes_begun(), sleeper.told());
    let (before, node, lines) = (done(), untouched(&cluster).await, lines(&cluster).await);
    sleeper.store.freeze(false);
    sleep(late + Duration::from_secs(90)).await;
    assert_eq!(before, done(), "{context}: it touched the machine");
    assert_eq!(
        node,
        untouched(&cluster).await,
        "{context}: it wrote the node"
    );
    // The one who has it hands it back to whom it belongs to, since that one beats again.
    let written = self::lines(&cluster).await.split_off(lines.len());
    let by_the_other = |(conductor, what): &(String, What)| {
        *conductor != host && matches!(what, What::Note { .. })
    };
    assert!(written.iter().all(by_the_other), "{context}: {written:?}");
    true
}

/// The work that was interrupted goes on before the conductor has beaten again.
#[tokio::test(start_paused = true)]
async fn a_conductor_that_was_stopped_does_nothing_to_nodes_that_another_one_has() {
    let mut k = 0;
    while is_harmless_when_woken(k, Duration::ZERO).await {
        k += 1;
    }
    assert!(k > 20, "a deploy has more commits than {k}");
}

/// The work goes on after it has beaten again, when all looks well.
#[tokio::test(start_paused = true)]
async fn nor_does_it_after_it_has_beaten_again() {
    let mut k = 0;
    while is_harmless_when_woken(k, Duration::from_secs(30)).await {
        k += 1;
    }
    assert!(k > 20, "a deploy has more commits than {k}");
}

#[tokio::test(start_paused = true)]
async fn a_conductor_that_is_cut_off_begins_nothing_and_fails_nothing() {
    let (cluster, members, host) = available(&["one", "two"]).await;
    let node = cluster.lab.machine.node;
    cluster.lab.machine.bmc.set_delay(Duration::from_secs(25));
    deploy(&cluster).await;
    sleep(Duration::from_secs(1)).await;
    members[&host].store.cut_off(true);
    sleep(Duration::from_secs(60)).await;
    let begun = cluster.lab.machine.bmc.changes_begun();
    sleep(BEAT_TIMEOUT).await;
    assert_eq!(cluster.lab.machine.bmc.changes_begun(), begun);
    cluster.changes_hands(LIMIT).await;
    is_deployed(&cluster, "by the other one").await;
    members[&host].store.cut_off(false);
    // It is among them again, and what rests goes back to where it belongs.
    cluster.owned_by(&host, BEAT_TIMEOUT).await;
    let refused = members.iter().find(|(name, _)| **name != host).unwrap().1;
    let asked = refused
        .conductor
        .provision(node, super::crashes::request(Verb::Undeploy));
    assert!(matches!(asked.await, Err(RequestError::Busy { .. })));
    cluster.lab.go(Verb::Undeploy, State::Available).await;
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_nobody_takes_over_anybody() {
    let (cluster, members, _) = available(&["one", "two", "three"]).await;
    deploy(&cluster).await;
    writes_image(&cluster).await;
    let before = cluster.owners().await;
    cluster.server.go_away(true);
    sleep(LIMIT * 2).await;
    cluster.server.go_away(false);
    let start = Instant::now();
    while start.elapsed() < LIMIT + LOOK {
        assert_eq!(cluster.owners().await, before, "{:?}", start.elapsed());
        sleep(Duration::from_secs(1)).await;
    }
    is_deployed(&cluster, "after the outage").await;
    drop(members);
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_others_are_given_a_whole_time_out_to_come_back() {
    let (cluster, mut members, host) = available(&["one", "two"]).await;
    cluster.server.go_away(true);
    sleep(Duration::from_secs(60)).await;
    cluster.kill(&host, members.remove(&host).unwrap());
    sleep(LIMIT * 2).await;
    cluster.server.go_away(false);
    let took = cluster.changes_hands(LIMIT).await;
    assert!(took >= BEAT_TIMEOUT, "taken over after {took:?}");
    assert!(
        took <= BEAT_TIMEOUT + BEAT + LOOK,
        "taken over after {took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_of_the_databases_clock_makes_nobody_dead() {
    let (cluster, mut members, host) = available(&["one", "two"]).await;
    sleep(LIMIT).await;
    let before = cluster.owner().await;
    cluster.server.step_clock(86_400);
    sleep(LIMIT).await;
    assert_eq!(cluster.owner().await, before);
    cluster.kill(&host, members.remove(&host).unwrap());
    let took = cluster.changes_hands(LIMIT + LOOK).await;
    assert!(took >= LIMIT - BEAT, "taken over after {took:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_joins_gets_what_the_ring_says_and_nothing_else_moves() {
    let (cluster, mut members, _) = available(&["one", "two"]).await;
    let maker = &members["one"].conductor;
    for number in 100..160 {
        let node = Node::new(
            NodeId(Uuid::from_u128(number)),
            "fake-hardware",
            maker.now(),
        );
        maker.create_node(node).await.unwrap();
    }
    sleep(BEAT + LOOK).await;
    let before = cluster.owners().await;
    let expected = |owners: &BTreeMap<NodeId, (String, u64)>, names: &[&str]| {
        for (node, (owner, _)) in owners {
            assert_eq!(*owner, host_among(names, *node), "{names:?}");
        }
    };
    expected(&before, &["one", "two"]);
    members.insert("three".to_owned(), cluster.start("three").await);
    sleep(BEAT + LOOK).await;
    let after = cluster.owners().await;
    expected(&after, &["one", "two", "three"]);
    let mut moved = 0;
    for (node, (owner, epoch)) in &after {
        let (had, was) = &before[node];
        if owner == had {
            assert_eq!(epoch, was, "it was left alone");
        } else {
            assert_eq!((owner.as_str(), *epoch), ("three", was + 1));
            moved += 1;
        }
    }
    assert!((8..=35).contains(&moved), "{moved} of 61 nodes moved");
    // It leaves again, in an orderly way: its nodes go back, the others stay.
    members.get_mut("three").unwrap().stop().await.unwrap();
    let left = cluster.owners().await;
    expected(&left, &["one", "two"]);
    let stayed = before
        .keys()
        .filter(|node| left[*node].1 == before[*node].1);
    assert_eq!(stayed.count(), before.len() - moved);
}

/// A name to which the ring gives the node when it joins this one.
fn joiner(first: &str, node: NodeId) -> String {
    let names = (0..100).map(|number| format!("joins-{number}"));
    let mut names = names.filter(|name| host_among(&[first, name], node) == *name);
    names.next().expect("half of all names")
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_worked_on_moves_when_it_rests() {
    let (cluster, members, first) = available(&["one"]).await;
    deploy(&cluster).await;
    sleep(Duration::from_secs(2)).await;
    let name = joiner(&first, cluster.lab.machine.node);
    let second = cluster.start(&name).await;
    let before = cluster.owner().await;
    cluster.lab.wait_for_within(State::Active, LONG).await;
    assert_eq!(cluster.owner().await, before, "not while it is deployed");
    cluster.owned_by(&name, BEAT + LOOK).await;
    is_deployed(&cluster, "by the first one").await;
    cluster.lab.go(Verb::Undeploy, State::Available).await;
    assert_eq!(cluster.owner().await.conductor, name);
    drop((members, second));
}

#[tokio::test(start_paused = true)]
async fn of_two_processes_of_one_name_the_older_one_ends() {
    let (cluster, mut members, _) = available(&["one"]).await;
    deploy(&cluster).await;
    sleep(Duration::from_secs(2)).await;
    let mut older = members.remove("one").unwrap();
    let newer = cluster.start("one").await;
    let ended = timeout(BEAT + LOOK, older.ended()).await.unwrap();
    let Err(error @ RunError::Replaced(_)) = ended else {
        panic!("{ended:?}");
    };
    assert!(error.to_string().contains("conductor one"), "{error}");
    let (told, record) = (older.told(), cluster.record("one").await);
    is_deployed(&cluster, "by the newer one").await;
    assert_eq!(older.told(), told);
    let now = cluster.record("one").await;
    assert_eq!((now.incarnation, now.online), (record.incarnation, true));
    assert_eq!(cluster.owner().await.incarnation, record.incarnation);
    drop(newer);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_taken_over_is_not_deleted_by_its_former_owner() {
    let (cluster, members, host) = available(&["one", "two"]).await;
    let (former, node) = (&members[&host].conductor, cluster.lab.machine.node);
    let (name, heir) = members.iter().find(|(name, _)| **name != host).unwrap();
    let lock = former.locks().acquire(node, "deleting it").unwrap();
    let task = NodeTask::load(former, lock).await.unwrap();
    cluster
        .lab
        .edit(|node| {
            let owner = node.ownership.as_mut().unwrap();
            owner.conductor.clone_from(name);
            owner.incarnation = heir.conductor.incarnation();
            owner.epoch.0 += 1;
        })
        .await;
    let deleted = task.delete(Transaction::new()).await;
    assert!(matches!(deleted, Err(TaskError::NotOurs(_))), "{deleted:?}");
    assert_eq!(cluster.owner().await.conductor, *name);
}
