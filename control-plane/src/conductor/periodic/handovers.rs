//! Hands nodes at rest over to the conductor that the ring gives them to, after one has joined or come back.

use super::boot_files::mended_in_time;
use super::chore::Chore;
use crate::conductor::Conductor;
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use std::time::Duration;

pub(super) struct Handovers;

#[async_trait]
impl Chore for Handovers {
    fn purpose(&self) -> &'static str {
        "handing nodes over"
    }

    fn spacing(&self, settings: &Settings) -> Duration {
        seconds(settings.conductor.beat_interval_s)
    }

    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError> {
        let went = conductor.hand_over_moved().await?;
        if went > 0 {
            mended_in_time(conductor).await;
        }
        Ok(went)
    }
}
