//! What a plan says of the agent's steps, before and after the agent was asked.

use super::agent::Plan;
use super::lab::Lab;
use super::steps::offered;
use crate::conductor::plan::{Finding, Level, PlanRequest};
use ferric_model::node::Object;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;

async fn plan(lab: &Lab, verb: Verb) -> crate::conductor::plan::Plan {
    let request = PlanRequest {
        verb,
        steps: Vec::new(),
        instance_info: Object::new(),
    };
    let id = lab.machine.node;
    lab.conductor().plan(id, request).await.unwrap()
}

fn of_agent(findings: &[Finding]) -> &Finding {
    let found = findings.iter().find(|finding| finding.about == "agent");
    found.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_steps_that_the_agent_told_in_the_last_deploy_are_planned_for_the_next() {
    let mut lab = Lab::new();
    lab.plan(Plan {
        deploy_steps: vec![offered("raid", "build", 0), offered("deploy", "burn", 85)],
        ..Plan::default()
    });
    lab.start(None).await;
    lab.enroll_available().await;
    let before = plan(&lab, Verb::Active).await;
    let finding = of_agent(&before.findings);
    assert_eq!(finding.level, Level::Ok);
    assert!(
        finding.text.contains("no agent has told"),
        "{}",
        finding.text
    );
    assert!(before.steps.iter().all(|step| step.step != "deploy.burn"));
    lab.go(Verb::Deploy, State::Active).await;
    let offers = lab.node().await.agent_offers.unwrap();
    assert_eq!(offers.version.as_deref(), Some("1"));
    let after = plan(&lab, Verb::Rebuild).await;
    let burn = after.steps.iter().find(|step| step.step == "deploy.burn");
    let burn = burn.unwrap();
    assert_eq!(burn.source, format!("agent, as of {}", offers.as_of));
    assert!(burn.estimated_seconds.is_some());
    assert!(after.steps.iter().all(|step| step.step != "raid.build"));
    let text = &of_agent(&after.findings).text;
    assert!(
        text.contains("3 deploy steps") && text.contains("1 is done"),
        "{text}"
    );
    // What it planned is what is done.
    let planned: Vec<String> = after.steps.into_iter().map(|step| step.step).collect();
    let known = lab.events().await.len();
    lab.go(Verb::Rebuild, State::Active).await;
    let events = lab.events().await.split_off(known);
    let done = events.into_iter().filter_map(|what| match what {
        ferric_model::event::What::StepDone { step, .. } => Some(step.to_string()),
        _ => None,
    });
    assert_eq!(done.collect::<Vec<_>>(), planned);
}
