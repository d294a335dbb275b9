//! One visit of a job to one node: read as it is now, held where the job wants that, and contained when the job panics.

use super::declaration::Access;
use super::patience::Lane;
use super::{NodePeriodic, Visited};
use crate::conductor::Conductor;
use crate::conductor::engine::contained;
use crate::conductor::locks::NodeLocks;
use crate::conductor::node_task::{NodeTask, TaskError};
use crate::conductor::planted::Planted;
use crate::conductor::steps::chain;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::{Key, Table};
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tracing::warn;

/// How a visit is to go.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) purpose: &'static str,
    pub(super) access: Access,
    pub(super) lane: Lane,
    pub(super) patience: Duration,
}

/// A node on a job's way: a snapshot, and its lock for the asking.
pub(in crate::conductor) struct Visit<'j> {
    pub(super) conductor: Conductor,
    pub(super) node: Arc<Node>,
    job: &'j dyn NodePeriodic,
    plan: Plan,
    /// With exclusive access, until the job takes it.
    held: Option<NodeTask>,
    took: Arc<Mutex<Option<Duration>>>,
}

/// A BMC that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slow {
    /// It is asked again when that keeps nobody waiting: the visit answers `Visited::Later`.
    Later,
    /// It has been given all the time that a BMC is given.
    Hangs(Duration),
}

impl Slow {
    /// For jobs to which a BMC that hangs says nothing.
    pub(super) fn visited(self) -> Visited {
        match self {
            Self::Later => Visited::Later,
            Self::Hangs(_) => Visited::Nothing,
        }
    }
}

impl Visit<'_> {
    /// Asks the BMC something that has no effect, and waits no longer than this visit may. The question is dropped then.
    pub(super) async fn ask<T>(&self, question: impl Future<Output = T>) -> Result<T, Slow> {
        let start = Instant::now();
        let answer = timeout(self.plan.patience, question).await;
        *self.took.lock() = Some(start.elapsed());
        answer.map_err(|_elapsed| match self.plan.lane {
            Lane::Usual => Slow::Later,
            Lane::Suspect => Slow::Hangs(self.plan.patience),
        })
    }

    /// The node as it is now, with its lock; `None` when somebody else has it or the job does not want it any more.
    pub(super) async fn lock(&mut self) -> Result<Option<NodeTask>, TaskError> {
        if let Some(task) = self.held.take() {
            return Ok(Some(task));
        }
        let id = self.node.uuid;
        if self.conductor.planted(Planted::PeriodicWithoutLock) {
            let lock = NodeLocks::disregard(id);
            return NodeTask::load(&self.conductor, lock).await.map(Some);
        }
        let Ok(lock) = self.conductor.locks().acquire(id, self.plan.purpose) else {
            return Ok(None);
        };
        let task = NodeTask::load(&self.conductor, lock).await?;
        let wanted = self.job.wants(&task.node, self.conductor.now());
        Ok(wanted.then_some(task))
    }

    /// The same, unless the node was changed since it was read for this visit: what the BMC said meanwhile may be of
    /// before that.
    pub(super) async fn lock_unchanged(&mut self) -> Result<Option<NodeTask>, TaskError> {
        let task = self.lock().await?;
        let any = self.conductor.planted(Planted::PeriodicWithoutLock);
        Ok(task.filter(|task| any || task.node == self.node))
    }
}

/// What a visit came to, and how long the BMC was waited for.
pub(super) struct Asked {
    pub(super) visited: Visited,
    pub(super) took: Option<Duration>,
}

/// Never fails: what goes wrong is the business of this job at this node only.
pub(super) async fn run(
    job: Arc<dyn NodePeriodic>,
    conductor: Conductor,
    node: NodeId,
    plan: Plan,
) -> Asked {
    let took = Arc::new(Mutex::new(None));
    let visiting = visit(job.as_ref(), &conductor, node, plan, took.clone());
    let visited = match contained(visiting).await {
        Ok(Ok(visited)) => visited,
        Ok(Err(TaskError::Gone(_) | TaskError::NotOurs(_) | TaskError::Unsure(_))) => {
            Visited::Nothing
        }
        Ok(Err(error)) => {
            warn!(%node, job = plan.purpose, error = chain(&error), "periodic visit failed");
            Visited::Nothing
        }
        Err(panic) => {
            warn!(%node, job = plan.purpose, panic, "a periodic visit panicked");
            Visited::Nothing
        }
    };
    // A machine may have said something while the node was held.
    conductor.nudge_if_unread(node);
    let took = *took.lock();
    Asked { visited, took }
}

async fn visit(
    job: &dyn NodePeriodic,
    conductor: &Conductor,
    id: NodeId,
    plan: Plan,
    took: Arc<Mutex<Option<Duration>>>,
) -> Result<Visited, TaskError> {
    let held = match plan.access {
        Access::Exclusive => match conductor.locks().acquire(id, plan.purpose) {
            Ok(lock) => Some(NodeTask::load(conductor, lock).await?),
            Err(_busy) => return Ok(Visited::Nothing),
        },
        Access::Shared if conductor.locks().is_held(id) => return Ok(Visited::Nothing),
        Access::Shared => None,
    };
    let node = match &held {
        Some(task) => task.node.clone(),
        None => match conductor.store().get(&Key::new(Table::Node, id)).await? {
            Some(record) => conductor.known_nodes().read(id, &record)?,
            None => return Ok(Visited::Nothing),
        },
    };
    if !job.wants(&node, conductor.now()) {
        return Ok(Visited::Nothing);
    }
    let visit = Visit {
        conductor: conductor.clone(),
        node,
        job,
        plan,
        held,
        took,
    };
    job.visit(visit).await
}
