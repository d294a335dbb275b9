//! Keeps the stored power state and that of the machine in step, as Ironic does.

use super::{Declaration, NodePeriodic, Visit, Visited};
use crate::conductor::Conductor;
use crate::conductor::node_task::{NodeTask, TaskError};
use crate::conductor::steps::{StepError, chain, power_state};
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_drivers::{Hardware, PowerAction};
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_model::state::{PowerState, ProvisionState};
use ferric_store::FieldValue;
use jiff::Timestamp;

pub(super) struct PowerSync;

/// What a node without a BMC that answers is marked with.
pub(super) const FAULT: &str = "power failure";

#[async_trait]
impl NodePeriodic for PowerSync {
    fn declaration(&self, settings: &Settings) -> Declaration {
        Declaration {
            purpose: "comparing its power state",
            spacing: seconds(settings.conductor.power_sync_interval_s),
            filters: vec![
                ("maintenance", FieldValue::Bool(false)),
                ("running", FieldValue::Bool(false)),
                ("reserved", FieldValue::Bool(false)),
            ],
            limit: None,
            width: settings.conductor.periodic_concurrency,
        }
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        let left_alone = matches!(
            node.provision_state,
            ProvisionState::Enroll | ProvisionState::AdoptFailed
        );
        !left_alone && !node.maintenance && node.run.is_none() && node.target_power_state.is_none()
    }

    /// Looks without the lock, because BMCs are slow, and takes it only if there is something to change.
    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        let node = &visit.node;
        let found = read(&visit.conductor, node).await;
        if matches!(found, Ok(None)) {
            // A BMC that does not say, as while it starts, is no reason to switch anything.
            return Ok(Visited::Nothing);
        }
        let agrees = found.as_ref().is_ok_and(|found| *found == node.power_state);
        if agrees && node.power_sync_failures == 0 {
            return Ok(Visited::Nothing);
        }
        let Some(mut task) = visit.lock().await? else {
            return Ok(Visited::Nothing);
        };
        match found {
            Ok(found) => correct(&mut task, found).await?,
            Err(error) => count_failure(&mut task, &chain(&error)).await?,
        }
        Ok(Visited::Acted)
    }
}

pub(super) async fn read(
    conductor: &Conductor,
    node: &Node,
) -> Result<Option<PowerState>, StepError> {
    let hardware = conductor.hardware(node)?;
    let found = hardware
        .power
        .get()
        .await
        .map_err(StepError::bmc("reading the power state"))?;
    Ok(power_state(found))
}

/// The stored state wins where that is wanted and possible, else what the machine says is stored.
async fn correct(task: &mut NodeTask, found: Option<PowerState>) -> Result<(), TaskError> {
    let stored = task.node.power_state;
    let wanted = match stored {
        Some(PowerState::On) => Some(PowerAction::On),
        Some(PowerState::Off) if !task.node.disable_power_off => Some(PowerAction::Off),
        _ => None,
    };
    let force = task
        .conductor()
        .settings()
        .conductor
        .force_power_state_during_sync;
    let hardware = task.conductor().hardware(&task.node).ok();
    if let (true, Some(action), Some(hardware)) = (force && stored != found, wanted, hardware) {
        return enforce(task, hardware, action, found).await;
    }
    let change = task.change().with(|node| {
        node.power_state = found;
        node.power_sync_failures = 0;
        void_agent_if_off(node, found);
    });
    let corrected = (stored != found).then_some(What::PowerChanged {
        from: stored,
        to: found,
    });
    task.save(change.events(corrected)).await
}

/// The BMC says that whatever ran on the machine is gone, and the agent's token with it.
fn void_agent_if_off(node: &mut Node, found: Option<PowerState>) {
    if found == Some(PowerState::Off) {
        node.agent = None;
    }
}

async fn enforce(
    task: &mut NodeTask,
    hardware: Hardware,
    action: PowerAction,
    found: Option<PowerState>,
) -> Result<(), TaskError> {
    let set = task
        .during(async move { hardware.power.set(action, None).await })
        .await?;
    let stored = task.node.power_state;
    let change = match set {
        Ok(()) => {
            let text = format!(
                "the machine was found in power state {} and was set to {}",
                found.map_or("unknown", PowerState::name),
                stored.map_or("unknown", PowerState::name)
            );
            task.change().event(What::Note { text }).with(|node| {
                node.power_sync_failures = 0;
                void_agent_if_off(node, found);
            })
        }
        Err(error) => {
            let error = chain(&error);
            task.change()
                .event(What::BmcError {
                    error: error.clone(),
                })
                .with(|node| node.last_error = Some(error))
        }
    };
    task.save(change).await
}

/// A BMC that does not answer for long enough puts its node into maintenance.
async fn count_failure(task: &mut NodeTask, error: &str) -> Result<(), TaskError> {
    let failures = task.node.power_sync_failures.saturating_add(1);
    let given_up = failures
        >= task
            .conductor()
            .settings()
            .conductor
            .power_sync_max_failures;
    let change = task
        .change()
        .event(What::BmcError {
            error: error.to_owned(),
        })
        .with(|node| {
            node.power_sync_failures = failures;
            if given_up {
                let reason =
                    format!("the power state could not be read {failures} times in a row: {error}");
                node.power_state = Some(PowerState::Error);
                node.maintenance = true;
                node.maintenance_reason = Some(reason.clone());
                node.last_error = Some(reason);
                node.fault = Some(FAULT.to_owned());
            }
        });
    task.save(change).await
}
