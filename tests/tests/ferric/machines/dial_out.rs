//! A machine on a network that lets nothing in is deployed all the same, while the conductor dies, and cleaned.

use super::{LOGIN, available, told};
use ferric_tests::disk::partition_table;
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Machine};
use ferric_tests::node::Node;
use serde_json::{Value, json};

/// Where the machines are.
const NETWORK: &str = "192.168.100.0/24";
/// Of the provisioning listener, whose answers are let through.
const PORT: &str = "6380";

/// As behind a NAT: machines open connections, and nobody opens one to them, on whatever port.
fn let_nothing_in(lab: &Lab) {
    let of_the_listener = ["ipproto", "tcp", "sport", PORT, "lookup", "main"];
    rule(lab, "100", &of_the_listener);
    rule(lab, "101", &["ipproto", "tcp", "prohibit"]);
    // Whatever address a machine has.
    let knock = ": < /dev/tcp/192.168.100.150/9999";
    let refused = lab.exec(&["bash", "-c", knock]).unwrap_err().to_string();
    assert!(refused.contains("Permission denied"), "{refused}");
}

fn rule(lab: &Lab, preference: &str, words: &[&str]) {
    let begin = ["ip", "rule", "add", "pref", preference, "to", NETWORK];
    lab.exec(&[&begin[..], words].concat()).unwrap();
}

/// What the agent has logged, as the timeline has it.
fn logged(events: &[Value]) -> String {
    let pieces = events.iter().filter_map(|event| event["lines"].as_array());
    let lines: Vec<&str> = pieces.flatten().filter_map(Value::as_str).collect();
    lines.join("\n")
}

#[test]
fn a_machine_that_nobody_can_connect_to_is_deployed_and_cleaned() {
    let disks = vec![Disk::new("virtio", "6GiB", "m1-root")];
    let machine = Machine::new(1, "m1", Firmware::Uefi).disks(disks);
    let lab = Lab::start(&Plan {
        settings: "[agent]\ndial_out = true\n".to_owned(),
        ..Plan::new("dial-out", vec![machine])
    });
    told(lab.unwrap(), |lab| {
        let_nothing_in(lab);
        {
            let node = available(lab, "m1");
            node.image(&lab.images().system).unwrap();
            node.start_deploy("hermit").unwrap();
            node.writes(1 << 20).unwrap();
            let info = node.get().unwrap()["driver_internal_info"].clone();
            assert_eq!(info["agent_url"], "https://dial-out.invalid", "{info}");
        }
        let console = lab.serial("m1").len();
        lab.kill_conductor().unwrap();
        lab.start_conductor().unwrap();
        let node = Node::known(lab, "m1").unwrap();
        node.becomes_active().unwrap();
        let started = |event: &&Value| {
            event["event"] == "step_started" && event["step"]["step"] == "write_image"
        };
        let events = node.events(0).unwrap();
        assert_eq!(events.iter().filter(started).count(), 1);
        let log = logged(&events);
        assert_eq!(log.matches("ferric-agent begins").count(), 1, "{log}");
        assert!(log.contains("serial=\"m1-root\""), "{log}");
        lab.serial("m1")
            .wait_for("hermit login:", console, LOGIN)
            .unwrap();

        node.set("/automated_clean", &json!(true)).unwrap();
        node.undeploy().unwrap();
        assert_eq!(partition_table(&lab.disk("m1", 0)).unwrap(), None);
    });
}
