//! Makes the boot files of nodes that came to this conductor, and clears away those of nodes that went.

use super::chore::Chore;
use crate::conductor::Conductor;
use crate::conductor::node_task::TaskError;
use crate::conductor::steps::chain;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use std::time::Duration;
use tokio::time::timeout;
use tracing::warn;

pub(super) struct BootFiles;

#[async_trait]
impl Chore for BootFiles {
    fn purpose(&self) -> &'static str {
        "making boot files"
    }

    /// The others hand nodes over as often.
    fn spacing(&self, settings: &Settings) -> Duration {
        seconds(settings.conductor.beat_interval_s)
    }

    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError> {
        Ok(mended(conductor).await)
    }
}

/// After nodes have come or gone: nothing of that fails because of a disk, and the next pass does it again.
pub(in crate::conductor) async fn mended(conductor: &Conductor) -> usize {
    match conductor.mend_boot_files().await {
        Ok(done) => done,
        Err(error) => {
            warn!(error = chain(&error), "boot files could not be made");
            0
        }
    }
}

/// For the files of all nodes that came at once. A disk that hangs must not keep anybody from taking over more.
const PATIENCE: Duration = Duration::from_secs(10);

/// The same by whoever has something else to do; what it does not wait for, the next pass does.
pub(super) async fn mended_in_time(conductor: &Conductor) {
    if timeout(PATIENCE, mended(conductor)).await.is_err() {
        warn!("boot files take long to make");
    }
}
