//! Runs a command to its end, whatever that end is, and writes it down.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::catalog::{Command, Mode};
use super::failure::{ErrorKind, Failure};
use super::{
    bootloader, containers, flow, image, log, managers, node, rescue, standby, steps, system,
};
use crate::agent::Agent;
use crate::inventory::{self, BmcDetection, InventoryError};
use crate::progress::Progress;

/// Why `poll.set_node_info` is refused, alone as in a flow.
pub(super) const NOT_STANDALONE: &str =
    "node information can be set on a standalone agent only, and this one has a conductor";

/// The arguments of a command, by name.
pub(super) type Params = Map<String, Value>;

/// What a command ends with.
pub(super) type Outcome = Result<Value, Failure>;

/// A command that is being run.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) agent: Arc<Agent>,
    pub(super) progress: Progress,
}

/// Runs a command that the ledger has listed. It belongs to the agent, not to the request that asked for it: a
/// conductor that hangs up does not end it.
pub fn start(agent: &Arc<Agent>, id: Uuid, command: Command, progress: Progress, params: Params) {
    let run = Run {
        agent: Arc::clone(agent),
        progress,
    };
    let task = async move {
        tracing::info!(%id, command = command.name(), "a command begins");
        let outcome = run.to_end(command, params).await;
        if let Err(failure) = &outcome {
            tracing::error!(%id, command = command.name(), details = failure.details, "a command failed");
        } else {
            tracing::info!(%id, command = command.name(), "a command succeeded");
        }
        run.agent.ledger.finish(id, outcome);
        if command.mode() == Mode::Async {
            run.agent.beat_now.notify_one();
        }
    };
    agent.work.spawn(task);
}

/// Runs again what was running when the agent before this one ended, where it may be. A command that is answered when
/// it is done has ended then, as conductors do not expect to find one in the list that is running.
pub async fn resume(agent: &Arc<Agent>) {
    let Some(resumed) = agent.ledger.resume() else {
        return;
    };
    let (id, command) = (resumed.id, resumed.command);
    tracing::warn!(
        %id,
        command = command.name(),
        "a command is begun again, as the agent was restarted while it was running"
    );
    start(agent, id, command, resumed.progress, resumed.params);
    if command.mode() == Mode::Sync {
        agent.ledger.wait(id).await;
    }
}

impl Run {
    /// A panic of a command is the failure of that command, not of the agent.
    pub(super) async fn to_end(&self, command: Command, params: Params) -> Outcome {
        let guarded = AssertUnwindSafe(self.dispatch(command, params)).catch_unwind();
        let outcome = guarded.await.unwrap_or_else(|panic| Err(panicked(&*panic)));
        outcome.map(|value| with_name(command, value))
    }

    async fn dispatch(&self, command: Command, params: Params) -> Outcome {
        match command {
            Command::GetSteps(kind) => managers::list(self, kind, params).await,
            Command::ExecuteStep(kind) => steps::execute(self, kind, params).await,
            Command::PrepareImage => image::prepare(self, params).await,
            Command::ExecuteBootcInstall => {
                containers::install(self, params, node::for_writing(self).await).await
            }
            Command::RunImage => standby::reboot(self).await,
            Command::PowerOff => standby::power_off(self).await,
            Command::Sync => standby::sync(self).await,
            Command::GetPartitionUuids => image::partition_uuids(self).await,
            Command::DiscardImage => image::discard(self).await,
            Command::InstallBootloader => bootloader::install(self, params).await,
            Command::FinalizeRescue => rescue::finalize(self, params),
            Command::CollectSystemLogs => log::collect(self).await,
            Command::StartFlow => flow::start(self, params).await,
            Command::GetHardwareInfo => self.hardware_info().await,
            Command::SetNodeInfo => Err(Failure::new(ErrorKind::InvalidParams, NOT_STANDALONE)),
            Command::Lockdown => system::lockdown(self),
        }
    }

    async fn hardware_info(&self) -> Outcome {
        let agent = Arc::clone(&self.agent);
        let own = agent.settings.skip_bmc_detect;
        let is_skipped = agent.session.config.agent_skip_bmc_detect.unwrap_or(own);
        let detection = BmcDetection::unless(is_skipped);
        let bootif = agent.settings.bootif.clone();
        let collect = move || {
            let found = inventory::collect(&agent.host, bootif.as_deref(), detection)?;
            let (inventory, _) = agent.managers.override_inventory(found);
            Ok::<_, InventoryError>(inventory)
        };
        let inventory = on_thread(collect).await?;
        inventory
            .map(|inventory| json!(inventory))
            .map_err(|error| Failure::caused_by(ErrorKind::CommandExecution, &error))
    }
}

/// Does blocking work on a thread of its own.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| match error.try_into_panic() {
        Ok(panic) => panicked(&*panic),
        Err(error) => Failure::caused_by(ErrorKind::CommandExecution, &error),
    })
}

/// Reads arguments; unknown ones are ignored, because conductors send more than an agent needs.
pub(super) fn arguments<T: serde::de::DeserializeOwned>(params: Params) -> Result<T, Failure> {
    serde_json::from_value(Value::Object(params)).map_err(|error| {
        Failure::new(
            ErrorKind::CommandExecution,
            format!("the arguments make no sense: {error}"),
        )
    })
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let details = format!(
        "the agent has a fault: {}",
        text.unwrap_or("a panic without a text")
    );
    Failure::new(ErrorKind::CommandExecution, details)
}

/// A result that is a text becomes an object, with the name before it if the command is asynchronous.
fn with_name(command: Command, value: Value) -> Value {
    match (value, command.mode()) {
        (Value::String(text), Mode::Sync) => json!({"result": text}),
        (Value::String(text), Mode::Async) => {
            json!({"result": format!("{}: {text}", command.name())})
        }
        (value, _) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_objects() {
        let text = Value::String("x".to_owned());
        assert_eq!(
            with_name(Command::Sync, text.clone()),
            json!({"result": "x"})
        );
        assert_eq!(
            with_name(Command::PrepareImage, text),
            json!({"result": "prepare_image: x"})
        );
        assert_eq!(with_name(Command::Sync, Value::Null), Value::Null);
    }

    #[tokio::test]
    async fn a_panic_on_a_thread_is_a_failure_that_says_so() {
        let failure = on_thread(|| -> () { panic!("index {}", 7) })
            .await
            .unwrap_err();
        assert_eq!(failure.details, "the agent has a fault: index 7");
    }
}
