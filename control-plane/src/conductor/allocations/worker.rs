//! The worker: tries the candidates of one allocation until one of them is its own, or there is a reason to give up.
//!
//! Nothing of it is stored on the way: a worker that is broken off is begun again and comes to an end of its own.

use super::candidates::Candidate;
use super::reserve::{Claim, Claimed};
use super::{readable, unfinished};
use crate::conductor::Conductor;
use crate::conductor::engine::contained;
use crate::conductor::forward::NodeCall;
use crate::conductor::requests::RequestError;
use crate::conductor::steps::chain;
use crate::conductor::walk::Walk;
use ferric_model::allocation::{Allocation, AllocationState};
use ferric_model::ids::{AllocationId, NodeId};
use ferric_store::{Key, Revision, StoreError, Table};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{error, info, warn};

/// Allocations that are worked on at the same time.
const WIDTH: usize = 16;
/// How often nodes are tried again that somebody else held, and after how long. Ironic's defaults.
const ROUNDS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// How long an allocation waits for nodes whose conductor does not answer, since it was found not to: longer than it takes
/// until another one has taken them over.
const PATIENCE: Duration = Duration::from_secs(600);

/// The allocations that a task of this process works on.
pub(in crate::conductor) struct Workers {
    known: Mutex<BTreeSet<AllocationId>>,
    /// Those that wait for nodes whose conductor does not answer, and since when.
    waiting: Mutex<BTreeMap<AllocationId, Instant>>,
    turns: Semaphore,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            waiting: Mutex::default(),
            turns: Semaphore::new(WIDTH),
        }
    }
}

/// What came of trying one node.
enum Tried {
    Claimed(Claimed),
    /// Its conductor could not be asked.
    Away,
}

/// Whether there is more to be done for the allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks {
    On,
    Done,
}

impl Conductor {
    /// Has a node looked for, unless somebody does already.
    pub(super) fn begin_allocating(&self, id: AllocationId) {
        if self.stopping() || !self.workers().known.lock().insert(id) {
            return;
        }
        let conductor = self.clone();
        self.work().spawn(async move {
            match contained(conductor.allocate(id)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let error = chain(&error);
                    warn!(allocation = %id, error, "an allocation broke off; it is taken up again by the next timer");
                }
                Err(panic) => conductor.end_panicked(id, &panic).await,
            }
            conductor.workers().known.lock().remove(&id);
        });
    }

    /// Whether a task of this process works on it.
    pub(super) fn is_allocating(&self, id: AllocationId) -> bool {
        self.workers().known.lock().contains(&id)
    }

    async fn allocate(&self, id: AllocationId) -> Result<(), RequestError> {
        let _turn = self.workers().turns.acquire().await;
        // Put back below, if it still waits then.
        let waiting = self.workers().waiting.lock().remove(&id);
        let Some((allocation, _)) = self.own_unfinished(id).await? else {
            return Ok(());
        };
        let mut nodes = match self.candidates(&allocation).await? {
            Ok(nodes) => nodes,
            Err(reason) => return self.give_up(id, &failed(id, &reason)).await,
        };
        let mut silent = BTreeSet::new();
        for round in 1..=ROUNDS {
            let looks = self.try_each(&allocation, &mut nodes, &mut silent).await?;
            if looks == Looks::Done {
                return Ok(());
            }
            let may_be_asked = |candidate: &Candidate| !silent.contains(&candidate.owner);
            if round == ROUNDS || !nodes.iter().any(may_be_asked) {
                break;
            }
            let pause = tokio::time::sleep(PAUSE);
            if self.stop_token().run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
        }
        let since = waiting.unwrap_or_else(Instant::now);
        if !silent.is_empty() && since.elapsed() < PATIENCE {
            self.workers().waiting.lock().insert(id, since);
            info!(allocation = %id, "waits for nodes whose conductor does not answer");
            return Ok(());
        }
        let reason = match nodes.len() {
            0 => "all nodes were filtered out during reservation".to_owned(),
            left => format!("could not reserve any of {left} suitable nodes"),
        };
        self.give_up(id, &failed(id, &reason)).await
    }

    /// Leaves in `nodes` those that may be tried again, and adds to `silent` the conductors that do not answer: none of
    /// them is asked once more, for another node or later, because each time would have to be waited for.
    async fn try_each(
        &self,
        allocation: &Allocation,
        nodes: &mut Vec<Candidate>,
        silent: &mut BTreeSet<Option<String>>,
    ) -> Result<Looks, RequestError> {
        let mut again = Vec::new();
        for candidate in std::mem::take(nodes) {
            if self.stopping() {
                return Ok(Looks::Done);
            }
            if silent.contains(&candidate.owner) {
                again.push(candidate);
                continue;
            }
            match self.try_node(allocation, candidate.node).await? {
                Tried::Claimed(Claimed::Done | Claimed::Withdrawn) => return Ok(Looks::Done),
                Tried::Claimed(Claimed::Unsuitable) => {}
                Tried::Claimed(Claimed::Busy) => again.push(candidate),
                Tried::Claimed(Claimed::Refused(reason)) => {
                    let reason = format!("Unexpected exception during allocation: {reason}");
                    self.give_up(allocation.uuid, &reason).await?;
                    return Ok(Looks::Done);
                }
                Tried::Away => {
                    silent.insert(candidate.owner.clone());
                    again.push(candidate);
                }
            }
        }
        *nodes = again;
        Ok(Looks::On)
    }

    /// A node that is not there any more does not suit, nor does one that cannot be read.
    async fn try_node(&self, allocation: &Allocation, node: NodeId) -> Result<Tried, RequestError> {
        let claim = Claim {
            allocation: allocation.uuid,
            by: self.incarnation(),
        };
        match self.at_owner(NodeCall::Allocate { node, claim }).await {
            Ok(answer) => answer.claimed().map(Tried::Claimed),
            Err(RequestError::NotFound(_)) => Ok(Tried::Claimed(Claimed::Unsuitable)),
            // It may have been done: then the next look at the allocation says so, and no second node can be claimed.
            Err(RequestError::Busy { .. } | RequestError::Unanswered(_)) => Ok(Tried::Away),
            Err(RequestError::Conflict(_)) => Ok(Tried::Claimed(Claimed::Busy)),
            Err(error) if is_unreadable(&error, node) => {
                error!(%node, error = chain(&error), "a candidate is skipped");
                Ok(Tried::Claimed(Claimed::Unsuitable))
            }
            Err(error) => Err(error),
        }
    }

    /// The allocation, if no node has been found for it yet and it is still this conductor's.
    pub(super) async fn own_unfinished(
        &self,
        id: AllocationId,
    ) -> Result<Option<(Allocation, Revision)>, StoreError> {
        let found = self.allocation(id).await?;
        Ok(found.filter(|(allocation, _)| {
            allocation.state == AllocationState::Allocating
                && allocation.worker.incarnation == self.incarnation()
        }))
    }

    async fn give_up(&self, id: AllocationId, reason: &str) -> Result<(), RequestError> {
        warn!(allocation = %id, reason, "no node was found for an allocation");
        for _ in 0..super::ATTEMPTS {
            let Some((mut allocation, revision)) = self.own_unfinished(id).await? else {
                return Ok(());
            };
            allocation.state = AllocationState::Error;
            allocation.last_error = Some(reason.to_owned());
            allocation.updated_at = Some(self.now());
            match self.store_allocation(&allocation, revision).await {
                Err(StoreError::Stale { .. }) => {}
                stored => return Ok(stored.map(drop)?),
            }
        }
        // Somebody renames it all the time; the next timer tries again.
        Ok(())
    }

    /// A panic is our own fault, and would come again.
    async fn end_panicked(&self, id: AllocationId, panic: &str) {
        error!(allocation = %id, panic, "work on an allocation panicked");
        let reason = format!("Unexpected exception during allocation: {panic}");
        if let Err(error) = self.give_up(id, &reason).await {
            let error = chain(&error);
            error!(allocation = %id, error, "an allocation that panicked could not be ended");
        }
    }

    /// Begins with all that are this conductor's and that nobody works on.
    pub(super) async fn begin_own(&self) -> Result<usize, StoreError> {
        let (mut begun, mut open) = (0, BTreeSet::new());
        let mut walk = Walk::new(unfinished());
        while let Some(records) = walk.next(self.store().as_ref()).await? {
            for record in records {
                let Some(allocation) = readable(&record) else {
                    continue;
                };
                open.insert(allocation.uuid);
                let is_own = allocation.worker.incarnation == self.incarnation();
                if is_own && !self.is_allocating(allocation.uuid) {
                    self.begin_allocating(allocation.uuid);
                    begun += 1;
                }
            }
        }
        // Those that were deleted meanwhile are waited for no more.
        let mut waiting = self.workers().waiting.lock();
        waiting.retain(|id, _| open.contains(id));
        Ok(begun)
    }
}

fn is_unreadable(error: &RequestError, node: NodeId) -> bool {
    let RequestError::Internal { source, .. } = error else {
        return false;
    };
    let source = source.downcast_ref();
    matches!(source, Some(StoreError::Corrupt { key, .. }) if *key == Key::new(Table::Node, node))
}

fn failed(id: AllocationId, reason: &str) -> String {
    format!("Failed to process allocation {id}: {reason}.")
}
