//! The form of calls: every one survives the way, what is new is ignored, and nothing is handed on twice.

use super::fixture::{Cell, NODE, Way};
use super::{PORT, heartbeat, inspection, lookup, record};
use crate::conductor::allocations::Claim;
use crate::conductor::forward::call::{CallError, MediaChange, NAMES, NodeCall, Reply, Update};
use crate::conductor::forward::{MachineCall, Visit};
use crate::conductor::import::OnNode;
use crate::conductor::plain::PlainDocument;
use crate::conductor::requests::{
    Maintenance, MediaSource, ProvisionRequest, RequestedStep, RescuePassword, VendorRequest,
};
use crate::conductor::{VifAttachment, VifChange, VifPlace};
use ferric_agent_protocol::dial_out::DialOutAnswer;
use ferric_agent_protocol::log::LogPiece;
use ferric_drivers::{
    BootDevice, BootMode, Component, IndicatorState, MediaDevice, Persistence, PowerAction,
};
use ferric_model::allocation::{Allocation, Worker};
use ferric_model::ids::{AllocationId, Incarnation, NodeId, PortgroupId};
use ferric_model::node::Node;
use ferric_model::node::agent_session::Token;
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_model::verb::Verb;
use ferric_store::{Revision, Table};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

fn port() -> Port {
    let (mac, at) = (super::MAC.parse().unwrap(), jiff::Timestamp::UNIX_EPOCH);
    Port::new(PORT, mac, NODE, at)
}

/// One of each call.
async fn calls(cell: &Cell) -> Vec<NodeCall> {
    let node = NODE;
    let port = port();
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
        vif_call(node),
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
    .chain(of_machine().take(1))
    .chain(media_calls())
    .chain([import(), vendor_call()])
    .chain(visit_and_what_came_later(cell.node().await))
    .collect()
}

fn vif_call(node: NodeId) -> NodeCall {
    let change = VifChange::Attach(VifAttachment {
        id: "vif".to_owned(),
        place: VifPlace::Port(PORT.to_string()),
        physical_network: Some("blue".to_owned()),
    });
    NodeCall::ChangeVif { node, change }
}

fn machine_calls() -> [MachineCall; 8] {
    let (component, name) = (Component::System, "led".to_owned());
    [
        MachineCall::SetIndicator {
            component,
            name: name.clone(),
            state: IndicatorState::Blinking,
        },
        MachineCall::SetBootMode {
            mode: BootMode::Bios,
        },
        MachineCall::SetSecureBoot { on: true },
        MachineCall::Console,
        MachineCall::SetConsole { open: true },
        MachineCall::InjectNmi,
        MachineCall::Indicators,
        MachineCall::Indicator { component, name },
    ]
}

fn of_machine() -> impl Iterator<Item = NodeCall> {
    let call = |call| NodeCall::Machine { node: NODE, call };
    machine_calls().into_iter().map(call)
}

#[test]
fn everything_that_is_asked_of_a_machine_survives_the_way() {
    for call in of_machine() {
        let written = serde_json::to_value(&call).unwrap();
        let read = NodeCall::parse(newer(written.clone()).to_string().as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
    }
    let unknown = br#"{"call":"machine","with":{"node":"00000000-0000-0000-0000-000000000001","call":{"ask":"dance"}}}"#;
    assert!(NodeCall::parse(unknown).is_err());
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

fn import() -> NodeCall {
    let record = Box::new(OnNode::Port(port()));
    NodeCall::Import { record }
}

fn vendor_call() -> NodeCall {
    let request = VendorRequest {
        method: "create_subscription".to_owned(),
        http_method: "POST".to_owned(),
        arguments: json!({"Destination": "https://listener"}),
    };
    NodeCall::VendorMethod {
        node: NODE,
        request: Box::new(request),
    }
}

fn visits() -> [NodeCall; 3] {
    let (node, request) = (NODE, Uuid::from_u128(9));
    let (token, known) = (Token("secret".to_owned()), vec![request]);
    let hold = Duration::from_millis(1500);
    let fetch = Visit::ToFetch { token, known, hold };
    let bring = Visit::ToBring {
        request,
        answer: DialOutAnswer {
            status: 200,
            body: "{\"commands\": []}".to_owned(),
        },
    };
    let tell = Visit::WithLog {
        token: Token("secret".to_owned()),
        piece: LogPiece {
            run: request,
            first: 3,
            lines: vec!["a line".to_owned()],
        },
    };
    [fetch, bring, tell].map(|visit| NodeCall::Visit { node, visit })
}

fn visit_and_what_came_later(node: Node) -> impl Iterator<Item = NodeCall> {
    let node = Box::new(node);
    let more = [
        NodeCall::CreateNode { node },
        NodeCall::LockedFor { node: NODE },
    ];
    visits().into_iter().take(1).chain(more)
}

#[test]
fn visits_of_agents_survive_the_way() {
    for call in visits() {
        let written = serde_json::to_value(&call).unwrap();
        let read = NodeCall::parse(newer(written.clone()).to_string().as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
    }
}

fn media_calls() -> [NodeCall; 2] {
    let (node, devices) = (NODE, MediaDevice::ALL.to_vec());
    let change = MediaChange::Detach { devices };
    [
        NodeCall::VirtualMedia { node },
        NodeCall::ChangeMedia { node, change },
    ]
}

/// Those that conductors make by themselves, and those for allocations and bulk requests.
fn of_conductors() -> [NodeCall; 5] {
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
        NodeCall::CarryOut {
            node,
            item: "an item".to_owned(),
        },
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
fn virtual_media_survive_the_way() {
    let change = MediaChange::Attach {
        device: MediaDevice::Cdrom,
        image_url: "https://images/a.iso".to_owned(),
        source: MediaSource::Relayed,
    };
    let sent = serde_json::to_string(&change).unwrap();
    let read: MediaChange = serde_json::from_str(&sent).unwrap();
    assert_eq!(read, change);
    let older = r#"{"attach":{"device":"cdrom","image_url":"https://images/a.iso"}}"#;
    let read: MediaChange = serde_json::from_str(older).unwrap();
    let MediaChange::Attach { source, .. } = read else {
        panic!("{read:?}")
    };
    assert_eq!(source, MediaSource::Direct);
}
