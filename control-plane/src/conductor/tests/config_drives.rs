//! A config drive belongs to one instance: it does not turn up in the next one, whatever became of the first.

use super::agent::Plan;
use super::lab::Lab;
use crate::conductor::requests::ProvisionRequest;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::{Value, json};

const DRIVE: &str = "https://192.0.2.1/drive";

async fn deploying(lab: &Lab, verb: Verb) {
    let request = ProvisionRequest {
        configdrive: Some(json!(DRIVE)),
        ..ProvisionRequest::new(verb)
    };
    lab.try_to(request).await.unwrap();
}

async fn available() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    lab
}

fn written(lab: &Lab) -> Value {
    lab.machine.state.lock().written["step"]["args"]["configdrive"].clone()
}

/// The next deploy of the node gets none.
async fn next_has_none(lab: &Lab) {
    assert_eq!(lab.node().await.instance_info.get("configdrive"), None);
    let source = json!(lab.image_url());
    lab.edit(|node| {
        node.instance_info.insert("image_source".to_owned(), source);
    })
    .await;
    lab.go(Verb::Deploy, State::Active).await;
    assert_eq!(written(lab), json!(null));
}

#[tokio::test(start_paused = true)]
async fn after_an_abort() {
    let lab = available().await;
    deploying(&lab, Verb::Active).await;
    lab.wait_for(State::DeployWait).await;
    lab.go(Verb::Abort, State::DeployFailed).await;
    next_has_none(&lab).await;
}

#[tokio::test(start_paused = true)]
async fn after_an_undeploy_in_the_middle() {
    let lab = available().await;
    deploying(&lab, Verb::Active).await;
    lab.wait_for(State::DeployWait).await;
    lab.go(Verb::Undeploy, State::Available).await;
    next_has_none(&lab).await;
}

#[tokio::test(start_paused = true)]
async fn after_the_instance() {
    let lab = available().await;
    deploying(&lab, Verb::Active).await;
    lab.wait_for(State::Active).await;
    assert_eq!(written(&lab), json!(DRIVE));
    lab.go(Verb::Undeploy, State::Available).await;
    next_has_none(&lab).await;
}

#[tokio::test(start_paused = true)]
async fn after_a_rebuild_that_failed() {
    let lab = available().await;
    lab.go(Verb::Deploy, State::Active).await;
    lab.plan(Plan {
        failing: Some(("write_image", "no")),
        ..Plan::default()
    });
    deploying(&lab, Verb::Rebuild).await;
    lab.wait_for(State::DeployFailed).await;
    assert_eq!(written(&lab), json!(DRIVE));
    lab.plan(Plan::default());
    next_has_none(&lab).await;
}

#[tokio::test(start_paused = true)]
async fn after_its_conductor_died_in_the_failing_deploy() {
    let mut lab = available().await;
    lab.plan(Plan {
        failing: Some(("write_image", "no")),
        ..Plan::default()
    });
    deploying(&lab, Verb::Active).await;
    lab.wait_for(State::DeployWait).await;
    lab.kill();
    lab.start(None).await;
    lab.wait_for(State::DeployFailed).await;
    lab.plan(Plan::default());
    next_has_none(&lab).await;
}

/// What an operator has put into `instance_info` is the operator's.
#[tokio::test(start_paused = true)]
async fn one_that_came_with_no_deploy_stays_until_the_undeploy() {
    let lab = available().await;
    lab.edit(|node| {
        node.instance_info
            .insert("configdrive".to_owned(), json!(DRIVE));
    })
    .await;
    lab.plan(Plan {
        failing: Some(("write_image", "no")),
        ..Plan::default()
    });
    lab.go(Verb::Deploy, State::DeployFailed).await;
    assert_eq!(lab.node().await.instance_info["configdrive"], json!(DRIVE));
    lab.plan(Plan::default());
    lab.go(Verb::Undeploy, State::Available).await;
    next_has_none(&lab).await;
}
