//! Aborts: some runs are ended while they wait for their machine.

use super::Client;
use ferric::conductor::requests::ProvisionRequest;
use ferric_model::verb::Verb;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Of each run.
const CHANCE: f64 = 0.03;
/// What nobody answered may still be done then, by a conductor that was stopped.
const LATE: Duration = Duration::from_secs(900);

impl Client<'_> {
    pub(super) async fn may_abort(&self) {
        if self.world.dice.chance(CHANCE) && self.comes_to_wait().await {
            sleep(self.world.dice.seconds(0, 90)).await;
            self.abort().await;
        }
    }

    /// Whether the run waits for its machine; it may be over before.
    async fn comes_to_wait(&self) -> bool {
        let waits = self.until(|| {
            let node = self.node()?;
            let is_over = node.run.is_none() && node.reservation.is_none();
            let waits = node.provision_state.is_wait();
            (waits || is_over).then_some(waits)
        });
        waits.await.unwrap_or(false)
    }

    async fn abort(&self) {
        let id = self.machine.node;
        let waits = || {
            let node = self.node();
            node.is_some_and(|node| node.provision_state.is_wait())
        };
        while waits() {
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
