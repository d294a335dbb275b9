//! Fills a store as a conductor would have left it: nodes of real size, each with a port and with a ramdisk that is up.
//!
//! Whatever lists are filtered and sorted by differs from node to node, or the list measures nothing.

use anyhow::Context;
use ferric_model::allocation::{Allocation, AllocationState, Worker};
use ferric_model::chassis::Chassis;
use ferric_model::ids::{AllocationId, ChassisId, Epoch, Incarnation, NodeId, PortId};
use ferric_model::node::agent_session::{AgentSession, Token};
use ferric_model::node::{Node, Object, Ownership, Reservation};
use ferric_model::port::Port;
use ferric_model::state::{PowerState, ProvisionState};
use ferric_store::{RedbStore, Store, Transaction};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use uuid::Uuid;

pub(crate) const HOST: &str = "bench-1";
/// `tests/bench-api/requests.lua` knows it too.
const TOKEN: &str = "a-token-of-the-benchmark";
/// Nodes that share a transaction.
const GROUP: usize = 250;
/// One in so many belongs to a conductor that is away: it is in the lists, and is not taken over.
const AWAY: usize = 25;
/// One in so many has the one before it for its parent.
const CHILDREN: usize = 50;
const CHASSIS: usize = 100;

/// A node that is taken over, as a load generator must know it.
pub(crate) struct Machine {
    pub(crate) id: Uuid,
    pub(crate) mac: String,
}

/// Makes the store in a state directory that has none.
pub(crate) fn fill(state: &Path, nodes: usize) -> anyhow::Result<Vec<Machine>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime
        .block_on(fill_store(state, nodes))
        .with_context(|| format!("filling {}", state.display()))
}

async fn fill_store(state: &Path, nodes: usize) -> anyhow::Result<Vec<Machine>> {
    std::fs::create_dir_all(state)?;
    let store = RedbStore::open(state.join("ferric.redb"))?;
    let mut random = StdRng::seed_from_u64(11);
    let owner = Ownership {
        conductor: HOST.to_owned(),
        incarnation: Incarnation(Uuid::from_u128(random.random())),
        epoch: Epoch(3),
    };
    let mut machines: Vec<Machine> = Vec::with_capacity(nodes);
    let put = |all: Transaction, number| all.put(&Chassis::new(chassis(number), minute(number)));
    let all_chassis = (0..CHASSIS).fold(Transaction::new(), put);
    store.commit(all_chassis).await?;
    for first in (0..nodes).step_by(GROUP) {
        let mut transaction = Transaction::new();
        for number in first..nodes.min(first + GROUP) {
            let mut node = node(number, &owner, &mut random);
            marks(&mut node, number, &mut random);
            if number % CHILDREN == 1 {
                node.parent_node = machines.last().map(|machine| NodeId(machine.id));
            }
            let port = port(number, &node, &mut random)?;
            transaction = transaction.put(&node).put(&port);
            if let Some(allocation) = allocation(&node, &owner) {
                transaction = transaction.put(&allocation);
            }
            if number % AWAY < AWAY - 1 {
                machines.push(Machine {
                    id: node.uuid.0,
                    mac: port.address.as_str().to_owned(),
                });
            }
        }
        store.commit(transaction).await?;
    }
    Ok(machines)
}

fn node(number: usize, owner: &Ownership, random: &mut StdRng) -> Node {
    let id = NodeId(Uuid::from_u128(random.random()));
    let driver = match number % 4 {
        3 => "manual-management",
        _ => "fake-hardware",
    };
    let mut node = Node::new(id, driver, minute(number));
    node.name = Some(format!("rack{:03}-node{number:06}", number / 40));
    node.provision_state = match number % 4 {
        0 => ProvisionState::Manageable,
        1 => ProvisionState::Enroll,
        _ => ProvisionState::Available,
    };
    node.power_state = Some(PowerState::Off);
    node.resource_class = Some(format!("class-{}", number % 7));
    node.owner = Some(format!("project-{}", number % 50));
    node.lessee = number
        .is_multiple_of(3)
        .then(|| format!("project-{}", number % 20));
    node.shard = number
        .is_multiple_of(2)
        .then(|| format!("shard-{}", number % 10));
    node.instance_uuid = number
        .is_multiple_of(5)
        .then(|| Uuid::from_u128(random.random()));
    node.maintenance = number.is_multiple_of(10);
    node.maintenance_reason = node.maintenance.then(|| format!("ticket {}", hex(random)));
    node.last_error = number
        .is_multiple_of(3)
        .then(|| format!("BMC {number} did not answer: {}", hex(random).repeat(2)));
    node.description = Some(format!("rack {}, unit {}", number / 40, number % 40));
    node.interfaces = interfaces(driver);
    node.traits = vec!["CUSTOM_GOLD".to_owned(), "HW_CPU_X86_VMX".to_owned()];
    node.properties = properties(random);
    node.driver_info = object(json!({
        "redfish_address": format!("https://10.0.{}.{}", number / 250, number % 250),
        "redfish_system_id": "/redfish/v1/Systems/System.Embedded.1",
        "redfish_username": "root", "redfish_password": hex(random),
    }));
    node.extra = object(json!({"asset": hex(random), "mark": "none", "notes": notes(random)}));
    node.ownership = Some(owner.clone());
    node.agent = Some(AgentSession {
        token: Some(Token(TOKEN.to_owned())),
        token_confirmed: true,
        url: Some("https://192.0.2.1:9999".to_owned()),
        certificate: Some("a certificate".to_owned()),
        version: Some("10.0.0".to_owned()),
        last_heartbeat: Some(Timestamp::now()),
        lookups: 1,
        ..AgentSession::default()
    });
    node
}

/// What says something to people, and what only some nodes have.
fn marks(node: &mut Node, number: usize, random: &mut StdRng) {
    let every = |part: usize| number.is_multiple_of(part);
    node.protected = every(6);
    node.protected_reason = node
        .protected
        .then(|| format!("until audit {}", hex(random)));
    node.retired = every(15);
    node.retired_reason = node.retired.then(|| format!("worn out: {}", hex(random)));
    // A power failure would be over soon: these machines answer.
    node.fault = every(20).then(|| "clean failure".to_owned());
    node.allocation_uuid = node.instance_uuid.filter(|_| every(10));
    node.instance_name = node.instance_uuid.map(|_| format!("vm-{number}"));
    node.chassis_uuid = (number % 3 == 1).then(|| chassis(number % CHASSIS).0);
    node.inspection_started_at = (!every(3)).then(|| minute(number));
    node.inspection_finished_at = (number % 3 == 2).then(|| minute(number + number % 60));
    node.provision_updated_at = Some(minute(number + number % 1_000));
    node.automated_clean = (!every(3)).then_some(number % 3 == 1);
    node.disable_power_off = every(8);
    node.boot_mode = (!every(3)).then(|| ["bios", "uefi"][number % 2].to_owned());
    node.secure_boot = (!every(3)).then_some(every(2));
    node.health = Some(["OK", "Warning", "Critical"][number % 3].to_owned());
    if number % AWAY == AWAY - 1 {
        node.conductor_group = format!("cell-{}", number % 7);
        let conductor = format!("away-{}", number % 9);
        if let Some(owner) = &mut node.ownership {
            owner.conductor.clone_from(&conductor);
        }
        // Of a node that is taken over it would be let go.
        node.reservation = Some(Reservation {
            conductor,
            purpose: "provisioning".to_owned(),
            since: minute(number),
        });
    }
}

/// That which has taken the node.
fn allocation(node: &Node, owner: &Ownership) -> Option<Allocation> {
    Some(Allocation {
        uuid: AllocationId(node.allocation_uuid?),
        name: None,
        resource_class: node.resource_class.clone(),
        traits: Vec::new(),
        candidate_nodes: Vec::new(),
        owner: node.owner.clone(),
        extra: Object::new(),
        state: AllocationState::Active,
        last_error: None,
        node_uuid: Some(node.uuid),
        worker: Worker {
            conductor: owner.conductor.clone(),
            incarnation: owner.incarnation,
        },
        created_at: node.created_at,
        updated_at: None,
    })
}

/// The same in each run.
fn chassis(number: usize) -> ChassisId {
    ChassisId(Uuid::from_u128((7 << 64) + number as u128))
}

/// Times that differ.
fn minute(number: usize) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(i64::try_from(number).unwrap_or(i64::MAX))
}

fn properties(random: &mut StdRng) -> Object {
    let mut disk =
        || json!({"name": "/dev/nvme0n1", "size": 1_920_383_410_176_u64, "serial": hex(random)});
    object(json!({
        "cpu_arch": "x86_64", "cpus": "64", "memory_mb": "524288", "local_gb": "1788", "vendor": "a vendor",
        "capabilities": "boot_mode:uefi,cpu_vt:true,cpu_aes:true,cpu_hugepages:true,cpu_hugepages_1g:true",
        "disks": [disk(), disk(), disk()],
    }))
}

/// Ten lines as an operator's tools keep them.
fn notes(random: &mut StdRng) -> Value {
    (0..10)
        .map(|line| json!({"line": line, "checksum": hex(random)}))
        .collect()
}

const INTERFACES: [(&str, &str); 13] = [
    ("bios", "no-bios"),
    ("boot", "fake"),
    ("console", "no-console"),
    ("deploy", "direct"),
    ("firmware", "no-firmware"),
    ("inspect", "agent"),
    ("management", "fake"),
    ("network", "noop"),
    ("power", "fake"),
    ("raid", "no-raid"),
    ("rescue", "no-rescue"),
    ("storage", "noop"),
    ("vendor", "no-vendor"),
];

/// Those of the driver: no hardware is booted, or by iPXE.
fn interfaces(driver: &str) -> BTreeMap<String, String> {
    let named = |(kind, name): (&str, &str)| (kind.to_owned(), name.to_owned());
    let mut interfaces: BTreeMap<_, _> = INTERFACES.map(named).into();
    if driver == "manual-management" {
        interfaces.insert("boot".to_owned(), "ipxe".to_owned());
        interfaces.insert("management".to_owned(), "noop".to_owned());
    }
    interfaces
}

fn port(number: usize, node: &Node, random: &mut StdRng) -> anyhow::Result<Port> {
    let byte = |shift: usize| (number >> shift) & 0xff;
    let mac = format!("52:54:{:02x}:{:02x}:{:02x}:00", byte(16), byte(8), byte(0));
    let mac = mac.parse().context("making a MAC address")?;
    let id = PortId(Uuid::from_u128(random.random()));
    Ok(Port::new(id, mac, node.uuid, node.created_at))
}

fn hex(random: &mut StdRng) -> String {
    format!("{:032x}", random.random::<u128>())
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => unreachable!("the literals above are objects"),
    }
}
