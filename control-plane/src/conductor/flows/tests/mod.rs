//! The lists of steps, whole.

mod documentation;

use super::requested::StepRequestError;
use super::*;
use crate::conductor::requests::RequestedStep;
use ferric_agent_protocol::steps::StepSpec;
use ferric_model::ids::{NodeId, TemplateId};
use ferric_model::recipe::{DeployTemplate, TemplateStep};
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) fn node(deploy: &str) -> Node {
    let mut node = Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH);
    node.interfaces
        .insert("deploy".to_owned(), deploy.to_owned());
    for (kind, name) in [("inspect", "agent"), ("rescue", "agent")] {
        node.interfaces.insert(kind.to_owned(), name.to_owned());
    }
    node
}

pub(super) fn rules<'a>(offers: &'a [Offer], in_band: InBand) -> Rules<'a> {
    Rules {
        offers,
        children: &[],
        denied: &[],
        denied_by: "disallow_clean_steps",
        in_band,
    }
}

pub(super) fn names(steps: &[Step]) -> String {
    steps
        .iter()
        .map(|step| step.id.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

pub(super) fn spec(value: Value) -> Offer {
    Offer::of_agent(&serde_json::from_value::<StepSpec>(value).unwrap())
}

pub(super) fn offered(interface: &str, name: &str, priority: u32) -> Offer {
    spec(json!({"interface": interface, "step": name, "priority": priority}))
}

pub(super) fn driver(interface: &str, name: &str, priority: u32) -> Offer {
    Offer {
        by: Performer::Driver,
        requires_ramdisk: false,
        recovery: Recovery::Fail,
        ..offered(interface, name, priority)
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "reads better where it is called"
)]
pub(super) fn asked(interface: &str, name: &str, args: Value) -> RequestedStep {
    RequestedStep {
        args: args.as_object().unwrap().clone(),
        ..RequestedStep::new(interface, name)
    }
}

pub(super) fn ranked(interface: &str, name: &str, priority: u32) -> RequestedStep {
    RequestedStep {
        priority: Some(priority),
        ..RequestedStep::new(interface, name)
    }
}

fn template(name: &str, steps: &[(&str, &str, u32)]) -> DeployTemplate {
    let mut template = DeployTemplate::new(TemplateId(Uuid::nil()), Timestamp::UNIX_EPOCH);
    template.name = name.to_owned();
    let steps = steps
        .iter()
        .map(|(interface, step, priority)| TemplateStep {
            interface: (*interface).to_owned(),
            step: (*step).to_owned(),
            args: Object::new(),
            priority: *priority,
        });
    template.steps = steps.collect();
    template
}

pub(super) fn run_of(activity: Activity, steps: Vec<Step>, index: usize) -> Run {
    let mut run = run(RunId(Uuid::nil()), activity, steps, Timestamp::UNIX_EPOCH);
    run.index = index;
    run
}

/// At its question for the agent's steps.
pub(super) fn told(
    run: &Run,
    agent: &[Offer],
    driver: &[Offer],
    settings: &str,
) -> Result<String, String> {
    let mut run = run.clone();
    let is_question = |step: &Step| step.id == id("agent", "get_steps");
    run.index = run.steps.iter().position(is_question).unwrap();
    let settings: Steps = toml::from_str(settings).unwrap();
    let told = Told {
        agent,
        driver,
        settings: &settings,
    };
    told.steps(&run).map(|steps| names(&steps))
}

const DIRECT: &str = "deploy.check_image power.off deploy.deploy agent.get_steps deploy.write_image \
                      deploy.prepare_instance_boot deploy.tear_down_agent deploy.switch_to_tenant_network \
                      deploy.boot_instance";

pub(super) fn deploy(
    offers: &[Offer],
    templates: &[DeployTemplate],
    requested: &[RequestedStep],
) -> Result<String, StepRequestError> {
    let rules = rules(offers, InBand::Possible);
    compose_deploy(&node("direct"), &rules, templates, requested)
        .map(|composed| names(&composed.steps))
}

#[test]
fn a_direct_deploy_has_ironics_steps() {
    assert_eq!(deploy(&[], &[], &[]).unwrap(), DIRECT);
    let fake = rules(&[], InBand::Missing);
    let fake = compose_deploy(&node("fake"), &fake, &[], &[]).unwrap();
    assert_eq!(names(&fake.steps), "deploy.deploy");
}

#[test]
fn a_request_beats_a_template_and_a_template_the_driver() {
    let drivers = [
        driver("raid", "apply_configuration", 95),
        driver("bios", "reset", 0),
    ];
    let steps = deploy(&drivers, &[], &[]).unwrap();
    assert!(steps.contains("agent.get_steps raid.apply_configuration deploy.write_image"));
    assert!(!steps.contains("bios.reset"));
    let templates = [
        template(
            "CUSTOM_A",
            &[("raid", "apply_configuration", 70), ("bios", "reset", 85)],
        ),
        template("CUSTOM_B", &[("deploy", "burn", 82)]),
    ];
    let steps = deploy(&drivers, &templates, &[]).unwrap();
    let expected = "agent.get_steps bios.reset deploy.burn deploy.write_image raid.apply_configuration \
                    deploy.prepare_instance_boot";
    assert!(steps.contains(expected), "{steps}");
    let requested = [
        ranked("raid", "apply_configuration", 50),
        ranked("bios", "reset", 0),
    ];
    let steps = deploy(&drivers, &templates, &requested).unwrap();
    let expected = "agent.get_steps deploy.burn deploy.write_image deploy.prepare_instance_boot \
                    raid.apply_configuration deploy.tear_down_agent";
    assert!(steps.contains(expected), "{steps}");
    let twice = [
        templates[0].clone(),
        template("CUSTOM_C", &[("bios", "reset", 1)]),
    ];
    let expected = StepRequestError::Twice(
        "CUSTOM_A".to_owned(),
        "CUSTOM_C".to_owned(),
        id("bios", "reset"),
    );
    assert_eq!(deploy(&drivers, &twice, &[]), Err(expected));
}

#[test]
fn the_core_step_may_be_disabled_and_no_more() {
    let steps = deploy(&[], &[], &[ranked("deploy", "deploy", 0)]).unwrap();
    assert!(!steps.contains("deploy.deploy"));
    let check = |request, expected| assert_eq!(deploy(&[], &[], &[request]), Err(expected));
    check(ranked("deploy", "deploy", 50), StepRequestError::Core);
    check(
        ranked("raid", "x", 100),
        StepRequestError::BeforeRamdisk(id("raid", "x")),
    );
    check(
        RequestedStep::new("raid", "x"),
        StepRequestError::NoPriority(id("raid", "x")),
    );
    // What the conductor does for its own ends cannot be taken out.
    let kept = deploy(
        &[],
        &[],
        &[
            ranked("power", "off", 0),
            ranked("deploy", "check_image", 0),
        ],
    );
    assert_eq!(kept.unwrap(), DIRECT);
}

#[test]
fn the_agents_deploy_steps_find_their_place_unless_disabled() {
    let rules = rules(&[], InBand::Possible);
    let requested = [ranked("deploy", "burn", 0), ranked("raid", "x", 70)];
    let composed = compose_deploy(&node("direct"), &rules, &[], &requested).unwrap();
    let run = composed_run(
        RunId(Uuid::nil()),
        Activity::Deploy,
        composed,
        Timestamp::UNIX_EPOCH,
    );
    let agent = [
        offered("deploy", "write_image", 0),
        offered("deploy", "burn", 90),
        offered("bios", "late", 200),
        offered("raid", "x", 0),
        offered("raid", "shadowed", 10),
        offered("vendor", "send_raw", 50),
    ];
    let steps = told(&run, &agent, &[driver("raid", "shadowed", 0)], "").unwrap();
    let expected = "agent.get_steps bios.late deploy.write_image raid.x deploy.prepare_instance_boot \
                    deploy.tear_down_agent";
    assert!(steps.contains(expected), "{steps}");
    for absent in ["burn", "shadowed", "send_raw"] {
        assert!(!steps.contains(absent), "{steps}");
    }
    let error = told(&run, &agent[..1], &[], "").unwrap_err();
    assert_eq!(
        error,
        "the agent does not offer the deploy step raid.x; it offers: deploy.write_image"
    );
}

#[test]
fn automated_cleaning_mixes_agent_and_driver_by_priority() {
    let run = run_of(
        Activity::Clean,
        automated_clean(&node("direct"), &[], &Steps::default()),
        0,
    );
    let agent = [
        offered("deploy", "erase_devices", 10),
        offered("deploy", "erase_devices_metadata", 99),
        offered("raid", "delete_configuration", 0),
        offered("bios", "reset", 50),
        offered("vendor", "send_raw", 60),
    ];
    let driver = [driver("bios", "reset", 20), driver("power", "x", 10)];
    let check = |settings: &str, expected: &str| {
        let expected =
            format!("power.off boot.ramdisk agent.get_steps {expected} power.off boot.clean_up");
        assert_eq!(told(&run, &agent, &driver, settings).unwrap(), expected);
    };
    check(
        "",
        "deploy.erase_devices_metadata bios.reset power.x deploy.erase_devices",
    );
    check(
        "erase_devices_priority = 0\ndelete_configuration_priority = 100",
        "raid.delete_configuration deploy.erase_devices_metadata bios.reset power.x",
    );
    check(
        "clean_step_priority_override = { 'bios.reset' = 0, 'deploy.erase_devices' = 98 }\n\
         disallow_clean_steps = ['power.x']",
        "deploy.erase_devices_metadata deploy.erase_devices vendor.send_raw",
    );
    let without_ramdisk = automated_clean(&node("fake"), &driver, &Steps::default());
    assert_eq!(names(&without_ramdisk), "bios.reset power.x");
}

#[test]
fn verifying_does_what_the_driver_wants_by_priority() {
    let offers = [
        driver("bios", "look", 1),
        driver("management", "verify_bmc_clock", 1),
        driver("management", "clear_job_queue", 0),
    ];
    assert_eq!(names(&verify(&[], &Steps::default())), "power.get");
    let steps = verify(&offers, &Steps::default());
    assert_eq!(
        names(&steps),
        "power.get management.verify_bmc_clock bios.look verify.conclude"
    );
    let settings =
        "verify_step_priority_override = { 'management.clear_job_queue' = 9, 'bios.look' = 0 }";
    let steps = verify(&offers, &toml::from_str(settings).unwrap());
    assert_eq!(
        names(&steps),
        "power.get management.clear_job_queue management.verify_bmc_clock verify.conclude"
    );
}

#[test]
fn a_failed_run_switches_off_only_what_it_has_touched() {
    let node = node("direct");
    let composed = compose_deploy(&node, &rules(&[], InBand::Possible), &[], &[]).unwrap();
    let left = |index, power_off| {
        let run = run_of(Activity::Rebuild, composed.steps.clone(), index);
        names(&clearing_up(&run, &node, power_off))
    };
    assert_eq!(left(0, PowerOff::Yes), "");
    assert_eq!(
        left(4, PowerOff::Yes),
        "agent.collect_logs power.off boot.clean_up"
    );
    assert_eq!(left(4, PowerOff::No), "agent.collect_logs boot.clean_up");
    assert_eq!(
        left(5, PowerOff::Yes),
        "agent.collect_logs agent.discard_image power.off boot.clean_up"
    );
}

#[test]
fn what_a_step_has_left_half_done_decides_whether_it_may_be_repeated() {
    for (interface, name, expected) in [
        ("deploy", "write_image", true),
        ("deploy", "erase_devices_metadata", true),
        ("raid", "create_configuration", false),
        ("firmware", "write_image", false),
    ] {
        let step = agent_step(interface, name, 0);
        assert_eq!(may_be_repeated(&step), expected, "{}", step.id);
    }
    assert!(may_be_repeated(&step("power", "off", 0)));
}

const ACTIVITIES: [(Activity, &str); 11] = [
    (Activity::Verify, "verify"),
    (Activity::Inspect, "inspect"),
    (Activity::Deploy, "deploy"),
    (Activity::Rebuild, "rebuild"),
    (Activity::Delete, "delete"),
    (Activity::Clean, "clean"),
    (Activity::ManualClean, "manual clean"),
    (Activity::Adopt, "adopt"),
    (Activity::Rescue, "rescue"),
    (Activity::Unrescue, "unrescue"),
    (Activity::Service, "service"),
];

#[test]
fn a_machine_that_must_not_be_off_is_restarted_after_what_decides_on_its_boot() {
    let mut node = node("direct");
    node.disable_power_off = true;
    let check = |activity, expected: &str| assert_eq!(names(&steps(activity, &node)), expected);
    check(
        Activity::Inspect,
        "boot.ramdisk boot.clean_up power.restart",
    );
    check(
        Activity::Clean,
        "boot.ramdisk agent.get_steps boot.clean_up power.restart",
    );
    check(
        Activity::Delete,
        "boot.clean_up power.restart deploy.tear_down",
    );
    check(
        Activity::Unrescue,
        "boot.disk deploy.switch_to_tenant_network power.restart",
    );
    check(
        Activity::Service,
        "boot.ramdisk agent.get_steps boot.disk deploy.switch_to_tenant_network power.restart",
    );
    for (activity, name) in ACTIVITIES {
        let names = names(&steps(activity, &node));
        assert!(!names.contains("power.off"), "{name}: {names}");
    }
}
