//! Power and the page cache.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Run, on_thread};
use crate::disk;
use crate::power::{self, PowerAction};

/// The machine goes after this, so that the answer to the command is out before.
const ANSWER_TIME: Duration = Duration::from_secs(1);

pub(super) async fn power_off(run: &Run) -> Outcome {
    change_power(run, PowerAction::Off).await
}

pub(super) async fn reboot(run: &Run) -> Outcome {
    change_power(run, PowerAction::Reboot).await
}

async fn change_power(run: &Run, action: PowerAction) -> Outcome {
    let failed = |error: &dyn std::error::Error| Failure::caused_by(ErrorKind::SystemReboot, error);
    let permit = run
        .agent
        .host
        .permits_power()
        .map_err(|error| failed(&error))?;
    if let Err(failure) = sync(run).await {
        tracing::warn!(
            details = failure.details,
            "changing the power state with unwritten data"
        );
    }
    tokio::time::sleep(ANSWER_TIME).await;
    on_thread(move || power::change(&permit, action))
        .await?
        .map_err(|error| failed(&error))?;
    Ok(Value::Null)
}

/// Everything that is cached is on the disks afterwards.
pub(super) async fn sync(run: &Run) -> Outcome {
    let agent = Arc::clone(&run.agent);
    let synced = on_thread(move || disk::sync_all(&agent.host)).await?;
    synced.map_err(|error| Failure::caused_by(ErrorKind::CommandExecution, &error))?;
    Ok(Value::Null)
}
