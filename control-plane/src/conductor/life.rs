//! The conductor's life: registration and takeover, beat and periodic jobs, and an orderly end.

use super::Conductor;
use super::membership::Presence;
use super::periodic::{chores, jobs, run_chore, run_periodic};
use super::steps::chain;
use crate::config::seconds;
use ferric_store::StoreError;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How long running steps may take to reach their next commit once the conductor stops. What is lost then is what a crash
/// loses: nothing.
const GRACE: Duration = Duration::from_secs(20);

/// Why the conductor ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("starting the conductor")]
    Start(#[source] StoreError),
    /// The embedded store takes nothing more after a write that failed, until it is opened again.
    #[error("the store has taken nothing for {} s: make room on its disk, or see to it, and start again", .0.as_secs())]
    Store(Duration, #[source] StoreError),
    #[error("a task of the conductor panicked")]
    Panic(#[source] JoinError),
    #[error("a task of the conductor ended by itself")]
    Ended,
}

impl Conductor {
    /// Registers, takes over its nodes and goes on with their runs. Before requests are served.
    ///
    /// # Errors
    /// [`RunError::Start`] when the store fails.
    pub async fn start(&self) -> Result<(), RunError> {
        self.take_over().await.map_err(RunError::Start)?;
        self.beat(Presence::Here).await.map_err(RunError::Start)
    }

    /// Beats and runs the periodic jobs until `stop`, then waits for running steps to reach their next commit.
    ///
    /// # Errors
    /// [`RunError`] when one of its tasks ended before.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), RunError> {
        let mut tasks = JoinSet::new();
        tasks.spawn(beat_for_ever(self.clone(), stop.clone()));
        for job in jobs(self.drivers(), self.settings()) {
            let running = run_periodic(job, self.clone(), stop.clone());
            tasks.spawn(async move {
                running.await;
                Ok(())
            });
        }
        for chore in chores() {
            let running = run_chore(chore, self.clone(), stop.clone());
            tasks.spawn(async move {
                running.await;
                Ok(())
            });
        }
        let first = tasks.join_next().await;
        let told = stop.is_cancelled();
        stop.cancel();
        self.stop_token().cancel();
        let rest = async {
            while tasks.join_next().await.is_some() {}
            self.work().finish().await;
        };
        if timeout(GRACE, rest).await.is_err() {
            warn!("some steps are still running; they go on after the next start");
        }
        if let Err(error) = self.beat(Presence::Leaving).await {
            warn!(
                error = chain(&error),
                "the conductor could not say that it leaves"
            );
        }
        match first {
            Some(Err(error)) => Err(RunError::Panic(error)),
            Some(Ok(Err(error))) => Err(error),
            _ if told => Ok(()),
            _ => Err(RunError::Ended),
        }
    }

    /// What SIGKILL does to the work on nodes.
    #[cfg(test)]
    pub(super) fn kill(&self) {
        self.stop_token().cancel();
        self.work().kill();
    }
}

/// Ends before `stop` only where the store is lost: a conductor that can store nothing is better started again.
async fn beat_for_ever(conductor: Conductor, stop: CancellationToken) -> Result<(), RunError> {
    let settings = &conductor.settings().conductor;
    let limit = seconds(settings.beat_timeout_s);
    let mut ticks = interval(seconds(settings.beat_interval_s));
    let mut stored = Instant::now();
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let Err(error) = conductor.beat(Presence::Here).await else {
            stored = Instant::now();
            continue;
        };
        // A database server comes back, and its store takes everything again as if nothing had been.
        let comes_back = matches!(error, StoreError::Away { .. });
        if stored.elapsed() > limit && !comes_back {
            return Err(RunError::Store(stored.elapsed(), error));
        }
        warn!(
            error = chain(&error),
            "the conductor's beat could not be stored"
        );
    }
    Ok(())
}
