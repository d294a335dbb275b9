//! Asks the agent which steps it has, and puts those that are to be done into the run.

use super::{Outcome, StepContext, StepError};
use crate::conductor::agent::{AgentClient, AgentError, params};
use crate::conductor::flows;
use ferric_agent_protocol::steps::{StepKind, StepList, StepSpec};
use ferric_model::run::Activity;
use serde_json::{Value, json};

/// Cleaning has clean steps; everything else that runs an agent deploys.
pub(super) fn kind(activity: Activity) -> StepKind {
    match activity {
        Activity::Clean | Activity::ManualClean => StepKind::Clean,
        Activity::Service => StepKind::Service,
        _ => StepKind::Deploy,
    }
}

pub(super) async fn get_steps(context: &StepContext) -> Result<Outcome, StepError> {
    let kind = kind(context.run.activity);
    let agent = AgentClient::of(&context.conductor, &context.node)?;
    let name = format!("{}.{}", kind.name(), kind.list_command());
    let answer = agent
        .ask(&name, params::node_and_ports(&context.node, &context.ports))
        .await?;
    let list = StepList::from_value(kind, answer.command_result.as_ref().unwrap_or(&Value::Null))
        .map_err(|source| AgentError::Unusable {
        command: name,
        problem: source.to_string(),
    })?;
    let offered: Vec<StepSpec> = list.steps.into_values().flatten().collect();
    let steps = match kind {
        StepKind::Clean => flows::clean_with_agent_steps(&context.run, &offered),
        StepKind::Deploy => flows::deploy_with_agent_steps(&context.run, &offered),
        StepKind::Service => flows::service_with_agent_steps(&context.run, &offered),
    };
    let steps = steps.map_err(StepError::Problem)?;
    let detail = format!("{} offered", offered.len());
    let version = json!(list.hardware_manager_version);
    Ok(Outcome::done().detail(detail).edit(move |_, run| {
        run.steps = steps;
        run.agent_steps_known = true;
        run.agent_step_version = Some(version);
    }))
}
