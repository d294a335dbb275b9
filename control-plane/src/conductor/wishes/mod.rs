//! What is asked of a machine beside power and a provision state, and answered before it is done: boot mode, secure boot,
//! console, virtual media, methods of the vendor. The wish is stored with the node, so that whoever has it after a crash
//! goes on; an end that is stored takes it away. It is done under the lock; while it may still be done, `precedence` says
//! what does not begin.

mod console;
mod firmware;
mod media;
mod precedence;
mod vendor;

pub(super) use console::close as close_console;
pub(super) use firmware::{FirmwareState, read as read_firmware};
pub(super) use precedence::{clear_of_wishes, clear_to_begin, may_be_done};

use super::Conductor;
use super::engine::contained;
use super::environment::later;
use super::node_task::{Change, NodeTask, TaskError};
use super::power::interrupt;
use super::requests::RequestError;
use super::steps::{StepError, chain};
use crate::config::seconds;
use ferric_drivers::{Hardware, PowerAction};
use ferric_model::event::What;
use ferric_model::node::{Node, Reservation, Wish, WishProgress};
use ferric_model::state::PowerState;
use std::time::Duration;
use tracing::{error, warn};

/// What became of a wish.
enum Done {
    Firmware {
        now: FirmwareState,
        /// The power state that a restart which it took left behind.
        restarted_to: Option<PowerState>,
    },
    Console,
    Media,
    VendorMethod,
    /// This conductor ends: whoever has the node next goes on.
    Later,
}

/// Why a wish was not carried out.
#[derive(Debug, thiserror::Error)]
enum Unfulfilled {
    /// It cannot be.
    #[error(transparent)]
    Failed(#[from] StepError),
    /// Nothing that the machine has to do with: it is taken up again.
    #[error(transparent)]
    BrokenOff(#[from] TaskError),
}

impl Conductor {
    /// The handles to the node's machine, or why there are none in the words of a refusal.
    pub(super) fn hardware_for(&self, node: &Node) -> Result<Hardware, RequestError> {
        let hardware = self.hardware(node);
        hardware.map_err(|error| RequestError::Invalid(chain(&error)))
    }

    /// How long a wish may take until it is begun, and a machine that was restarted for it until that shows.
    pub(super) fn wish_limit(&self) -> Duration {
        seconds(self.settings().conductor.firmware_change_timeout_s)
    }

    /// Stores the wish and answers; the rest happens in the background under the same lock.
    pub(super) async fn begin(&self, task: NodeTask, wish: Wish) -> Result<(), RequestError> {
        self.begin_with(task, wish, |_| ()).await
    }

    /// With a change of the node in the same commit.
    pub(super) async fn begin_with(
        &self,
        mut task: NodeTask,
        wish: Wish,
        edit: impl FnOnce(&mut Node),
    ) -> Result<(), RequestError> {
        let change = match wish.may_restart() {
            true => clear_to_begin(&task)?,
            false => clear_of_wishes(&task)?,
        };
        let (conductor, since) = (self.host().to_owned(), self.now());
        let purpose = wish.purpose().to_owned();
        let progress = WishProgress {
            until: later(since, self.wish_limit()),
            restarts: 0,
        };
        let change = change.with(|node| {
            node.wish = Some(wish);
            node.wish_progress = Some(progress);
            node.last_error = None;
            node.reservation = Some(Reservation {
                conductor,
                purpose,
                since,
            });
        });
        task.save(change.with(edit)).await?;
        self.take_up(task);
        Ok(())
    }

    /// Goes on with the wish that is stored, if there is one.
    pub(super) fn take_up(&self, task: NodeTask) {
        self.work().spawn(async move { finish(task).await });
    }

    /// The wish of a node that has come from somebody else.
    pub(super) fn resume_wish(&self, node: &Node) {
        let Some(purpose) = node.wish.as_ref().map(Wish::purpose) else {
            return;
        };
        let (conductor, id) = (self.clone(), node.uuid);
        self.work().spawn(async move {
            let lock = conductor.locks().wait(id, purpose).await;
            match NodeTask::load(&conductor, lock).await {
                Ok(task) if may_be_done(&task.node) => conductor.take_up(task),
                Ok(_) => {}
                Err(error) => {
                    warn!(node = %id, error = chain(&error), "what was asked of the machine could not be resumed");
                }
            }
        });
    }
}

async fn finish(mut task: NodeTask) {
    let (id, conductor) = (task.id(), task.conductor().clone());
    let Some(wish) = task.node.wish.clone() else {
        return conductor.hand_over(task);
    };
    task.set_purpose(wish.purpose());
    let stored = match contained(fulfil(&mut task, &wish)).await {
        Ok(stored) => stored,
        Err(panic) => {
            error!(node = %id, panic, "what was asked of the machine panicked");
            let error = format!("an internal error ({panic}): see the conductor's log");
            store_end(&mut task, &wish, Err(error)).await
        }
    };
    match stored {
        Ok(()) => conductor.hand_over(task),
        Err(error) => {
            warn!(node = %id, error = chain(&error), "the end of what was asked could not be stored; it is taken up again by the next timer");
            drop(task);
            conductor.nudge_if_unread(id);
        }
    }
}

async fn fulfil(task: &mut NodeTask, wish: &Wish) -> Result<(), TaskError> {
    let (node, conductor) = (&task.node, task.conductor());
    if precedence::is_overdue(node, conductor.now()) && firmware::restarts(node) == 0 {
        let limit = conductor.wish_limit().as_secs();
        let error = format!(
            "{} was not begun within {limit} s: ask for it again",
            wish.purpose()
        );
        return store_end(task, wish, Err(error)).await;
    }
    match act(task, wish).await {
        Ok(Done::Later) => Ok(()),
        Ok(done) => store_end(task, wish, Ok(done)).await,
        Err(Unfulfilled::Failed(error)) => store_end(task, wish, Err(chain(&error))).await,
        Err(Unfulfilled::BrokenOff(error)) => Err(error),
    }
}

async fn act(task: &mut NodeTask, wish: &Wish) -> Result<Done, Unfulfilled> {
    let (hardware, node) = (task.conductor().hardware(&task.node)?, task.node.clone());
    match wish {
        Wish::BootMode(name) => {
            let mode = name.parse();
            let mode = mode.map_err(|_| StepError::Problem(format!("no boot mode {name}")))?;
            firmware::change(task, &hardware, firmware::Setting::Mode(mode)).await
        }
        Wish::SecureBoot(on) => {
            let setting = firmware::Setting::secure_boot(*on);
            firmware::change(task, &hardware, setting).await
        }
        Wish::Console(open) => {
            let switching = console::switch(&hardware, &node, *open);
            Ok(task.during(Box::pin(switching)).await??)
        }
        Wish::AttachMedia { device, image_url } => {
            let attaching = media::attach(&hardware, &node, device, image_url);
            Ok(task.during(Box::pin(attaching)).await??)
        }
        Wish::DetachMedia(devices) => {
            let detaching = media::detach(&hardware, &node, devices);
            Ok(task.during(Box::pin(detaching)).await??)
        }
        Wish::VendorMethod { method, arguments } => {
            let calling = vendor::call(&hardware, method, arguments);
            Ok(task.during(Box::pin(calling)).await??)
        }
    }
}

fn without_wish(change: Change) -> Change {
    change.with(|node| {
        node.wish = None;
        node.wish_progress = None;
    })
}

/// The wish is no more, and the node is free.
async fn store_end(
    task: &mut NodeTask,
    wish: &Wish,
    outcome: Result<Done, String>,
) -> Result<(), TaskError> {
    let is_done = outcome.is_ok();
    let change = without_wish(task.change()).with(|node| {
        node.reservation = None;
        media::settle(node, wish, is_done);
    });
    let change = match outcome {
        Ok(done) => fulfilled(change, wish, done, task.node.power_state),
        Err(error) => {
            let error = media::failure(task.id(), wish, error);
            let event = What::BmcError {
                error: error.clone(),
            };
            change
                .event(event)
                .with(|node| node.last_error = Some(error))
        }
    };
    task.save(change).await
}

fn fulfilled(change: Change, wish: &Wish, done: Done, from: Option<PowerState>) -> Change {
    let text = match wish {
        Wish::BootMode(mode) => format!("the boot mode was set to {mode}"),
        Wish::SecureBoot(true) => "secure boot was switched on".to_owned(),
        Wish::SecureBoot(false) => "secure boot was switched off".to_owned(),
        Wish::Console(true) => "the console was opened".to_owned(),
        Wish::Console(false) => "the console was closed".to_owned(),
        Wish::AttachMedia { device, .. } => format!("virtual media: {device} attached"),
        Wish::DetachMedia(devices) => format!("virtual media: {} detached", devices.join(", ")),
        Wish::VendorMethod { method, .. } => format!("the vendor method {method} was called"),
    };
    let change = change.event(What::Note { text });
    match done {
        Done::Firmware { now, restarted_to } => {
            let change = change.with(|node| now.note(node));
            let Some(to) = restarted_to else {
                return change;
            };
            let to = Some(to);
            let change = change.event(What::PowerChanged { from, to });
            change.with(|node| {
                node.power_state = to;
                interrupt(node, PowerAction::Reboot);
            })
        }
        Done::Console => {
            let open = *wish == Wish::Console(true);
            change.with(|node| {
                node.console_enabled = open;
                node.console_closed = false;
            })
        }
        Done::Media | Done::VendorMethod | Done::Later => change,
    }
}
