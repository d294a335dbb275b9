//! Calls between conductors over real sockets: who does them, how often, and what the client is told.

mod allocations;
mod answers;
mod bulk;
mod children;
mod creation;
mod fixture;
mod imports;
mod live;
mod locks;
mod machine;
mod moves;
mod outcomes;
mod tls;
mod visits;
mod wire;

use crate::conductor::requests::{
    HeartbeatRequest, InspectionRequest, LookupRequest, Maintenance, ProvisionRequest,
    RequestError, TokenUse,
};
use ferric_agent_protocol::extensions::Extensions;
use ferric_agent_protocol::heartbeat::Heartbeat;
use ferric_drivers::{BootDevice, Persistence, PowerAction};
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::agent_session::AgentSession;
use ferric_model::node::{NetworkBoot, Node, Object, Reservation};
use ferric_model::port::Port;
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use ferric_store::{Key, Record, Table};
use fixture::{Cell, NODE, Running};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const PORT: PortId = PortId(Uuid::from_u128(2));
const MAC: &str = "52:54:00:00:00:01";
const PATIENCE: Duration = Duration::from_secs(60);

async fn record(cell: &Cell, table: Table, id: Uuid) -> Record {
    let found = cell.store.get(&Key::new(table, id)).await.unwrap();
    found.expect("the record")
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
        sleep(Duration::from_millis(20)).await;
    }
}

fn port(two: &Running) -> Port {
    Port::new(PORT, MAC.parse().unwrap(), NODE, two.conductor.now())
}

fn lookup(node: NodeId) -> LookupRequest {
    LookupRequest {
        addresses: vec![MAC.parse().unwrap()],
        node_uuid: Some(node),
        extensions: Extensions::all(),
        token: TokenUse::Known,
        from: Some("192.0.2.9".parse().unwrap()),
    }
}

fn heartbeat(token: Option<String>) -> HeartbeatRequest {
    let heartbeat = Heartbeat {
        callback_url: "https://192.0.2.9:9999".to_owned(),
        agent_token: token,
        agent_version: Some("1".to_owned()),
        agent_verify_ca: Some("PEM".to_owned()),
        ..Heartbeat::default()
    };
    HeartbeatRequest {
        heartbeat,
        from: None,
    }
}

fn inspection(node: NodeId) -> InspectionRequest {
    let data = json!({"inventory": {}, "plugin_data": {}});
    InspectionRequest {
        node_uuid: Some(node),
        data: data.as_object().cloned().unwrap(),
        extensions: Extensions::default(),
        token: TokenUse::Known,
        from: None,
    }
}

#[tokio::test]
async fn changes_of_records_are_done_by_the_owner() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    let asked = &two.conductor;

    let old = record(&cell, Table::Node, NODE.0).await;
    let mut new = cell.node().await;
    new.extra.insert("rack".to_owned(), json!(7));
    let stored = asked.update_node(&old, new).await.unwrap();
    assert_eq!(stored, cell.node().await);
    assert_eq!(stored.extra["rack"], 7);

    let made = asked.create_port(port(&two)).await.unwrap();
    assert_eq!(made.address.as_str(), MAC);
    let old = record(&cell, Table::Port, PORT.0).await;
    let mut changed = made;
    changed.extra = Object::from_iter([("slot".to_owned(), json!(1))]);
    let stored = asked.update_port(&old, changed).await.unwrap();
    assert_eq!(stored.extra["slot"], 1);
    assert!(stored.updated_at.is_some());
    let stale = asked.update_port(&old, stored).await.unwrap_err();
    assert!(matches!(stale, RequestError::Conflict(_)), "{stale:?}");
    asked.destroy_port(PORT).await.unwrap();
    let gone = asked.destroy_port(PORT).await.unwrap_err();
    assert!(matches!(gone, RequestError::NotFound(_)), "{gone:?}");

    let reason = Some("a fan".to_owned());
    let maintenance = Maintenance::On { reason };
    asked.set_maintenance(NODE, maintenance).await.unwrap();
    let node = cell.node().await;
    assert_eq!(node.maintenance_reason.as_deref(), Some("a fan"));
    assert_eq!(node.ownership.unwrap().conductor, "one");

    asked.destroy_node(NODE).await.unwrap();
    let found = cell.store.get(&Key::new(Table::Node, NODE)).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn a_port_moves_between_nodes_of_two_conductors() {
    let cell = Cell::new();
    let (one, two) = cell.pair().await;
    let other = NodeId(Uuid::from_u128(3));
    let node = Node::new(other, "fake-hardware", two.conductor.now());
    let stored = two.conductor.create_node(node).await.unwrap();
    assert_eq!(stored.ownership.unwrap().conductor, "two");
    let mut moved = one.conductor.create_port(port(&two)).await.unwrap();
    for (to, asked) in [(other, &one), (NODE, &one), (other, &two)] {
        let old = record(&cell, Table::Port, PORT.0).await;
        moved.node_uuid = to;
        moved = asked.conductor.update_port(&old, moved).await.unwrap();
        let kept: Port = record(&cell, Table::Port, PORT.0).await.decode().unwrap();
        assert_eq!(kept.node_uuid, to);
    }
    cell.edit(|node| {
        node.reservation = Some(Reservation {
            conductor: "one".to_owned(),
            purpose: "deploying it".to_owned(),
            since: two.conductor.now(),
        });
    })
    .await;
    let old = record(&cell, Table::Port, PORT.0).await;
    moved.node_uuid = NODE;
    let held = two.conductor.update_port(&old, moved).await.unwrap_err();
    assert!(held.to_string().contains("deploying it"), "{held:?}");
}

#[tokio::test]
async fn work_with_the_machine_is_done_by_the_owner() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    let asked = &two.conductor;
    let known = asked.supported_boot_devices(NODE).await.unwrap();
    assert!(known.contains(&BootDevice::Pxe), "{known:?}");
    asked
        .set_boot_device(NODE, BootDevice::Cdrom, Persistence::Continuous)
        .await
        .unwrap();
    let setting = asked.boot_device(NODE).await.unwrap();
    assert_eq!(setting.device, Some(BootDevice::Cdrom));
    assert_eq!(setting.persistence, Some(Persistence::Continuous));

    let limit = Some(Duration::from_secs(30));
    asked.set_power(NODE, PowerAction::On, limit).await.unwrap();
    until("power", async || {
        let node = cell.node().await;
        node.target_power_state.is_none() && node.power_state.is_some()
    })
    .await;
    let request = ProvisionRequest::new(Verb::Manage);
    asked.provision(NODE, request).await.unwrap();
    until("manageable", async || {
        cell.node().await.provision_state == ProvisionState::Manageable
    })
    .await;
    let writers = cell.writers().await;
    assert!(writers.len() > 2, "{writers:?}");
    assert!(writers.iter().all(|writer| writer == "one"), "{writers:?}");
}

#[tokio::test]
async fn what_machines_say_reaches_the_owner() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    let asked = &two.conductor;
    asked.create_port(port(&two)).await.unwrap();
    cell.edit(|node| {
        node.provision_state = ProvisionState::InspectWait;
        node.network_boot = NetworkBoot::Ramdisk;
        node.agent = Some(AgentSession::default());
    })
    .await;
    let answer = asked.lookup(lookup(NODE)).await.unwrap();
    let token = answer.token.expect("a token");
    assert_eq!(answer.extensions, Extensions::all());
    asked
        .heartbeat(NODE, heartbeat(Some(token.clone())))
        .await
        .unwrap();
    let session = cell.node().await.agent.unwrap();
    assert!(session.token_confirmed);
    assert_eq!(session.token.unwrap().0, token);
    let answer = asked.continue_inspection(inspection(NODE)).await.unwrap();
    assert_eq!(answer.node.uuid, NODE);

    let before = cell.writers().await.len();
    asked.note_boot_request(NODE, "boot script".to_owned());
    until("the line of the boot request", async || {
        cell.writers().await.len() > before
    })
    .await;
    let writers = cell.writers().await;
    assert!(writers.iter().all(|writer| writer == "one"), "{writers:?}");
}

/// Asked of the owner and of the other one, each refusal has the same words.
#[tokio::test]
async fn a_refusal_is_the_owners_word_for_word() {
    let cell = Cell::new();
    let (one, two) = cell.pair().await;
    let nobody = NodeId(Uuid::from_u128(77));
    cell.edit(|node| node.protected = true).await;
    let mut seen = Vec::new();
    for asked in [&one.conductor, &two.conductor] {
        let wrong = ProvisionRequest::new(Verb::Rescue);
        let on = PowerAction::Off;
        seen.push([
            format!("{:?}", asked.provision(NODE, wrong).await.unwrap_err()),
            format!("{:?}", asked.destroy_node(NODE).await.unwrap_err()),
            format!("{:?}", asked.destroy_node(nobody).await.unwrap_err()),
            format!("{:?}", asked.set_power(nobody, on, None).await.unwrap_err()),
            format!("{:?}", asked.lookup(lookup(NODE)).await.unwrap_err()),
            format!(
                "{:?}",
                asked.heartbeat(NODE, heartbeat(None)).await.unwrap_err()
            ),
            format!(
                "{:?}",
                asked.heartbeat(nobody, heartbeat(None)).await.unwrap_err()
            ),
            format!(
                "{:?}",
                asked
                    .continue_inspection(inspection(NODE))
                    .await
                    .unwrap_err()
            ),
        ]);
    }
    assert_eq!(seen[0], seen[1]);
    for kind in ["Invalid(", "Forbidden(", "NotFound("] {
        assert!(
            seen[0].iter().any(|text| text.starts_with(kind)),
            "{seen:?}"
        );
    }
}
