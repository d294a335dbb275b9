//! The engine: brings a node as far as it can go, one step after the other, each stored before and after its effect.
//!
//! One task at most works on a node. It is woken by whatever may have changed something (a verb, a message, a timer, a
//! start) and finds out by itself what is to be done, so waking it once too often does no harm.

mod advance;
mod failure;
mod finish;
mod next_move;
mod version_change;
mod work;

pub(super) use advance::unhold;
pub(super) use failure::{ABORTED_NOTE, abort, fail};
pub(super) use finish::{LEFT_INSTANCE, OWN_CONFIG_DRIVE};
pub(crate) use next_move::ABORT_AFTER;
pub(super) use next_move::ABORTED;
pub(super) use work::{Work, contained};

use super::Conductor;
use super::flows;
use super::node_task::{NodeTask, TaskError};
use super::steps::chain;
use ferric_model::ids::NodeId;
use jiff::SignedDuration;
use next_move::{Move, Watch, next_move};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use tracing::{error, info, warn};

/// The nodes that a task works on, and whether it was woken once more since it began.
pub(super) type Driving = Mutex<BTreeMap<NodeId, Again>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    No,
}

impl Conductor {
    /// Has the node looked at, soon.
    pub(super) fn nudge(&self, node: NodeId) {
        if self.begins_driving(node) {
            let conductor = self.clone();
            self.work()
                .spawn(async move { conductor.drive_until_quiet(node, None).await });
        }
    }

    /// The same with the lock that is held already, so that nobody comes in between.
    pub(super) fn hand_over(&self, task: NodeTask) {
        let node = task.id();
        if self.begins_driving(node) {
            let conductor = self.clone();
            self.work()
                .spawn(async move { conductor.drive_until_quiet(node, Some(task)).await });
        }
    }

    /// Whether nobody works on the node yet; whoever does will look once more.
    fn begins_driving(&self, node: NodeId) -> bool {
        if self.stopping() {
            return false;
        }
        let mut driving = self.driving().lock();
        match driving.get_mut(&node) {
            Some(again) => {
                *again = Again::Yes;
                false
            }
            None => driving.insert(node, Again::No).is_none(),
        }
    }

    /// Has messages read that came while somebody held the node.
    pub(super) fn nudge_if_unread(&self, node: NodeId) {
        if self.inboxes().has_unread(node) {
            self.nudge(node);
        }
    }

    /// Whether a task works on the node right now.
    pub(super) fn is_driving(&self, node: NodeId) -> bool {
        self.driving().lock().contains_key(&node)
    }

    async fn drive_until_quiet(&self, node: NodeId, mut held: Option<NodeTask>) {
        loop {
            match work::contained(self.drive(node, held.take())).await {
                Ok(Ok(())) => {}
                Ok(Err(TaskError::Gone(_) | TaskError::NotOurs(_))) => {
                    self.inboxes().clear(node);
                    self.mailboxes().clear(node);
                }
                // Whoever has the node takes it up again; this conductor by the next timer.
                Ok(Err(error @ TaskError::Unsure(_))) => info!(%node, "{error}"),
                Ok(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    warn!(%node, error, "work on the node broke off; it is taken up again by the next timer");
                }
                Err(panic) => self.end_panicked_run(node, &panic).await,
            }
            let mut driving = self.driving().lock();
            match driving.get_mut(&node) {
                Some(again) if *again == Again::Yes && !self.stopping() => *again = Again::No,
                _ => {
                    driving.remove(&node);
                    return;
                }
            }
        }
    }

    fn watch(&self) -> Watch {
        let unbroken = SignedDuration::try_from(self.standing().unbroken_for());
        let patience = self.settings().agent.heartbeat_timeout_s;
        Watch {
            now: self.now(),
            heard_for: unbroken.unwrap_or(SignedDuration::MAX),
            patience: SignedDuration::from_secs(i64::try_from(patience).unwrap_or(i64::MAX)),
        }
    }

    async fn drive(&self, node: NodeId, held: Option<NodeTask>) -> Result<(), TaskError> {
        let mut task = match held {
            Some(task) => task,
            None => {
                let lock = self.locks().wait(node, "looking after it").await;
                NodeTask::load(self, lock).await?
            }
        };
        Box::pin(task.drain()).await?;
        if next_move(&task.node, self.watch()) == Move::Rest {
            return Ok(());
        }
        if let Some(run) = &task.node.run {
            task.set_purpose(flows::purpose(run.activity));
        }
        // Lookups of this node are answered while it waits for its turn.
        let _turn = task.during(self.turn()).await?;
        while !self.stopping() {
            match next_move(&task.node, self.watch()) {
                Move::Rest => break,
                next => Box::pin(advance::advance(&mut task, next)).await?,
            }
            Box::pin(task.drain()).await?;
        }
        Ok(())
    }

    /// A panic is our own fault, and the run that met it would meet it again: it fails, the process goes on.
    async fn end_panicked_run(&self, node: NodeId, panic: &str) {
        error!(%node, panic, "work on the node panicked");
        let lock = self.locks().wait(node, "ending a run that panicked").await;
        let outcome = async {
            let mut task = NodeTask::load(self, lock).await?;
            if task.node.run.is_none() {
                return Ok(());
            }
            fail(
                &mut task,
                &format!("an internal error ({panic}): see the conductor's log"),
            )
            .await
        };
        if let Err(error) = outcome.await {
            let error = chain(&error);
            error!(%node, error, "a run that panicked could not be ended");
        }
    }
}
