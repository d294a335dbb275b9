//! Goes on with allocations whose conductor is gone, and with own ones that nobody works on, after the store was out.

use super::chore::Chore;
use crate::conductor::Conductor;
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use std::time::Duration;

pub(super) struct OrphanAllocations;

#[async_trait]
impl Chore for OrphanAllocations {
    fn purpose(&self) -> &'static str {
        "taking over orphaned allocations"
    }

    fn spacing(&self, settings: &Settings) -> Duration {
        seconds(settings.conductor.orphan_check_interval_s)
    }

    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError> {
        Ok(conductor.take_over_allocations().await?)
    }
}
