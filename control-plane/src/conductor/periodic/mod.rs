//! `node_periodic`: work that is looked for again and again over the nodes of this conductor (design D6).
//!
//! A job declares what it wants; pace, bounds, locks and the two errors that are normal (busy, gone) are dealt with here,
//! once. A job takes no other input, so a timer, a nudge and a restart do the same thing. A pass looks at the index only:
//! the document of a node is read when it is visited.

mod agent_poll;
pub(super) mod boot_files;
mod boot_power;
mod boot_retry;
mod bulk_requests;
mod certificates;
mod chore;
mod consoles;
mod declaration;
mod figures;
mod handovers;
pub(super) mod of_drivers;
mod orphan_allocations;
mod orphans;
mod patience;
mod power_recovery;
mod power_sync;
mod schedule;
mod sensor_data;
mod stale_conductors;
mod stalled_runs;
mod stalled_wishes;
mod store_room;
mod timeline_trim;
mod unfinished_wishes;
mod unindexed;
mod visit;
mod wait_deadlines;

pub(super) use chore::{chores, run_chore};
pub(super) use declaration::{Access, Declaration, Limit, Seen};
pub(super) use figures::Figures;
pub use figures::JobFigures;
pub(super) use visit::Visit;

use super::Conductor;
use super::node_task::TaskError;
use super::steps::chain;
use super::walk::Walk;
use crate::config::Settings;
use async_trait::async_trait;
use ferric_drivers::Drivers;
use ferric_model::node::Node;
use ferric_store::{FieldValue, Query, StoreError, Table};
use jiff::Timestamp;
use of_drivers::OfDriver;
use schedule::{Candidate, Schedule};
use std::sync::Arc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// What a visit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visited {
    Acted,
    /// Does not count for the limit.
    Nothing,
    /// The BMC is slow: the node is visited again when that keeps nobody waiting.
    Later,
    /// No more nodes in this pass.
    Stop,
}

#[async_trait]
pub(super) trait NodePeriodic: Send + Sync {
    fn declaration(&self, settings: &Settings) -> Declaration;

    /// A look at the fields that the declaration names, before anything of the node is read.
    fn predicate(&self, _seen: &Seen<'_>, _now: Timestamp) -> bool {
        true
    }

    /// The most urgent nodes come first.
    fn urgency(&self, _seen: &Seen<'_>) -> i64 {
        0
    }

    /// A cheap look at the node, before its visit and once more under its lock.
    fn wants(&self, _node: &Node, _now: Timestamp) -> bool {
        true
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError>;
}

/// All jobs over nodes: the conductor's own, and those that drivers bring.
pub(super) fn jobs(drivers: &Drivers, settings: &Settings) -> Vec<Arc<dyn NodePeriodic>> {
    let mut jobs: Vec<Arc<dyn NodePeriodic>> = vec![
        Arc::new(power_sync::PowerSync),
        Arc::new(power_recovery::PowerRecovery),
        Arc::new(wait_deadlines::WaitDeadlines),
        Arc::new(stalled_runs::StalledRuns),
        Arc::new(stalled_wishes::StalledWishes),
        Arc::new(unfinished_wishes::UnfinishedWishes),
        Arc::new(consoles::Consoles),
        Arc::new(agent_poll::AgentPoll::default()),
        Arc::new(boot_power::BootPower::default()),
        Arc::new(boot_retry::BootRetry::new(settings)),
        Arc::new(timeline_trim::TimelineTrim::new(settings)),
        Arc::new(sensor_data::SensorData::new(settings)),
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
    if !declaration.runs() {
        return stop.cancelled().await;
    }
    let mut ticks = interval(declaration.spacing);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = Running::new(job, conductor, declaration);
    loop {
        running.start_some();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = running.one_ended(), if !running.schedule.is_idle() => {}
            _ = ticks.tick(), if running.schedule.pass_is_over() => running.begin_pass().await,
        }
    }
}

/// A job with its schedule.
struct Running {
    job: Arc<dyn NodePeriodic>,
    conductor: Conductor,
    declaration: Declaration,
    schedule: Schedule,
    /// The pass that is not over yet.
    pass: Option<Instant>,
}

impl Running {
    fn new(job: Arc<dyn NodePeriodic>, conductor: Conductor, declaration: Declaration) -> Self {
        Self {
            schedule: Schedule::new(declaration.width, declaration.spacing),
            job,
            conductor,
            declaration,
            pass: None,
        }
    }

    fn figures(&self, change: impl FnOnce(&mut JobFigures)) {
        let figures = self.conductor.figures_of_jobs();
        figures.change(self.declaration.purpose, change);
    }

    fn start_some(&mut self) {
        self.schedule
            .start_some(&self.job, &self.conductor, &self.declaration);
        if self.schedule.pass_is_over()
            && let Some(began) = self.pass.take()
        {
            self.figures(|figures| figures.took = began.elapsed());
        }
    }

    async fn one_ended(&mut self) {
        let Some(visited) = self.schedule.one_ended().await else {
            return;
        };
        let suspects = self.schedule.suspects();
        self.figures(|figures| {
            figures.visits += u64::from(visited != Visited::Later);
            figures.acted += u64::from(visited == Visited::Acted);
            figures.suspects = suspects;
        });
    }

    async fn begin_pass(&mut self) {
        let purpose = self.declaration.purpose;
        let began = Instant::now();
        match self.candidates().await {
            Ok(candidates) => {
                debug!(job = purpose, nodes = candidates.len(), "periodic pass");
                let (nodes, metric) = (candidates.len(), self.declaration.node_count_metric);
                let limit = self.declaration.limit.now(&self.conductor, nodes);
                self.schedule.begin_pass(candidates, limit);
                self.pass = Some(began);
                self.figures(|figures| {
                    figures.node_count_metric = metric;
                    figures.passes += 1;
                    figures.nodes = nodes;
                });
            }
            Err(error) => warn!(job = purpose, error = chain(&error), "periodic pass failed"),
        }
    }

    /// What the store's index says that the job may want; nothing is decoded for it.
    async fn candidates(&self) -> Result<Vec<Candidate>, StoreError> {
        let mut found = Vec::new();
        let mut walk = Walk::new(self.query());
        while let Some(outlines) = walk.next_outlines(self.conductor.store().as_ref()).await? {
            let now = self.conductor.now();
            for outline in outlines {
                let seen = Seen::new(&outline, &self.declaration);
                let Some(node) = seen.node() else {
                    continue;
                };
                if self.job.predicate(&seen, now) {
                    let urgency = self.job.urgency(&seen);
                    found.push(Candidate { node, urgency });
                }
            }
        }
        Ok(found)
    }

    fn query(&self) -> Query {
        let filters = self.declaration.filters.iter();
        let query = filters.fold(Query::all(Table::Node), |query, (field, values)| {
            query.filter(field, values.clone())
        });
        let ours = FieldValue::Text(self.conductor.host().to_owned());
        query.filter("owned_by", vec![ours])
    }
}

#[cfg(test)]
mod tests;
