//! Power and the page cache.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Run, on_thread};
use crate::clock;
use crate::disk;
use crate::power::{self, PowerAction};

/// The machine goes after this, so that the answer to the command is out before.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Conductors do not wait long for a machine to be off.
const CLOCK_TIME: Duration = Duration::from_secs(5);

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
    save_clock(run).await;
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

/// The system that boots next has its time from the hardware's clock. A clock that stays as it is keeps no machine on.
async fn save_clock(run: &Run) {
    let host = &run.agent.host;
    let Ok(permit) = host.permits_system() else {
        return;
    };
    if let Some(server) = &run.agent.settings.clock.ntp_server {
        let asked = timeout(CLOCK_TIME, clock::synchronise(host, server)).await;
        if let Ok(Err(error)) = asked {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, server, "the clock stays as it is");
        }
    }
    if let Err(failure) = on_thread(move || clock::save_to_hardware(&permit)).await {
        tracing::warn!(details = failure.details, "saving the time");
    }
}

/// Everything that is cached is on the disks afterwards.
pub(super) async fn sync(run: &Run) -> Outcome {
    let agent = Arc::clone(&run.agent);
    let synced = on_thread(move || disk::sync_all(&agent.host)).await?;
    synced.map_err(|error| Failure::caused_by(ErrorKind::CommandExecution, &error))?;
    Ok(Value::Null)
}
