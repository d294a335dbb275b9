//! The worker: tries the candidates of one allocation until one of them is its own, or there is a reason to give up.
//!
//! Nothing of it is stored on the way: a worker that is broken off is begun again and comes to an end of its own.

use super::candidates::Candidate;
use super::reserve::{Claim, Claimed};
use super::{readable, unfinished};
use crate::conductor::Conductor;
use crate::conductor::engine::contained;
use crate::conductor::environment::between;
use crate::conductor::forward::NodeCall;
use crate::conductor::requests::RequestError;
use crate::conductor::steps::chain;
use crate::conductor::walk::Walk;
use ferric_model::allocation::{Allocation, AllocationState};
use ferric_model::ids::{AllocationId, NodeId};
use ferric_store::{Revision, StoreError};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::Semaphore;
use tracing::{error, info, warn};

/// Allocations that are worked on at the same time.
const WIDTH: usize = 16;
/// How often nodes are tried again that somebody else held, and after how long. Ironic's defaults.
const ROUNDS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// How long an allocation waits for nodes whose conductor does not answer: longer than it takes until another one has
/// taken them over.
const PATIENCE: Duration = Duration::from_secs(600);

/// The allocations that a task of this process works on.
pub(in crate::conductor) struct Workers {
    known: Mutex<BTreeSet<AllocationId>>,
    turns: Semaphore,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
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
        let Some((allocation, _)) = self.own_unfinished(id).await? else {
            return Ok(());
        };
        let mut nodes = match self.candidates(&allocation).await? {
            Ok(nodes) => nodes,
            Err(reason) => return self.give_up(id, &failed(id, &reason)).await,
        };
        let mut away = false;
        for round in 1..=ROUNDS {
            away = match self.try_each(&allocation, &mut nodes).await? {
                Some(away) => away,
                None => return Ok(()),
            };
            let pause = tokio::time::sleep(PAUSE);
            let is_last = nodes.is_empty() || round == ROUNDS;
            if !is_last && self.stop_token().run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
            if is_last {
                break;
            }
        }
        if away && between(allocation.created_at, self.now()) < PATIENCE {
            info!(allocation = %id, "waits for nodes whose conductor does not answer");
            return Ok(());
        }
        let reason = match nodes.len() {
            0 => "all nodes were filtered out during reservation".to_owned(),
            left => format!("could not reserve any of {left} suitable nodes"),
        };
        self.give_up(id, &failed(id, &reason)).await
    }

    /// Leaves in `nodes` those that may be tried again. Answers whether some of them could not be asked for, or `None` when
    /// there is nothing left to do. A conductor that does not answer for one node is not asked for its others: each of
    /// them would have to be waited for.
    async fn try_each(
        &self,
        allocation: &Allocation,
        nodes: &mut Vec<Candidate>,
    ) -> Result<Option<bool>, RequestError> {
        let (mut again, mut silent) = (Vec::new(), BTreeSet::new());
        for candidate in std::mem::take(nodes) {
            if self.stopping() {
                return Ok(None);
            }
            if silent.contains(&candidate.owner) {
                again.push(candidate);
                continue;
            }
            match self.try_node(allocation, candidate.node).await? {
                Tried::Claimed(Claimed::Done | Claimed::Withdrawn) => return Ok(None),
                Tried::Claimed(Claimed::Unsuitable) => {}
                Tried::Claimed(Claimed::Busy) => again.push(candidate),
                Tried::Claimed(Claimed::Refused(reason)) => {
                    let reason = format!("Unexpected exception during allocation: {reason}");
                    self.give_up(allocation.uuid, &reason).await?;
                    return Ok(None);
                }
                Tried::Away => {
                    silent.insert(candidate.owner.clone());
                    again.push(candidate);
                }
            }
        }
        *nodes = again;
        Ok(Some(!silent.is_empty()))
    }

    /// A node that is not there any more does not suit.
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
        let mut begun = 0;
        let mut walk = Walk::new(unfinished());
        while let Some(records) = walk.next(self.store().as_ref()).await? {
            for record in records {
                let Some(allocation) = readable(&record) else {
                    continue;
                };
                let is_own = allocation.worker.incarnation == self.incarnation();
                if is_own && !self.is_allocating(allocation.uuid) {
                    self.begin_allocating(allocation.uuid);
                    begun += 1;
                }
            }
        }
        Ok(begun)
    }
}

fn failed(id: AllocationId, reason: &str) -> String {
    format!("Failed to process allocation {id}: {reason}.")
}
