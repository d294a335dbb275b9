//! Beats on time, and at once when a command has ended.
//!
//! A token that is refused from the beginning was never ours: whoever looked this machine up after us has another one,
//! and only another lookup helps. Once a beat was accepted there is no such way back, as a lookup then means that the
//! ramdisk was booted anew.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::conductor::{BeatError, Conductor, Pace, beat};
use crate::config::Secret;

/// What is kept once a beat was accepted, over a restart of the agent too.
pub(super) const ACCEPTED_FILE: &str = "accepted.json";

/// How a heart comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    InOrder,
    /// No beat was ever accepted, because the token is not the conductor's.
    TokenRefused,
}

/// Until `stop`. The first beat comes at once: the API is being served already.
pub(super) async fn run(
    agent: Arc<Agent>,
    conductor: Arc<Conductor>,
    stop: CancellationToken,
) -> Ended {
    let pace = Pace {
        timeout: Duration::from_secs(agent.session.config.heartbeat_timeout_s()),
    };
    let beats = async {
        let mut acceptance = Acceptance::of(&agent);
        loop {
            let begun = Instant::now();
            let result = beat(&conductor, &agent.session).await;
            acceptance.note(&agent, &result);
            let pause = pause_after(&result, pace);
            wait(&agent.beat_now, begun, pause).await;
            if acceptance == Acceptance::Refused {
                return;
            }
        }
    };
    match stop.run_until_cancelled(beats).await {
        Some(()) => Ended::TokenRefused,
        None => Ended::InOrder,
    }
}

/// Whether the conductor has ever accepted this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acceptance {
    Pending,
    Accepted,
    Refused,
}

impl Acceptance {
    /// A token of the kernel command line is the same after every lookup.
    fn of(agent: &Agent) -> Self {
        let own = agent.settings.agent_token.as_ref().map(Secret::reveal);
        let is_own = own.is_some() && own == agent.session.token.as_deref();
        if is_own || agent.state.load_or_forget::<bool>(ACCEPTED_FILE) == Some(true) {
            Self::Accepted
        } else {
            Self::Pending
        }
    }

    fn note(&mut self, agent: &Agent, result: &Result<(), BeatError>) {
        match result {
            Ok(()) if *self == Self::Pending => {
                *self = Self::Accepted;
                if let Err(error) = agent.state.save(ACCEPTED_FILE, &true) {
                    tracing::error!(error = &error as &dyn Error, "keeping state");
                }
            }
            Err(BeatError::Token(_)) if *self == Self::Pending => *self = Self::Refused,
            _ => {}
        }
    }
}

/// How long to wait for the next beat.
fn pause_after(result: &Result<(), BeatError>, pace: Pace) -> Duration {
    match result {
        Ok(()) => pace.after_success(),
        Err(BeatError::Locked) => {
            tracing::warn!("the conductor holds the node's lock; beating again soon");
            pace.after_failure()
        }
        Err(error) => {
            tracing::error!(error = error as &dyn Error, "a heartbeat was not accepted");
            pace.after_failure()
        }
    }
}

/// Until the next beat is due, or one is forced; but a forced one keeps its distance from the one before.
async fn wait(beat_now: &Notify, begun: Instant, pause: Duration) {
    let due = sleep_until(begun + pause);
    tokio::select! {
        biased;
        () = beat_now.notified() => sleep_until(begun + Pace::SHORTEST.min(pause)).await,
        () = due => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many seconds the next beat comes, if one is forced after so many.
    async fn next_beat_s(forced_after_s: Option<u64>, pause_s: u64) -> u64 {
        let (beat_now, begun) = (Notify::new(), Instant::now());
        let force = async {
            if let Some(seconds) = forced_after_s {
                sleep_until(begun + Duration::from_secs(seconds)).await;
                beat_now.notify_one();
            }
        };
        let waiting = wait(&beat_now, begun, Duration::from_secs(pause_s));
        tokio::join!(force, waiting);
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_forced_beat_comes_at_once_but_not_on_the_heels_of_the_one_before() {
        for (forced_after_s, pause_s, expected) in [
            (None, 90, 90),
            (Some(0), 90, 5),
            (Some(3), 90, 5),
            (Some(40), 90, 40),
            // A conductor that waits for seconds only.
            (Some(0), 2, 2),
        ] {
            let came = next_beat_s(forced_after_s, pause_s).await;
            assert_eq!(came, expected, "{forced_after_s:?} {pause_s}");
        }
    }
}
