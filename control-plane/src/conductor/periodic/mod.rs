//! `node_periodic`: work that is looked for again and again over the nodes of this conductor (design D6).
//!
//! A job declares what it wants; pace, bounds, locks and the two errors that are normal (busy, gone) are dealt with here,
//! once. A job takes no other input, so a timer, a nudge and a restart do the same thing.

mod agent_poll;
mod power_recovery;
mod power_sync;
mod stalled_runs;
mod wait_deadlines;

use super::Conductor;
use super::node_task::{NodeTask, TaskError};
use super::steps::chain;
use crate::config::Settings;
use async_trait::async_trait;
use ferric_model::node::Node;
use ferric_store::{FieldValue, Query, StoreError, Table};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// What a job is and which nodes it may want.
pub(super) struct Declaration {
    pub(super) purpose: &'static str,
    /// From one pass to the next; zero: never.
    pub(super) spacing: Duration,
    /// Fields that the store filters by.
    pub(super) filters: Vec<(&'static str, FieldValue)>,
    /// Visits per pass that did something; `None`: as many as there are.
    pub(super) limit: Option<usize>,
}

/// A node on a job's way: a snapshot, and its lock for the asking.
pub(super) struct Visit<'j> {
    pub(super) conductor: Conductor,
    pub(super) node: Node,
    job: &'j dyn NodePeriodic,
    purpose: &'static str,
}

impl Visit<'_> {
    /// The node as it is now, with its lock; `None` when somebody else has it or the job does not want it any more.
    pub(super) async fn lock(&self) -> Result<Option<NodeTask>, TaskError> {
        let Ok(lock) = self.conductor.locks().acquire(self.node.uuid, self.purpose) else {
            return Ok(None);
        };
        let task = NodeTask::load(&self.conductor, lock).await?;
        Ok(self
            .job
            .wants(&task.node, self.conductor.now())
            .then_some(task))
    }
}

/// What a visit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visited {
    Acted,
    /// Does not count for the limit.
    Nothing,
    /// No more nodes in this pass.
    Stop,
}

#[async_trait]
pub(super) trait NodePeriodic: Send + Sync {
    fn declaration(&self, settings: &Settings) -> Declaration;

    /// A cheap look at a snapshot; looked once more under the lock.
    fn wants(&self, node: &Node, now: Timestamp) -> bool;

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError>;
}

/// All jobs.
pub(super) fn jobs() -> Vec<Arc<dyn NodePeriodic>> {
    vec![
        Arc::new(power_sync::PowerSync),
        Arc::new(power_recovery::PowerRecovery),
        Arc::new(wait_deadlines::WaitDeadlines),
        Arc::new(stalled_runs::StalledRuns),
        Arc::new(agent_poll::AgentPoll::default()),
    ]
}

/// Runs a job at its pace until it is told to stop.
pub(super) async fn run_periodic(
    job: Arc<dyn NodePeriodic>,
    conductor: Conductor,
    stop: CancellationToken,
) {
    let declaration = job.declaration(conductor.settings());
    if declaration.spacing.is_zero() {
        return stop.cancelled().await;
    }
    let mut ticks = interval(declaration.spacing);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let passed = stop
            .run_until_cancelled(pass(&job, &conductor, &declaration))
            .await;
        match passed {
            Some(Ok(seen)) => debug!(job = declaration.purpose, seen, "periodic pass"),
            Some(Err(error)) => warn!(
                job = declaration.purpose,
                error = chain(&error),
                "periodic pass failed"
            ),
            None => return,
        }
    }
}

/// One walk over the nodes; answers how many the job wanted.
pub(super) async fn pass(
    job: &Arc<dyn NodePeriodic>,
    conductor: &Conductor,
    declaration: &Declaration,
) -> Result<usize, StoreError> {
    let mut seen = 0;
    let mut acted = 0;
    let mut visits = JoinSet::new();
    let width = conductor.settings().conductor.periodic_concurrency.max(1);
    for node in candidates(conductor, declaration).await? {
        if !job.wants(&node, conductor.now()) {
            continue;
        }
        seen += 1;
        if visits.len() >= width && count(visits.join_next().await, &mut acted) == Visited::Stop {
            break;
        }
        if declaration
            .limit
            .is_some_and(|limit| acted + visits.len() >= limit)
        {
            break;
        }
        let (job, conductor) = (job.clone(), conductor.clone());
        let purpose = declaration.purpose;
        visits.spawn(async move {
            visit(Visit {
                conductor,
                node,
                job: job.as_ref(),
                purpose,
            })
            .await
        });
    }
    while let Some(visited) = visits.join_next().await {
        count(Some(visited), &mut acted);
    }
    Ok(seen)
}

async fn candidates(
    conductor: &Conductor,
    declaration: &Declaration,
) -> Result<Vec<Node>, StoreError> {
    let ours = FieldValue::Text(conductor.host().to_owned());
    let mut query = Query::all(Table::Node).filter("owned_by", vec![ours]);
    for (field, value) in &declaration.filters {
        query = query.filter(field, vec![value.clone()]);
    }
    let page = conductor.store().page(&query).await?;
    page.records
        .iter()
        .map(ferric_store::Record::decode)
        .collect()
}

/// A visit that panicked is a fault of that job at that node only.
fn count(visited: Option<Result<Visited, tokio::task::JoinError>>, acted: &mut usize) -> Visited {
    match visited {
        Some(Ok(visited)) => {
            *acted += usize::from(visited == Visited::Acted);
            visited
        }
        Some(Err(error)) => {
            warn!(error = chain(&error), "a periodic visit panicked");
            Visited::Nothing
        }
        None => Visited::Nothing,
    }
}

async fn visit(visit: Visit<'_>) -> Visited {
    let (id, job, purpose, conductor) = (
        visit.node.uuid,
        visit.job,
        visit.purpose,
        visit.conductor.clone(),
    );
    let outcome = job.visit(visit).await;
    // A machine may have said something while the node was held.
    conductor.nudge_if_unread(id);
    match outcome {
        Ok(visited) => visited,
        Err(TaskError::Gone(_) | TaskError::NotOurs(_)) => Visited::Nothing,
        Err(error) => {
            warn!(node = %id, job = purpose, error = chain(&error), "periodic visit failed");
            Visited::Nothing
        }
    }
}

#[cfg(test)]
mod tests;
