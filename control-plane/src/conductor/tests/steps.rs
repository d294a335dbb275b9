//! Steps that are asked for, mixed and reserved, as a node goes through them.

use super::agent::Plan;
use super::lab::Lab;
use crate::conductor::requests::{ProvisionRequest, Ramdisk, RequestError, RequestedStep};
use ferric_drivers::{BootDevice, PowerState};
use ferric_model::event::What;
use ferric_model::ids::TemplateId;
use ferric_model::node::NetworkBoot;
use ferric_model::recipe::{DeployTemplate, TemplateStep};
use ferric_model::run::WaitReason;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

#[expect(
    clippy::needless_pass_by_value,
    reason = "reads better where it is called"
)]
pub(super) fn step(interface: &str, name: &str, args: Value) -> RequestedStep {
    RequestedStep {
        args: args.as_object().unwrap().clone(),
        ..RequestedStep::new(interface, name)
    }
}

pub(super) fn clean(steps: Vec<RequestedStep>) -> ProvisionRequest {
    ProvisionRequest {
        steps,
        ..ProvisionRequest::new(Verb::Clean)
    }
}

pub(super) async fn ask(lab: &Lab, request: ProvisionRequest) -> Result<(), RequestError> {
    lab.conductor().provision(lab.machine.node, request).await
}

/// A lab with a node in `manageable`.
pub(super) async fn manageable(plan: Plan, settings: &str) -> Lab {
    let mut lab = Lab::new();
    lab.plan(plan);
    lab.configure(|all| all.steps = toml::from_str(settings).unwrap());
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab
}

pub(super) fn offered(interface: &str, name: &str, priority: u32) -> Value {
    json!({"interface": interface, "step": name, "priority": priority, "abortable": true})
}

pub(super) async fn done(lab: &Lab) -> Vec<String> {
    let steps = lab
        .events()
        .await
        .into_iter()
        .filter_map(|what| match what {
            What::StepDone { step, .. } => Some(step.to_string()),
            _ => None,
        });
    steps.collect()
}

#[tokio::test(start_paused = true)]
async fn reserved_steps_need_no_ramdisk() {
    let lab = manageable(Plan::default(), "").await;
    let began = Instant::now();
    let request = clean(vec![
        step("power", "power_on", json!({})),
        step("deploy", "wait", json!({"seconds": "25"})),
        step("power", "reboot", json!({})),
        step("power", "power_off", json!({})),
    ]);
    ask(&lab, request).await.unwrap();
    lab.wait_for(State::Manageable).await;
    assert!(began.elapsed() >= Duration::from_secs(25));
    let expected = [
        "power.get",
        "power.power_on",
        "deploy.wait",
        "power.reboot",
        "power.power_off",
    ];
    assert_eq!(done(&lab).await, expected);
    // Twice from the disk: switched on, and rebooted.
    assert_eq!(lab.machine.bmc.boots(), [Some(BootDevice::Disk); 2]);
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
    assert!(lab.machine.state.lock().steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reboot_brings_the_ramdisk_up_again_for_what_follows() {
    let lab = manageable(Plan::default(), "").await;
    let erase = || step("deploy", "erase_devices_metadata", json!({}));
    let request = clean(vec![
        erase(),
        step("power", "reboot", json!({})),
        erase(),
        step("power", "power_off", json!({})),
        step("power", "power_on", json!({})),
        erase(),
    ]);
    ask(&lab, request).await.unwrap();
    lab.wait_for(State::Manageable).await;
    assert_eq!(lab.node().await.last_error, None);
    assert_eq!(lab.machine.state.lock().erasures, 3);
    assert_eq!(lab.machine.bmc.boots(), [Some(BootDevice::Pxe); 3]);
}

#[tokio::test(start_paused = true)]
async fn a_reboot_that_no_agent_is_needed_after_brings_no_ramdisk_up() {
    let lab = manageable(Plan::default(), "").await;
    let request = clean(vec![
        step("deploy", "erase_devices_metadata", json!({})),
        step("power", "reboot", json!({})),
        step("deploy", "wait", json!({"seconds": 25})),
    ]);
    ask(&lab, request).await.unwrap();
    lab.wait_until("the wait", Duration::from_secs(600), |node| {
        let step = node.run.as_ref().and_then(|run| run.step());
        step.is_some_and(|step| step.id.step == "erase_devices_metadata")
    })
    .await;
    while !lab.is_running("wait").await {
        sleep(Duration::from_secs(1)).await;
    }
    // The machine is set to come back to the ramdisk, should it start while the agent works.
    assert_eq!(lab.machine.bmc.boots(), [Some(BootDevice::Pxe); 2]);
    assert_eq!(lab.node().await.network_boot, NetworkBoot::LocalDisk);
    lab.wait_for(State::Manageable).await;
}

#[tokio::test(start_paused = true)]
async fn a_hold_lasts_until_somebody_says_go() {
    let lab = manageable(Plan::default(), "").await;
    let request = clean(vec![
        step("deploy", "hold", json!({})),
        step("power", "power_on", json!({})),
    ]);
    ask(&lab, request).await.unwrap();
    lab.wait_for(State::CleanHold).await;
    sleep(Duration::from_secs(86_400)).await;
    let node = lab.node().await;
    assert_eq!(node.provision_state, State::CleanHold);
    assert_eq!(node.target_provision_state, Some(State::Manageable));
    let wait = node.run.unwrap().wait.unwrap();
    assert_eq!((wait.reason, wait.deadline), (WaitReason::Hold, None));
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
    lab.go(Verb::Unhold, State::Manageable).await;
    assert_eq!(lab.machine.bmc.power(), PowerState::On);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_needs_no_ramdisk_leaves_the_instance_where_it_is() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_active().await;
    let boots = lab.machine.bmc.boots().len();
    let service = async |steps: Vec<RequestedStep>| {
        let request = ProvisionRequest {
            steps,
            ..ProvisionRequest::new(Verb::Service)
        };
        ask(&lab, request).await.unwrap();
    };
    service(vec![step("deploy", "wait", json!({"seconds": 5}))]).await;
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.bmc.boots().len(), boots);
    service(vec![
        step("power", "reboot", json!({})),
        step("deploy", "hold", json!({})),
    ])
    .await;
    lab.wait_for(State::ServiceHold).await;
    lab.go(Verb::Unhold, State::Active).await;
    assert_eq!(lab.machine.bmc.boots().len(), boots + 1);
    assert_eq!(
        lab.machine.bmc.boots().last(),
        Some(&Some(BootDevice::Disk))
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_that_asks_for_a_reboot_gets_one() {
    let mut firmware = offered("bios", "flash", 50);
    firmware["reboot_requested"] = json!(true);
    let clean_steps = json!([firmware, offered("deploy", "erase_devices_metadata", 40)]);
    let plan = Plan {
        clean_steps,
        ..Plan::default()
    };
    let lab = manageable(plan, "").await;
    lab.go(Verb::Provide, State::Available).await;
    assert_eq!(
        lab.machine.state.lock().steps,
        ["flash", "erase_devices_metadata"]
    );
    assert_eq!(lab.machine.bmc.boots(), [Some(BootDevice::Pxe); 2]);
    // The last step before the end needs none: the machine is switched off there.
    let request = clean(vec![step("bios", "flash", json!({}))]);
    lab.go(Verb::Manage, State::Manageable).await;
    ask(&lab, request).await.unwrap();
    lab.wait_for(State::Manageable).await;
    assert_eq!(lab.machine.bmc.boots().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn settings_decide_what_automated_cleaning_does() {
    let clean_steps = json!([
        offered("deploy", "erase_devices", 10),
        offered("deploy", "erase_devices_metadata", 99),
        offered("vendor", "send_raw", 50),
        offered("deploy", "late", 0),
    ]);
    let plan = Plan {
        clean_steps,
        ..Plan::default()
    };
    let settings = "erase_devices_metadata_priority = 0\n\
                    clean_step_priority_override = { 'deploy.late' = 20 }";
    let lab = manageable(plan, settings).await;
    lab.go(Verb::Provide, State::Available).await;
    let steps = lab.machine.state.lock().steps.clone();
    assert_eq!(steps, ["late", "erase_devices"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_does_not_take_fails_with_a_sentence() {
    let mut burn = offered("deploy", "burn", 0);
    burn["argsinfo"] = json!({"minutes": {"description": "d", "required": true}});
    let plan = Plan {
        clean_steps: json!([burn]),
        ..Plan::default()
    };
    let lab = manageable(plan, "").await;
    let fails = async |request: RequestedStep, sentence: &str| {
        ask(&lab, clean(vec![request])).await.unwrap();
        lab.wait_for(State::CleanFailed).await;
        let error = lab.node().await.last_error.unwrap();
        assert!(error.ends_with(sentence), "{error}");
        lab.go(Verb::Manage, State::Manageable).await;
    };
    fails(
        step("deploy", "burn", json!({})),
        "deploy.burn needs the argument minutes; it takes minutes",
    )
    .await;
    fails(
        step("deploy", "freeze", json!({})),
        "the agent does not offer the clean step deploy.freeze; it offers: deploy.burn",
    )
    .await;
    assert!(lab.machine.state.lock().steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_raid_step_says_what_it_made() {
    let plan = Plan {
        clean_steps: json!([offered("raid", "create_configuration", 5)]),
        ..Plan::default()
    };
    let lab = manageable(plan.clone(), "").await;
    // Else the driver's step of the same name would be done.
    lab.edit(|node| {
        node.interfaces
            .insert("raid".to_owned(), "agent".to_owned());
    })
    .await;
    lab.ask(Verb::Provide).await;
    lab.wait_for(State::CleanFailed).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(
        error.contains("did not say which RAID configuration"),
        "{error}"
    );
    let made = json!({"logical_disks": [{"raid_level": "1"}]});
    lab.plan(Plan {
        answer: Some(("create_configuration", made.clone())),
        ..plan
    });
    lab.go(Verb::Manage, State::Manageable).await;
    lab.go(Verb::Provide, State::Available).await;
    assert_eq!(Value::Object(lab.node().await.raid_config), made);
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_has_deleted_the_node_has_no_more() {
    let plan = Plan {
        clean_steps: json!([offered("raid", "delete_configuration", 5)]),
        ..Plan::default()
    };
    let lab = manageable(plan, "").await;
    lab.edit(|node| {
        let (interface, volumes) = ("agent".to_owned(), json!([{"raid_level": "1"}]));
        node.interfaces.insert("raid".to_owned(), interface);
        node.raid_config.insert("logical_disks".to_owned(), volumes);
    })
    .await;
    lab.go(Verb::Provide, State::Available).await;
    assert!(lab.node().await.raid_config.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused_at_once() {
    let lab = manageable(Plan::default(), "").await;
    let refused = async |request: ProvisionRequest, part: &str| match ask(&lab, request).await {
        Err(RequestError::Invalid(text)) => assert!(text.contains(part), "{text}"),
        other => panic!("a refusal was expected, not {other:?}"),
    };
    let raw = step("vendor", "send_raw", json!({}));
    refused(clean(vec![raw]), "vendor.send_raw is not allowed").await;
    let wait = step("deploy", "wait", json!({"seconds": 31}));
    refused(clean(vec![wait]), "from 0 to 30").await;
    let mut request = clean(vec![step("deploy", "erase_devices", json!({}))]);
    request.ramdisk = Ramdisk::Disable;
    refused(request, "deploy.erase_devices needs the ramdisk").await;
    assert_eq!(lab.node().await.provision_state, State::Manageable);
}

fn template(name: &str, id: u128, step: (&str, &str, u32)) -> DeployTemplate {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let mut template = DeployTemplate::new(TemplateId(Uuid::from_u128(id)), at);
    template.name = name.to_owned();
    template.steps.push(TemplateStep {
        interface: step.0.to_owned(),
        step: step.1.to_owned(),
        args: ferric_model::node::Object::new(),
        priority: step.2,
    });
    template
}

#[tokio::test(start_paused = true)]
async fn the_traits_of_an_instance_bring_the_steps_of_deploy_templates() {
    let mut lab = Lab::new();
    lab.plan(Plan {
        deploy_steps: vec![offered("raid", "build", 0), offered("deploy", "burn", 85)],
        ..Plan::default()
    });
    lab.start(None).await;
    lab.enroll_available().await;
    let conductor = lab.conductor();
    for template in [
        template("CUSTOM_RAID", 7, ("raid", "build", 90)),
        template("CUSTOM_COLD", 8, ("deploy", "burn", 0)),
        template("CUSTOM_OTHER", 9, ("deploy", "never", 90)),
    ] {
        conductor.create_recipe(template).await.unwrap();
    }
    let mut node = lab.node().await;
    let traits = json!(["CUSTOM_RAID", "CUSTOM_COLD", "HW_CPU_X86_VMX"]);
    node.instance_info.insert("traits".to_owned(), traits);
    let stored = ferric_store::Transaction::new().put(&node);
    lab.store.commit(stored).await.unwrap();
    lab.go(Verb::Deploy, State::Active).await;
    assert_eq!(lab.machine.state.lock().steps, ["build", "write_image"]);
    // The request goes first.
    let request = ProvisionRequest {
        steps: vec![RequestedStep {
            priority: Some(70),
            ..RequestedStep::new("raid", "build")
        }],
        ..ProvisionRequest::new(Verb::Rebuild)
    };
    ask(&lab, request).await.unwrap();
    lab.wait_for(State::Active).await;
    let steps = lab.machine.state.lock().steps.clone();
    assert_eq!(steps[2..], ["write_image", "build"]);
}
