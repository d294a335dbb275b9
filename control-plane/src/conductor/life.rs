//! The conductor's life: registration and takeover, beat and periodic jobs, and an orderly end.

use super::Conductor;
use super::membership::{BeatError, Presence};
use super::periodic::{boot_files, chores, jobs, run_chore, run_periodic};
use super::steps::chain;
use crate::config::seconds;
use ferric_store::StoreError;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long running steps may take to reach their next commit once the conductor stops. What is lost then is what a crash
/// loses: nothing.
const GRACE: Duration = Duration::from_secs(20);
/// How long it may take then to hand nodes over; those that are left are taken, because this conductor says that it leaves.
const HANDOVER_LIMIT: Duration = Duration::from_secs(30);

/// How long it may take after that to clear away the boot files of nodes that went.
const BOOT_FILES_LIMIT: Duration = Duration::from_secs(10);

/// Why the conductor ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("starting the conductor")]
    Start(#[source] StoreError),
    /// Not for want of room, nor of a server: those come back.
    #[error("the store has taken nothing for {} s: see to its disk, and start again", .0.as_secs())]
    Store(Duration, #[source] StoreError),
    /// Two of the same name would fence each other off for ever.
    #[error(
        "another process has registered as conductor {0} on this store and has its nodes now: stop one of the two, or give \
         each a name of its own (host in the configuration file)"
    )]
    Replaced(String),
    #[error("a task of the conductor panicked")]
    Panic(#[source] JoinError),
    #[error("a task of the conductor ended by itself")]
    Ended,
}

impl Conductor {
    /// Registers, takes over its nodes, allocations and bulk requests, and goes on with them. Before requests are served.
    ///
    /// The beat comes first: whoever takes nodes without one would soon be taken for dead, and its nodes from it.
    ///
    /// # Errors
    /// [`RunError::Start`] when the store fails.
    pub async fn start(&self) -> Result<(), RunError> {
        self.beat(Presence::Arriving)
            .await
            .map_err(|error| self.beat_failed(error))?;
        self.take_over().await.map_err(RunError::Start)?;
        let resumed = self.take_over_allocations().await;
        resumed.map_err(RunError::Start)?;
        let resumed = self.take_over_bulk_requests().await;
        resumed.map(drop).map_err(RunError::Start)
    }

    fn beat_failed(&self, error: BeatError) -> RunError {
        match error {
            BeatError::Replaced => RunError::Replaced(self.host().to_owned()),
            BeatError::Store(error) => RunError::Start(error),
        }
    }

    /// Ends `run` as a signal does: steps in hand are finished, and nodes go to the other conductors on this store.
    pub fn drain(&self) {
        self.inner.draining.cancel();
    }

    /// Whether it has been told to leave.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.is_cancelled()
    }

    /// Beats and runs the periodic jobs until `stop`, then waits for running steps to reach their next commit and hands
    /// all nodes over that another conductor can take.
    ///
    /// # Errors
    /// [`RunError`] when one of its tasks ended before.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), RunError> {
        // It goes on while nodes are handed over: they are this conductor's until then.
        let (mut beat, beaten) = (JoinSet::new(), CancellationToken::new());
        beat.spawn(beat_for_ever(self.clone(), beaten.clone()));
        let mut tasks = self.periodic_tasks(&stop);
        let first = tokio::select! {
            biased;
            first = beat.join_next() => first,
            first = tasks.join_next() => first,
            () = self.inner.draining.cancelled() => None,
        };
        let told = stop.is_cancelled() || self.inner.draining.is_cancelled();
        stop.cancel();
        self.stop_token().cancel();
        let rest = async {
            while tasks.join_next().await.is_some() {}
            self.work().finish().await;
        };
        if timeout(GRACE, rest).await.is_err() {
            warn!(
                "some steps are still running; they are taken up again, here or by another conductor"
            );
        }
        if !matches!(first, Some(Ok(Err(RunError::Replaced(_))))) {
            self.part().await;
            beaten.cancel();
            while beat.join_next().await.is_some() {}
            self.leave().await;
        }
        match first {
            Some(Err(error)) => Err(RunError::Panic(error)),
            Some(Ok(Err(error))) => Err(error),
            _ if told => Ok(()),
            _ => Err(RunError::Ended),
        }
    }

    fn periodic_tasks(&self, stop: &CancellationToken) -> JoinSet<Result<(), RunError>> {
        let mut tasks = JoinSet::new();
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
        tasks
    }

    async fn part(&self) {
        match timeout(HANDOVER_LIMIT, self.hand_over_all()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => warn!(error = chain(&error), "nodes could not be handed over"),
            Err(_elapsed) => info!("some nodes are left for the others to take"),
        }
        if timeout(BOOT_FILES_LIMIT, boot_files::mended(self))
            .await
            .is_err()
        {
            info!("some boot files of nodes that went are left here until the next start");
        }
    }

    /// The last thing that is written. Others may begin with the nodes at once, so nothing is begun here any more.
    async fn leave(&self) {
        self.fence().close();
        if let Err(error) = self.beat(Presence::Leaving).await {
            warn!(
                error = chain(&error),
                "the conductor could not say that it leaves"
            );
        }
    }

    /// What SIGKILL does to the work on nodes.
    #[cfg(test)]
    pub(super) fn kill(&self) {
        self.stop_token().cancel();
        self.work().kill();
    }
}

/// Ends before `stop` only where the store is lost, or the name: a conductor that can store nothing is better started
/// again.
async fn beat_for_ever(conductor: Conductor, stop: CancellationToken) -> Result<(), RunError> {
    let limit = conductor.beat_timeout();
    let mut ticks = interval(seconds(conductor.settings().conductor.beat_interval_s));
    let mut stored = Instant::now();
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let error = match conductor.beat(Presence::Here).await {
            Ok(()) => {
                stored = Instant::now();
                continue;
            }
            Err(error @ BeatError::Replaced) => return Err(conductor.beat_failed(error)),
            Err(BeatError::Store(error)) => error,
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
