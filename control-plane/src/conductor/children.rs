//! A step that is done on a child node: under the child's own lock, as part of its parent's run, whose journal says how
//! far it got.

use super::Conductor;
use super::flows::Reserved;
use super::forward::NodeCall;
use super::node_task::{NodeTask, TaskError};
use super::steps::{self, StepContext, StepError, chain};
use ferric_model::event::What;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::run::Run;
use ferric_model::step::{Place, Step};
use std::time::Duration;

/// Whoever holds the child is waited for so long. Two nodes that are each other's parents do not wait for ever.
const LOCK_WAIT: Duration = Duration::from_secs(60);

impl Conductor {
    /// # Errors
    /// A sentence that names the child.
    pub(super) async fn do_on_child(
        &self,
        child: NodeId,
        parent: &StepContext,
    ) -> Result<(), StepError> {
        let problem = |text: String| StepError::Problem(format!("child node {child}: {text}"));
        let mut task = self.child_task(child).await.map_err(problem)?;
        refuse(&task.node, &parent.step).map_err(problem)?;
        let outcome = perform(&mut task, parent).await;
        outcome.map_err(|error| problem(chain(&error)))
    }
}

impl Conductor {
    /// The child with its lock. One that another conductor has is asked for first.
    async fn child_task(&self, child: NodeId) -> Result<NodeTask, String> {
        match self.own_child_task(child).await? {
            Ok(task) => return Ok(task),
            Err(TaskError::NotOurs(_)) => {}
            Err(error) => return Err(in_words(&error)),
        }
        let to = self.host().to_owned();
        let give = NodeCall::Give { node: child, to };
        // Boxed, because a step is what this is part of.
        let given = Box::pin(self.at_owner(give)).await;
        given.map_err(|error| chain(&error))?;
        let task = self.own_child_task(child).await?;
        task.map_err(|error| in_words(&error))
    }

    async fn own_child_task(&self, child: NodeId) -> Result<Result<NodeTask, TaskError>, String> {
        let locks = self.locks();
        let lock = locks.wait_for(child, "a step of its parent", LOCK_WAIT);
        let lock = lock
            .await
            .map_err(|held| format!("it is held for {}", held.purpose))?;
        Ok(NodeTask::load(self, lock).await)
    }
}

fn in_words(error: &TaskError) -> String {
    match error {
        TaskError::Gone(_) => "it does not exist any more".to_owned(),
        error => chain(error),
    }
}

/// Why nothing may be done to the child now.
fn refuse(child: &Node, step: &Step) -> Result<(), String> {
    if child.maintenance {
        return Err("it is in maintenance".to_owned());
    }
    if child.run.is_some() {
        return Err(format!("it is {} itself", child.provision_state));
    }
    let goes_off = Reserved::of(&step.id.step) == Some(Reserved::PowerOff);
    if goes_off && child.disable_power_off {
        return Err("it must not be switched off (disable_power_off is set)".to_owned());
    }
    Ok(())
}

/// As a run of this one step, which is not the child's: nothing of it stays but what it did. What the step puts behind
/// itself (the volumes after those that it deleted, the next firmware) is part of it.
async fn perform(task: &mut NodeTask, parent: &StepContext) -> Result<(), StepError> {
    let step = Step {
        place: Place::Here,
        ..parent.step.clone()
    };
    let mut run = Run {
        steps: vec![step],
        index: 0,
        ..parent.run.clone()
    };
    while let Some(step) = run.step().cloned() {
        perform_one(task, parent, step, &mut run).await?;
        run.index += 1;
    }
    Ok(())
}

async fn perform_one(
    task: &mut NodeTask,
    parent: &StepContext,
    step: Step,
    run: &mut Run,
) -> Result<(), StepError> {
    let ports = task.ports().await.map_err(|error| ours(&error))?;
    let context = StepContext {
        conductor: task.conductor().clone(),
        node: task.node.clone(),
        run: run.clone(),
        step,
        ports,
        hardware: task.conductor().hardware(&task.node)?,
        command_id: parent.command_id,
    };
    // Boxed, because a step is what this is part of.
    let effect = Box::pin(steps::perform(&context));
    let outcome = task.during(effect).await.map_err(|error| ours(&error))??;
    let (edits, waits) = (outcome.edits, outcome.wait.is_some());
    let text = format!("{} for its parent node", context.step.id);
    let change = task.change().events(outcome.events);
    let change = change.event(What::Note { text }).with(|node| {
        for edit in edits {
            edit(node, run);
        }
    });
    task.save(change).await.map_err(|error| ours(&error))?;
    let settings = &task.conductor().settings().conductor;
    // What it puts behind itself would be done to something half-done.
    let is_last = run.index + 1 == run.steps.len();
    let permitted = is_last && settings.permit_child_node_step_async_result;
    if waits && !permitted {
        return Err(StepError::Problem(format!(
            "{} was begun and goes on by itself, and on child nodes nobody waits for that",
            context.step.id
        )));
    }
    Ok(())
}

fn ours(error: &TaskError) -> StepError {
    StepError::Problem(chain(error))
}
