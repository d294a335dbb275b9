//! Lists that somebody asked for: what is taken, what is refused, and what of it waits for the agent.

use super::requested::{StepRequestError, need_ramdisk};
use super::tests::{asked, deploy, driver, names, node, ranked, rules, run_of, spec, told};
use super::*;
use crate::conductor::requests::{Origin, RequestedStep};
use ferric_model::ids::NodeId;
use serde_json::{Value, json};
use uuid::Uuid;

fn listed_names(rules: &Rules<'_>, requested: &[RequestedStep]) -> Result<String, String> {
    let steps = listed(&node("direct"), rules, requested, Origin::Client);
    steps
        .map(|steps| names(&clean_around(&node("direct"), steps)))
        .map_err(|error| error.to_string())
}

#[test]
fn a_manual_clean_boots_the_ramdisk_only_if_a_step_needs_it() {
    let offers = [driver("bios", "reset", 0)];
    let rules = rules(&offers, InBand::Possible);
    let found = listed_names(&rules, &[asked("bios", "reset", json!({}))]);
    assert_eq!(found.unwrap(), "bios.reset");
    let both = [
        asked("bios", "reset", json!({})),
        asked("deploy", "erase_devices", json!({})),
        asked("power", "reboot", json!({})),
    ];
    let expected = "power.off boot.ramdisk agent.get_steps bios.reset deploy.erase_devices power.reboot \
                    power.off boot.clean_up";
    assert_eq!(listed_names(&rules, &both).unwrap(), expected);
    let disabled = Rules {
        in_band: InBand::Disabled,
        ..rules
    };
    let error = listed_names(&disabled, &both).unwrap_err();
    assert!(
        error.contains("deploy.erase_devices needs the ramdisk"),
        "{error}"
    );
    let needing = [Offer {
        requires_ramdisk: true,
        ..offers[0].clone()
    }];
    let disabled = Rules {
        offers: &needing,
        ..disabled
    };
    let error = listed_names(&disabled, &both[..1]).unwrap_err();
    assert!(error.contains("bios.reset needs the ramdisk"), "{error}");
    let missing = Rules {
        in_band: InBand::Missing,
        ..rules
    };
    let error = listed_names(&missing, &both).unwrap_err();
    assert!(
        error.contains("nobody offers the step deploy.erase_devices"),
        "{error}"
    );
    assert!(error.contains("there are: bios.reset"), "{error}");
}

#[test]
fn denied_steps_are_refused_to_clients_and_left_out_of_runbooks() {
    let denied = ["vendor.send_raw".to_owned()];
    let rules = Rules {
        denied: &denied,
        ..rules(&[], InBand::Possible)
    };
    let wanted = [
        asked("vendor", "send_raw", json!({})),
        asked("deploy", "erase_devices", json!({})),
    ];
    let error = listed_names(&rules, &wanted).unwrap_err();
    assert!(error.contains("vendor.send_raw is not allowed"), "{error}");
    assert!(error.contains("disallow_clean_steps"), "{error}");
    let kept = listed(&node("direct"), &rules, &wanted, Origin::Stored).unwrap();
    assert_eq!(names(&kept), "deploy.erase_devices");
}

#[test]
fn arguments_are_checked_as_soon_as_they_can_be() {
    let argsinfo = json!({"level": {"description": "d", "required": true, "type": "integer"}});
    let known = Offer {
        arguments: offer::Arguments::Info(argsinfo.as_object().cloned()),
        ..driver("bios", "set", 0)
    };
    let offers = [known];
    let rules = rules(&offers, InBand::Possible);
    let refused = |args: Value, part: &str| {
        let error = listed_names(&rules, &[asked("bios", "set", args)]).unwrap_err();
        assert!(error.contains(part), "{error}");
    };
    refused(
        json!({}),
        "bios.set needs the argument level; it takes level",
    );
    refused(
        json!({"level": "x"}),
        "must be of the type integer, not string",
    );
    refused(json!({"level": 1, "x": 1}), "takes no argument x");
    // In band it is known only when the agent is up.
    let steps = [asked("deploy", "burn", json!({"level": "x"}))];
    let steps = listed(&node("direct"), &rules, &steps, Origin::Client).unwrap();
    let run = run_of(
        Activity::ManualClean,
        clean_around(&node("direct"), steps),
        0,
    );
    let burn =
        |info: &Value| spec(json!({"interface": "deploy", "step": "burn", "argsinfo": info}));
    let error = told(&run, &[burn(&argsinfo)], &[], "").unwrap_err();
    assert_eq!(
        error,
        "the argument level of deploy.burn must be of the type integer, not string"
    );
    let untyped = json!({"level": {"description": "d", "required": true}});
    assert!(told(&run, &[burn(&untyped)], &[], "").is_ok());
    let error = told(&run, &[burn(&json!(null))], &[], "").unwrap_err();
    assert!(
        error.contains("takes no argument level; it takes none"),
        "{error}"
    );
}

#[test]
fn reserved_steps_are_known_on_every_interface() {
    let rules = rules(&[], InBand::Missing);
    let wanted = [
        asked("power", "power_off", json!({})),
        asked("deploy", "wait", json!({"seconds": 30})),
        asked("vendor", "hold", json!({})),
        asked("power", "power_on", json!({})),
        asked("power", "reboot", json!({})),
    ];
    assert_eq!(
        listed_names(&rules, &wanted).unwrap(),
        "power.power_off deploy.wait vendor.hold power.power_on power.reboot"
    );
    let refused = |args: Value, part: &str| {
        let error = listed_names(&rules, &[asked("deploy", "wait", args)]).unwrap_err();
        assert!(error.contains(part), "{error}");
    };
    refused(json!({}), "deploy.wait needs the argument seconds");
    refused(json!({"seconds": 31}), "from 0 to 30, not 31");
    refused(json!({"seconds": "x"}), "from 0 to 30");
    refused(json!({"seconds": true}), "must be of the type");
    let mut fixed = node("direct");
    fixed.disable_power_off = true;
    let error = listed(&fixed, &rules, &wanted[..1], Origin::Client).unwrap_err();
    assert_eq!(
        error,
        StepRequestError::PowerOffDisabled(id("power", "power_off"))
    );
}

#[test]
fn a_machine_that_is_off_runs_no_agent() {
    let rules = rules(&[], InBand::Possible);
    let off = asked("power", "power_off", json!({}));
    let erase = asked("deploy", "erase_devices", json!({}));
    let error = listed_names(&rules, &[off.clone(), erase.clone()]).unwrap_err();
    assert!(
        error.contains("put a power_on or reboot in between"),
        "{error}"
    );
    let on = asked("power", "power_on", json!({}));
    assert!(listed_names(&rules, &[off, on, erase]).is_ok());
    let error = deploy(&[], &[], &[ranked("power", "power_off", 70)]).unwrap_err();
    assert_eq!(
        error,
        StepRequestError::PoweredOff(id("deploy", "prepare_instance_boot"))
    );
}

#[test]
fn steps_on_child_nodes() {
    let one = NodeId(Uuid::from_u128(1));
    let children = [Child {
        node: one,
        offers: vec![driver("bios", "reset", 0)],
    }];
    let rules = Rules {
        children: &children,
        ..rules(&[], InBand::Possible)
    };
    let on_child = |interface: &str, name: &str, only: &[NodeId]| {
        let request = RequestedStep {
            on_children: Some(only.to_vec()),
            ..RequestedStep::new(interface, name)
        };
        listed(&node("direct"), &rules, &[request], Origin::Client)
    };
    let steps = on_child("power", "power_off", &[one]).unwrap();
    assert_eq!(steps[0].place, Place::Children { only: vec![one] });
    assert!(!need_ramdisk(&steps));
    assert_eq!(
        on_child("bios", "reset", &[]).unwrap()[0].by,
        Performer::Driver
    );
    let other = NodeId(Uuid::from_u128(2));
    let refused = |outcome: Result<Vec<Step>, StepRequestError>, part: &str| {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(
        on_child("power", "reboot", &[other]),
        "is not a child of this node",
    );
    refused(
        on_child("power", "hold", &[]),
        "cannot be done on child nodes",
    );
    refused(
        on_child("deploy", "burn", &[]),
        "does not offer the step deploy.burn; it offers: bios.reset",
    );
}

#[test]
fn service_steps_stand_between_the_ramdisk_and_the_instance() {
    let offers = [driver("bios", "reset", 0)];
    let rules = rules(&offers, InBand::Possible);
    let around = |wanted: &[RequestedStep]| {
        let steps = listed(&node("direct"), &rules, wanted, Origin::Client).unwrap();
        service_around(&node("direct"), steps)
    };
    let wanted = [
        asked("raid", "b", json!({})),
        asked("bios", "reset", json!({})),
        asked("deploy", "a", json!({})),
    ];
    let all = around(&wanted);
    let expected = "power.off boot.ramdisk agent.get_steps raid.b bios.reset deploy.a power.off \
                    boot.disk deploy.switch_to_tenant_network power.on";
    assert_eq!(names(&all), expected);
    let run = run_of(Activity::Service, all, 0);
    let offered = |interface: &str, name: &str| spec(json!({"interface": interface, "step": name}));
    let error = told(&run, &[offered("raid", "b")], &offers, "").unwrap_err();
    assert!(
        error.contains("the service step deploy.a; it offers: raid.b"),
        "{error}"
    );
    let known = [offered("raid", "b"), offered("deploy", "a")];
    assert_eq!(told(&run, &known, &offers, "").unwrap(), expected);
    assert_eq!(names(&around(&wanted[1..2])), "bios.reset");
}
