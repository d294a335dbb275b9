//! Conductors that do not serve the same nodes: of different groups, and with different hardware types. A node goes
//! only to one that serves it, and waits where there is none.

use super::cluster_lab::{Cluster, Member, host_among, host_in};
use super::crashes::request;
use crate::conductor::requests::RequestError;
use crate::config::Settings;
use ferric_drivers::Enabled;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::{Key, Record, Table};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const BEAT: Duration = Duration::from_secs(10);
/// From a conductor's last beat until others take its nodes.
const LIMIT: Duration = Duration::from_secs(220);
const LOOK: Duration = Duration::from_secs(15);
const GROUP: &str = "rack1";
const IN_GROUP: [&str; 2] = ["one", "two"];
const ALL: [&str; 3] = ["one", "two", "three"];

/// The third one serves what is of no group.
fn grouped(name: &str, settings: &mut Settings) {
    if IN_GROUP.contains(&name) {
        GROUP.clone_into(&mut settings.conductor_group);
    }
}

/// All conductors, and a node of the group that may be deployed, with the conductor that has it.
async fn node_of_a_group() -> (Cluster, BTreeMap<String, Member>, String) {
    let mut cluster = Cluster::new();
    cluster.configure = grouped;
    let members = cluster.start_all(&ALL).await;
    cluster.lab.enroll_available().await;
    let join = |node: &mut Node| GROUP.clone_into(&mut node.conductor_group);
    cluster.lab.edit(join).await;
    let host = host_in(GROUP, &IN_GROUP, cluster.lab.machine.node);
    cluster.owned_by(&host, BEAT + LOOK).await;
    sleep(BEAT).await;
    (cluster, members, host)
}

async fn stored(cluster: &Cluster, node: NodeId) -> Record {
    let key = Key::new(Table::Node, node);
    cluster.lab.store.get(&key).await.unwrap().expect("a node")
}

/// As a PATCH to this conductor does.
async fn move_to(cluster: &Cluster, asked: &Member, group: &str) -> Result<Node, RequestError> {
    let record = stored(cluster, cluster.lab.machine.node).await;
    let mut node: Node = record.decode().unwrap();
    group.clone_into(&mut node.conductor_group);
    asked.conductor.update_node(&record, node).await
}

async fn nobody_takes_anything(cluster: &Cluster) {
    let (start, before) = (Instant::now(), cluster.owners().await);
    while start.elapsed() < LIMIT * 2 {
        assert_eq!(cluster.owners().await, before, "{:?}", start.elapsed());
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_stays_in_its_group_and_waits_when_nobody_of_it_is_left() {
    let (cluster, mut members, host) = node_of_a_group().await;
    let heir = IN_GROUP.into_iter().find(|name| *name != host).unwrap();
    cluster.kill(&host, members.remove(&host).unwrap());
    cluster.changes_hands(LIMIT + LOOK).await;
    assert_eq!(cluster.owner().await.conductor, heir);
    members.get_mut(heir).unwrap().stop().await.unwrap();
    cluster.forget(heir);
    nobody_takes_anything(&cluster).await;
    let (node, three) = (cluster.lab.machine.node, &members["three"].conductor);
    let refused = three.provision(node, request(Verb::Deploy)).await;
    let Err(RequestError::Busy { reason, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("no running conductor"), "{reason}");
    assert!(reason.contains(GROUP), "{reason}");
    let shown = three.conductor_of(&cluster.lab.node().await).await.unwrap();
    assert_eq!(shown, None);
    let back = cluster.start(&host).await;
    cluster.owned_by(&host, BEAT + LOOK).await;
    sleep(Duration::from_secs(1)).await;
    cluster.lab.go(Verb::Deploy, State::Active).await;
    assert_eq!(cluster.owner().await.conductor, host);
    drop(back);
}

#[tokio::test(start_paused = true)]
async fn another_group_makes_a_node_change_hands() {
    let (cluster, members, host) = node_of_a_group().await;
    assert_eq!(cluster.record(&host).await.conductor_group, GROUP);
    assert_eq!(cluster.record("three").await.conductor_group, "");
    let epoch = cluster.owner().await.epoch.0;
    move_to(&cluster, &members[&host], "").await.unwrap();
    cluster.owned_by("three", BEAT + LOOK).await;
    assert_eq!(cluster.owner().await.epoch.0, epoch + 1);
    move_to(&cluster, &members["three"], GROUP).await.unwrap();
    cluster.owned_by(&host, BEAT + LOOK).await;
    assert_eq!(cluster.owner().await.epoch.0, epoch + 2);
    sleep(Duration::from_secs(1)).await;
    cluster.lab.go(Verb::Deploy, State::Active).await;
}

/// Nobody could do it but an owner, and it has none.
#[tokio::test(start_paused = true)]
async fn a_node_whose_group_is_gone_can_be_given_another_one() {
    let (cluster, mut members, host) = node_of_a_group().await;
    for name in IN_GROUP {
        cluster.kill(name, members.remove(name).unwrap());
    }
    let three = &members["three"];
    let early = move_to(&cluster, three, "").await;
    assert!(matches!(early, Err(RequestError::Busy { .. })), "{early:?}");
    let before = cluster.owner().await;
    sleep(LIMIT + LOOK).await;
    assert_eq!(cluster.owner().await, before, "it waits for {host}");
    let moved = move_to(&cluster, three, "").await.unwrap();
    assert_eq!(moved.conductor_group, "");
    let owner = cluster.owner().await;
    assert_eq!(
        (owner.conductor.as_str(), owner.epoch.0),
        ("three", before.epoch.0 + 1)
    );
    sleep(Duration::from_secs(1)).await;
    cluster.lab.go(Verb::Deploy, State::Active).await;
    assert_eq!(cluster.owner().await, owner, "it stays there");
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_group_is_gone_can_be_deleted() {
    let (cluster, mut members, _) = node_of_a_group().await;
    for name in IN_GROUP {
        cluster.kill(name, members.remove(name).unwrap());
    }
    let (node, three) = (cluster.lab.machine.node, &members["three"].conductor);
    let is_refused = async |context: &str| {
        let refused = three.destroy_node(node).await;
        let is_busy = matches!(refused, Err(RequestError::Busy { .. }));
        assert!(is_busy, "{context}: {refused:?}");
    };
    is_refused("its conductor may be there").await;
    let before = cluster.owner().await;
    cluster.lab.edit(|node| node.protected = true).await;
    sleep(LIMIT + LOOK).await;
    is_refused("it is protected").await;
    assert_eq!(cluster.owner().await, before, "it was not taken");
    cluster.lab.edit(|node| node.protected = false).await;
    three.destroy_node(node).await.unwrap();
    let key = Key::new(Table::Node, node);
    let left = cluster.lab.store.get(&key).await.unwrap();
    assert!(left.is_none(), "{left:?}");
}

fn third_knows_redfish_only(name: &str) -> Enabled {
    let types: &[&str] = match name {
        "three" => &["redfish"],
        _ => &["fake-hardware", "redfish"],
    };
    let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
    Enabled::default().with_hardware_types(&types).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_conductor_gets_nodes_of_its_own_hardware_types_only() {
    let mut cluster = Cluster::new();
    cluster.enabled = third_knows_redfish_only;
    let mut members = cluster.start_all(&ALL).await;
    assert_eq!(cluster.record("three").await.drivers, ["redfish"]);
    let maker = &members["one"].conductor;
    let nodes: Vec<NodeId> = (100..130)
        .map(|number| NodeId(Uuid::from_u128(number)))
        .collect();
    for id in &nodes {
        let node = Node::new(*id, "fake-hardware", maker.now());
        maker.create_node(node).await.unwrap();
    }
    sleep(BEAT + LOOK).await;
    for (node, (owner, _)) in cluster.owners().await {
        assert_eq!(owner, host_among(&IN_GROUP, node));
    }
    let mut of_three = nodes.iter().filter(|id| host_among(&ALL, **id) == "three");
    let moved = *of_three.next().expect("a third of all");
    let owner = cluster.owners().await[&moved].0.clone();
    let record = stored(&cluster, moved).await;
    let node = Node {
        driver: "redfish".to_owned(),
        interfaces: BTreeMap::new(),
        ..record.decode().unwrap()
    };
    let owner = &members[&owner].conductor;
    owner.update_node(&record, node).await.unwrap();
    sleep(BEAT + LOOK).await;
    assert_eq!(cluster.owners().await[&moved].0, "three");
    for name in IN_GROUP {
        members.get_mut(name).unwrap().stop().await.unwrap();
    }
    let count = async || {
        let owners = cluster.owners().await.into_values();
        owners.filter(|(owner, _)| owner == "three").count()
    };
    assert_eq!(count().await, 1);
    nobody_takes_anything(&cluster).await;
}

fn one_type_each(name: &str) -> Enabled {
    let hardware_type = match name {
        "one" => "fake-hardware",
        "two" => "redfish",
        _ => "manual-management",
    };
    let types = [hardware_type.to_owned()];
    Enabled::default().with_hardware_types(&types).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_does_not_know_what_a_node_is_to_become_does_not_take_it() {
    let mut cluster = Cluster::new();
    cluster.enabled = one_type_each;
    let mut members = cluster.start_all(&ALL).await;
    let (id, maker) = (cluster.lab.machine.node, &members["one"].conductor);
    let node = Node::new(id, "fake-hardware", maker.now());
    maker.create_node(node).await.unwrap();
    let before = cluster.owner().await;
    cluster.kill("one", members.remove("one").unwrap());
    sleep(LIMIT + LOOK).await;
    let record = stored(&cluster, id).await;
    let node = Node {
        driver: "redfish".to_owned(),
        interfaces: BTreeMap::new(),
        ..record.decode().unwrap()
    };
    let three = &members["three"].conductor;
    let refused = three.update_node(&record, node.clone()).await;
    assert!(
        matches!(refused, Err(RequestError::Busy { .. })),
        "{refused:?}"
    );
    assert_eq!(cluster.owner().await, before);
    let two = &members["two"].conductor;
    let updated = two.update_node(&record, node).await.unwrap();
    assert_eq!(updated.driver, "redfish");
    assert_eq!(cluster.owner().await.conductor, "two");
}
