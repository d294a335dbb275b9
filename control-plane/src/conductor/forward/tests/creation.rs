//! Conductors with different hardware types: whoever is asked for a new node has it made by one that has its type.

use super::fixture::{Cell, NODE, Way};
use crate::conductor::requests::RequestError;
use ferric_drivers::Enabled;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use uuid::Uuid;

fn only(hardware_type: &str) -> Way {
    let types = [hardware_type.to_owned()];
    Way {
        enabled: Enabled::default().with_hardware_types(&types).unwrap(),
        ..Way::default()
    }
}

#[tokio::test]
async fn a_node_is_made_where_its_hardware_type_is_known() {
    let cell = Cell::new();
    let _one = cell.start("one", only("fake-hardware")).await;
    let two = cell.start("two", only("redfish")).await;
    let asked = &two.conductor;
    let node = Node::new(NODE, "fake-hardware", asked.now());
    let made = asked.create_node(node.clone()).await.unwrap();
    assert_eq!(made, cell.node().await);
    assert_eq!(made.interface("power"), Some("fake"));
    assert_eq!(made.ownership.unwrap().conductor, "one");
    assert_eq!(cell.writers().await, ["one"]);

    let again = asked.create_node(node).await.unwrap_err();
    assert!(matches!(again, RequestError::Conflict(_)), "{again:?}");
    let other = NodeId(Uuid::from_u128(3));
    let of_two = Node::new(other, "redfish", asked.now());
    let made = asked.create_node(of_two).await.unwrap();
    assert_eq!(made.ownership.unwrap().conductor, "two");
    let unknown = Node::new(NodeId(Uuid::from_u128(4)), "ipmi", asked.now());
    let refused = asked.create_node(unknown).await.unwrap_err();
    assert!(matches!(refused, RequestError::Invalid(_)), "{refused:?}");
}

#[tokio::test]
async fn while_whoever_knows_it_is_not_reached_nothing_is_made() {
    let cell = Cell::new();
    let mut one = cell.start("one", only("fake-hardware")).await;
    let two = cell.start("two", only("redfish")).await;
    one.silence().await;
    let node = Node::new(NODE, "fake-hardware", two.conductor.now());
    let refused = two.conductor.create_node(node).await.unwrap_err();
    assert!(matches!(refused, RequestError::Busy { .. }), "{refused:?}");
    assert_eq!(cell.writers().await, [""; 0]);
}
