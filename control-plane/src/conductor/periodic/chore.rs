//! What a conductor does again and again that is not about nodes of its own.

use super::boot_files::BootFiles;
use super::bulk_requests::{BulkTrim, OrphanBulkRequests};
use super::certificates::Certificates;
use super::handovers::Handovers;
use super::orphan_allocations::OrphanAllocations;
use super::orphans::Orphans;
use super::stale_conductors::StaleConductors;
use super::store_room::StoreRoom;
use super::unindexed::Unindexed;
use crate::conductor::Conductor;
use crate::conductor::node_task::TaskError;
use crate::conductor::steps::chain;
use crate::config::Settings;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

#[async_trait]
pub(in crate::conductor) trait Chore: Send + Sync {
    fn purpose(&self) -> &'static str;

    /// Zero: never.
    fn spacing(&self, settings: &Settings) -> Duration;

    /// How long the next pass waits at least, after one that took so long.
    fn rest(&self, _took: Duration) -> Duration {
        Duration::ZERO
    }

    /// Answers how much there was to do.
    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError>;
}

/// All of them.
pub(in crate::conductor) fn chores() -> Vec<Arc<dyn Chore>> {
    vec![
        Arc::new(Orphans),
        Arc::new(OrphanAllocations),
        Arc::new(OrphanBulkRequests),
        Arc::new(BulkTrim),
        Arc::new(Handovers),
        Arc::new(BootFiles),
        Arc::new(StaleConductors),
        Arc::new(Certificates),
        Arc::new(Unindexed),
        Arc::new(StoreRoom),
    ]
}

/// Runs a chore at its pace until it is told to stop.
pub(in crate::conductor) async fn run_chore(
    chore: Arc<dyn Chore>,
    conductor: Conductor,
    stop: CancellationToken,
) {
    let spacing = chore.spacing(conductor.settings());
    if spacing.is_zero() {
        return stop.cancelled().await;
    }
    let purpose = chore.purpose();
    let mut ticks = interval(spacing);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let began = Instant::now();
        match chore.pass(&conductor).await {
            Ok(0) => {}
            Ok(done) => info!(job = purpose, done, "periodic pass"),
            Err(error) => warn!(job = purpose, error = chain(&error), "periodic pass failed"),
        }
        ticks.reset_after(spacing.max(chore.rest(began.elapsed())));
    }
}
