//! Power and boot device on request, without a provision state being involved.

use super::Conductor;
use super::engine::contained;
use super::node_task::{NodeTask, TaskError};
use super::requests::RequestError;
use super::steps::{StepError, chain, power_state};
use super::wishes::clear_of_wishes;
use ferric_drivers::{
    BmcError, BootDevice, BootSetting, Hardware, Management, OffAllowed, Persistence, PowerAction,
    Target,
};
use ferric_model::event::What;
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Reservation};
use ferric_model::run::{News, Wait, WaitReason};
use ferric_model::state::PowerState;
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, warn};

impl Conductor {
    /// The handles to the node's machine.
    pub(super) fn hardware(&self, node: &Node) -> Result<Hardware, StepError> {
        let interfaces = self.interfaces(node)?;
        let name = node.uuid.to_string();
        Ok(self.drivers().connect(
            &interfaces,
            Target {
                name: &name,
                driver_info: &node.driver_info,
                off_allowed: if node.disable_power_off {
                    OffAllowed::No
                } else {
                    OffAllowed::Yes
                },
            },
        )?)
    }

    /// Stores the wish and answers; the rest happens in the background under the same lock.
    pub(super) async fn do_set_power(
        &self,
        id: NodeId,
        action: PowerAction,
        timeout: Option<Duration>,
    ) -> Result<(), RequestError> {
        let mut task = self.task(id, "changing its power state").await?;
        let turns_off = action.leads_to() == ferric_drivers::PowerState::Off;
        if task.node.disable_power_off && turns_off {
            return Err(RequestError::Conflict(format!(
                "Node {id} must not be switched off (disable_power_off is set)"
            )));
        }
        self.hardware(&task.node)
            .map_err(|error| RequestError::Invalid(chain(&error)))?;
        store_wish(&mut task, action).await?;
        self.work()
            .spawn(async move { finish_wish(task, action, timeout).await });
        Ok(())
    }

    /// A wish that a conductor which died had stored.
    pub(super) fn resume_power(&self, node: &Node) {
        if node.target_power_state.is_none() {
            return;
        }
        let (conductor, id) = (self.clone(), node.uuid);
        self.work().spawn(async move {
            let lock = conductor.locks().wait(id, "changing its power state").await;
            match NodeTask::load(&conductor, lock).await {
                Ok(task) => conductor.take_up_wish(task),
                Err(error) => {
                    warn!(node = %id, error = chain(&error), "a power action could not be resumed")
                }
            }
        });
    }

    /// Goes on with the wish that is stored; with none, somebody else has come first.
    pub(super) fn take_up_wish(&self, task: NodeTask) {
        if let Some(action) = task.node.target_power_state.and_then(action_to) {
            self.work()
                .spawn(async move { finish_wish(task, action, None).await });
        }
    }

    pub(super) async fn do_boot_device(&self, id: NodeId) -> Result<BootSetting, RequestError> {
        let node = self.node(id).await?;
        bmc(self.management(&node)?.boot_device().await)
    }

    pub(super) async fn do_set_boot_device(
        &self,
        id: NodeId,
        device: BootDevice,
        persistence: Persistence,
    ) -> Result<(), RequestError> {
        let mut task = self.task(id, "setting its boot device").await?;
        let management = self.management(&task.node)?;
        let mode = super::steps::wanted_mode(&task.node);
        let set = task
            .during(management.set_boot_device(device, persistence, mode))
            .await?;
        bmc(set).map(drop)
    }

    pub(super) async fn do_supported_boot_devices(
        &self,
        id: NodeId,
    ) -> Result<Vec<BootDevice>, RequestError> {
        let node = self.node(id).await?;
        bmc(self.management(&node)?.supported_boot_devices().await)
    }

    fn management(&self, node: &Node) -> Result<Arc<dyn Management>, RequestError> {
        let hardware = self
            .hardware(node)
            .map_err(|error| RequestError::Invalid(chain(&error)))?;
        hardware.management.ok_or_else(|| {
            RequestError::Invalid(format!(
                "The management interface of node {} knows no boot device",
                node.uuid
            ))
        })
    }
}

/// An answer of the BMC within an API request. What the BMC cannot do is the caller's business, the rest is ours.
pub(super) fn bmc<T>(answer: Result<T, BmcError>) -> Result<T, RequestError> {
    answer.map_err(|error| match error {
        BmcError::NotOffered { .. } | BmcError::Credentials { .. } | BmcError::Forbidden { .. } => {
            RequestError::Invalid(chain(&error))
        }
        error => RequestError::Busy {
            reason: chain(&error),
            retry_after_s: 10,
        },
    })
}

async fn store_wish(task: &mut NodeTask, action: PowerAction) -> Result<(), RequestError> {
    let (conductor, since) = (task.conductor().host().to_owned(), task.conductor().now());
    let purpose = "changing its power state".to_owned();
    let change = clear_of_wishes(task)?.with(|node| {
        node.target_power_state = Some(target(action));
        node.last_error = None;
        node.reservation = Some(Reservation {
            conductor,
            purpose,
            since,
        });
    });
    Ok(task.save(change).await?)
}

async fn finish_wish(mut task: NodeTask, action: PowerAction, timeout: Option<Duration>) {
    let (id, conductor) = (task.id(), task.conductor().clone());
    task.set_purpose("changing its power state");
    let stored = match contained(fulfil(&mut task, action, timeout)).await {
        Ok(stored) => stored,
        Err(panic) => {
            error!(node = %id, panic, "a power action panicked");
            let error = format!("an internal error ({panic}): see the conductor's log");
            store_end(&mut task, action, Err(error)).await
        }
    };
    match stored {
        Ok(()) => conductor.hand_over(task),
        Err(error) => {
            warn!(node = %id, error = chain(&error), "the end of a power action could not be stored; it is taken up again by the next timer");
            drop(task);
            conductor.nudge_if_unread(id);
        }
    }
}

async fn fulfil(
    task: &mut NodeTask,
    action: PowerAction,
    timeout: Option<Duration>,
) -> Result<(), TaskError> {
    let outcome = match task.conductor().hardware(&task.node) {
        Ok(hardware) => {
            let set = task
                .during(async move { hardware.power.set(action, timeout).await })
                .await?;
            set.map_err(StepError::bmc("changing the power state"))
        }
        Err(error) => Err(error),
    };
    store_end(task, action, outcome.map_err(|error| chain(&error))).await
}

/// The wish is no more, and the node is free.
async fn store_end(
    task: &mut NodeTask,
    action: PowerAction,
    outcome: Result<(), String>,
) -> Result<(), TaskError> {
    let from = task.node.power_state;
    let change = task.change().with(|node| {
        node.target_power_state = None;
        node.reservation = None;
    });
    let change = match outcome {
        Ok(()) => {
            let to = power_state(Some(action.leads_to()));
            let change = change.event(What::PowerChanged { from, to });
            change.with(|node| {
                node.power_state = to;
                if action != PowerAction::On || from == Some(PowerState::Off) {
                    interrupt(node, action);
                }
            })
        }
        Err(error) => change
            .event(What::BmcError {
                error: error.clone(),
            })
            .with(|node| node.last_error = Some(error)),
    };
    task.save(change).await
}

/// Whatever ran on the machine does not run any more: a run that waits for it learns so at once. While an operator has it
/// held, the machine is the operator's; what a BMC does goes on whatever the machine does. There the ramdisk is booted
/// again when a step needs it.
pub(super) fn interrupt(node: &mut Node, action: PowerAction) {
    node.agent = None;
    let Some(run) = &mut node.run else { return };
    let apart = |wait: &Wait| matches!(wait.reason, WaitReason::Hold | WaitReason::Hardware { .. });
    if run.wait.as_ref().is_none_or(apart) {
        return;
    }
    run.news = Some(match action.leads_to() {
        ferric_drivers::PowerState::Off => News::SwitchedOff,
        ferric_drivers::PowerState::On => News::Restarted,
    });
}

fn target(action: PowerAction) -> PowerState {
    match action {
        PowerAction::On => PowerState::On,
        PowerAction::Off => PowerState::Off,
        PowerAction::SoftOff => PowerState::SoftOff,
        PowerAction::Reboot => PowerState::Rebooting,
        PowerAction::SoftReboot => PowerState::SoftRebooting,
    }
}

fn action_to(target: PowerState) -> Option<PowerAction> {
    match target {
        PowerState::On => Some(PowerAction::On),
        PowerState::Off => Some(PowerAction::Off),
        PowerState::SoftOff => Some(PowerAction::SoftOff),
        PowerState::Rebooting => Some(PowerAction::Reboot),
        PowerState::SoftRebooting => Some(PowerAction::SoftReboot),
        PowerState::Error => None,
    }
}
