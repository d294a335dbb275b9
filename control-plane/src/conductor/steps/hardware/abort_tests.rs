//! Abort while a BMC works by itself: a step that must not be interrupted ends first, any other is left to the BMC.

use super::tests::{LONG, PATIENCE, cleaning, numlock_off, step};
use crate::conductor::tests::lab::Lab;
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_model::run::WaitReason;
use ferric_model::state::ProvisionState as State;
use ferric_model::step::Step;
use ferric_model::verb::Verb;
use serde_json::json;
use tokio::time::sleep;

fn awaits_bmc(node: &Node) -> bool {
    let wait = node.run.as_ref().and_then(|run| run.wait.as_ref());
    wait.is_some_and(|wait| matches!(wait.reason, WaitReason::Hardware { .. }))
}

/// A manual clean whose BMC works on this step.
async fn waiting_for(step: Step) -> Lab {
    let mut lab = cleaning(vec![step], |_| {}).await;
    lab.machine.bmc.set_task_duration(LONG);
    lab.start(None).await;
    lab.wait_until("the wait for the BMC", PATIENCE, awaits_bmc)
        .await;
    assert_eq!(lab.node().await.provision_state, State::CleanWait);
    lab
}

/// How many steps of the BMC have ended.
async fn steps_done(lab: &Lab) -> usize {
    let events = lab.events().await;
    let done = |what: &&What| match what {
        What::StepDone { step, .. } => ["bios", "firmware"].contains(&step.interface.as_str()),
        _ => false,
    };
    events.iter().filter(done).count()
}

async fn is_aborted(lab: &Lab) {
    lab.wait_for_within(State::CleanFailed, PATIENCE).await;
    let node = lab.node().await;
    let error = node.last_error.unwrap();
    assert!(error.contains("aborted"), "{error}");
    assert_eq!(
        (node.run, node.maintenance, node.fault),
        (None, false, None)
    );
    assert!(node.periodic_records.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_must_end_first_ends_and_no_other_begins() {
    let args = json!({"settings": [
        {"component": "bmc", "url": "http://a/2.0", "wait": 10},
        {"component": "bios", "url": "http://a/3.1"},
    ]});
    let lab = waiting_for(step("firmware", "update", &args)).await;
    let before = lab.machine.bmc.firmware_versions();
    lab.ask(Verb::Abort).await;
    let node = lab.node().await;
    assert_eq!(node.provision_state, State::CleanWait);
    assert!(awaits_bmc(&node), "it is not waited for any more");
    assert!(node.run.unwrap().notes.contains_key("abort_after"));
    assert_eq!(steps_done(&lab).await, 0);
    is_aborted(&lab).await;
    assert_eq!(steps_done(&lab).await, 1);
    sleep(LONG * 3).await;
    let versions = lab.machine.bmc.firmware_versions();
    assert_eq!(versions["bmc"], "2.0");
    assert_eq!(versions.get("bios"), before.get("bios"));
    assert_eq!(lab.machine.bmc.tasks_begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_may_be_interrupted_is_waited_for_no_more() {
    let abortable = Step {
        abortable: true,
        ..numlock_off()
    };
    let lab = waiting_for(abortable).await;
    lab.ask(Verb::Abort).await;
    is_aborted(&lab).await;
    // Nobody takes the end of the BMC's work for anything.
    sleep(LONG * 10).await;
    is_aborted(&lab).await;
    assert_eq!(steps_done(&lab).await, 0);
    assert_eq!(lab.machine.bmc.tasks_begun(), 1);
    lab.go(Verb::Manage, State::Manageable).await;
}
