//! What a conductor of an older version leaves of nodes that it writes or deletes without knowing all that belongs to them:
//! it can be deleted all the same.

use super::lab::Lab;
use crate::conductor::Plain;
use crate::conductor::requests::{ATTACHED_VIF, RequestError};
use ferric_model::allocation::{Allocation, AllocationState};
use ferric_model::ids::{
    AllocationId, NodeId, PortId, PortgroupId, VolumeConnectorId, VolumeTargetId,
};
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_model::state::ProvisionState as State;
use ferric_model::volume::{VolumeConnector, VolumeTarget};
use ferric_store::{Entity, Transaction};
use serde_json::json;
use uuid::Uuid;

const GONE: NodeId = NodeId(Uuid::from_u128(77));
const ALLOCATION: AllocationId = AllocationId(Uuid::from_u128(78));
const PORT: PortId = PortId(Uuid::from_u128(79));

async fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab
}

async fn put<E: Entity>(lab: &Lab, entity: &E) {
    let stored = Transaction::new().put(entity);
    lab.store.commit(stored).await.unwrap();
}

async fn is_there<E: Entity>(lab: &Lab, entity: &E) -> bool {
    lab.store.get(&entity.key()).await.unwrap().is_some()
}

async fn goes<P: Plain>(lab: &Lab, left: P) {
    put(lab, &left).await;
    lab.conductor().destroy_plain(left.clone()).await.unwrap();
    assert!(!is_there(lab, &left).await, "{}", P::NOUN);
    let again = lab.conductor().destroy_plain(left).await;
    let again = again.unwrap_err();
    assert!(matches!(again, RequestError::NotFound(_)), "{again:?}");
}

fn port(lab: &Lab, node: NodeId) -> Port {
    let address = "52:54:00:00:00:77".parse().unwrap();
    Port::new(PORT, address, node, lab.conductor().now())
}

fn given(lab: &Lab, node: NodeId) -> Allocation {
    let mut allocation = lab.conductor().new_allocation(ALLOCATION);
    allocation.state = AllocationState::Active;
    allocation.node_uuid = Some(node);
    allocation
}

#[tokio::test(start_paused = true)]
async fn what_hangs_on_a_node_that_is_gone_can_be_deleted() {
    let lab = lab().await;
    let now = lab.conductor().now();
    let id = Uuid::from_u128(80);
    goes(&lab, VolumeConnector::new(VolumeConnectorId(id), GONE, now)).await;
    goes(&lab, VolumeTarget::new(VolumeTargetId(id), GONE, now)).await;
    // Nothing is attached to a machine that nobody knows any more.
    let mut port = port(&lab, GONE);
    port.portgroup_uuid = Some(id);
    port.internal_info
        .insert(ATTACHED_VIF.to_owned(), json!("a network"));
    put(&lab, &port).await;
    let group = Portgroup::new(PortgroupId(id), GONE, now);
    put(&lab, &group).await;
    let full = lab.conductor().destroy_plain(group.clone()).await;
    assert!(matches!(full, Err(RequestError::Invalid(_))), "{full:?}");
    lab.conductor().destroy_port(PORT).await.unwrap();
    assert!(!is_there(&lab, &port).await);
    goes(&lab, group).await;
}

#[tokio::test(start_paused = true)]
async fn an_allocation_whose_node_is_gone_can_be_deleted() {
    let lab = lab().await;
    let allocation = given(&lab, GONE);
    put(&lab, &allocation).await;
    let conductor = lab.conductor();
    conductor.destroy_allocation(ALLOCATION).await.unwrap();
    assert!(!is_there(&lab, &allocation).await);
    let again = conductor.destroy_allocation(ALLOCATION).await.unwrap_err();
    assert!(matches!(again, RequestError::NotFound(_)), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn an_allocation_that_its_node_has_lost_can_be_deleted() {
    let lab = lab().await;
    lab.enroll_available().await;
    let (conductor, allocation) = (lab.conductor(), given(&lab, lab.machine.node));
    put(&lab, &allocation).await;
    lab.edit(|node| {
        node.instance_uuid = Some(ALLOCATION.0);
        node.provision_state = State::Active;
    })
    .await;
    let used = conductor.destroy_allocation(ALLOCATION).await.unwrap_err();
    assert!(used.to_string().contains("is active"), "{used}");
    lab.edit(|node| node.provision_state = State::Available)
        .await;
    conductor.destroy_allocation(ALLOCATION).await.unwrap();
    assert!(!is_there(&lab, &allocation).await);
    assert_eq!(lab.node().await.instance_uuid, None);
    // Where the node has another instance by now, that one stays.
    put(&lab, &allocation).await;
    let other = Some(Uuid::from_u128(5));
    lab.edit(|node| (node.instance_uuid, node.provision_state) = (other, State::Active))
        .await;
    conductor.destroy_allocation(ALLOCATION).await.unwrap();
    assert!(!is_there(&lab, &allocation).await);
    assert_eq!(lab.node().await.instance_uuid, other);
}
