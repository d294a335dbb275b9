//! Inspection data of a machine whose network interfaces nobody knows yet: its BMC's address says which one it is, or it is
//! enrolled.

use super::lab::Lab;
use crate::conductor::inspection::bmc_addresses;
use crate::conductor::requests::{InspectionRequest, RequestError, TokenUse};
use ferric_agent_protocol::extensions::Extensions;
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::{Entity, Transaction};
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

const BMC: &str = "192.0.2.7";
const STRANGE: &str = "52:54:00:00:00:99";

fn introduction(named: Option<NodeId>, bmc: &str) -> InspectionRequest {
    let mut inventory = super::machine::inventory();
    inventory["interfaces"][0]["mac_address"] = json!(STRANGE);
    inventory["bmc_address"] = json!(bmc);
    let data = json!({"inventory": inventory});
    InspectionRequest {
        node_uuid: named,
        data: data.as_object().cloned().unwrap(),
        extensions: Extensions::default(),
        token: TokenUse::Unknown,
        from: None,
    }
}

/// Who the data are taken for.
async fn introduce(lab: &Lab, named: Option<NodeId>, bmc: &str) -> Option<NodeId> {
    let request = introduction(named, bmc);
    match lab.conductor().continue_inspection(request).await {
        Ok(answer) => Some(answer.node.uuid),
        Err(RequestError::NotFound(_)) => None,
        Err(other) => panic!("{other:?}"),
    }
}

async fn inspecting() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    let mut node = lab.node().await;
    let address = json!(format!("https://{BMC}:8443"));
    node.driver_info
        .insert("redfish_address".to_owned(), address);
    lab.store
        .commit(Transaction::new().put(&node))
        .await
        .unwrap();
    lab.ask(Verb::Inspect).await;
    lab.wait_for(State::InspectWait).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn the_one_node_with_that_bmc_is_meant() {
    let lab = inspecting().await;
    let node = lab.node().await;
    assert_eq!(node.internal_info[bmc_addresses::KEY], json!([BMC]));
    assert_eq!(introduce(&lab, None, "192.0.2.8").await, None);
    assert_eq!(introduce(&lab, None, "0.0.0.0").await, None);
    let twin = Node {
        uuid: NodeId(Uuid::from_u128(7)),
        ownership: None,
        ..node.clone()
    };
    lab.store
        .commit(Transaction::new().put(&twin))
        .await
        .unwrap();
    assert_eq!(introduce(&lab, None, BMC).await, None);
    lab.store
        .commit(Transaction::new().delete(twin.key()))
        .await
        .unwrap();
    assert_eq!(introduce(&lab, None, BMC).await, Some(node.uuid));
    lab.wait_for(State::Manageable).await;
    let node = lab.node().await;
    assert_eq!(node.internal_info.get(bmc_addresses::KEY), None);
    assert_eq!(node.properties["cpu_arch"], "x86_64");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_contradicts_the_addresses_is_nobodys() {
    let lab = inspecting().await;
    let (id, now) = (lab.machine.node, lab.conductor().now());
    let other = Node::new(NodeId(Uuid::from_u128(7)), "fake-hardware", now);
    let other = lab.conductor().create_node(other).await.unwrap();
    let port = PortId(Uuid::from_u128(8));
    let port = Port::new(port, STRANGE.parse().unwrap(), other.uuid, now);
    lab.conductor().create_port(port.clone()).await.unwrap();
    assert_eq!(introduce(&lab, Some(id), BMC).await, None);
    lab.conductor().destroy_port(port.uuid).await.unwrap();
    assert_eq!(introduce(&lab, Some(id), BMC).await, Some(id));
}

#[tokio::test(start_paused = true)]
async fn of_two_discoveries_at_once_the_later_one_is_told_of_the_node() {
    let mut lab = Lab::new();
    lab.configure(|settings| settings.auto_discovery = Some("fake-hardware".to_owned()));
    let store = lab.start(None).await;
    // What a conductor begins with is done by then, so that the next commit is the enrolment.
    lab.enroll_available().await;
    let (rival, (told, earlier)) = (lab.conductor(), oneshot::channel());
    store.meanwhile(async move {
        let answer = rival.continue_inspection(introduction(None, BMC)).await;
        told.send(answer.unwrap().node.uuid).unwrap();
    });
    let later = lab.conductor();
    let later = later.continue_inspection(introduction(None, BMC)).await;
    let Err(RequestError::Conflict(text)) = later else {
        panic!("a conflict was expected");
    };
    let node = earlier.await.unwrap();
    assert_eq!(
        text,
        format!(
            "the machine is not enrolled: node {node} was enrolled meanwhile with a MAC address of this machine; manage \
             that node and inspect it to have what is found taken"
        )
    );
}
