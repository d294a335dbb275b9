//! When to give up an agent that does not answer, or is busy with another command.

use std::time::Duration;
use tokio::time::Instant;

/// An agent that does not answer for so long is gone; one that is started again by its service manager is back earlier.
/// Long enough for several requests that hang, short enough for a machine without power to be found out in two minutes.
const PATIENCE: Duration = Duration::from_secs(45);
/// As often it is asked in any case.
const TRIES: u32 = 3;
pub(super) const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// A request that ends so long after its bound was not held up by the agent.
const SLACK: Duration = Duration::from_secs(5);

/// How long, and how often, an agent is asked that does not answer or is busy with another command.
pub(super) struct Patience {
    /// What a request takes at most, unless this conductor is stopped meanwhile.
    bound: Duration,
    began: Instant,
    asked: Instant,
    tries: u32,
    stops: u32,
}

impl Patience {
    pub(super) fn new(bound: Duration) -> Self {
        let now = Instant::now();
        Self {
            bound,
            began: now,
            asked: now,
            tries: 0,
            stops: 0,
        }
    }

    /// Whether to ask once more, after the usual interval, when a request has failed in a way that may pass.
    pub(super) fn lasts(&mut self, is_passing: bool) -> bool {
        let now = Instant::now();
        if now.duration_since(self.asked) > self.bound + RETRY_INTERVAL + SLACK
            && self.stops < TRIES
        {
            // A conductor that was stopped for a while has waited long, and maybe sent nothing: that says nothing of
            // the agent.
            self.stops += 1;
            self.began = now;
        } else {
            self.tries += 1;
        }
        self.asked = now;
        is_passing && (self.began.elapsed() < PATIENCE || self.tries < TRIES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const BOUND: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_both_tries_and_time() {
        let mut patience = Patience::new(BOUND);
        for _ in 0..2 {
            advance(BOUND).await;
            assert!(patience.lasts(true));
        }
        advance(BOUND).await;
        assert!(!patience.lasts(true));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_pass_is_not_asked_again() {
        assert!(!Patience::new(BOUND).lasts(false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_during_which_the_conductor_was_stopped_is_no_try() {
        let mut patience = Patience::new(BOUND);
        for _ in 0..2 {
            advance(BOUND).await;
            assert!(patience.lasts(true));
        }
        advance(BOUND * 3).await;
        assert!(patience.lasts(true));
        advance(BOUND).await;
        assert!(patience.lasts(true), "the time counts anew");
        advance(BOUND).await;
        assert!(!patience.lasts(true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_is_always_slow_does_not_make_it_endless() {
        let mut patience = Patience::new(BOUND);
        let mut asked = 0;
        loop {
            advance(BOUND * 3).await;
            asked += 1;
            if !patience.lasts(true) {
                break;
            }
        }
        assert_eq!(asked, 2 * TRIES);
    }
}
