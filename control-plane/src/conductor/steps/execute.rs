//! A step that the agent does: it is told once, and its command list says how it went.

use super::{Outcome, StepContext, StepError, after_command, next_boot};
use crate::conductor::Conductor;
use crate::conductor::agent::{AgentClient, AgentError, params, takes_command_ids};
use crate::conductor::config_drive;
use crate::conductor::flows::kind;
use crate::conductor::limits;
use crate::conductor::planted::Planted;
use ferric_agent_protocol::command::{CommandResult, CommandStatus};
use ferric_agent_protocol::steps::{ExecuteStep, StepCall, StepKind, StepOutcome};
use ferric_model::node::{Node, Object};
use ferric_model::run::{Run, WaitReason};
use ferric_model::step::{Performer, Place, Step};
use serde_json::json;
use uuid::Uuid;

/// Starts the step, unless the agent has it in its list already: then the conductor that started it did not live to
/// store the answer.
pub(super) async fn execute(context: &StepContext) -> Result<Outcome, StepError> {
    let kind = kind(context.run.activity);
    let agent = AgentClient::of(&context.conductor, &context.node)?;
    let list = agent.list_patiently().await?;
    if let Some(known) = find(context, kind, &list.commands) {
        return outcome(context, known);
    }
    let seen = next_boot::see_to(context).await;
    let call = StepCall {
        interface: context.step.id.interface.clone(),
        step: context.step.id.step.clone(),
        args: arguments(context).await?,
        rest: rest(context),
    };
    let execute = ExecuteStep {
        step: call,
        node: params::node(&context.node),
        ports: params::ports(&context.ports),
        version: context
            .run
            .agent_step_version
            .clone()
            .and_then(|version| serde_json::from_value(version).ok()),
    };
    let name = format!("{}.{}", kind.name(), kind.execute_command());
    let started = agent
        .start(&name, execute.to_params(kind), context.command_id)
        .await?;
    Ok(next_boot::noting(
        outcome(context, &started)?,
        context,
        seen,
    ))
}

/// The last command of an agent that chooses the ids itself, before this step is given to it. `None`: nobody needs it,
/// or it could not be had.
pub(in crate::conductor) async fn last_command(
    conductor: &Conductor,
    node: &Node,
    step: &Step,
) -> Option<Last> {
    let is_told = step.place == Place::Here && step.by == Performer::Agent;
    if !is_told || takes_command_ids(node) {
        return None;
    }
    let agent = AgentClient::of(conductor, node).ok()?;
    let list = agent.list().await.ok()?;
    Some(Last(list.commands.last().map(|command| command.id)))
}

/// `None` inside: the agent has done nothing yet.
pub(in crate::conductor) struct Last(Option<Uuid>);

impl Last {
    /// In the commit that says that the step begins.
    pub(in crate::conductor) fn note(&self, run: &mut Run) {
        let id = self.0.map(|id| id.to_string());
        after_command::note_ended(run, &id.unwrap_or_default());
    }
}

fn rest(context: &StepContext) -> Object {
    let mut rest = Object::new();
    rest.insert("priority".to_owned(), json!(context.step.priority));
    rest
}

/// Our command by its id; with an agent that chooses the ids itself the last one, if it is this very step.
fn find<'a>(
    context: &StepContext,
    kind: StepKind,
    commands: &'a [CommandResult],
) -> Option<&'a CommandResult> {
    if let Some(ours) = commands
        .iter()
        .find(|command| command.id == context.command_id)
    {
        return Some(ours);
    }
    if takes_command_ids(&context.node) {
        return None;
    }
    let last = commands.last().filter(|last| {
        last.command_name == kind.execute_command()
            && !after_command::has_ended(&context.run, last.id)
    })?;
    match last.command_status {
        // The step before this one had ended, so it must be this one.
        CommandStatus::Running => Some(last),
        // It does not say of which step, but what the agent had done before this one is noted.
        CommandStatus::Failed
        | CommandStatus::CleanVersionMismatch
        | CommandStatus::VersionMismatch => after_command::is_noted(&context.run).then_some(last),
        CommandStatus::Succeeded => {
            let result = last.command_result.as_ref()?;
            let done = StepOutcome::from_value(kind, result).ok()?;
            let same = done.step.get("interface") == Some(&json!(context.step.id.interface))
                && done.step.get("step") == Some(&json!(context.step.id.step));
            same.then_some(last)
        }
    }
}

fn outcome(context: &StepContext, command: &CommandResult) -> Result<Outcome, StepError> {
    match command.command_status {
        CommandStatus::Running if context.conductor.planted(Planted::BegunIsDone) => {
            Ok(Outcome::done())
        }
        CommandStatus::Running => Ok(waiting(context, command.id)),
        CommandStatus::Succeeded => done(context, command),
        CommandStatus::Failed => Err(StepError::Command {
            error: AgentError::of(command),
            done: command.command_result.clone().map(Box::new),
        }),
        CommandStatus::CleanVersionMismatch | CommandStatus::VersionMismatch => {
            Err(StepError::VersionChanged)
        }
    }
}

/// Ended before we could wait for it.
fn done(context: &StepContext, command: &CommandResult) -> Result<Outcome, StepError> {
    let result = command.command_result.clone();
    after_command::check(&context.step, result.as_ref()).map_err(StepError::Problem)?;
    let (id, made) = (command.id.to_string(), result.clone());
    let outcome = Outcome::done().edit(move |node, run| {
        after_command::note_ended(run, &id);
        after_command::follow_up(node, run, made.as_ref());
    });
    Ok(Outcome { result, ..outcome })
}

fn waiting(context: &StepContext, id: Uuid) -> Outcome {
    let limit = limits::callback(context.conductor.settings(), context.run.activity);
    let step = context.step.id.clone();
    Outcome::wait(
        WaitReason::AgentCommand {
            id: id.to_string(),
            step,
        },
        limit,
    )
}

/// What the step is told. Only writing the image needs more than was asked for.
async fn arguments(context: &StepContext) -> Result<Object, StepError> {
    let mut arguments = context.step.args.clone();
    if context.step.id == crate::conductor::flows::id("deploy", "write_image") {
        let location = context.conductor.boot().image(&context.node).await?;
        let info = params::image_info(&context.node, location, context.conductor.settings());
        let drive = config_drive::of_instance(&context.node).await?;
        arguments.insert("image_info".to_owned(), info);
        arguments.insert("configdrive".to_owned(), json!(drive));
    }
    Ok(arguments)
}
