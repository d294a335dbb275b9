//! Which steps a node's interfaces offer, and what their arguments may be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{OfferedStep, StepFlow, check_arguments};
use crate::{Drivers, Enabled, HARDWARE_TYPES, InterfaceKind, fake, redfish, resolve};

fn offered(hardware_type: &str) -> Vec<&'static OfferedStep> {
    let interfaces = resolve(hardware_type, &Enabled::default(), &BTreeMap::new()).unwrap();
    Drivers::steps(&interfaces)
}

fn table(hardware_type: &str) -> Vec<String> {
    let rows = offered(hardware_type).into_iter().map(|step| {
        let flows = StepFlow::ALL
            .into_iter()
            .filter_map(|flow| step.offer(flow));
        let flows = flows.map(|offer| {
            let ramdisk = if offer.requires_ramdisk {
                "+ramdisk"
            } else {
                ""
            };
            format!("{:?}:{}{ramdisk}", offer.flow, offer.priority)
        });
        let flows: Vec<_> = flows.collect();
        format!("{}.{} {}", step.interface, step.name, flows.join(" "))
    });
    rows.collect()
}

#[test]
fn fake_machines_offer_what_a_bmc_may_finish_by_itself() {
    assert_eq!(
        table("fake-hardware"),
        [
            "bios.apply_configuration Clean:0 Deploy:0 Service:0",
            "bios.factory_reset Clean:0 Deploy:0 Service:0",
            "firmware.update Clean:0+ramdisk Deploy:0+ramdisk Service:0",
            "raid.apply_configuration Deploy:0+ramdisk Service:0+ramdisk",
            "raid.create_configuration Clean:0+ramdisk",
            "raid.delete_configuration Clean:0+ramdisk Deploy:0+ramdisk Service:0+ramdisk",
        ]
    );
}

#[test]
fn a_machine_that_nobody_manages_offers_nothing() {
    assert_eq!(table("manual-management"), [""; 0]);
}

#[test]
fn no_step_stands_in_a_flow_or_in_a_list_twice() {
    for hardware_type in &HARDWARE_TYPES {
        let mut names: Vec<_> = table(hardware_type.name);
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{}", hardware_type.name);
        for step in offered(hardware_type.name) {
            for flow in StepFlow::ALL {
                let offers = step.offers.iter().filter(|offer| offer.flow == flow);
                assert!(offers.count() <= 1, "{step:?}");
            }
        }
    }
}

/// The steps in the first column of the table of steps.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../docs/hardware-steps.md");
    let (_, table) = page.split_once("\n| step |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows = table.lines().skip(2);
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let names = cells.flat_map(|cell| cell.split(", "));
    let bare = |name: &str| {
        name.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    names.map(bare).collect()
}

#[test]
fn the_documentation_has_a_line_for_each_step_and_no_other() {
    let all = fake::STEPS.iter().chain(redfish::STEPS);
    let mut offered: BTreeSet<String> = all
        .map(|step| format!("{}.{}", step.interface, step.name))
        .collect();
    offered.insert("raid.read_configuration".to_owned());
    assert_eq!(documented(), offered);
}

fn refusal(kind: InterfaceKind, name: &str, given: &Value) -> Option<String> {
    let offered = offered("fake-hardware");
    let step = offered
        .into_iter()
        .find(|step| step.interface == kind && step.name == name)
        .unwrap();
    let subject = format!("{kind}.{name}");
    check_arguments(&subject, step.arguments, given.as_object().unwrap())
        .err()
        .map(|error| error.to_string())
}

#[test]
fn arguments_that_fit_are_taken() {
    let cases = [
        (
            InterfaceKind::Bios,
            "apply_configuration",
            json!({"settings": [{"name": "ProcTurboMode", "value": "Enabled"}, {"name": "N", "value": 3}, {"name": "B", "value": true}]}),
        ),
        (InterfaceKind::Bios, "factory_reset", json!({})),
        (InterfaceKind::Raid, "create_configuration", json!({})),
        (
            InterfaceKind::Raid,
            "create_configuration",
            json!({"create_root_volume": false, "delete_existing": true}),
        ),
        (
            InterfaceKind::Raid,
            "apply_configuration",
            json!({"raid_config": {"logical_disks": [{"size_gb": "MAX", "raid_level": "1"}]}}),
        ),
        (
            InterfaceKind::Firmware,
            "update",
            json!({"settings": [{"component": "bmc", "url": "http://a/b", "wait": 300}]}),
        ),
    ];
    for (kind, name, given) in cases {
        assert_eq!(refusal(kind, name, &given), None, "{kind}.{name} {given}");
    }
}

#[test]
fn each_refusal_names_the_argument_and_what_is_allowed() {
    let cases = [
        (
            InterfaceKind::Bios,
            "apply_configuration",
            json!({}),
            "bios.apply_configuration needs the argument 'settings': a list of BIOS settings to be applied, each with name and value",
        ),
        (
            InterfaceKind::Bios,
            "apply_configuration",
            json!({"settings": {}}),
            "settings of bios.apply_configuration must be a list of at least one object, not {}",
        ),
        (
            InterfaceKind::Bios,
            "apply_configuration",
            json!({"settings": ["a"]}),
            "settings[0] of bios.apply_configuration must be an object, not \"a\"",
        ),
        (
            InterfaceKind::Bios,
            "apply_configuration",
            json!({"settings": [{"name": "a", "value": [1]}]}),
            "value of settings[0] of bios.apply_configuration must be a text, a number, true or false, not [1]",
        ),
        (
            InterfaceKind::Bios,
            "apply_configuration",
            json!({"settings": [{"name": "a"}]}),
            "settings[0] of bios.apply_configuration needs the argument 'value': its new value",
        ),
        (
            InterfaceKind::Bios,
            "factory_reset",
            json!({"hard": true}),
            "bios.factory_reset does not take the argument 'hard'; it takes: none",
        ),
        (
            InterfaceKind::Raid,
            "create_configuration",
            json!({"create_root_volume": "yes"}),
            "create_root_volume of raid.create_configuration must be true or false, not \"yes\"",
        ),
        (
            InterfaceKind::Raid,
            "apply_configuration",
            json!({"raid_config": {"logical_disks": [{"size_gb": 1}]}}),
            "raid_config of raid.apply_configuration: invalid RAID configuration: logical_disks[0]: raid_level is missing",
        ),
        (
            InterfaceKind::Firmware,
            "update",
            json!({"settings": [{"component": "bmc", "url": "http://a/b", "wait": "300"}]}),
            "wait of settings[0] of firmware.update must be a whole number, 0 or more, not \"300\"",
        ),
    ];
    for (kind, name, given, expected) in cases {
        assert_eq!(refusal(kind, name, &given).as_deref(), Some(expected));
    }
}
