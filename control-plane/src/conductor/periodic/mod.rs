//! `node_periodic`: work that is looked for again and again over the nodes of this conductor (design D6).
//!
//! A job declares what it wants; pace, bounds, locks and the two errors that are normal (busy, gone) are dealt with here,
//! once. A job takes no other input, so a timer, a nudge and a restart do the same thing.

mod agent_poll;
mod boot_power;
pub(super) mod of_drivers;
mod power_recovery;
mod power_sync;
mod stalled_runs;
mod stalled_wishes;
mod visits;
mod wait_deadlines;

use super::Conductor;
use super::node_task::{NodeTask, TaskError};
use super::steps::chain;
use super::walk::Walk;
use crate::config::Settings;
use async_trait::async_trait;
use ferric_drivers::Drivers;
use ferric_model::node::Node;
use ferric_store::{FieldValue, Query, StoreError, Table};
use jiff::Timestamp;
use of_drivers::OfDriver;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use visits::Visits;

/// What a job is and which nodes it may want.
pub(super) struct Declaration {
    pub(super) purpose: &'static str,
    /// From one pass to the next; zero: never.
    pub(super) spacing: Duration,
    /// Fields that the store filters by.
    pub(super) filters: Vec<(&'static str, FieldValue)>,
    /// Visits per pass that did something; `None`: as many as there are.
    pub(super) limit: Option<usize>,
    /// Visits at the same time.
    pub(super) width: usize,
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
pub(super) fn jobs(drivers: &Drivers) -> Vec<Arc<dyn NodePeriodic>> {
    let mut jobs: Vec<Arc<dyn NodePeriodic>> = vec![
        Arc::new(power_sync::PowerSync),
        Arc::new(power_recovery::PowerRecovery),
        Arc::new(wait_deadlines::WaitDeadlines),
        Arc::new(stalled_runs::StalledRuns),
        Arc::new(stalled_wishes::StalledWishes),
        Arc::new(agent_poll::AgentPoll::default()),
        Arc::new(boot_power::BootPower::default()),
    ];
    for job in drivers.periodics() {
        jobs.push(Arc::new(OfDriver::new(job.clone())));
    }
    jobs
}

/// Runs a job at its pace until it is told to stop. A slow visit goes on beside the next passes and delays no other node.
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
    let mut visits = Visits::new(declaration.width);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = visits.one_ended(), if !visits.is_empty() => {}
            _ = ticks.tick() => match pass(&job, &conductor, &declaration, &mut visits).await {
                Ok(seen) => debug!(job = declaration.purpose, seen, "periodic pass"),
                Err(error) => warn!(job = declaration.purpose, error = chain(&error), "periodic pass failed"),
            },
        }
    }
}

/// One walk over the nodes; answers how many the job wanted.
async fn pass(
    job: &Arc<dyn NodePeriodic>,
    conductor: &Conductor,
    declaration: &Declaration,
    visits: &mut Visits,
) -> Result<usize, StoreError> {
    let mut seen = 0;
    visits.begin_pass();
    let mut walk = Walk::new(candidates(conductor, declaration));
    while let Some(records) = walk.next(conductor.store().as_ref()).await? {
        for record in records {
            let node: Node = record.decode()?;
            if !job.wants(&node, conductor.now()) {
                continue;
            }
            seen += 1;
            if !visits.make_room(declaration.limit).await {
                return Ok(seen);
            }
            visits.start(job, conductor, node, declaration.purpose);
        }
    }
    Ok(seen)
}

fn candidates(conductor: &Conductor, declaration: &Declaration) -> Query {
    let ours = FieldValue::Text(conductor.host().to_owned());
    let query = Query::all(Table::Node).filter("owned_by", vec![ours]);
    let filters = declaration.filters.iter();
    filters.fold(query, |query, (field, value)| {
        query.filter(field, vec![value.clone()])
    })
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
