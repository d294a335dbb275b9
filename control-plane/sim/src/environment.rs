//! Time and chance of a simulated conductor.

use crate::link::Link;
use crate::world::World;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ferric::conductor::{Environment, Planted};
use ferric_model::ids::Incarnation;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::time::Instant;
use uuid::Uuid;

/// As the real one: the wall clock is read once, and from then on time goes by the monotonic clock.
pub(crate) struct SimulatedEnvironment {
    world: Arc<World>,
    link: Arc<Link>,
    started_at: Timestamp,
    started: Instant,
}

impl SimulatedEnvironment {
    pub(crate) fn new(world: &Arc<World>, link: &Arc<Link>) -> Self {
        Self {
            started_at: world.wall_clock(),
            world: world.clone(),
            link: link.clone(),
            started: Instant::now(),
        }
    }
}

impl Environment for SimulatedEnvironment {
    fn now(&self) -> Timestamp {
        self.started_at + self.started.elapsed()
    }

    fn id(&self) -> Uuid {
        let id = uuid::Builder::from_random_bytes(self.world.dice.bytes()).into_uuid();
        // The first id that a conductor draws names its incarnation.
        self.link.incarnation.get_or_init(|| Incarnation(id));
        id
    }

    fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.world.dice.bytes::<32>())
    }

    fn planted(&self, fault: Planted) -> bool {
        self.world.planted == Some(fault)
    }
}
