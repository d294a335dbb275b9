//! The end of an allocation, from either side, and allocations for nodes in use.

use super::{asked, asking, edit, ended, found, free, id, is_paired, node};
use crate::conductor::requests::RequestError;
use crate::conductor::tests::lab::Lab;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::{Key, Table};
use serde_json::json;
use uuid::Uuid;

/// A conductor with a node that is reserved by the first allocation.
async fn reserved() -> (Lab, NodeId) {
    let mut lab = Lab::new();
    lab.start(None).await;
    let conductor = lab.conductor();
    let node = free(&conductor, 1).await;
    asked(&conductor, 1).await;
    is_paired(lab.store.as_ref(), &ended(lab.store.as_ref(), id(1)).await).await;
    (lab, node)
}

async fn patched(
    lab: &Lab,
    id: NodeId,
    edit: impl FnOnce(&mut Node),
) -> Result<Node, RequestError> {
    let record = lab.store.get(&Key::new(Table::Node, id)).await.unwrap();
    let record = record.expect("the node");
    let mut new: Node = record.decode().unwrap();
    edit(&mut new);
    lab.conductor().update_node(&record, new).await
}

fn conflict<T: std::fmt::Debug>(outcome: Result<T, RequestError>) -> String {
    match outcome {
        Err(RequestError::Conflict(text)) => text,
        other => panic!("a conflict was expected, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_tear_down_ends_the_allocation() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    lab.edit(|node| node.resource_class = Some("big".to_owned()))
        .await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    lab.edit(|node| node.power_state = Some(ferric_model::state::PowerState::Off))
        .await;
    let allocation = asking(&conductor, 1, |asked| {
        asked.resource_class = Some("big".to_owned());
    });
    conductor.create_allocation(allocation).await.unwrap();
    is_paired(store, &ended(store, id(1)).await).await;
    lab.go(Verb::Deploy, State::Active).await;
    let text = conflict(conductor.destroy_allocation(id(1)).await);
    assert!(text.contains("because the node is active"), "{text}");
    let node = lab.node().await;
    assert_eq!(node.allocation_uuid, Some(id(1).0));
    lab.go(Verb::Undeploy, State::Available).await;
    let node = lab.node().await;
    assert_eq!((node.allocation_uuid, node.instance_uuid), (None, None));
    assert_eq!(found(store, id(1)).await, None);
}

#[tokio::test(start_paused = true)]
async fn deleting_it_frees_the_node() {
    let (lab, held) = reserved().await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    edit(store, held, |node| {
        node.provision_state = State::CleanWait;
        node.target_provision_state = Some(State::Available);
    })
    .await;
    let text = conflict(conductor.destroy_allocation(id(1)).await);
    assert!(text.contains("is in state clean wait where"), "{text}");
    edit(store, held, |node| node.maintenance = true).await;
    conductor.destroy_allocation(id(1)).await.unwrap();
    let freed = node(store, held).await;
    assert_eq!((freed.allocation_uuid, freed.instance_uuid), (None, None));
    assert_eq!(found(store, id(1)).await, None);
    let gone = conductor.destroy_allocation(id(1)).await.unwrap_err();
    assert!(matches!(gone, RequestError::NotFound(_)), "{gone:?}");
}

#[tokio::test(start_paused = true)]
async fn removing_the_instance_or_the_node_ends_it() {
    let (lab, held) = reserved().await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    edit(store, held, |node| node.provision_state = State::Active).await;
    let text = conflict(patched(&lab, held, |node| node.instance_uuid = None).await);
    assert!(
        text.contains("can not have instance_uuid removed"),
        "{text}"
    );
    assert!(text.contains("Current state is 'active'"), "{text}");
    edit(store, held, |node| node.provision_state = State::Available).await;
    let freed = patched(&lab, held, |node| node.instance_uuid = None).await;
    assert_eq!(freed.unwrap().allocation_uuid, None);
    assert_eq!(found(store, id(1)).await, None);

    asked(&conductor, 2).await;
    is_paired(store, &ended(store, id(2)).await).await;
    let text = conflict(conductor.destroy_node(held).await);
    assert!(text.contains("associated with an instance"), "{text}");
    edit(store, held, |node| node.maintenance = true).await;
    conductor.destroy_node(held).await.unwrap();
    assert_eq!(found(store, id(2)).await, None);
}

#[tokio::test(start_paused = true)]
async fn one_can_be_made_for_a_node_in_use() {
    let mut lab = Lab::new();
    lab.start(None).await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    let used = free(&conductor, 1).await;
    let backfill = async |number, class: &str| {
        let allocation = asking(&conductor, number, |asked| {
            asked.resource_class = Some(class.to_owned());
            asked.name = Some("mine".to_owned());
        });
        conductor.backfill_allocation(used, allocation).await
    };
    let text = conflict(backfill(1, "large").await);
    assert!(text.contains("must be in the \"active\" state"), "{text}");
    assert!(
        text.contains("Resource class small does not match"),
        "{text}"
    );
    assert_eq!(found(store, id(1)).await, None, "nothing is left of it");
    let instance = Uuid::from_u128(5);
    edit(store, used, |node| {
        node.provision_state = State::Active;
        node.instance_uuid = Some(instance);
        node.instance_info
            .insert("traits".to_owned(), json!(["CUSTOM_A"]));
    })
    .await;
    let text = conflict(backfill(1, "small").await);
    assert!(
        text.contains(&format!("associated with instance {instance}")),
        "{text}"
    );
    edit(store, used, |node| node.instance_uuid = Some(id(1).0)).await;
    let made = backfill(1, "small").await.unwrap();
    is_paired(store, &made).await;
    assert_eq!(node(store, used).await.instance_info["traits"], json!([]));
    let text = conflict(backfill(1, "small").await);
    assert!(text.contains("with UUID"), "{text}");
    let other = asking(&conductor, 2, |asked| asked.name = Some("mine".to_owned()));
    let text = conflict(conductor.create_allocation(other).await);
    assert_eq!(text, "An allocation with name mine already exists.");
}
