//! The list of commands: one at a time, listed before it is answered, kept over a restart of the agent.
//!
//! This is the only place that decides whether a command may begin, and the only one that changes a result.

mod kept;

use ferric_agent_protocol::command::{CommandResult, CommandStatus};
use ferric_agent_protocol::extensions::{Extension, Extensions};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::catalog::{AfterCrash, Command, Mode, Unknown};
use super::failure::Failure;
use super::image;
use super::run::NOT_STANDALONE;
use crate::progress::Progress;
use crate::state::StateDir;
use kept::Kept;

/// A conductor sends some tens of commands per boot; of more than these the oldest are forgotten.
const MAX_COMMANDS: usize = 200;

/// A result larger than this is dropped when the next command begins, since every list would carry it again.
const MAX_OLD_RESULT_BYTES: usize = 64 << 10;

const FILE: &str = "commands.json";

/// All commands since the ramdisk was booted.
pub struct Ledger {
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
    state: StateDir,
    show_progress: bool,
    /// Whether a command that failed may have a result.
    show_done: bool,
}

#[derive(Default, Serialize, Deserialize)]
struct Inner {
    epoch: u64,
    commands: Vec<CommandResult>,
    #[serde(skip)]
    running: Option<Progress>,
    /// When the running command is answered, if its order is kept.
    #[serde(skip)]
    kept: Option<Mode>,
    #[serde(skip)]
    is_ending: bool,
}

/// A command as it was posted.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    pub name: &'a str,
    pub params: &'a Map<String, Value>,
    /// The id that the conductor chose for it.
    pub id: Option<Uuid>,
    /// The epoch of the conductor's ownership.
    pub epoch: Option<u64>,
}

/// What became of an order.
pub enum Begun {
    /// It is listed as running now, and whoever asked must run it.
    New {
        id: Uuid,
        command: Command,
        progress: Progress,
    },
    /// It was sent before, under the same id.
    Known(Uuid),
}

/// A command that is run again by another agent than the one that began it.
pub struct Resumed {
    pub id: Uuid,
    pub command: Command,
    pub progress: Progress,
    pub params: Map<String, Value>,
}

/// Why an order was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Busy(String),
    StaleEpoch {
        sent: u64,
        seen: u64,
    },
    Unknown(Unknown),
    /// The command is never run, whatever its parameters are.
    Invalid(&'static str),
    InvalidParams(String),
}

impl Ledger {
    /// The commands of this boot; [`Self::resume`] says what becomes of one that was running. A list that cannot be
    /// read is lost, as it would be with a reboot. What Ironic's agent does not tell is told where it was agreed on.
    #[must_use]
    pub fn open(state: StateDir, agreed: &Extensions) -> Self {
        let inner: Inner = state.load_or_forget(FILE).unwrap_or_default();
        Self {
            inner: Mutex::new(inner),
            changed: watch::Sender::new(()),
            state,
            show_progress: agreed.has(Extension::Progress),
            show_done: agreed.has(Extension::EraseRecords),
        }
    }

    /// The command that was running when the agent before this one ended, if it may be run again: whoever asks must run
    /// it. Any other one has failed.
    #[must_use]
    pub fn resume(&self) -> Option<Resumed> {
        let mut inner = self.inner.lock();
        let running = inner.commands.last_mut().filter(|last| !last.is_done());
        let Some(result) = running else {
            kept::forget(&self.state);
            return None;
        };
        let id = result.id;
        match Kept::again(&self.state, id) {
            Ok((command, params)) => {
                inner.kept = Some(command.mode());
                let progress = inner.running.insert(Progress::default()).clone();
                Some(Resumed {
                    id,
                    command,
                    progress,
                    params,
                })
            }
            Err(failure) => {
                fail(result, &failure);
                self.keep(&inner);
                kept::forget(&self.state);
                None
            }
        }
    }

    /// Lists a command as running, or says why not.
    ///
    /// # Errors
    /// When another one is running, its sender has lost the node, or there is no such command.
    pub fn begin(&self, order: &Order<'_>) -> Result<Begun, Refusal> {
        let mut inner = self.inner.lock();
        inner.check_epoch(order.epoch)?;
        if let Some(id) = order.id.filter(|id| inner.find(*id).is_some()) {
            return Ok(Begun::Known(id));
        }
        if !order.name.contains('.') {
            return Err(Refusal::Unknown(Unknown::Form));
        }
        if let Some(last) = inner.commands.last().filter(|last| !last.is_done()) {
            if self.is_sent_again(last, order) {
                return Ok(Begun::Known(last.id));
            }
            return Err(Refusal::Busy(last.command_name.clone()));
        }
        let command = Command::parse(order.name).map_err(Refusal::Unknown)?;
        if command == Command::SetNodeInfo {
            return Err(Refusal::Invalid(NOT_STANDALONE));
        }
        image::validate(command, order.params).map_err(Refusal::InvalidParams)?;
        let id = order.id.unwrap_or_else(Uuid::new_v4);
        inner.kept = self.keep_order(id, command, order);
        let progress = inner.list(id, command);
        self.keep(&inner);
        Ok(Begun::New {
            id,
            command,
            progress,
        })
    }

    /// Ends a command.
    pub fn finish(&self, id: Uuid, outcome: Result<Value, Failure>) {
        let mut inner = self.inner.lock();
        let progress = inner.running.take().filter(|_| self.show_progress);
        if outcome.is_err() && inner.is_left_to_the_next() {
            drop(inner);
            self.changed.send_replace(());
            return;
        }
        let Some(result) = inner.find_mut(id) else {
            return;
        };
        result.ferric_progress = progress.and_then(|progress| progress.mark());
        match outcome {
            Ok(value) => {
                result.command_status = CommandStatus::Succeeded;
                result.command_result = Some(value).filter(|value| !value.is_null());
            }
            Err(failure) => {
                fail(result, &failure);
                let done = failure.done.filter(|_| self.show_done);
                result.command_result = done.map(|done| *done);
            }
        }
        self.keep(&inner);
        if inner.kept.take().is_some() {
            kept::forget(&self.state);
        }
        drop(inner);
        self.changed.send_replace(());
    }

    /// From here on the running command must not be run again by another agent, as nobody knows what it has done.
    pub fn run_once(&self) {
        let was_kept = self.inner.lock().kept.take();
        if was_kept.is_some() {
            kept::forget(&self.state);
        }
    }

    /// The agent is about to end: what fails from here on may have failed of that alone.
    pub fn end(&self) {
        self.inner.lock().is_ending = true;
    }

    /// All commands, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<CommandResult> {
        let inner = self.inner.lock();
        let mut commands = inner.commands.clone();
        if let Some(last) = commands.last_mut() {
            self.add_progress(&inner, last);
        }
        commands
    }

    /// One command.
    #[must_use]
    pub fn get(&self, id: Uuid) -> Option<CommandResult> {
        let inner = self.inner.lock();
        let mut result = inner.find(id)?.clone();
        self.add_progress(&inner, &mut result);
        Some(result)
    }

    /// One command, once it is done, or left to the next agent.
    pub async fn wait(&self, id: Uuid) -> Option<CommandResult> {
        let mut changed = self.changed.subscribe();
        loop {
            // Looked at before the result is: it may end in between.
            let is_left = self.inner.lock().running.is_none();
            let result = self.get(id)?;
            let is_over = is_left || result.is_done();
            if is_over || changed.changed().await.is_err() {
                return Some(result);
            }
        }
    }

    /// Ironic's conductor knows no ids, and may not have heard that its command was accepted.
    fn is_sent_again(&self, running: &CommandResult, order: &Order<'_>) -> bool {
        let may_be = order.id.is_none() && order.name.ends_with(&running.command_name);
        let kept = may_be.then(|| Kept::load(&self.state)).flatten();
        kept.is_some_and(|kept| kept.id == running.id && kept.is_sent_again_by(order))
    }

    /// An order that cannot be kept is no reason not to carry it out: only a crash of the agent would need it.
    fn keep_order(&self, id: Uuid, command: Command, order: &Order<'_>) -> Option<Mode> {
        if command.after_crash(order.params) == AfterCrash::Fails {
            return None;
        }
        if let Err(error) = Kept::new(id, order).save(&self.state) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "a restart of the agent will fail the command that begins"
            );
            kept::forget(&self.state);
            return None;
        }
        Some(command.mode())
    }

    fn add_progress(&self, inner: &Inner, result: &mut CommandResult) {
        if self.show_progress && !result.is_done() {
            result.ferric_progress = inner.running.as_ref().and_then(Progress::mark);
        }
    }

    /// A list that cannot be kept is no reason to stop: only a crash of the agent would need it.
    fn keep(&self, inner: &Inner) {
        if let Err(error) = self.state.save(FILE, inner) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "keeping the list of commands"
            );
        }
    }
}

impl Inner {
    /// Whoever waits for the end of a command in the same request is told of its failure.
    fn is_left_to_the_next(&self) -> bool {
        self.is_ending && self.kept == Some(Mode::Async)
    }

    fn check_epoch(&mut self, sent: Option<u64>) -> Result<(), Refusal> {
        let Some(sent) = sent else {
            return Ok(());
        };
        if sent < self.epoch {
            return Err(Refusal::StaleEpoch {
                sent,
                seen: self.epoch,
            });
        }
        self.epoch = sent;
        Ok(())
    }

    fn list(&mut self, id: Uuid, command: Command) -> Progress {
        if self.commands.len() >= MAX_COMMANDS {
            self.commands.remove(0);
        }
        self.commands.iter_mut().for_each(drop_large_result);
        self.commands.push(CommandResult {
            id,
            command_name: command.name(),
            command_status: CommandStatus::Running,
            command_error: None,
            command_result: None,
            ferric_progress: None,
        });
        self.running.insert(Progress::default()).clone()
    }

    fn find(&self, id: Uuid) -> Option<&CommandResult> {
        self.commands.iter().find(|result| result.id == id)
    }

    fn find_mut(&mut self, id: Uuid) -> Option<&mut CommandResult> {
        self.commands.iter_mut().find(|result| result.id == id)
    }
}

fn fail(result: &mut CommandResult, failure: &Failure) {
    result.command_status = failure.status();
    result.command_error = Some(failure.to_error());
    result.command_result = None;
}

fn drop_large_result(result: &mut CommandResult) {
    let is_large = |value: &Value| value.to_string().len() > MAX_OLD_RESULT_BYTES;
    if result.command_result.as_ref().is_some_and(is_large) {
        result.command_result =
            Some(json!({"result": "the result was large and is no longer kept"}));
    }
}

#[cfg(test)]
mod tests;
