//! Automated cleaning that follows a runbook.

use super::agent::Plan;
use super::steps::{ask, done, manageable, offered};
use crate::conductor::requests::{ProvisionRequest, RequestError};
use ferric_model::ids::RunbookId;
use ferric_model::recipe::{Runbook, RunbookStep};
use ferric_model::state::ProvisionState as State;
use ferric_model::step::StepId;
use ferric_model::verb::Verb;
use serde_json::json;
use uuid::Uuid;

pub(super) fn runbook(name: &str, steps: &[&str]) -> Runbook {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let mut runbook = Runbook::new(RunbookId(Uuid::from_u128(5)), at);
    runbook.name = name.to_owned();
    let steps = steps.iter().zip(1..).map(|(step, order)| {
        let (interface, step) = step.split_once('.').unwrap();
        RunbookStep {
            interface: interface.to_owned(),
            step: step.to_owned(),
            args: ferric_model::node::Object::new(),
            order,
        }
    });
    runbook.steps = steps.collect();
    runbook
}

#[tokio::test(start_paused = true)]
async fn automated_cleaning_may_follow_a_runbook() {
    let settings = "automated_cleaning_step_source = 'runbook'\n\
                    automated_cleaning_runbook_from_node = true\n\
                    automated_cleaning_runbook_by_resource_class = { small = 'CUSTOM_WIPE' }";
    let clean_steps = json!([
        offered("deploy", "erase_devices_metadata", 99),
        offered("deploy", "burn", 0),
    ]);
    let plan = Plan {
        clean_steps,
        ..Plan::default()
    };
    let lab = manageable(plan, settings).await;
    let refused = async |part: &str| match ask(&lab, ProvisionRequest::new(Verb::Provide)).await {
        Err(RequestError::Invalid(text)) => assert!(text.contains(part), "{text}"),
        other => panic!("a refusal was expected, not {other:?}"),
    };
    refused("no runbook is set").await;
    let change = async |edit: &dyn Fn(&mut ferric_model::node::Node)| {
        let mut node = lab.node().await;
        edit(&mut node);
        let stored = ferric_store::Transaction::new().put(&node);
        lab.store.commit(stored).await.unwrap();
    };
    change(&|node| node.resource_class = Some("small".to_owned())).await;
    refused("the runbook CUSTOM_WIPE for the automated cleaning").await;
    let steps = [
        "deploy.burn",
        "vendor.send_raw",
        "deploy.erase_devices_metadata",
    ];
    let conductor = lab.conductor();
    let made = conductor
        .create_recipe(runbook("CUSTOM_WIPE", &steps))
        .await;
    made.unwrap();
    refused("give the node a trait").await;
    change(&|node| node.traits = vec!["CUSTOM_WIPE".to_owned()]).await;
    lab.go(Verb::Provide, State::Available).await;
    let steps = lab.machine.state.lock().steps.clone();
    assert_eq!(steps, ["burn", "erase_devices_metadata"]);
    // After a tear-down nobody can be refused: the cleaning fails and says why.
    lab.go(Verb::Deploy, State::Active).await;
    change(&|node| {
        let own = json!("CUSTOM_GONE");
        node.driver_info.insert("cleaning_runbook".to_owned(), own);
    })
    .await;
    lab.ask(Verb::Undeploy).await;
    lab.wait_for(State::CleanFailed).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(
        error.contains("CUSTOM_GONE") && error.contains("does not exist"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_runbook_the_hybrid_source_does_what_has_a_priority() {
    let settings = "automated_cleaning_step_source = 'hybrid'";
    let lab = manageable(Plan::default(), settings).await;
    lab.go(Verb::Provide, State::Available).await;
    assert_eq!(lab.machine.state.lock().steps, ["erase_devices_metadata"]);
    let asked = StepId::new("agent", "get_steps").to_string();
    assert!(done(&lab).await.contains(&asked));
}
