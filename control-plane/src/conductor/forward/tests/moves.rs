//! What is put onto a node, or into a chassis or a port group, while that is being deleted, by another conductor too:
//! whoever comes first, nothing hangs on what is not there.

use super::fixture::Cell;
use crate::boot::BootPlane;
use crate::conductor::requests::RequestError;
use crate::conductor::tests::halting_store::{Death, HaltingStore};
use crate::conductor::{Conductor, Parts};
use ferric_model::chassis::Chassis;
use ferric_model::ids::{ChassisId, NodeId, PortId, PortgroupId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_store::{Entity, Key, Record, Table, Transaction};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

const FROM: NodeId = NodeId(Uuid::from_u128(10));
const TO: NodeId = NodeId(Uuid::from_u128(11));
const PORT: PortId = PortId(Uuid::from_u128(12));
const GROUP: PortgroupId = PortgroupId(Uuid::from_u128(13));

/// A conductor with a way of its own to the store of all.
struct Member {
    conductor: Conductor,
    store: Arc<HaltingStore>,
}

async fn member(cell: &Cell, host: &str) -> Member {
    let state = cell.folder.path().join(host);
    std::fs::create_dir_all(&state).unwrap();
    let store = HaltingStore::shared(cell.store.clone());
    let parts = cell.parts(&state, host, None);
    let client = reqwest::Client::new();
    let conductor = Conductor::new(Parts {
        boot: BootPlane::new(parts.settings.clone(), store.clone(), client),
        store: store.clone(),
        ..parts
    });
    conductor.start().await.unwrap();
    Member { conductor, store }
}

async fn enroll(member: &Member, id: NodeId) {
    let node = Node::new(id, "fake-hardware", member.conductor.now());
    member.conductor.create_node(node).await.unwrap();
}

/// Conductor `one` with a node that has a port, conductor `two` with the node that it is to move to.
async fn two_nodes(cell: &Cell) -> (Member, Member) {
    let (one, two) = (member(cell, "one").await, member(cell, "two").await);
    enroll(&one, FROM).await;
    enroll(&two, TO).await;
    let address = "52:54:00:00:00:01".parse().unwrap();
    let port = Port::new(PORT, address, FROM, one.conductor.now());
    one.conductor.create_port(port).await.unwrap();
    (one, two)
}

async fn record(cell: &Cell, table: Table, id: Uuid) -> Option<Record> {
    cell.store.get(&Key::new(table, id)).await.unwrap()
}

async fn moves(cell: &Cell, conductor: &Conductor) -> Result<Port, RequestError> {
    let old = record(cell, Table::Port, PORT.0).await.unwrap();
    let mut port: Port = old.decode().unwrap();
    port.node_uuid = TO;
    conductor.update_port(&old, port).await
}

async fn node_of_port(cell: &Cell) -> NodeId {
    let port = record(cell, Table::Port, PORT.0).await.unwrap();
    port.decode::<Port>().unwrap().node_uuid
}

fn conflict<T: std::fmt::Debug>(outcome: Result<T, RequestError>) -> String {
    match outcome {
        Err(RequestError::Conflict(text)) => text,
        other => panic!("a conflict was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_node_that_is_given_a_port_at_the_last_moment_stays() {
    let cell = Arc::new(Cell::new());
    let (one, two) = two_nodes(&cell).await;
    let (shared, mover) = (cell.clone(), one.conductor.clone());
    two.store.meanwhile(async move {
        moves(&shared, &mover).await.unwrap();
    });
    let text = conflict(two.conductor.destroy_node(TO).await);
    assert!(text.contains("delete it again"), "{text}");
    assert_eq!(node_of_port(&cell).await, TO);
    assert!(record(&cell, Table::Node, TO.0).await.is_some());
    two.conductor.destroy_node(TO).await.unwrap();
    assert!(record(&cell, Table::Port, PORT.0).await.is_none());
}

#[tokio::test]
async fn a_port_stays_where_it_is_when_its_new_node_goes_first() {
    let cell = Cell::new();
    let (one, two) = two_nodes(&cell).await;
    one.store.meanwhile(async move {
        two.conductor.destroy_node(TO).await.unwrap();
    });
    conflict(moves(&cell, &one.conductor).await);
    assert_eq!(node_of_port(&cell).await, FROM);
}

/// Somebody else has taken it over and deleted it while its lock was held here.
#[tokio::test]
async fn the_lock_of_a_node_is_no_proof_that_it_is_there() {
    let cell = Cell::new();
    let one = member(&cell, "one").await;
    enroll(&one, FROM).await;
    enroll(&one, TO).await;
    let address = "52:54:00:00:00:01".parse().unwrap();
    let port = Port::new(PORT, address, FROM, one.conductor.now());
    one.conductor.create_port(port).await.unwrap();
    let store = cell.store.clone();
    one.store.meanwhile(async move {
        let gone = Transaction::new().delete(Key::new(Table::Node, TO));
        store.commit(gone).await.unwrap();
    });
    conflict(moves(&cell, &one.conductor).await);
    assert_eq!(node_of_port(&cell).await, FROM);
}

#[tokio::test]
async fn a_port_group_that_is_given_a_port_at_the_last_moment_stays() {
    let cell = Arc::new(Cell::new());
    let (one, two) = two_nodes(&cell).await;
    let group = Portgroup::new(GROUP, TO, two.conductor.now());
    let group = two.conductor.create_plain(group).await.unwrap();
    let (shared, mover) = (cell.clone(), one.conductor.clone());
    two.store.meanwhile(async move {
        let old = record(&shared, Table::Port, PORT.0).await.unwrap();
        let mut port: Port = old.decode().unwrap();
        (port.node_uuid, port.portgroup_uuid) = (TO, Some(GROUP.0));
        mover.update_port(&old, port).await.unwrap();
    });
    let refused = two.conductor.destroy_plain(group.clone()).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("contains ports"), "{text}");
    assert!(record(&cell, Table::Portgroup, GROUP.0).await.is_some());
    two.conductor.destroy_port(PORT).await.unwrap();
    two.conductor.destroy_plain(group).await.unwrap();
    assert!(record(&cell, Table::Portgroup, GROUP.0).await.is_none());
}

#[tokio::test]
async fn a_port_group_moves_to_no_node_that_goes() {
    let cell = Arc::new(Cell::new());
    let (one, two) = two_nodes(&cell).await;
    let group = Portgroup::new(GROUP, FROM, one.conductor.now());
    one.conductor.create_plain(group).await.unwrap();
    let (shared, mover) = (cell.clone(), one.conductor.clone());
    two.store.meanwhile(async move {
        let old = record(&shared, Table::Portgroup, GROUP.0).await.unwrap();
        let mut group: Portgroup = old.decode().unwrap();
        group.node_uuid = TO;
        mover.update_plain(&old, group).await.unwrap();
    });
    conflict(two.conductor.destroy_node(TO).await);
    let group = record(&cell, Table::Portgroup, GROUP.0).await.unwrap();
    assert_eq!(group.decode::<Portgroup>().unwrap().node_uuid, TO);
    assert!(record(&cell, Node::TABLE, TO.0).await.is_some());
}

async fn chassis(member: &Member) -> (Chassis, Node) {
    let now = member.conductor.now();
    let chassis = Chassis::new(ChassisId(Uuid::from_u128(14)), now);
    let chassis = member.conductor.create_plain(chassis).await.unwrap();
    let mut node = Node::new(TO, "fake-hardware", now);
    node.chassis_uuid = Some(chassis.uuid.0);
    (chassis, node)
}

/// Whichever commit is the last one of a process.
#[tokio::test]
async fn no_chassis_goes_while_a_node_names_it() {
    let cell = Cell::new();
    let (one, two) = (member(&cell, "one").await, member(&cell, "two").await);
    let (chassis, node) = chassis(&one).await;
    let (maker, doomed) = (two.conductor.clone(), one.store.clone());
    one.store.meanwhile(async move {
        maker.create_node(node).await.unwrap();
        doomed.doom((0, Death::After));
    });
    let limit = Duration::from_secs(5);
    let deleted = timeout(limit, one.conductor.destroy_plain(chassis.clone())).await;
    let found = record(&cell, Table::Chassis, chassis.uuid.0).await;
    assert!(found.is_some(), "{deleted:?}");
    let text = deleted.expect("an answer").unwrap_err().to_string();
    assert!(text.contains("contains nodes"), "{text}");
    two.conductor.destroy_node(TO).await.unwrap();
    two.conductor.destroy_plain(chassis.clone()).await.unwrap();
    let found = record(&cell, Table::Chassis, chassis.uuid.0).await;
    assert!(found.is_none());
}

#[tokio::test]
async fn a_node_is_put_into_no_chassis_that_goes() {
    let cell = Cell::new();
    let (one, two) = (member(&cell, "one").await, member(&cell, "two").await);
    let (chassis, node) = chassis(&one).await;
    one.store.meanwhile(async move {
        two.conductor.destroy_plain(chassis).await.unwrap();
    });
    conflict(one.conductor.create_node(node).await);
    assert!(record(&cell, Table::Node, TO.0).await.is_none());
}
