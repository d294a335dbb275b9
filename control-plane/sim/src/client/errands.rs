//! What is done to a machine while it has its instance. Drawn seldom: deploys are what most of the time goes into.

use super::Client;

/// Of each deploy.
const CHANCE: f64 = 0.02;

impl Client<'_> {
    /// Most have none; answers whether the node is active in the end.
    pub(super) async fn run_errand(&self) -> bool {
        let dice = &self.world.dice;
        if dice.chance(CHANCE) && !self.cycle_power().await {
            return false;
        }
        true
    }
}
