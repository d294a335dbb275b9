//! Power by request, while no run is under way.

use super::{Client, PATIENCE};
use ferric_drivers::PowerAction;
use ferric_model::node::Node;
use std::sync::Arc;
use tokio::time::{Instant, sleep};

impl Client<'_> {
    /// Restarts the instance, or has it off for a while; answers whether it runs again.
    pub(super) async fn cycle_power(&self) -> bool {
        let dice = &self.world.dice;
        let actions = match dice.chance(0.5) {
            true => vec![PowerAction::Reboot],
            false => vec![PowerAction::Off, PowerAction::On],
        };
        for action in actions {
            // Longer than a request waits for the node: none of the last action comes after this one.
            sleep(dice.seconds(5, 60)).await;
            if !self.switch(action).await {
                return false;
            }
        }
        self.check_instance();
        true
    }

    /// Asked for again where nobody said that it is taken: a machine that is switched twice is none the worse for it.
    pub(super) async fn switch(&self, action: PowerAction) -> bool {
        let (id, since) = (self.machine.node, Instant::now());
        let boots = self.machine.boots();
        while since.elapsed() < PATIENCE {
            if self.rest().await.is_none() {
                return false;
            }
            *self.began.lock() = Instant::now();
            let asked = self.ask(action.name(), |conductor| async move {
                conductor.set_power(id, action, None).await
            });
            if asked.await.is_ok() {
                return match self.without_wish().await {
                    Some(node) => self.judge_power(&node, action, boots),
                    None => false,
                };
            }
            sleep(self.world.dice.seconds(1, 10)).await;
        }
        self.violation(&format!("{} is never taken", action.name()));
        false
    }

    /// Whoever takes a node over frees it before it goes on with what was asked of it.
    async fn without_wish(&self) -> Option<Arc<Node>> {
        self.until(|| {
            let node = self.node()?;
            node.target_power_state.is_none().then_some(node)
        })
        .await
    }

    fn judge_power(&self, node: &Node, action: PowerAction, boots_before: u32) -> bool {
        let wanted = action.leads_to();
        let stored = node.power_state.map(|state| state.name());
        let is_done = action != PowerAction::Reboot || self.machine.boots() > boots_before;
        let is_so = is_done && stored == Some(wanted.name()) && self.machine.power() == wanted;
        if is_so || self.excuse().is_some() {
            return true;
        }
        self.violation(&format!(
            "was told {} (done {is_done}), is stored as {stored:?}, and its machine is in {}: {:?}",
            action.name(),
            self.machine.power().name(),
            node.last_error
        ));
        false
    }
}
