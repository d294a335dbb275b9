//! Beats on time, and at once when a command has ended.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::conductor::{BeatError, Conductor, Pace, beat};

/// Until `stop`. The first beat comes at once: the API is being served already.
pub(super) async fn run(agent: Arc<Agent>, conductor: Conductor, stop: CancellationToken) {
    let pace = Pace {
        timeout: Duration::from_secs(agent.session.config.heartbeat_timeout_s()),
    };
    let beats = async {
        loop {
            let begun = Instant::now();
            let pause = one(&agent, &conductor, pace).await;
            wait(&agent, begun, pause).await;
        }
    };
    stop.run_until_cancelled(beats).await;
}

/// Beats once; answers how long to wait for the next.
async fn one(agent: &Agent, conductor: &Conductor, pace: Pace) -> Duration {
    match beat(conductor, &agent.session).await {
        Ok(()) => pace.after_success(),
        Err(BeatError::Locked) => {
            tracing::warn!("the conductor holds the node's lock; beating again soon");
            pace.after_failure()
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, "a heartbeat was not accepted");
            pace.after_failure()
        }
    }
}

/// Until the next beat is due, or one is forced; but a forced one keeps its distance from the one before.
async fn wait(agent: &Agent, begun: Instant, pause: Duration) {
    let due = sleep_until(begun + pause);
    tokio::select! {
        biased;
        () = agent.beat_now.notified() => sleep_until(begun + Pace::SHORTEST.min(pause)).await,
        () = due => {}
    }
}
