//! The lists of steps, whole.

use super::deploy::StepRequestError;
use super::*;
use crate::conductor::requests::RequestedStep;
use ferric_agent_protocol::steps::StepSpec;
use uuid::Uuid;

fn node(deploy: &str) -> Node {
    let mut node = Node::new(
        ferric_model::ids::NodeId(Uuid::nil()),
        "redfish",
        Timestamp::UNIX_EPOCH,
    );
    node.interfaces
        .insert("deploy".to_owned(), deploy.to_owned());
    node.interfaces
        .insert("inspect".to_owned(), "agent".to_owned());
    node
}

fn run_of(activity: Activity, index: usize) -> Run {
    let steps = steps(activity, &node("direct"));
    let mut run = run(RunId(Uuid::nil()), activity, steps, Timestamp::UNIX_EPOCH);
    run.index = index;
    run
}

fn names(steps: &[Step]) -> String {
    steps
        .iter()
        .map(|step| step.id.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

fn offered(interface: &str, name: &str, priority: i64) -> StepSpec {
    serde_json::from_value(
        serde_json::json!({"interface": interface, "step": name, "priority": priority}),
    )
    .unwrap()
}

fn requested(interface: &str, name: &str, priority: Option<u32>) -> RequestedStep {
    let (interface, step) = (interface.to_owned(), name.to_owned());
    RequestedStep {
        interface,
        step,
        args: Object::new(),
        priority,
    }
}

#[test]
fn a_direct_deploy_has_ironics_steps() {
    let expected = "deploy.check_image power.off deploy.deploy agent.get_steps deploy.write_image \
                    deploy.prepare_instance_boot deploy.tear_down_agent deploy.switch_to_tenant_network \
                    deploy.boot_instance";
    assert_eq!(names(&steps(Activity::Deploy, &node("direct"))), expected);
    assert_eq!(
        names(&steps(Activity::Deploy, &node("fake"))),
        "deploy.deploy"
    );
}

#[test]
fn automated_cleaning_does_the_agents_steps_by_priority() {
    let offered = [
        offered("deploy", "erase_devices", 10),
        offered("deploy", "erase_devices_metadata", 99),
        offered("raid", "delete_configuration", 0),
    ];
    let steps = clean_with_agent_steps(&run_of(Activity::Clean, 2), &offered).unwrap();
    let expected = "power.off boot.ramdisk agent.get_steps deploy.erase_devices_metadata deploy.erase_devices \
                    power.off boot.clean_up";
    assert_eq!(names(&steps), expected);
}

#[test]
fn steps_that_clients_ask_for_find_their_place() {
    let direct = steps(Activity::Deploy, &node("direct"));
    let wanted = [
        requested("raid", "apply_configuration", Some(90)),
        requested("deploy", "boot_instance", Some(0)),
    ];
    let steps = with_requested(direct.clone(), &wanted).unwrap();
    assert!(names(&steps).contains("agent.get_steps raid.apply_configuration deploy.write_image"));
    assert!(!names(&steps).contains("boot_instance"));
    let check =
        |request, expected| assert_eq!(with_requested(direct.clone(), &[request]), Err(expected));
    check(
        requested("deploy", "deploy", Some(50)),
        StepRequestError::Core,
    );
    check(
        requested("raid", "x", Some(100)),
        StepRequestError::BeforeRamdisk(id("raid", "x")),
    );
    check(
        requested("raid", "x", None),
        StepRequestError::NoPriority(id("raid", "x")),
    );
}

#[test]
fn a_step_that_the_agent_does_not_offer_is_named() {
    let mut run = run_of(Activity::Deploy, 3);
    let write = offered("deploy", "write_image", 0);
    assert_eq!(
        deploy_with_agent_steps(&run, std::slice::from_ref(&write)).unwrap(),
        run.steps
    );
    run.steps = with_requested(run.steps, &[requested("raid", "x", Some(90))]).unwrap();
    let error = deploy_with_agent_steps(&run, &[write]).unwrap_err();
    assert!(error.contains("raid.x"), "{error}");
}

#[test]
fn a_failed_run_switches_off_only_what_it_has_touched() {
    let node = node("direct");
    let left = |index, power_off| {
        names(&clearing_up(
            &run_of(Activity::Rebuild, index),
            &node,
            power_off,
        ))
    };
    assert_eq!(left(0, PowerOff::Yes), "");
    assert_eq!(
        left(4, PowerOff::Yes),
        "agent.collect_logs power.off boot.clean_up"
    );
    assert_eq!(left(4, PowerOff::No), "agent.collect_logs boot.clean_up");
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
