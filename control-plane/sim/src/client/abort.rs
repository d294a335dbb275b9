//! Aborts: some runs are ended while they wait for their machine.

use super::Client;
use ferric::conductor::requests::ProvisionRequest;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Of each run.
const CHANCE: f64 = 0.025;
/// What nobody answered may still be done then, by a conductor that was stopped.
const LATE: Duration = Duration::from_secs(900);

impl Client<'_> {
    pub(super) async fn may_abort(&self) {
        if self.world.dice.chance(CHANCE) && self.comes_to(State::is_wait).await {
            sleep(self.world.dice.seconds(0, 90)).await;
            self.abort().await;
        }
    }

    /// Whether the node comes into such a state; its run may be over before.
    pub(super) async fn comes_to(&self, is_such: impl Fn(State) -> bool) -> bool {
        let comes = self.until(|| {
            let node = self.node()?;
            let is_over = node.run.is_none() && node.reservation.is_none();
            let is_there = is_such(node.provision_state);
            (is_there || is_over).then_some(is_there)
        });
        comes.await.unwrap_or(false)
    }

    async fn abort(&self) {
        let id = self.machine.node;
        while self.is_in(|state| state.is_wait() || state.is_hold()) {
            *self.abort_asked.lock() = Some(Instant::now());
            let asked = self.ask("abort", |conductor| async move {
                let request = ProvisionRequest::new(Verb::Abort);
                conductor.provision(id, request).await
            });
            if asked.await.is_ok() {
                return;
            }
            sleep(self.world.dice.seconds(1, 10)).await;
        }
    }

    pub(super) fn is_in(&self, is_such: impl Fn(State) -> bool) -> bool {
        let node = self.node();
        node.is_some_and(|node| is_such(node.provision_state))
    }

    /// Whether the run in hand may have been ended by request.
    pub(super) fn may_be_aborted(&self) -> bool {
        let (asked, began) = (*self.abort_asked.lock(), *self.began.lock());
        asked.is_some_and(|asked| asked + LATE >= began)
    }

    /// Whatever was half done does not go on.
    pub(super) fn judge_aborted(&self, verb: Verb) -> bool {
        let is_on = self.machine.state.lock().on;
        if is_on && self.excuse().is_none() {
            self.violation(&format!(
                "{} was aborted, and its machine still runs",
                verb.name()
            ));
            return false;
        }
        true
    }
}
