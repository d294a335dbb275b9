//! Goes on with bulk requests whose conductor is gone, and with own ones that nobody works off; forgets old ones.

use super::chore::Chore;
use crate::conductor::Conductor;
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use std::time::Duration;

pub(super) struct OrphanBulkRequests;

#[async_trait]
impl Chore for OrphanBulkRequests {
    fn purpose(&self) -> &'static str {
        "taking over orphaned bulk requests"
    }

    fn spacing(&self, settings: &Settings) -> Duration {
        seconds(settings.conductor.orphan_check_interval_s)
    }

    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError> {
        Ok(conductor.take_over_bulk_requests().await?)
    }
}

pub(super) struct BulkTrim;

/// How long after its time a request may still be there.
const TRIM_SPACING: Duration = Duration::from_secs(600);

#[async_trait]
impl Chore for BulkTrim {
    fn purpose(&self) -> &'static str {
        "forgetting old bulk requests"
    }

    fn spacing(&self, _settings: &Settings) -> Duration {
        TRIM_SPACING
    }

    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError> {
        Ok(conductor.trim_bulk_requests().await?)
    }
}
