//! The form of calls and answers: every one survives the way, what is new is ignored, and nothing is handed on twice.

use super::fixture::{Cell, NODE, Way};
use super::{PORT, heartbeat, inspection, lookup, record};
use crate::conductor::allocations::Claim;
use crate::conductor::forward::call::{CallError, NAMES, NodeAnswer, NodeCall, Reply, Update};
use crate::conductor::forward::refusal::Refusal;
use crate::conductor::plain::PlainDocument;
use crate::conductor::requests::{
    Maintenance, ProvisionRequest, RequestError, RequestedStep, RescuePassword,
};
use ferric_drivers::{BootDevice, BootSetting, Persistence, PowerAction};
use ferric_model::allocation::{Allocation, Worker};
use ferric_model::ids::{AllocationId, Incarnation, PortgroupId};
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_model::verb::Verb;
use ferric_store::{Revision, Table};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// One of each call.
async fn calls(cell: &Cell) -> Vec<NodeCall> {
    let node = NODE;
    let port = Port::new(
        PORT,
        super::MAC.parse().unwrap(),
        node,
        jiff::Timestamp::UNIX_EPOCH,
    );
    let old = record(cell, Table::Node, node.0).await;
    let owner = cell.node().await;
    let mut request = ProvisionRequest::new(Verb::Rescue);
    request.rescue_password = Some(RescuePassword("secret".to_owned()));
    request.configdrive = Some(json!({"user_data": "x"}));
    request.steps = vec![RequestedStep::new("deploy", "erase_devices")];
    // The revision of a port's record is that of any other record here.
    let stored = cell
        .store
        .commit(ferric_store::Transaction::new().put(&port));
    stored.await.unwrap();
    let old_port = record(cell, Table::Port, PORT.0).await;
    [
        NodeCall::UpdateNode(Box::new(Update::of(&old, owner).unwrap())),
        NodeCall::DestroyNode { node },
        NodeCall::CreatePort {
            port: Box::new(port.clone()),
        },
        NodeCall::UpdatePort(Box::new(Update::of(&old_port, port).unwrap())),
        NodeCall::DestroyPort { node, port: PORT },
        NodeCall::Provision {
            node,
            request: Box::new(request),
        },
        NodeCall::SetPower {
            node,
            action: PowerAction::SoftReboot,
            timeout: Some(Duration::from_millis(1500)),
        },
        NodeCall::SetMaintenance {
            node,
            maintenance: Maintenance::Off,
        },
        NodeCall::BootDevice { node },
        NodeCall::SetBootDevice {
            node,
            device: BootDevice::Uefihttp,
            persistence: Persistence::Once,
        },
        NodeCall::SupportedBootDevices { node },
        NodeCall::Lookup {
            node,
            request: lookup(node),
        },
        NodeCall::Heartbeat {
            node,
            request: heartbeat(Some("token".to_owned())),
        },
        NodeCall::ContinueInspection {
            node,
            request: Box::new(inspection(node)),
        },
        NodeCall::NoteBootRequest {
            node,
            what: "kernel".to_owned(),
        },
    ]
    .into_iter()
    .chain(plain_calls())
    .chain(of_conductors())
    .collect()
}

fn plain_calls() -> [NodeCall; 3] {
    let (node, at) = (NODE, jiff::Timestamp::UNIX_EPOCH);
    let group = Portgroup::new(PortgroupId(PORT.0), node, at);
    let document = PlainDocument::Portgroup(group);
    let update = Update::from_revision(document.clone(), Revision(7), document.clone());
    [
        NodeCall::CreatePlain {
            node,
            document: Box::new(document.clone()),
        },
        NodeCall::UpdatePlain {
            node,
            update: Box::new(update),
        },
        NodeCall::DestroyPlain {
            node,
            document: Box::new(document),
        },
    ]
}

/// Those that conductors make by themselves, and those for allocations.
fn of_conductors() -> [NodeCall; 4] {
    let (node, allocation) = (NODE, AllocationId(Uuid::from_u128(7)));
    let by = Incarnation(Uuid::from_u128(8));
    let worker = Worker {
        conductor: "one".to_owned(),
        incarnation: by,
    };
    let made = Allocation::new(allocation, worker, jiff::Timestamp::UNIX_EPOCH);
    [
        NodeCall::Give {
            node,
            to: "two".to_owned(),
        },
        NodeCall::Allocate {
            node,
            claim: Claim { allocation, by },
        },
        NodeCall::Backfill {
            node,
            allocation: Box::new(made),
        },
        NodeCall::Deallocate { node, allocation },
    ]
}

/// The same with a field that only a newer version knows.
fn newer(mut call: Value) -> Value {
    call["later"] = json!(true);
    call["with"]["later"] = json!({"a": 1});
    call
}

#[tokio::test]
async fn every_call_survives_the_way_and_ignores_what_is_new() {
    let cell = Cell::new();
    let (_one, _two) = cell.pair().await;
    let mut names = Vec::new();
    for call in calls(&cell).await {
        let written = serde_json::to_value(&call).unwrap();
        let name = written["call"].as_str().unwrap().to_owned();
        let sent = newer(written.clone()).to_string();
        let read =
            NodeCall::parse(sent.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.node(), NODE, "{name}");
        assert_eq!(serde_json::to_value(&read).unwrap(), written, "{name}");
        names.push(name);
    }
    assert_eq!(names, NAMES, "a call is missing here, or its name there");
}

#[tokio::test]
async fn a_call_for_a_node_of_somebody_else_is_not_handed_on() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    let before = cell.node().await;
    for call in calls(&cell).await {
        let body = serde_json::to_vec(&call).unwrap();
        let reply = two.conductor.take_call(&body).await;
        assert_eq!(String::from_utf8(reply).unwrap(), "\"not_mine\"");
    }
    assert_eq!(cell.node().await, before);
}

#[tokio::test]
async fn what_is_not_understood_is_said_to_be_so() {
    let cell = Cell::new();
    let one = cell.start("one", Way::default()).await;
    for (call, part) in [
        (r#"{"call":"dance","with":{}}"#, "dance"),
        (r#"{"call":"provision","with":{"node":"hunter2"}}"#, "form"),
        ("no JSON", "form"),
    ] {
        let reply = one.conductor.take_call(call.as_bytes()).await;
        match serde_json::from_slice(&reply).unwrap() {
            Reply::NotUnderstood { reason } => {
                assert!(reason.contains(part), "{reason}");
                assert!(!reason.contains("hunter2"), "{reason}");
            }
            _ => panic!("{call} was understood"),
        }
    }
    let unknown = NodeCall::parse(br#"{"call":"dance"}"#);
    assert!(matches!(unknown, Err(CallError::Unknown(_))));
}

#[test]
fn refusals_say_the_same_on_both_sides() {
    let errors = || {
        vec![
            RequestError::NotFound("a".to_owned()),
            RequestError::Invalid("b".to_owned()),
            RequestError::Forbidden("c".to_owned()),
            RequestError::Conflict("d".to_owned()),
            RequestError::Busy {
                reason: "e".to_owned(),
                retry_after_s: 7,
            },
            RequestError::Unanswered("f".to_owned()),
        ]
    };
    for error in errors() {
        let sent = serde_json::to_vec(&Refusal::from(&error)).unwrap();
        let read: Refusal = serde_json::from_slice(&sent).unwrap();
        assert_eq!(
            format!("{:?}", read.into_error("one")),
            format!("{error:?}")
        );
    }
    let ours = RequestError::internal("asking the store", "the secret cause");
    let sent = serde_json::to_string(&Refusal::from(&ours)).unwrap();
    assert!(!sent.contains("secret"), "{sent}");
    let read: Refusal = serde_json::from_str(&sent).unwrap();
    match read.into_error("one") {
        RequestError::Internal { doing, source } => {
            assert_eq!(doing, "asking the store");
            assert!(source.to_string().contains("conductor one"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn boot_devices_survive_the_way() {
    for (device, persistence) in [
        (Some(BootDevice::Pxe), Some(Persistence::Continuous)),
        (None, None),
    ] {
        let setting = BootSetting {
            device,
            persistence,
        };
        let sent = serde_json::to_string(&NodeAnswer::BootSetting(setting)).unwrap();
        let read: NodeAnswer = serde_json::from_str(&sent).unwrap();
        let read = read.boot_setting().unwrap();
        assert_eq!((read.device, read.persistence), (device, persistence));
    }
    let sent = serde_json::to_string(&NodeAnswer::BootDevices(BootDevice::ALL.to_vec())).unwrap();
    let read: NodeAnswer = serde_json::from_str(&sent).unwrap();
    assert_eq!(read.boot_devices().unwrap(), BootDevice::ALL);
    assert!(serde_json::from_str::<NodeAnswer>(r#"{"boot_devices":["tape"]}"#).is_err());
}
