//! What becomes of the inspection when collectors do not do what they should.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::recorded::{Recorded, firmware_table};
use super::*;

fn collector(
    name: &'static str,
    run: fn(&Subject) -> Result<InspectionData, CollectError>,
) -> Collector {
    Collector {
        name,
        turn: Turn::Together,
        time: Duration::from_secs(60),
        run,
    }
}

fn full() -> CollectError {
    CollectError::Logs(std::io::Error::other("full"))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_collector_that_hangs_panics_or_fails_is_told_of_and_the_others_are_sent() {
    let hanging = Collector {
        time: Duration::from_millis(50),
        ..collector("hanging", |_| {
            loop {
                std::thread::park();
            }
        })
    };
    let all = [
        hanging,
        collector("panicking", |_| panic!("index {} is out of range", 7)),
        collector("failing", |_| Err(full())),
        collector("working", |_| {
            Ok(InspectionData {
                boot_interface: Some("52:54:00:00:00:01".to_owned()),
                ..InspectionData::default()
            })
        }),
    ];
    let wanted = names(&["hanging", "panicking", "working", "failing", "working"]);
    let machine = Recorded::new(&[]);
    let data = run(&all, &wanted, machine.subject(&[]));
    assert_eq!(data.error, None);
    assert_eq!(data.boot_interface.as_deref(), Some("52:54:00:00:00:01"));
    let failures = json!({
        "hanging": "no result after 50ms",
        "panicking": "panicked: index 7 is out of range",
        "failing": "packing the logs: full",
    });
    assert_eq!(json!(data.collector_failures), failures);
    let expected = ["hanging", "panicking", "working", "failing"];
    assert_eq!(data.configuration.unwrap().collectors, expected);
}

/// A switch may be listened to for longer than the inventory may take, which must not fail the inspection for that.
#[test]
fn who_listens_to_switches_has_the_time_for_it() {
    const LONG: Duration = Duration::from_secs(7200);
    let machine = Recorded::new(&[]);
    let subject = |is_for_inventory| Subject {
        listening: Listening::new(LONG, is_for_inventory),
        ..machine.subject(&[])
    };
    let (both, alone) = (subject(true), subject(false));
    for collector in &ALL {
        let more = |subject| collector.time_for(subject).checked_sub(collector.time);
        let long_if = |listens| Some(if listens { LONG } else { Duration::ZERO });
        let name = collector.name;
        let expected = long_if(["default", "lldp"].contains(&name));
        assert_eq!(more(&both), expected, "{name}");
        assert_eq!(more(&alone), long_if(name == "lldp"), "{name}");
    }
}

#[test]
fn only_a_lack_of_the_inventory_and_unknown_names_fail_an_inspection() {
    let all = [collector(default::NAME, |_| Err(full()))];
    let machine = Recorded::new(&[]);
    let data = run(
        &all,
        &names(&["default", "telepathy"]),
        machine.subject(&[]),
    );
    assert_eq!(
        data.error.as_deref(),
        Some(
            "* telepathy: this agent has no such collector\n\
             * default: packing the logs: full"
        )
    );
    assert!(data.collector_failures.is_empty());
}

#[test]
fn the_last_turn_comes_after_all_others() {
    static OTHER_IS_DONE: AtomicBool = AtomicBool::new(false);
    let last = Collector {
        turn: Turn::Last,
        ..collector("last", |_| {
            assert!(OTHER_IS_DONE.load(Ordering::SeqCst));
            Ok(InspectionData::default())
        })
    };
    let other = collector("other", |_| {
        std::thread::park_timeout(Duration::from_millis(20));
        OTHER_IS_DONE.store(true, Ordering::SeqCst);
        Ok(InspectionData::default())
    });
    let machine = Recorded::new(&[]);
    let data = run(
        &[last, other],
        &names(&["last", "other"]),
        machine.subject(&[]),
    );
    assert!(
        data.collector_failures.is_empty(),
        "{:?}",
        data.collector_failures
    );
}

/// Names that no machine has on which this test may run: what the kernel says of it must not get in.
fn large_machine() -> (Recorded, Vec<String>) {
    let machine = Recorded::new(&[
        ("proc/meminfo", "MemTotal:       65707388 kB\n"),
        ("sys/bus/usb/devices/1-1/busnum", "1\n"),
        ("sys/bus/usb/devices/1-1/devnum", "2\n"),
        ("sys/class/tpm/tpm0/tpm_version_major", "2\n"),
    ]);
    machine.write("sys/firmware/dmi/tables/DMI", firmware_table());
    let mut disks = Vec::new();
    for number in 0..24 {
        let name = if number < 16 {
            let letter = char::from(b'a' + number);
            format!("sdzz{letter}")
        } else {
            format!("nvme9{number}n1")
        };
        machine.write(&format!("sys/block/{name}/size"), "7501476528\n");
        machine.write(&format!("sys/block/{name}/queue/rotational"), "0\n");
        let device = format!("sys/devices/pci0000:00/host0/0:0:{number}:0");
        machine.write(&format!("{device}/vendor"), "ATA     \n");
        machine.link(&format!("sys/block/{name}/device"), &device);
        machine.write(&format!("dev/{name}"), "");
        disks.push(format!("dev/{name}"));
    }
    for number in 0..8 {
        let name = format!("nic9{number}");
        let device = format!("sys/devices/pci0000:00/0000:1{number}:00.0");
        for (file, text) in [
            ("vendor", "0x8086\n"),
            ("device", "0x1572\n"),
            ("class", "0x020000\n"),
            ("numa_node", "1\n"),
        ] {
            machine.write(&format!("{device}/{file}"), text);
        }
        machine.link(&format!("sys/bus/pci/devices/0000:1{number}:00.0"), &device);
        machine.link(&format!("sys/class/net/{name}/device"), &device);
        let address = format!("52:54:00:00:00:0{number}\n");
        machine.write(&format!("sys/class/net/{name}/address"), &address);
    }
    for cpu in 0..64 {
        let node = format!("sys/devices/system/node/node{}", cpu % 2);
        machine.write(&format!("{node}/meminfo"), "Node 0 MemTotal: 32853694 kB\n");
        let topology = format!("sys/devices/system/cpu/cpu{cpu}/topology");
        machine.write(
            &format!("{topology}/physical_package_id"),
            (cpu % 2).to_string(),
        );
        machine.write(&format!("{topology}/core_id"), (cpu / 4).to_string());
        machine.link(
            &format!("{node}/cpu{cpu}"),
            &format!("sys/devices/system/cpu/cpu{cpu}"),
        );
    }
    (machine, disks)
}

/// All but the neighbours, who are listened to for as long as the settings say. How long it may take the suite
/// `footprint` knows, which reads the figure.
#[test]
#[expect(clippy::print_stdout, reason = "the figure is read by a suite")]
fn a_large_machine_is_inspected_with_its_logs() {
    let (machine, disks) = large_machine();
    let disks: Vec<&str> = disks.iter().map(String::as_str).collect();
    let names = ALL.iter().map(|collector| collector.name.to_owned());
    let all: Vec<String> = names.filter(|name| name != "lldp").collect();
    let subject = machine.subject(&disks);
    let begun = Instant::now();
    let data = run(&ALL, &all, subject);
    println!("inspected in {} ms", begun.elapsed().as_millis());
    let failures = &data.collector_failures;
    assert!(failures.is_empty(), "{failures:?}");
    assert!(data.logs.is_some_and(|logs| !logs.is_empty()));
}

#[test]
fn a_machine_with_24_disks_and_8_interfaces_is_inspected_whole() {
    let (machine, disks) = large_machine();
    let disks: Vec<&str> = disks.iter().map(String::as_str).collect();
    // Listening to the network and packing the logs of this machine are tested elsewhere.
    let all: Vec<String> = ALL
        .iter()
        .map(|collector| collector.name.to_owned())
        .filter(|name| name != "lldp" && name != "logs")
        .collect();
    let data = run(&ALL, &all, machine.subject(&disks));
    assert_eq!(data.error, None);
    assert!(
        data.collector_failures.is_empty(),
        "{:?}",
        data.collector_failures
    );
    let inventory = data.inventory.unwrap();
    assert_eq!((inventory.disks.len(), inventory.interfaces.len()), (24, 8));
    assert_eq!(data.pci_devices.unwrap().len(), 8);
    let count = |key: &str, inner: Option<&str>| {
        let value = &data.rest[key];
        let list = inner.map_or(value, |inner| &value[inner]);
        list.as_array().unwrap().len()
    };
    for (key, inner, expected) in [
        ("numa_topology", Some("ram"), 2),
        ("numa_topology", Some("cpus"), 32),
        ("numa_topology", Some("nics"), 8),
        ("usb_devices", None, 1),
        ("tpm", Some("devices"), 1),
        ("disk_health", None, 24),
    ] {
        assert_eq!(count(key, inner), expected, "{key} {inner:?}");
    }
    assert!(count("dmi", Some("cpu")) > 10);
    assert!(count("data", None) > 100);
}
