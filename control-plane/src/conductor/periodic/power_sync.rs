//! Keeps the stored power state and that of the machine in step, as Ironic does, and with it boot mode and secure boot.

use super::visit::Slow;
use super::{Declaration, NodePeriodic, Seen, Visit, Visited};
use crate::conductor::Conductor;
use crate::conductor::node_task::{NodeTask, TaskError};
use crate::conductor::steps::{StepError, chain, power_state};
use crate::conductor::wishes::{FirmwareState, read_firmware};
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

/// How errors begin that are about nothing but the power state: they are no news once it is as it should be.
const ABOUT_POWER: [&str; 3] = [
    "changing the power state",
    "setting the power state back",
    "the power state could not",
];

/// What the BMC says.
pub(super) struct Found {
    pub(super) power: Option<PowerState>,
    firmware: FirmwareState,
}

#[async_trait]
impl NodePeriodic for PowerSync {
    fn declaration(&self, settings: &Settings) -> Declaration {
        let no = || vec![FieldValue::Bool(false)];
        Declaration {
            filters: vec![
                ("maintenance", no()),
                ("running", no()),
                ("reserved", no()),
                ("target_power_state", vec![FieldValue::Null]),
                // A machine may be restarted for what was asked of it.
                (
                    "upkeep",
                    vec![FieldValue::Null, FieldValue::Text("console".to_owned())],
                ),
            ],
            extra_fields: &["provision_state", "power_sync_failures"],
            node_count_metric: Some("power_sync_nodes"),
            ..Declaration::new(
                "comparing its power state",
                seconds(settings.conductor.power_sync_interval_s),
                settings.conductor.power_sync_workers,
            )
        }
    }

    fn predicate(&self, seen: &Seen<'_>, _now: Timestamp) -> bool {
        let left_alone = [ProvisionState::Enroll, ProvisionState::AdoptFailed];
        let state = seen.text("provision_state");
        left_alone.iter().all(|left| state != Some(left.name()))
    }

    /// Nodes that failed earlier come first.
    fn urgency(&self, seen: &Seen<'_>) -> i64 {
        seen.integer("power_sync_failures").unwrap_or(0)
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        let left_alone = matches!(
            node.provision_state,
            ProvisionState::Enroll | ProvisionState::AdoptFailed
        );
        let asked = node.target_power_state.is_some() || node.wish.is_some();
        !left_alone && !node.maintenance && node.run.is_none() && !asked
    }

    /// Looks without the lock, because BMCs are slow, and takes it only if there is something to change.
    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let found = match visit.ask(look(&visit.conductor, &visit.node)).await {
            Ok(found) => found,
            Err(Slow::Later) => return Ok(Visited::Later),
            Err(Slow::Hangs(limit)) => Err(StepError::Problem(format!(
                "the BMC did not answer within {} s",
                limit.as_secs()
            ))),
        };
        if found
            .as_ref()
            .is_ok_and(|found| is_as_stored(&visit.node, found))
        {
            return Ok(Visited::Nothing);
        }
        let Some(mut task) = visit.lock_unchanged().await? else {
            return Ok(Visited::Nothing);
        };
        match found {
            Ok(found) => correct(&mut task, &found).await?,
            Err(error) => {
                count_failure(
                    &mut task,
                    "the power state could not be read",
                    &chain(&error),
                )
                .await?;
            }
        }
        Ok(Visited::Acted)
    }
}

pub(super) async fn look(conductor: &Conductor, node: &Node) -> Result<Found, StepError> {
    let hardware = conductor.hardware(node)?;
    let found = hardware
        .power
        .get()
        .await
        .map_err(StepError::bmc("reading the power state"))?;
    Ok(Found {
        power: power_state(found),
        // A BMC that does not tell these has told its power state, and that is what it was asked for.
        firmware: read_firmware(node.uuid, &hardware).await,
    })
}

/// Nothing to store. A BMC that does not say, as while it starts, is no reason to switch anything.
fn is_as_stored(node: &Node, found: &Found) -> bool {
    let same_firmware = found.firmware.is_as_stored(node);
    let same_power = found.power.is_none() || found.power == node.power_state;
    let settled = found.power.is_none() || (node.power_sync_failures == 0 && !is_complaint(node));
    same_firmware && same_power && settled
}

/// Whether the last error is about the power state only.
fn is_complaint(node: &Node) -> bool {
    let error = node.last_error.as_deref().unwrap_or_default();
    ABOUT_POWER.iter().any(|start| error.starts_with(start))
}

/// The stored state wins where that is wanted and possible, else what the machine says is stored.
async fn correct(task: &mut NodeTask, found: &Found) -> Result<(), TaskError> {
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
    let differs = found.power.is_some() && stored != found.power;
    if let (true, Some(action), Some(hardware)) = (force && differs, wanted, hardware) {
        return enforce(task, hardware, action, found.power).await;
    }
    let settled = found.power.is_some();
    let corrected = differs.then_some(What::PowerChanged {
        from: stored,
        to: found.power,
    });
    let change = task.change().events(corrected).with(|node| {
        found.firmware.note(node);
        if settled {
            node.power_state = found.power;
            node.power_sync_failures = 0;
            void_agent_if_off(node, found.power);
            if is_complaint(node) {
                node.last_error = None;
            }
        }
    });
    task.save(change).await
}

/// The BMC says that whatever ran on the machine is gone, and the agent's token with it.
fn void_agent_if_off(node: &mut Node, found: Option<PowerState>) {
    if found == Some(PowerState::Off) {
        node.agent = None;
    }
}

/// Sets the machine to what is stored. One that is otherwise again and again is somebody else's to look at.
async fn enforce(
    task: &mut NodeTask,
    hardware: Hardware,
    action: PowerAction,
    found: Option<PowerState>,
) -> Result<(), TaskError> {
    let (stored, failures) = (name(task.node.power_state), next_failure(&task.node));
    if failures >= most_failures(task) {
        let reason = format!(
            "the power state could not be kept: the machine was set to {stored} {} times and is in {} again",
            failures - 1,
            name(found)
        );
        return give_up(task, failures, reason, found).await;
    }
    let set = task
        .during(async move { hardware.power.set(action, None).await })
        .await?;
    let error = match set {
        Ok(()) => {
            let text = format!(
                "the machine was found in power state {} and was set to {stored}",
                name(found)
            );
            let change = task.change().event(What::Note { text }).with(|node| {
                node.power_sync_failures = failures;
                void_agent_if_off(node, found);
            });
            return task.save(change).await;
        }
        Err(error) => chain(&error),
    };
    count_failure(task, "setting the power state back", &error).await
}

fn name(state: Option<PowerState>) -> &'static str {
    state.map_or("unknown", PowerState::name)
}

fn next_failure(node: &Node) -> u32 {
    node.power_sync_failures.saturating_add(1)
}

fn most_failures(task: &NodeTask) -> u32 {
    let settings = &task.conductor().settings().conductor;
    settings.power_sync_max_failures
}

/// A failure means little; after several in a row nobody knows what the machine does.
async fn count_failure(task: &mut NodeTask, what: &str, error: &str) -> Result<(), TaskError> {
    let failures = next_failure(&task.node);
    if failures >= most_failures(task) {
        let reason = format!("{what} {failures} times in a row: {error}");
        return give_up(task, failures, reason, Some(PowerState::Error)).await;
    }
    let event = What::BmcError {
        error: format!("{what}: {error}"),
    };
    let change = task
        .change()
        .event(event)
        .with(|node| node.power_sync_failures = failures);
    task.save(change).await
}

/// In maintenance until the BMC answers again.
async fn give_up(
    task: &mut NodeTask,
    failures: u32,
    reason: String,
    found: Option<PowerState>,
) -> Result<(), TaskError> {
    let event = What::BmcError {
        error: reason.clone(),
    };
    let change = task.change().event(event).with(|node| {
        node.power_sync_failures = failures;
        node.power_state = found;
        node.target_power_state = None;
        node.maintenance = true;
        node.maintenance_reason = Some(reason.clone());
        // Why the last deploy failed is worth more than that the BMC is away.
        node.last_error.get_or_insert(reason);
        node.fault = Some(FAULT.to_owned());
    });
    task.save(change).await
}
