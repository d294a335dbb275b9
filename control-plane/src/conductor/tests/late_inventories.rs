//! Inspection data that come while the agent is asked for them, or instead of its answer.

use super::agent::Plan;
use super::lab::Lab;
use super::tokens::{beat, look_up};
use crate::conductor::requests::{InspectionRequest, TokenUse};
use ferric_agent_protocol::extensions::Extensions;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// A node that is inspected and whose machine has come up, but answers nobody.
async fn asked_in_vain() -> Lab {
    let mut lab = Lab::new();
    lab.plan(Plan {
        broken: true,
        ..Plan::default()
    });
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab.ask(Verb::Inspect).await;
    lab.wait_for(State::InspectWait).await;
    let token = look_up(&lab).await;
    beat(&lab, &token).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn data_that_come_meanwhile_are_as_good_as_an_answer() {
    let lab = asked_in_vain().await;
    let data = json!({"inventory": super::machine::inventory()});
    let request = InspectionRequest {
        node_uuid: None,
        data: data.as_object().cloned().unwrap(),
        extensions: Extensions::default(),
        token: TokenUse::Unknown,
        from: None,
    };
    lab.conductor().continue_inspection(request).await.unwrap();
    lab.wait_for(State::Manageable).await;
    assert_eq!(lab.node().await.properties["cpu_arch"], "x86_64");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_has_no_data_and_does_not_answer_fails_the_inspection() {
    let lab = asked_in_vain().await;
    lab.wait_for(State::InspectFailed).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains("sent no inspection data"), "{error}");
}
