//! What is done to some machines before their first deploy, and while they have an instance. Drawn seldom: deploys are
//! what most of the time goes into.

use super::Client;

/// Of each deploy.
const SWITCHED: f64 = 0.02;
const RESCUED: f64 = 0.02;
const SERVICED: f64 = 0.02;
/// Of each machine.
const CLEANED: f64 = 0.06;
const ADOPTED: f64 = 0.06;

impl Client<'_> {
    /// Answers whether the node can be gone on with.
    pub(super) async fn begin_otherwise(&self) -> bool {
        let dice = &self.world.dice;
        if dice.chance(CLEANED) {
            return self.clean().await;
        }
        !dice.chance(ADOPTED) || self.adopt().await
    }

    /// Most have none; answers whether the node is active in the end.
    pub(super) async fn run_errand(&self) -> bool {
        let dice = &self.world.dice;
        if dice.chance(SWITCHED) {
            return self.cycle_power().await;
        }
        if dice.chance(RESCUED) {
            return self.rescue().await;
        }
        if dice.chance(SERVICED) {
            return self.service().await;
        }
        true
    }
}
