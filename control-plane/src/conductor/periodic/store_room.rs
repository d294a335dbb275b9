//! Gives the room of what was trimmed and deleted back to the disk, at the pace of the trimming.

use super::chore::Chore;
use crate::conductor::Conductor;
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use std::time::Duration;
use tracing::info;

/// Who writes waits while pages are moved: four fifths of the time are the writers'.
const REST: u32 = 4;

pub(super) struct StoreRoom;

#[async_trait]
impl Chore for StoreRoom {
    fn purpose(&self) -> &'static str {
        "giving room back to the disk"
    }

    fn spacing(&self, settings: &Settings) -> Duration {
        seconds(settings.timeline.trim_interval_s)
    }

    fn rest(&self, took: Duration) -> Duration {
        took.saturating_mul(REST)
    }

    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError> {
        let bytes = conductor.store().give_back().await?;
        if bytes > 0 {
            info!(bytes, "the file of the store is smaller now");
        }
        Ok(0)
    }
}
