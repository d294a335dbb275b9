//! `numa-topology`: which memory, cores and network interfaces are near to each other, from sysfs.
//!
//! Ironic's agent leaves out an interface that does not tell its node, as those of virtual machines do not: here the
//! node of the device that it is plugged into counts, and else -1, which is the kernel's word for no node.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ferric_agent_protocol::inspection::InspectionData;
use serde::Serialize;

use super::Subject;
use super::collector::{CollectError, keyed, reading};
use crate::host::{Tree, names, text};

/// No device lies deeper below the one that has a node.
const MAX_PARENTS: usize = 8;

/// `numa_topology` of the inspection data.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Topology {
    ram: Vec<Ram>,
    cpus: Vec<Core>,
    nics: Vec<Nic>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Ram {
    numa_node: u32,
    size_kb: u64,
}

/// A core, by its number within its socket, with the logical processors that it has.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Core {
    cpu: u32,
    numa_node: u32,
    thread_siblings: Vec<u32>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Nic {
    name: String,
    numa_node: i32,
}

pub(super) fn collect(subject: &Subject) -> Result<InspectionData, CollectError> {
    Ok(keyed("numa_topology", &read(subject.host.tree())?))
}

fn read(tree: &Tree) -> Result<Topology, CollectError> {
    let directory = tree.path("sys/devices/system/node");
    // A kernel without NUMA has no such folder, and then nothing is known.
    fs::read_dir(&directory).map_err(reading(&directory))?;
    let mut topology = Topology {
        nics: nics(&tree.path("sys/class/net")),
        ..Topology::default()
    };
    for name in names(&directory) {
        let Some(numa_node) = numbered(&name, "node") else {
            continue;
        };
        let node = directory.join(&name);
        topology.ram.extend(ram(&node, numa_node));
        topology.cpus.extend(cores(&node, numa_node));
    }
    Ok(topology)
}

/// The number behind a word: 12 of `cpu12`.
fn numbered(name: &str, word: &str) -> Option<u32> {
    name.strip_prefix(word)?.parse().ok()
}

/// A line says `Node 0 MemTotal:       65707388 kB`.
fn ram(node: &Path, numa_node: u32) -> Option<Ram> {
    let meminfo = text(&node.join("meminfo"))?;
    let mut values = meminfo
        .lines()
        .filter_map(|line| line.split_once("MemTotal:"));
    let (_, value) = values.next()?;
    Some(Ram {
        numa_node,
        size_kb: value.split_whitespace().next()?.parse().ok()?,
    })
}

/// The numbers of cores repeat in each socket, and a node may have several.
fn cores(node: &Path, numa_node: u32) -> Vec<Core> {
    let mut found: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
    for name in names(node) {
        let Some(thread) = numbered(&name, "cpu") else {
            continue;
        };
        let number = |file: &str| {
            let text = text(&node.join(&name).join("topology").join(file))?;
            text.parse::<u32>().ok()
        };
        // A processor that is offline has no place in the topology.
        if let Some(core) = number("core_id") {
            let socket = number("physical_package_id").unwrap_or(0);
            found.entry((socket, core)).or_default().push(thread);
        }
    }
    found
        .into_iter()
        .map(|((_, cpu), thread_siblings)| Core {
            cpu,
            numa_node,
            thread_siblings,
        })
        .collect()
}

fn nics(directory: &Path) -> Vec<Nic> {
    let hardware = names(directory)
        .into_iter()
        .filter(|name| directory.join(name).join("device").exists());
    hardware
        .map(|name| Nic {
            numa_node: node_of(&directory.join(&name).join("device")).unwrap_or(-1),
            name,
        })
        .collect()
}

fn node_of(device: &Path) -> Option<i32> {
    let device = fs::canonicalize(device).ok()?;
    let mut known = device
        .ancestors()
        .take(MAX_PARENTS)
        .filter_map(|path| text(&path.join("numa_node")));
    known.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inspection::recorded::Recorded;

    #[test]
    fn two_sockets_with_two_threads_a_core() {
        let machine = Recorded::new(&[
            (
                "sys/devices/system/node/node0/meminfo",
                "Node 0 MemTotal:       1000 kB\nNode 0 MemFree: 1 kB\n",
            ),
            (
                "sys/devices/system/node/node1/meminfo",
                "Node 1 MemTotal:       2000 kB\n",
            ),
            (
                "sys/devices/system/node/node10/meminfo",
                "Node 10 MemTotal:       3000 kB\n",
            ),
            ("sys/devices/system/node/possible", "0-1,10\n"),
            ("sys/devices/system/node/node0/cpulist", "0-5\n"),
            ("sys/devices/pci0000:00/0000:00:03.0/numa_node", "1\n"),
            ("sys/devices/pci0000:00/0000:00:03.0/virtio0/status", "7\n"),
            ("sys/devices/usb1/1-1/idVendor", "0bda\n"),
            ("sys/class/net/lo/mtu", "65536\n"),
        ]);
        for (node, cpu, socket, core) in [
            (0, 0, 0, 0),
            (0, 1, 0, 1),
            (0, 4, 0, 0),
            (0, 5, 0, 1),
            (0, 2, 1, 0),
            (1, 3, 2, 7),
        ] {
            let topology = format!("sys/devices/system/node/node{node}/cpu{cpu}/topology");
            machine.write(&format!("{topology}/core_id"), format!("{core}\n"));
            machine.write(
                &format!("{topology}/physical_package_id"),
                format!("{socket}\n"),
            );
        }
        machine.write(
            "sys/devices/system/node/node1/cpu9/crash_notes",
            "offline\n",
        );
        machine.link(
            "sys/class/net/eth0/device",
            "sys/devices/pci0000:00/0000:00:03.0/virtio0",
        );
        machine.link("sys/class/net/usb0/device", "sys/devices/usb1/1-1");
        let expected = json!({
            "ram": [
                {"numa_node": 0, "size_kb": 1000},
                {"numa_node": 1, "size_kb": 2000},
                {"numa_node": 10, "size_kb": 3000},
            ],
            "cpus": [
                {"cpu": 0, "numa_node": 0, "thread_siblings": [0, 4]},
                {"cpu": 1, "numa_node": 0, "thread_siblings": [1, 5]},
                {"cpu": 0, "numa_node": 0, "thread_siblings": [2]},
                {"cpu": 7, "numa_node": 1, "thread_siblings": [3]},
            ],
            "nics": [{"name": "eth0", "numa_node": 1}, {"name": "usb0", "numa_node": -1}],
        });
        assert_eq!(json!(read(machine.host(&[]).tree()).unwrap()), expected);
    }

    #[test]
    fn a_kernel_without_numa_is_told_of() {
        let machine = Recorded::new(&[]);
        let error = read(machine.host(&[]).tree()).unwrap_err();
        assert!(matches!(error, CollectError::Read { .. }), "{error}");
    }
}
