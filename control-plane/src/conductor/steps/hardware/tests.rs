//! Steps of a BMC in a manual clean, whose run is put into the store as the verb leaves it.

use crate::conductor::flows;
use crate::conductor::tests::halting_store::Death;
use crate::conductor::tests::lab::Lab;
use ferric_drivers::PowerState;
use ferric_model::ids::RunId;
use ferric_model::node::{Node, Object};
use ferric_model::run::Activity;
use ferric_model::state::ProvisionState as State;
use ferric_model::step::{Performer, Recovery, Step};
use ferric_store::Transaction;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

pub(super) const PATIENCE: Duration = Duration::from_secs(7200);
/// How long the BMC works on something.
pub(super) const LONG: Duration = Duration::from_secs(30);

pub(super) fn step(interface: &str, name: &str, args: &Value) -> Step {
    let step = json!({
        "interface": interface, "step": name, "args": args, "priority": 0,
        "by": "conductor", "abortable": false, "recovery": "run_again", "requires_ramdisk": false,
    });
    serde_json::from_value(step).unwrap()
}

pub(super) fn numlock_off() -> Step {
    let args = json!({"settings": [{"name": "NumLock", "value": "Off"}]});
    step("bios", "apply_configuration", &args)
}

fn create(delete_existing: bool) -> Step {
    let args = json!({"delete_existing": delete_existing});
    step("raid", "create_configuration", &args)
}

fn raid_config() -> Object {
    let config = json!({"logical_disks": [
        {"size_gb": 20, "raid_level": "1", "is_root_volume": true},
        {"size_gb": "MAX", "raid_level": "5", "volume_name": "data"},
    ]});
    config.as_object().unwrap().clone()
}

/// A node at the beginning of a manual clean, that nobody looks after.
pub(super) async fn cleaning(steps: Vec<Step>, edit: impl FnOnce(&mut Node)) -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll(&[]).await;
    lab.kill();
    put_run(&lab, steps, edit).await;
    lab
}

pub(super) async fn put_run(lab: &Lab, steps: Vec<Step>, edit: impl FnOnce(&mut Node)) {
    let mut node = lab.node().await;
    let id = RunId(uuid::Uuid::from_u128(9));
    node.run = Some(flows::run(
        id,
        Activity::ManualClean,
        steps,
        node.created_at,
    ));
    node.provision_state = State::Cleaning;
    edit(&mut node);
    let transaction = Transaction::new().put(&node);
    lab.store.commit(transaction).await.unwrap();
}

/// Goes on to the end and answers with the node.
async fn cleaned(mut lab: Lab, state: State) -> (Lab, Node) {
    lab.start(None).await;
    lab.wait_for_within(state, PATIENCE).await;
    let node = lab.node().await;
    (lab, node)
}

#[tokio::test(start_paused = true)]
async fn what_a_bmc_does_at_once_needs_no_wait() {
    let lab = cleaning(vec![numlock_off()], |_| {}).await;
    let (lab, node) = cleaned(lab, State::Manageable).await;
    assert_eq!((node.run, node.last_error), (None, None));
    assert_eq!(lab.machine.bmc.bios_settings()["NumLock"], "Off");
    assert_eq!(lab.machine.bmc.boots().len(), 0);
    assert!(!lab.states().await.contains(&"clean wait"));
}

#[tokio::test(start_paused = true)]
async fn what_a_bmc_finishes_by_itself_is_waited_for() {
    let lab = cleaning(vec![numlock_off()], |_| {}).await;
    lab.machine.bmc.set_task_duration(LONG);
    let (lab, node) = cleaned(lab, State::Manageable).await;
    assert_eq!((node.run, node.last_error), (None, None));
    assert_eq!(lab.machine.bmc.bios_settings()["NumLock"], "Off");
    assert_eq!(lab.machine.bmc.boots().len(), 1, "it must be restarted");
    assert_eq!(node.power_state.map(|state| state.name()), Some("power on"));
    assert!(lab.states().await.contains(&"clean wait"));
    assert!(node.periodic_records.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_fails_its_step_with_the_cause() {
    let lab = cleaning(vec![step("bios", "factory_reset", &json!({}))], |_| {}).await;
    lab.machine.bmc.set_task_duration(LONG);
    let causes = ["the chip is worn out".to_owned()];
    lab.machine.bmc.fail_tasks(causes);
    let (_lab, node) = cleaned(lab, State::CleanFailed).await;
    let error = node.last_error.unwrap();
    assert!(error.contains("bios.factory_reset"), "{error}");
    assert!(error.contains("the chip is worn out"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_task_without_an_end_ends_with_its_deadline() {
    let mut lab = cleaning(vec![numlock_off()], |_| {}).await;
    lab.machine
        .bmc
        .set_task_duration(Duration::from_secs(1_000_000));
    let mut settings = crate::config::Settings::clone(&lab.settings);
    settings.conductor.hardware_task_timeout_s = 600;
    lab.settings = Arc::new(settings);
    let (lab, node) = cleaned(lab, State::CleanFailed).await;
    let error = node.last_error.unwrap();
    assert!(
        error.contains("the BMC did not finish bios.apply_configuration"),
        "{error}"
    );
    assert!(lab.node().await.periodic_records.is_empty());
}

#[tokio::test(start_paused = true)]
async fn volumes_are_made_and_read_back() {
    for duration in [Duration::ZERO, LONG] {
        let lab = cleaning(vec![create(false)], |node| {
            node.target_raid_config = raid_config();
        })
        .await;
        lab.machine.bmc.set_task_duration(duration);
        let (lab, node) = cleaned(lab, State::Manageable).await;
        let disks = &node.raid_config["logical_disks"];
        assert_eq!(disks[0]["name"], "volume-0");
        assert_eq!(disks[0]["size_gb"], 20);
        assert_eq!(disks[1]["name"], "data");
        assert!(node.raid_config.contains_key("last_updated"));
        assert_eq!(lab.machine.bmc.volumes().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn volumes_that_are_there_are_deleted_first_when_that_is_asked_for() {
    for duration in [Duration::ZERO, LONG] {
        let only_root = json!({"create_nonroot_volumes": false});
        let only_root = step("raid", "create_configuration", &only_root);
        let lab = cleaning(vec![create(false), only_root.clone()], |node| {
            node.target_raid_config = raid_config();
        })
        .await;
        lab.machine.bmc.set_task_duration(duration);
        let (mut lab, _) = cleaned(lab, State::Manageable).await;
        assert_eq!(lab.machine.bmc.volumes().len(), 2);
        lab.kill();
        let mut anew = only_root;
        anew.args
            .insert("delete_existing".to_owned(), Value::Bool(true));
        put_run(&lab, vec![anew], |_| {}).await;
        let (lab, node) = cleaned(lab, State::Manageable).await;
        assert_eq!(lab.machine.bmc.volumes().len(), 1);
        let disks = node.raid_config["logical_disks"].as_array().unwrap();
        assert_eq!(disks.len(), 1, "{disks:?}");
        assert_eq!(disks[0]["name"], "volume-0");
    }
}

#[tokio::test(start_paused = true)]
async fn firmware_is_updated() {
    let args = json!({"settings": [
        {"component": "bmc", "url": "http://a/2.0", "wait": 10},
        {"component": "bios", "url": "http://a/3.1"},
    ]});
    let lab = cleaning(vec![step("firmware", "update", &args)], |_| {}).await;
    lab.machine.bmc.set_task_duration(LONG);
    let (lab, _) = cleaned(lab, State::Manageable).await;
    let versions = lab.machine.bmc.firmware_versions();
    assert_eq!(
        (versions["bmc"].as_str(), versions["bios"].as_str()),
        ("2.0", "3.1")
    );
    assert_eq!(lab.machine.bmc.tasks_begun(), 2);
    assert_eq!(lab.machine.bmc.boots().len(), 1, "for the BIOS only");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_cannot_be_done_says_why() {
    let cases = [
        (
            create(false),
            "the node has no target_raid_config: set it with PUT states/raid",
        ),
        (
            step("bios", "factory_reset", &json!({"hard": true})),
            "bios.factory_reset does not take the argument 'hard'",
        ),
        (
            step(
                "bios",
                "apply_configuration",
                &json!({"settings": [{"name": "Colour", "value": "red"}]}),
            ),
            "does not offer BIOS setting 'Colour'; it offers BootMode",
        ),
        (
            step("management", "set_bmc_clock", &json!({})),
            "nobody knows how to do the step management.set_bmc_clock",
        ),
    ];
    for (step, expected) in cases {
        let lab = cleaning(vec![step], |_| {}).await;
        let (_lab, node) = cleaned(lab, State::CleanFailed).await;
        let error = node.last_error.unwrap();
        assert!(error.contains(expected), "{error}");
    }
    let lab = cleaning(vec![numlock_off()], |node| {
        let none = ("bios".to_owned(), "no-bios".to_owned());
        node.interfaces.extend([none]);
    })
    .await;
    let (_lab, node) = cleaned(lab, State::CleanFailed).await;
    assert!(node.last_error.unwrap().contains("nobody knows"));
}

/// The conductor dies at each of its commits in turn; the next one finds out how far the machine is.
async fn survives(
    lab: impl AsyncFn() -> Lab,
    (death, takes): (Death, Duration),
    check: fn(&Lab, &Node, &str),
) {
    let is_goal = |node: &Node| node.provision_state == State::Manageable;
    for k in 0.. {
        let mut lab = lab().await;
        lab.machine.bmc.set_task_duration(takes);
        let store = lab.start(Some((k, death))).await;
        let died = tokio::select! {
            biased;
            () = store.died.notified() => true,
            () = lab.wait_until("the goal", PATIENCE, is_goal) => false,
        };
        lab.kill();
        sleep(Duration::from_secs(7)).await;
        lab.start(None).await;
        lab.wait_until("the goal", PATIENCE, is_goal).await;
        let node = lab.node().await;
        let context = format!("{death:?} commit {k}: {:?}", node.last_error);
        assert_eq!(node.last_error, None, "{context}");
        assert_eq!((&node.run, &node.reservation), (&None, &None), "{context}");
        check(&lab, &node, &context);
        if !died {
            assert!(k > 5, "the run has more commits than {k}");
            return;
        }
    }
}

fn bios_is_applied_once(lab: &Lab, _node: &Node, context: &str) {
    let bmc = &lab.machine.bmc;
    assert_eq!(bmc.bios_settings()["NumLock"], "Off", "{context}");
    assert_eq!(bmc.tasks_begun(), 1, "{context}");
    assert_eq!(bmc.power(), PowerState::On, "{context}");
    // A restart whose trace is lost is made once more; a machine in POST does not mind.
    assert!((1..=2).contains(&bmc.boots().len()), "{context}");
}

#[tokio::test(start_paused = true)]
async fn a_bios_step_survives_the_loss_of_each_commit() {
    let lab = async || cleaning(vec![numlock_off()], |_| {}).await;
    survives(lab, (Death::Before, LONG), bios_is_applied_once).await;
}

#[tokio::test(start_paused = true)]
async fn a_bios_step_survives_death_after_each_commit() {
    let lab = async || cleaning(vec![numlock_off()], |_| {}).await;
    survives(lab, (Death::After, LONG), bios_is_applied_once).await;
}

#[tokio::test(start_paused = true)]
async fn volumes_survive_the_loss_of_each_commit() {
    let wanted = |node: &mut Node| node.target_raid_config = raid_config();
    survives(
        async || cleaning(vec![create(true)], wanted).await,
        (Death::Before, LONG),
        |lab, node, context| {
            let disks = &node.raid_config["logical_disks"];
            assert_eq!(disks.as_array().unwrap().len(), 2, "{context}");
            assert_eq!(lab.machine.bmc.volumes().len(), 2, "{context}");
        },
    )
    .await;
}

/// A clean with the ramdisk: the BIOS is set up, then the agent erases. Nobody looks after the node.
async fn cleaning_with_the_ramdisk(edit: impl FnOnce(&mut Node)) -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.kill();
    lab.edit(edit).await;
    let node = lab.node().await;
    let erase = Step {
        id: flows::id("deploy", "erase_devices_metadata"),
        args: Object::new(),
        by: Performer::Agent,
        recovery: Recovery::AskAgent,
        requires_ramdisk: true,
        ..numlock_off()
    };
    let mut steps = flows::steps(Activity::ManualClean, &node);
    let told = flows::id("agent", "get_steps");
    let place = steps.iter().position(|step| step.id == told).unwrap() + 1;
    steps.splice(place..place, [numlock_off(), erase]);
    put_run(&lab, steps, |_| {}).await;
    lab
}

fn is_cleaned_with_the_ramdisk(lab: &Lab, node: &Node, context: &str) {
    assert_eq!((&node.run, &node.last_error), (&None, &None), "{context}");
    assert_eq!(lab.machine.state.lock().erasures, 1, "{context}");
    assert_eq!(
        lab.machine.bmc.bios_settings()["NumLock"],
        "Off",
        "{context}"
    );
}

#[tokio::test(start_paused = true)]
async fn steps_of_the_agent_go_on_after_a_restart_for_the_bios() {
    let lab = cleaning_with_the_ramdisk(|_| {}).await;
    lab.machine.bmc.set_task_duration(LONG);
    let (lab, node) = cleaned(lab, State::Manageable).await;
    is_cleaned_with_the_ramdisk(&lab, &node, "");
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_must_not_be_off_is_restarted_once_for_the_bios() {
    let lab = cleaning_with_the_ramdisk(|node| node.disable_power_off = true).await;
    lab.machine.bmc.force_power(PowerState::On);
    sleep(Duration::from_secs(1)).await;
    lab.machine.state.lock().was_off = false;
    lab.machine.bmc.set_task_duration(LONG);
    let before = lab.machine.bmc.boots().len();
    let (lab, node) = cleaned(lab, State::Manageable).await;
    is_cleaned_with_the_ramdisk(&lab, &node, "");
    assert!(!lab.machine.state.lock().was_off);
    // Into the ramdisk, for the BIOS, and at the end.
    assert_eq!(lab.machine.bmc.boots().len(), before + 3);
}

/// Done at once, and begun twice: whether the machine was restarted for it nobody knows.
#[tokio::test(start_paused = true)]
async fn steps_of_the_agent_go_on_after_the_loss_of_each_commit() {
    survives(
        async || cleaning_with_the_ramdisk(|_| {}).await,
        (Death::Before, Duration::ZERO),
        is_cleaned_with_the_ramdisk,
    )
    .await;
}
