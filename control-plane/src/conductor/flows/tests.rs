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
    for (kind, name) in [("inspect", "agent"), ("rescue", "agent")] {
        node.interfaces.insert(kind.to_owned(), name.to_owned());
    }
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

/// What stands in docs/steps.md: the steps of each section in back quotes at the beginning of a row.
fn documented(section: &str) -> Option<String> {
    let text = include_str!("../../../../docs/steps.md");
    let body = text.split("\n## ").find_map(|part| {
        let (title, body) = part.split_once('\n')?;
        let names: Vec<&str> = title.split(", ").collect();
        names.contains(&section).then_some(body)
    })?;
    let rows = body.lines().filter_map(|line| line.strip_prefix("| `"));
    let steps: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    Some(steps.join(" "))
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
fn the_documentation_has_every_step_of_every_flow() {
    for (activity, name) in ACTIVITIES {
        let steps = names(&steps(activity, &node("direct")));
        assert_eq!(documented(name), Some(steps), "{name}");
    }
    let mut node = node("direct");
    let run = run_of(Activity::Deploy, 4);
    let left = names(&clearing_up(&run, &node, PowerOff::Yes));
    assert_eq!(documented("after a failure"), Some(left));
    node.disable_power_off = true;
    let restarts = clearing_up(&run, &node, PowerOff::Yes);
    let extra: Vec<_> = restarts.into_iter().map(|step| step.id).collect();
    let restart = extra.last().unwrap().to_string();
    assert_eq!(documented("instead of switching off"), Some(restart));
}

/// Each row says something in each of its columns.
#[test]
fn the_documentation_leaves_no_cell_empty() {
    let text = include_str!("../../../../docs/steps.md");
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert!(rows.len() > 40, "{}", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(
            cells.len() == 4 && cells.iter().all(|cell| cell.len() > 3),
            "{row}"
        );
    }
}

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

#[test]
fn service_steps_stand_between_the_ramdisk_and_the_instance() {
    let around = steps(Activity::Service, &node("direct"));
    let wanted = [requested("raid", "b", None), requested("deploy", "a", None)];
    let all = with_service_steps(around, &wanted);
    assert!(
        names(&all).starts_with("power.off boot.ramdisk agent.get_steps raid.b deploy.a power.off")
    );
    let error = without_ramdisk(all.clone()).unwrap_err();
    assert!(error.contains("raid.b"), "{error}");
    let mut run = run_of(Activity::Service, 2);
    run.steps = all;
    let error = service_with_agent_steps(&run, &[offered("raid", "b", 0)]).unwrap_err();
    assert!(error.contains("deploy.a"), "{error}");
    let known = [offered("raid", "b", 0), offered("deploy", "a", 0)];
    let known = service_with_agent_steps(&run, &known).unwrap();
    assert_eq!(names(&known), names(&run.steps));
    assert!(!known[3].abortable && !known[4].abortable);
}
