//! Fills a store as a conductor would have left it: nodes of one that died, each with a port, a timeline and an
//! inventory as large as those of big servers.

use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::{Epoch, Incarnation, NodeId, PortId};
use ferric_model::inventory::StoredInventory;
use ferric_model::node::{Node, Object, Ownership};
use ferric_model::port::Port;
use ferric_model::state::{PowerState, ProvisionState};
use ferric_store::{RedbStore, Store, Transaction};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use uuid::Uuid;

/// Nodes that share a transaction.
const GROUP: usize = 40;
const EVENTS: usize = 12;
/// Events of a node that share a transaction where timelines are long.
const EVENTS_AT_ONCE: usize = 20;

/// What is to be in the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    pub(crate) nodes: usize,
    pub(crate) inventory_bytes: usize,
}

/// Makes the store in a state directory that has none. Answers the bytes of the first inventory's document.
pub(crate) async fn fill(state: &Path, host: &str, amount: Amount) -> anyhow::Result<usize> {
    std::fs::create_dir_all(state)?;
    let store = RedbStore::open(state.join("ferric.redb"))?;
    let mut random = StdRng::seed_from_u64(7);
    let owner = owner(host, &mut random);
    let mut bytes = 0;
    for first in (0..amount.nodes).step_by(GROUP) {
        let mut transaction = Transaction::new();
        for number in first..amount.nodes.min(first + GROUP) {
            let node = node(number, &owner, &mut random);
            let port = port(number, &node, &mut random);
            let inventory = inventory(&node, amount.inventory_bytes, &mut random);
            if number == 0 {
                bytes = serde_json::to_vec(&inventory)?.len();
            }
            transaction = transaction.put(&node).put(&port).put(&inventory);
            for _ in 0..EVENTS {
                transaction = transaction.event(event(&node, host, &mut random));
            }
        }
        store.commit(transaction).await?;
    }
    Ok(bytes)
}

/// Makes a store of nodes whose timelines have grown beside each other to so many events, all of them old.
pub(crate) async fn fill_timelines(
    state: &Path,
    host: &str,
    nodes: usize,
    events: usize,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(state)?;
    let store = RedbStore::open(state.join("ferric.redb"))?;
    let mut random = StdRng::seed_from_u64(8);
    let owner = owner(host, &mut random);
    let nodes: Vec<Node> = (0..nodes)
        .map(|number| node(number, &owner, &mut random))
        .collect();
    let enrolled = nodes.iter().fold(Transaction::new(), Transaction::put);
    store.commit(enrolled).await?;
    for _ in 0..events / EVENTS_AT_ONCE {
        let mut transaction = Transaction::new();
        for node in &nodes {
            for _ in 0..EVENTS_AT_ONCE {
                transaction = transaction.event(event(node, host, &mut random));
            }
        }
        store.commit(transaction).await?;
    }
    Ok(())
}

fn owner(host: &str, random: &mut StdRng) -> Ownership {
    Ownership {
        conductor: host.to_owned(),
        incarnation: Incarnation(Uuid::from_u128(random.random())),
        epoch: Epoch(3),
    }
}

fn node(number: usize, owner: &Ownership, random: &mut StdRng) -> Node {
    let id = NodeId(Uuid::from_u128(random.random()));
    let mut node = Node::new(id, "fake-hardware", Timestamp::UNIX_EPOCH);
    node.name = Some(format!("rack{}-node{number}", number / 40));
    node.provision_state = match number % 4 {
        0 => ProvisionState::Manageable,
        _ => ProvisionState::Available,
    };
    node.power_state = Some(PowerState::Off);
    node.resource_class = Some(format!("class-{}", number % 7));
    node.interfaces = INTERFACES
        .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
        .into();
    let disk = |random: &mut StdRng| json!({"name": "/dev/nvme0n1", "size": 1_920_383_410_176_u64, "serial": hex(16, random)});
    let properties = json!({
        "cpu_arch": "x86_64", "cpus": "64", "memory_mb": "524288", "local_gb": "1788",
        "capabilities": "boot_mode:uefi,cpu_vt:true,cpu_aes:true", "disks": [disk(random), disk(random)],
    });
    node.properties = object(properties);
    node.driver_info = object(
        json!({"redfish_address": format!("https://10.0.{}.{}", number / 250, number % 250),
        "redfish_username": "root", "redfish_password": hex(16, random)}),
    );
    node.extra = object(json!({"asset": hex(24, random), "notes": "n".repeat(400)}));
    node.ownership = Some(owner.clone());
    node
}

const INTERFACES: [(&str, &str); 13] = [
    ("bios", "no-bios"),
    ("boot", "ipxe"),
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

fn port(number: usize, node: &Node, random: &mut StdRng) -> Port {
    let mac = format!(
        "52:54:{:02x}:{:02x}:{:02x}:00",
        (number >> 16) & 0xff,
        (number >> 8) & 0xff,
        number & 0xff
    );
    let mac = mac.parse().expect("it has the form of a MAC address");
    let id = PortId(Uuid::from_u128(random.random()));
    Port::new(id, mac, node.uuid, node.created_at)
}

/// Names repeat, numbers do not: as in what a ramdisk sends.
fn inventory(node: &Node, bytes: usize, random: &mut StdRng) -> StoredInventory {
    let mut devices = Vec::new();
    let mut size = 0;
    while size < bytes {
        let device = json!({
            "vendor_id": hex(4, random), "product_id": hex(4, random), "class": hex(6, random), "revision": hex(2, random),
            "bus": format!("0000:{}:{}.0", hex(2, random), hex(2, random)), "numa_node_id": random.random_range(0..4),
            "serial": hex(24, random), "wwn": format!("0x{}", hex(16, random)), "firmware": hex(8, random),
            "lldp": [[1, hex(14, random)], [2, hex(12, random)], [5, hex(30, random)]],
        });
        size += device.to_string().len();
        devices.push(device);
    }
    let inventory = json!({
        "cpu": {"architecture": "x86_64", "count": 64, "model_name": "A CPU @ 2.40GHz", "flags": ["fpu", "vme", "de"]},
        "memory": {"total": 549_755_813_888_u64, "physical_mb": 524_288},
        "interfaces": [{"name": "eno1", "mac_address": "52:54:00:00:00:01", "has_carrier": true}],
        "disks": [], "pci_devices": devices,
    });
    StoredInventory {
        node: node.uuid,
        taken_at: Timestamp::UNIX_EPOCH,
        inventory: object(inventory),
        plugin_data: Object::new(),
    }
}

fn event(node: &Node, host: &str, random: &mut StdRng) -> TimelineEvent {
    TimelineEvent {
        id: Uuid::from_u128(random.random()),
        node: node.uuid,
        at: Timestamp::UNIX_EPOCH,
        conductor: host.to_owned(),
        run: None,
        bulk: None,
        what: What::Note {
            text: format!("the machine said {}", hex(80, random)),
        },
    }
}

fn hex(digits: usize, random: &mut StdRng) -> String {
    let mut text = String::with_capacity(digits + 32);
    while text.len() < digits {
        write!(text, "{:032x}", random.random::<u128>())
            .expect("a string takes all that is written");
    }
    text.truncate(digits);
    text
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => unreachable!("the literals above are objects"),
    }
}
