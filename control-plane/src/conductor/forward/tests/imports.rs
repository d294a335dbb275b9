//! What hangs on a node is imported by whoever has the node, whichever conductor is asked.

use super::fixture::{Cell, NODE};
use super::{MAC, PORT, record};
use crate::conductor::Conductor;
use crate::conductor::import::{Import, Imported, InTransition, OnNode};
use crate::conductor::requests::RequestError;
use ferric_model::ids::PortgroupId;
use ferric_model::node::Dhcp;
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_store::{Key, Table};
use jiff::Timestamp;
use uuid::Uuid;

const GROUP: Uuid = Uuid::from_u128(5);

fn port() -> Port {
    Port {
        portgroup_uuid: Some(GROUP),
        ..Port::new(PORT, MAC.parse().unwrap(), NODE, Timestamp::UNIX_EPOCH)
    }
}

async fn import(conductor: &Conductor, record: OnNode) -> Result<Imported, RequestError> {
    let record = Import::OnNode(record);
    conductor.import(record, InTransition::Refuse).await
}

async fn with_group(conductor: &Conductor) {
    let group = Portgroup::new(PortgroupId(GROUP), NODE, Timestamp::UNIX_EPOCH);
    let imported = import(conductor, OnNode::Portgroup(group)).await.unwrap();
    assert_eq!(imported, Imported::Created);
}

async fn has_port(cell: &Cell) -> bool {
    let found = cell.store.get(&Key::new(Table::Port, PORT)).await;
    found.unwrap().is_some()
}

#[tokio::test]
async fn the_owner_stores_it_and_answers_dhcp_at_once() {
    let cell = Cell::new();
    let (mut one, two) = cell.pair().await;
    cell.edit(|node| {
        node.dhcp = Some(Dhcp::Answered);
        node.interfaces.insert("boot".to_owned(), "ipxe".to_owned());
    })
    .await;
    with_group(&two.conductor).await;
    let (node, at) = (
        cell.node().await,
        record(&cell, Table::Node, NODE.0).await.revision,
    );
    let imported = import(&two.conductor, OnNode::Port(port())).await.unwrap();
    assert_eq!(imported, Imported::Created);
    let host = |conductor: &str| {
        let path = format!("{conductor}/hosts/ironic-{MAC}.conf");
        std::fs::read_to_string(cell.folder.path().join(path)).ok()
    };
    let answered = host("one").expect("dnsmasq's file at the owner");
    assert!(answered.contains("set:ironic"), "{answered}");
    assert_eq!(host("two"), None);
    assert_eq!(cell.node().await, node, "it is as it was imported");
    let now = record(&cell, Table::Node, NODE.0).await.revision;
    assert!(
        now > at,
        "who looks after its files sees that it has changed"
    );
    // For what is there already nobody is asked.
    one.silence().await;
    let again = import(&two.conductor, OnNode::Port(port())).await.unwrap();
    assert_eq!(again, Imported::Present);
}

#[tokio::test]
async fn nobody_else_stores_it_for_an_owner_that_cannot_be_reached() {
    let cell = Cell::new();
    let (mut one, two) = cell.pair().await;
    with_group(&two.conductor).await;
    one.silence().await;
    let refused = import(&two.conductor, OnNode::Port(port())).await;
    match refused {
        Err(RequestError::Busy { reason, .. }) => assert!(reason.contains("one"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(!has_port(&cell).await);
}

#[tokio::test]
async fn what_it_belongs_to_must_be_there() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    let refused = import(&two.conductor, OnNode::Port(port())).await;
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains(&format!("its portgroup {GROUP} is not here")),
        "{text}"
    );
    let mut stray = port();
    stray.node_uuid.0 = Uuid::from_u128(99);
    let text = import(&two.conductor, OnNode::Port(stray))
        .await
        .unwrap_err();
    assert!(text.to_string().contains("its node"), "{text}");
    assert!(!has_port(&cell).await);
}
