//! Runs of steps that a client lists. Some are held until somebody says go.

use super::Client;
use ferric::conductor::requests::{ProvisionRequest, RequestedStep};
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use std::sync::Arc;
use tokio::time::sleep;

impl Client<'_> {
    /// Answers whether the instance runs again.
    pub(super) async fn service(&self) -> bool {
        let before = self.machine.disk();
        let serviced = self.run_listed(Verb::Service, "burnin_cpu").await;
        let Some(node) = serviced else { return false };
        self.judge(&node, Verb::Service) && self.has_instance_back(before).await
    }

    /// Cleaning by hand, before the first deploy; answers whether the node can be gone on with.
    pub(super) async fn clean(&self) -> bool {
        if !self.reach(State::Manageable).await {
            return false;
        }
        let before = self.machine.disk();
        let cleaned = self.run_listed(Verb::Clean, "erase_devices_metadata").await;
        let Some(node) = cleaned else { return false };
        if !self.judge(&node, Verb::Clean) {
            return false;
        }
        let may_be_on = self.world.plan.settings.deploy.fast_track || self.excuse().is_some();
        let is_left_on = self.machine.state.lock().on && !may_be_on;
        if is_left_on || self.machine.disk() != before {
            self.violation(&format!(
                "was cleaned, and its machine was left on ({is_left_on}) or an image written"
            ));
            return false;
        }
        true
    }

    /// A step of the agent, alone, or behind or before a hold; the node as it is at the end.
    async fn run_listed(&self, verb: Verb, name: &str) -> Option<Arc<Node>> {
        let [step, hold] = [name, "hold"].map(|name| RequestedStep::new("deploy", name));
        let steps = match self.world.dice.below(3) {
            0 => vec![step],
            1 => vec![hold, step],
            _ => vec![step, hold],
        };
        let request = ProvisionRequest {
            steps,
            ..ProvisionRequest::new(verb)
        };
        if !self.begin(&request).await {
            return None;
        }
        self.may_abort().await;
        self.release().await;
        self.rest().await
    }

    /// Says go once the run is held.
    async fn release(&self) {
        let id = self.machine.node;
        if !self.comes_to(State::is_hold).await {
            return;
        }
        sleep(self.world.dice.seconds(1, 300)).await;
        while self.is_in(State::is_hold) {
            let asked = self.ask("unhold", |conductor| async move {
                let request = ProvisionRequest::new(Verb::Unhold);
                conductor.provision(id, request).await
            });
            if asked.await.is_ok() {
                return;
            }
            sleep(self.world.dice.seconds(1, 10)).await;
        }
    }
}
