//! A small recorded machine, and the processors of this one in the words of lscpu.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::config::Secret;
use crate::inspection::recorded::Recorded;
use crate::run::run;

/// A system, its board, a module of 16 GiB and an empty slot.
fn smbios() -> Vec<u8> {
    let mut table = Vec::new();
    let mut add = |kind: u8, length: u8, fields: &[(usize, &[u8])], strings: &str| {
        let mut structure = vec![0; length.into()];
        structure[..2].copy_from_slice(&[kind, length]);
        for (offset, bytes) in fields {
            structure[*offset..][..bytes.len()].copy_from_slice(bytes);
        }
        table.extend(structure);
        table.extend_from_slice(strings.replace('|', "\0").as_bytes());
        table.extend_from_slice(b"\0\0");
    };
    add(0, 0x18, &[(4, &[1, 2]), (8, &[3])], "ACME|2.1|07/01/2026");
    add(1, 0x1b, &[(4, &[1, 2, 3, 4])], "ACME|Server|v1|S-1");
    add(2, 0x0f, &[(4, &[1, 2, 0, 3])], "ACME|Board|B-1");
    let module: [(usize, &[u8]); 6] = [
        (0x0c, &[0x00, 0x40]),
        (0x0e, &[9]),
        (0x10, &[1, 0, 0x1a, 0x80, 0x20]),
        (0x15, &[0x75, 0x0b]),
        (0x17, &[2, 3]),
        (0x1a, &[4]),
    ];
    add(17, 0x1c, &module, "A1|Samsung|M-1|M393");
    add(17, 0x1c, &[(0x0e, &[9]), (0x10, &[1]), (0x12, &[2])], "A2");
    table
}

fn machine() -> Recorded {
    let machine = Recorded::new(&[
        ("dev/sdq", ""),
        ("sys/block/sdq/size", "1953525168\n"),
        ("sys/block/sdq/queue/rotational", "1\n"),
        (
            "sys/block/sdq/queue/scheduler",
            "none [mq-deadline] kyber\n",
        ),
        ("sys/devices/0:0:0:0/model", "ST1000  \n"),
        (
            "sys/devices/0:0:0:0/scsi_disk/0:0:0:0/cache_type",
            "write through\n",
        ),
        ("sys/class/net/nic7/address", "52:54:00:AA:00:01\n"),
        ("sys/class/net/nic7/speed", "25000\n"),
        ("sys/class/net/nic7/duplex", "full\n"),
        ("sys/class/net/nic7/carrier", "1\n"),
        ("sys/devices/0000:19:00.0/vendor", "0x8086\n"),
        (
            "etc/os-release",
            "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n",
        ),
        ("proc/sys/kernel/osrelease", "6.12.0-amd64\n"),
        ("proc/cmdline", "quiet ipa-agent-token=hush BOOTIF=1\n"),
    ]);
    machine.write("sys/firmware/dmi/tables/DMI", smbios());
    machine.link("sys/block/sdq/device", "sys/devices/0:0:0:0");
    machine.link("sys/class/net/nic7/device", "sys/devices/0000:19:00.0");
    machine.link("dev/disk/by-id/wwn-0x5000c500a1b2c3d4", "dev/sdq");
    machine.link("dev/disk/by-id/ata-ST1000_Z1D", "dev/sdq");
    machine
}

#[test]
fn facts_are_lists_of_four() {
    let machine = machine();
    let mut subject = machine.subject(&["dev/sdq"]);
    subject.token = Some(Secret::new("hush"));
    let found = collect(&subject).unwrap();
    let all = found.rest["data"].as_array().unwrap();
    for expected in [
        json!(["disk", "logical", "count", "1"]),
        json!(["disk", "sdq", "size", "1000"]),
        json!(["disk", "sdq", "model", "ST1000"]),
        json!(["disk", "sdq", "rotational", "1"]),
        json!(["disk", "sdq", "scheduler", "mq-deadline"]),
        json!(["disk", "sdq", "Write Cache Enable", "0"]),
        json!(["disk", "sdq", "wwn-id", "wwn-0x5000c500a1b2c3d4"]),
        json!(["disk", "sdq", "id", "ata-ST1000_Z1D"]),
        json!(["system", "product", "serial", "S-1"]),
        json!(["system", "product", "version", "v1"]),
        json!(["system", "motherboard", "name", "Board"]),
        json!(["firmware", "bios", "date", "07/01/2026"]),
        json!(["memory", "total", "size", "17179869184"]),
        json!(["memory", "bank:0", "size", "17179869184"]),
        json!(["memory", "bank:0", "clock", "2933000000"]),
        json!([
            "memory",
            "bank:0",
            "description",
            "DIMM DDR4 Synchronous Registered (Buffered) 2933 MHz (0.3 ns)"
        ]),
        json!(["memory", "bank:0", "vendor", "Samsung"]),
        json!(["memory", "bank:0", "product", "M393"]),
        json!(["memory", "bank:0", "slot", "A1"]),
        json!(["memory", "bank:1", "description", "DIMM [empty]"]),
        json!(["memory", "banks", "count", "2"]),
        json!(["network", "nic7", "businfo", "pci@0000:19:00.0"]),
        json!(["network", "nic7", "size", "25000000000"]),
        json!(["network", "nic7", "speed", "25Gbit/s"]),
        json!(["network", "nic7", "duplex", "full"]),
        json!(["network", "nic7", "link", "yes"]),
        json!(["network", "nic7", "serial", "52:54:00:aa:00:01"]),
        json!(["system", "os", "version", "Debian GNU/Linux 13 (trixie)"]),
        json!(["system", "kernel", "version", "6.12.0-amd64"]),
        json!([
            "system",
            "kernel",
            "cmdline",
            "quiet ipa-agent-token=*** BOOTIF=1"
        ]),
    ] {
        assert!(all.contains(&expected), "{expected} is not in {all:#?}");
    }
    let is_of_empty_slot = |fact: &&Value| fact[1] == "bank:1" && fact[2] == "size";
    assert_eq!(all.iter().find(is_of_empty_slot), None);
}

#[test]
fn the_processors_of_this_machine_are_those_of_lscpu() {
    let printed = String::from_utf8(run("lscpu", &[]).unwrap().stdout).unwrap();
    let of_lscpu = |name: &str| {
        let mut lines = printed.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
        Some(value.trim().to_owned())
    };
    let mut facts = Facts::default();
    // Of this machine only what cannot be written to is looked at.
    cpu::add(&mut facts, &crate::host::Tree::below(Path::new("/")));
    let found = |item: &str, attribute: &str| {
        let is_it = |fact: &&Fact| fact.1 == item && fact.2 == attribute;
        let value = &facts.0.iter().find(is_it)?.3;
        Some(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    };
    for (item, attribute, name) in [
        ("physical", "number", "Socket(s)"),
        ("physical_0", "vendor", "Vendor ID"),
        ("physical_0", "product", "Model name"),
        ("physical_0", "cores", "Core(s) per socket"),
        ("physical_0", "threads_per_core", "Thread(s) per core"),
        ("physical_0", "family", "CPU family"),
        ("physical_0", "model", "Model"),
        ("physical_0", "stepping", "Stepping"),
        ("physical_0", "architecture", "Architecture"),
        ("physical_0", "flags", "Flags"),
        ("physical_0", "l1d cache", "L1d cache"),
        ("physical_0", "l2 cache", "L2 cache"),
        ("physical_0", "l3 cache", "L3 cache"),
        ("nodes", "count", "NUMA node(s)"),
    ] {
        assert_eq!(found(item, attribute), of_lscpu(name), "{name}");
    }
}

fn two_sockets() -> Recorded {
    let machine = Recorded::new(&[
        (
            "proc/cpuinfo",
            "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 106\nmodel name\t: Xeon\ncpu MHz\t\t: 800.125\n",
        ),
        (
            "sys/devices/system/node/node0/cpumap",
            "00000000,00000005\n",
        ),
        (
            "sys/devices/system/node/node1/cpumap",
            "00000001,0000000a\n",
        ),
        (
            "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq",
            "3500000\n",
        ),
        (
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
            "performance\n",
        ),
    ]);
    for (cpu, socket) in [(0, 0), (1, 1), (2, 0), (3, 1)] {
        let path = format!("sys/devices/system/cpu/cpu{cpu}");
        machine.write(
            &format!("{path}/topology/physical_package_id"),
            socket.to_string(),
        );
        machine.write(&format!("{path}/topology/core_id"), "0");
        for (index, level, kind, size, shared) in [
            (
                0,
                "1",
                "Data",
                "48K",
                if socket == 0 { "0,2" } else { "1,3" },
            ),
            (
                2,
                "2",
                "Unified",
                "1280K",
                if socket == 0 { "0,2" } else { "1,3" },
            ),
            (3, "3", "Unified", "1048576K", "0-3"),
        ] {
            let cache = format!("{path}/cache/index{index}");
            for (file, text) in [
                ("level", level),
                ("type", kind),
                ("size", size),
                ("shared_cpu_list", shared),
            ] {
                machine.write(&format!("{cache}/{file}"), text);
            }
        }
    }
    machine
}

#[test]
fn caches_and_nodes_of_two_sockets() {
    let machine = two_sockets();
    let mut facts = Facts::default();
    cpu::add(&mut facts, machine.host(&[]).tree());
    let all = json!(facts);
    let all = all.as_array().unwrap();
    for expected in [
        json!(["cpu", "physical", "number", 2]),
        json!(["cpu", "physical_1", "cores", 1]),
        json!(["cpu", "physical_1", "threads", 2]),
        json!(["cpu", "physical_1", "threads_per_core", 2]),
        json!(["cpu", "physical_1", "model", 106]),
        json!(["cpu", "physical_1", "l1d cache", "96 KiB (2 instances)"]),
        json!(["cpu", "physical_1", "l2 cache", "2.5 MiB (2 instances)"]),
        json!(["cpu", "physical_1", "l3 cache", "1 GiB (1 instance)"]),
        json!(["cpu", "physical_1", "max_Mhz", 3500.0]),
        json!(["cpu", "physical_1", "current_Mhz", 800.125]),
        json!(["cpu", "logical", "number", 4]),
        json!(["cpu", "logical_0", "governor", "performance"]),
        json!(["numa", "nodes", "count", 2]),
        json!(["numa", "node_1", "cpu_count", 3]),
        json!(["numa", "node_1", "cpu_mask", "0x10000000a"]),
    ] {
        assert!(all.contains(&expected), "{expected} is not in {all:#?}");
    }
}
