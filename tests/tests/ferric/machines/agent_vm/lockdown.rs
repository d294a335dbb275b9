//! A machine that must not be switched off: at the end of a deploy its agent is locked down, and its BMC restarts it.

use crate::machines::{LOGIN, available, told};
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Firmware, Machine};
use serde_json::{Value, json};

const HOST_NAME: &str = "always-on";

#[test]
fn an_agent_that_is_locked_down_answers_nobody_and_its_machine_goes_on() {
    let machine = Machine::new(1, "m1", Firmware::Uefi);
    let lab = Lab::start(&Plan::new("lockdown", vec![machine])).unwrap();
    told(lab, |lab| {
        let node = available(lab, "m1");
        node.set("/disable_power_off", &json!(true)).unwrap();
        node.image(&lab.images().system).unwrap();
        let console = lab.serial("m1").len();
        node.start_deploy(HOST_NAME).unwrap();
        node.becomes_active().unwrap();
        lab.serial("m1")
            .wait_for(&format!("{HOST_NAME} login:"), console, LOGIN)
            .unwrap();
        let events = node.events(0).unwrap();
        // It was off before it was first asked, of which there is an event, too.
        let went_off = |event: &&Value| {
            event["event"] == "power_changed"
                && event["from"] == "power on"
                && event["to"] == "power off"
        };
        let went_off: Vec<&Value> = events.iter().filter(went_off).collect();
        assert!(went_off.is_empty(), "it was switched off: {went_off:?}");
        // The conductor has asked until nobody answered any more; else it notes that, and restarts the machine all the same.
        let notes = events.iter().filter_map(|event| event["text"].as_str());
        let failed: Vec<&str> = notes
            .filter(|text| text.contains("was not locked down"))
            .collect();
        assert!(failed.is_empty(), "{failed:?}");
    });
}
