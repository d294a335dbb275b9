//! Boot mode and secure boot: read, and changed on request. Some firmwares take a change over when the machine starts: it
//! is restarted then, as Ironic does, and is left on or off as it was.
//!
//! That it is about to be restarted is stored before. Whoever goes on after a crash restarts nothing that may be in the
//! middle of starting: it looks whether the change shows, and restarts the machine once more only where it does not by
//! the end of its time, or the machine stays off.

use super::precedence::is_on_its_way;
use super::{Done, Unfulfilled};
use crate::conductor::Conductor;
use crate::conductor::environment::later;
use crate::conductor::management::no_way;
use crate::conductor::node_task::{NodeTask, TaskError};
use crate::conductor::requests::RequestError;
use crate::conductor::steps::{StepError, chain};
use ferric_drivers::{BmcError, BootMode, Hardware, PowerAction, SecureBootState, TakesEffect};
use ferric_model::event::What;
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Wish, WishProgress};
use ferric_model::state::PowerState;
use std::time::Duration;
use tokio::time::sleep;
use tracing::debug;

/// From one look at a setting that a restart is to bring to the next.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often a machine is restarted for one wish: once more where the first restart may not have happened.
const MOST_RESTARTS: u32 = 2;
/// A machine that so many looks in a row find off is not being restarted by anybody.
const LOOKS_AT_REST: u32 = 6;

/// What is to be so.
#[derive(Clone, Copy)]
pub(super) enum Setting {
    Mode(BootMode),
    SecureBoot(SecureBootState),
}

/// What the BMC says of the firmware; `None` where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::conductor) struct FirmwareState {
    pub(in crate::conductor) boot_mode: Option<BootMode>,
    pub(in crate::conductor) secure_boot: Option<SecureBootState>,
}

impl FirmwareState {
    /// What is not known stays as it was known last.
    pub(in crate::conductor) fn note(&self, node: &mut Node) {
        if let Some(mode) = self.boot_mode {
            node.boot_mode = Some(mode.name().to_owned());
        }
        if let Some(state) = self.secure_boot {
            node.secure_boot = Some(state.is_on());
        }
    }

    pub(in crate::conductor) fn is_as_stored(&self, node: &Node) -> bool {
        let same_mode = self
            .boot_mode
            .is_none_or(|mode| node.boot_mode.as_deref() == Some(mode.name()));
        let same_secure_boot = self
            .secure_boot
            .is_none_or(|state| node.secure_boot == Some(state.is_on()));
        same_mode && same_secure_boot
    }
}

/// A BMC that does not tell these fails nothing because of that.
pub(in crate::conductor) async fn read(node: NodeId, hardware: &Hardware) -> FirmwareState {
    let boot_mode = match &hardware.management {
        Some(management) => management.boot_mode().await,
        None => Ok(None),
    };
    let secure_boot = match &hardware.secure_boot {
        Some(secure_boot) => secure_boot.state().await,
        None => Ok(None),
    };
    FirmwareState {
        boot_mode: told(node, "reading the boot mode", boot_mode),
        secure_boot: told(node, "reading secure boot", secure_boot),
    }
}

fn told<T>(node: NodeId, doing: &str, answer: Result<Option<T>, BmcError>) -> Option<T> {
    answer.unwrap_or_else(|error| {
        debug!(%node, doing, error = chain(&error), "the BMC does not tell");
        None
    })
}

impl Conductor {
    pub(in crate::conductor) async fn do_set_boot_mode(
        &self,
        id: NodeId,
        mode: BootMode,
    ) -> Result<(), RequestError> {
        let task = self.task(id, "changing its boot mode").await?;
        at_rest(&task.node, "boot mode")?;
        if self.hardware_for(&task.node)?.management.is_none() {
            return Err(no_way(&task.node, "boot mode"));
        }
        self.begin(task, Wish::BootMode(mode.name().to_owned()))
            .await
    }

    pub(in crate::conductor) async fn do_set_secure_boot(
        &self,
        id: NodeId,
        state: SecureBootState,
    ) -> Result<(), RequestError> {
        let task = self.task(id, "changing its secure boot").await?;
        at_rest(&task.node, "secure boot state")?;
        if self.hardware_for(&task.node)?.secure_boot.is_none() {
            return Err(no_way(&task.node, "secure boot"));
        }
        self.begin(task, Wish::SecureBoot(state.is_on())).await
    }
}

/// In Ironic's words.
fn at_rest(node: &Node, what: &str) -> Result<(), RequestError> {
    if !is_on_its_way(node) {
        return Ok(());
    }
    let state = node.provision_state;
    Err(RequestError::Conflict(format!(
        "Node is in {state} state. Since node is transitioning, the {what} will not be set as this may interfere with \
         ongoing changes and result in erroneous modification. Try again later."
    )))
}

impl Setting {
    pub(super) fn secure_boot(on: bool) -> Self {
        Self::SecureBoot(SecureBootState::of(on))
    }

    async fn set(self, hardware: &Hardware) -> Result<TakesEffect, StepError> {
        match self {
            Self::Mode(mode) => {
                let Some(management) = &hardware.management else {
                    return Err(StepError::Problem(NOBODY.to_owned()));
                };
                let set = management.set_boot_mode(mode).await;
                set.map_err(StepError::bmc("changing the boot mode"))
            }
            Self::SecureBoot(state) => {
                let Some(secure_boot) = &hardware.secure_boot else {
                    return Err(StepError::Problem(NOBODY.to_owned()));
                };
                let set = secure_boot.set_state(state).await;
                set.map_err(StepError::bmc("changing secure boot"))
            }
        }
    }

    fn holds(self, found: &FirmwareState) -> bool {
        match self {
            Self::Mode(mode) => found.boot_mode == Some(mode),
            Self::SecureBoot(state) => found.secure_boot == Some(state),
        }
    }

    /// Whether the BMC says how it is.
    fn is_told(self, found: &FirmwareState) -> bool {
        match self {
            Self::Mode(_) => found.boot_mode.is_some(),
            Self::SecureBoot(_) => found.secure_boot.is_some(),
        }
    }
}

const NOBODY: &str =
    "the node's management interface cannot do it any more: choose another management_interface";

/// Who restarted the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Restarted {
    ByUs,
    /// Whoever was about to did it, or was kept from it.
    Perhaps,
}

/// What came of waiting for the change.
enum Seen {
    Holds(FirmwareState),
    /// The machine has started, or is off, without it.
    Old,
    /// The BMC does not tell.
    Nothing,
    /// This conductor ends.
    Stopped,
}

/// How often the machine was about to be restarted for the wish that is stored.
pub(super) fn restarts(node: &Node) -> u32 {
    let progress = node.wish_progress.as_ref();
    progress.map_or(0, |progress| progress.restarts)
}

fn may_restart(node: &Node, restarted: Restarted) -> bool {
    restarted == Restarted::Perhaps && restarts(node) < MOST_RESTARTS
}

/// Sets it, and sees to it that it holds.
pub(super) async fn change(
    task: &mut NodeTask,
    hardware: &Hardware,
    setting: Setting,
) -> Result<Done, Unfulfilled> {
    let mut restarted = Restarted::Perhaps;
    if restarts(&task.node) == 0 {
        if let Some(now) = set(task, hardware, setting).await? {
            return Ok(Done::Firmware {
                now,
                restarted_to: None,
            });
        }
        restart(task, hardware).await?;
        restarted = Restarted::ByUs;
    }
    loop {
        let may_restart = may_restart(&task.node, restarted);
        match watch(task, hardware, setting, restarted).await? {
            Seen::Holds(now) => return leave_as_it_was(task, hardware, now).await,
            Seen::Stopped => return Ok(Done::Later),
            Seen::Old if may_restart => {
                if let Some(now) = set(task, hardware, setting).await? {
                    return leave_as_it_was(task, hardware, now).await;
                }
                restart(task, hardware).await?;
                restarted = Restarted::ByUs;
            }
            Seen::Old | Seen::Nothing => return Err(in_vain(task.conductor()).into()),
        }
    }
}

fn in_vain(conductor: &Conductor) -> StepError {
    StepError::Problem(format!(
        "the machine was restarted for it, but {} s later its BMC does not show the new setting: look at the BMC's jobs \
         and at the machine's console",
        conductor.wish_limit().as_secs()
    ))
}

/// `None`: it holds from the next boot on.
async fn set(
    task: &mut NodeTask,
    hardware: &Hardware,
    setting: Setting,
) -> Result<Option<FirmwareState>, Unfulfilled> {
    let node = task.id();
    let asking = async {
        Ok::<_, StepError>(match setting.set(hardware).await? {
            TakesEffect::Now => Some(read(node, hardware).await),
            TakesEffect::AtNextBoot => None,
        })
    };
    Ok(task.during(Box::pin(asking)).await??)
}

async fn restart(task: &mut NodeTask, hardware: &Hardware) -> Result<(), Unfulfilled> {
    task.ensure_ours()?;
    let conductor = task.conductor();
    let progress = WishProgress {
        until: later(conductor.now(), conductor.wish_limit()),
        restarts: restarts(&task.node) + 1,
    };
    let text = "the machine is restarted: its firmware takes the change over then".to_owned();
    let change = task.change().event(What::Note { text });
    task.save(change.with(|node| node.wish_progress = Some(progress)))
        .await?;
    let restart = hardware.power.set(PowerAction::Reboot, None);
    let restarted = task.during(restart).await?;
    Ok(restarted.map_err(StepError::bmc(
        "restarting the machine, whose firmware takes the change over then",
    ))?)
}

/// Waits until it holds, or its time is over.
async fn watch(
    task: &mut NodeTask,
    hardware: &Hardware,
    setting: Setting,
    restarted: Restarted,
) -> Result<Seen, TaskError> {
    let (node, conductor) = (task.id(), task.conductor().clone());
    let progress = task.node.wish_progress.as_ref();
    let until = progress.map_or_else(|| conductor.now(), |progress| progress.until);
    let may_restart = may_restart(&task.node, restarted);
    let watching = async {
        let mut looks_at_rest = 0;
        loop {
            let found = read(node, hardware).await;
            if setting.holds(&found) {
                return Seen::Holds(found);
            }
            let is_off = may_restart && is_off(hardware).await;
            looks_at_rest = if is_off { looks_at_rest + 1 } else { 0 };
            if looks_at_rest >= LOOKS_AT_REST {
                return Seen::Old;
            }
            if conductor.now() >= until {
                let is_told = setting.is_told(&found);
                return if is_told { Seen::Old } else { Seen::Nothing };
            }
            let pause = sleep(LOOK_AGAIN);
            let stopped = conductor.stop_token().run_until_cancelled(pause).await;
            if stopped.is_none() {
                return Seen::Stopped;
            }
        }
    };
    task.during(Box::pin(watching)).await
}

async fn is_off(hardware: &Hardware) -> bool {
    let power = hardware.power.get().await;
    matches!(power, Ok(Some(ferric_drivers::PowerState::Off)))
}

/// The power state that is stored is the one before the restart.
async fn leave_as_it_was(
    task: &mut NodeTask,
    hardware: &Hardware,
    now: FirmwareState,
) -> Result<Done, Unfulfilled> {
    let node = &task.node;
    let was_off = node.power_state == Some(PowerState::Off) && !node.disable_power_off;
    if !was_off {
        return Ok(Done::Firmware {
            now,
            restarted_to: Some(PowerState::On),
        });
    }
    let off = hardware.power.set(PowerAction::Off, None);
    let off = task.during(off).await?;
    off.map_err(StepError::bmc("switching the machine off again"))?;
    Ok(Done::Firmware {
        now,
        restarted_to: Some(PowerState::Off),
    })
}
