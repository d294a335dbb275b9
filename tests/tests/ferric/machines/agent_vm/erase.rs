//! Eight disks of NVMe are erased at once: as each of them is slow, and none slows another down, that takes hardly
//! longer than one.
//!
//! QEMU formats a namespace at once, and whoever reads it then waits for as long as its rate says that the zeroes took.
//! The times are those of the agent's records: on the console the kernel breaks into the agent's lines.

use super::{DATA, assert_erased, blocks_of, fill, managed};
use crate::machines::told;
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Machine};
use ferric_tests::node::Node;
use serde_json::{Value, json};
use std::time::Duration;

const DISKS: usize = 8;
const DISK_BYTES: usize = 128 << 20;
/// 128 MiB at 2 MiB/s take 64 s: one emulated processor, which does the work for all disks, may take 19 s more for eight
/// than for one.
const LEAST: Duration = Duration::from_secs(55);
/// By itself a kernel gives a command of NVMe up after 30 s.
const PARAMETERS: &str = "%default% nvme_core.io_timeout=600";
/// How much longer than one disk all of them may take.
const FACTOR: f64 = 1.3;

#[test]
fn of_eight_slow_disks_takes_hardly_longer_than_of_one() {
    let disk = |number| Disk {
        bytes_per_second: Some("2MiB"),
        ..Disk::new("nvme", "128MiB", &serial(number))
    };
    let disks = (0..DISKS).map(disk).collect();
    let machine = Machine::new(1, "m1", Firmware::Bios).disks(disks);
    told(
        Lab::start(&Plan::new("erase", vec![machine])).unwrap(),
        |lab| {
            let node = managed(lab, "m1");
            node.set("/driver_info/kernel_append_params", &json!(PARAMETERS))
                .unwrap();
            (0..DISKS).for_each(|number| fill(&lab.disk("m1", number), DISK_BYTES));
            let others: Vec<Value> = (1..DISKS)
                .map(|number| json!({ "serial": serial(number) }))
                .collect();
            node.set("/properties/skip_block_devices", &json!(others))
                .unwrap();
            let one = erased(lab, &node, &[0]);
            for number in 1..DISKS {
                let (kept, blocks) = blocks_of(&lab.disk("m1", number), DATA);
                assert_eq!(kept, blocks, "disk {number} was to be left alone");
            }

            // The machine is off again.
            fill(&lab.disk("m1", 0), DISK_BYTES);
            let remove = json!([{ "op": "remove", "path": "/properties/skip_block_devices" }]);
            let path = format!("/v1/nodes/{}", node.uuid);
            lab.api().patch(&path, &remove).unwrap();
            let numbers: Vec<usize> = (0..DISKS).collect();
            let all = erased(lab, &node, &numbers);

            let factor = all.as_secs_f64() / one.as_secs_f64();
            println!("one disk: {one:.1?}, {DISKS} disks: {all:.1?}, {factor:.2} times as long");
            assert!(
                one > LEAST,
                "the disk is not as slow as it should be: {one:.1?}"
            );
            assert!(
                factor <= FACTOR,
                "{DISKS} disks took {factor:.2} times as long as one"
            );
        },
    );
}

fn serial(number: usize) -> String {
    format!("erase-{number}")
}

/// Erases; the time from the beginning of the first disk to the end of the last one.
fn erased(lab: &Lab, node: &Node<'_>, numbers: &[usize]) -> Duration {
    let before = records(lab, node).len();
    let steps = json!([{ "interface": "deploy", "step": "erase_devices" }]);
    node.clean(&steps).unwrap();
    let records = records(lab, node).split_off(before);
    let serial_of = |record: &Value| record["serial"].as_str().unwrap_or_default().to_owned();
    let mut serials: Vec<String> = records.iter().map(serial_of).collect();
    serials.sort();
    let expected: Vec<String> = numbers.iter().map(|number| serial(*number)).collect();
    assert_eq!(serials, expected, "{records:#?}");
    for record in &records {
        assert_eq!(record["method"], "nvme_format", "{record}");
    }
    for number in numbers {
        assert_erased(&lab.disk("m1", *number));
    }
    let begun = records.iter().map(|record| time_of(record, "started_at"));
    let ended = records.iter().map(|record| time_of(record, "finished_at"));
    let (first, last) = (begun.min().unwrap(), ended.max().unwrap());
    last.duration_since(first).unsigned_abs()
}

/// What the conductor has kept of the node's erased disks, the oldest first.
pub(super) fn records(lab: &Lab, node: &Node<'_>) -> Vec<Value> {
    let path = format!("/ferric/v1/nodes/{}/erase-records", node.uuid);
    let page = lab.api().get(&path).unwrap();
    let records = page["erase_records"].as_array().unwrap().iter();
    let records = records.map(|record| record["envelope"]["record"]["erasure"].clone());
    records.collect()
}

fn time_of(record: &Value, field: &str) -> jiff::Timestamp {
    let time = record[field].as_str().unwrap();
    time.parse().unwrap()
}
