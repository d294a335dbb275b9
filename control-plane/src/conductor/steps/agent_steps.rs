//! Asks the agent which steps it has, and puts those that are to be done into the run.

use super::{Outcome, StepContext, StepError, next_boot};
use crate::conductor::agent::{AgentClient, AgentError, params};
use crate::conductor::flows::{self, Offer, Told};
use ferric_agent_protocol::steps::{StepKind, StepList};
use ferric_model::node::AgentOffers;
use serde_json::{Value, json};

pub(super) async fn get_steps(context: &StepContext) -> Result<Outcome, StepError> {
    let kind = flows::kind(context.run.activity);
    let agent = AgentClient::of(&context.conductor, &context.node)?;
    let seen = next_boot::see_to(context).await;
    let name = format!("{}.{}", kind.name(), kind.list_command());
    let answer = agent
        .ask(&name, params::node_and_ports(&context.node, &context.ports))
        .await?;
    let list = StepList::from_value(kind, answer.command_result.as_ref().unwrap_or(&Value::Null))
        .map_err(|source| AgentError::Unusable {
        command: name,
        problem: source.to_string(),
    })?;
    let specs = list.steps.values().flatten();
    let offered: Vec<Offer> = specs.map(Offer::of_agent).collect();
    let (conductor, activity) = (&context.conductor, context.run.activity);
    let driver = conductor
        .offers(&context.node, activity)
        .map_err(|error| StepError::Problem(error.to_string()))?;
    let told = Told {
        agent: &offered,
        driver: &driver,
        settings: &conductor.settings().steps,
    };
    let steps = told.steps(&context.run).map_err(StepError::Problem)?;
    let detail = format!("{} offered", offered.len());
    let version = json!(list.hardware_manager_version);
    let remembered = (kind == StepKind::Deploy).then(|| remembered(context, &offered));
    let outcome = Outcome::done().detail(detail).edit(move |node, run| {
        if remembered.is_some() {
            node.agent_offers = remembered;
        }
        run.steps = steps;
        run.agent_steps_known = true;
        run.agent_step_version = Some(version);
    });
    Ok(next_boot::noting(outcome, context, seen))
}

/// What is kept of it for the plan of the next deploy.
fn remembered(context: &StepContext, offered: &[Offer]) -> AgentOffers {
    let session = context.node.agent.as_ref();
    let version = session.and_then(|session| session.version.clone());
    let steps = offered
        .iter()
        .map(|offer| (offer.id.clone(), offer.priority));
    AgentOffers::new(context.conductor.now(), version, steps)
}
