//! What a world is like: drawn from its seed before anything happens.

use crate::dice::Dice;
use ferric::config::{Overrides, Settings};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// A world's size and the faults that are in it.
pub(crate) struct Plan {
    pub(crate) conductors: usize,
    /// Whether the store is one that only one process can have open.
    pub(crate) exclusive: bool,
    pub(crate) nodes: usize,
    /// Deploys of each node.
    pub(crate) deploys: usize,
    /// After each of these at most so many rebuilds, which are deploys too.
    pub(crate) most_rebuilds: usize,
    pub(crate) faults: Faults,
    pub(crate) settings: Arc<Settings>,
}

/// Probabilities; zero in a world that has no such fault.
pub(crate) struct Faults {
    /// A message, or its answer, that does not get through.
    pub(crate) loss: f64,
    /// A message that takes seconds.
    pub(crate) delay: f64,
    /// A message that comes twice.
    pub(crate) doubling: f64,
    /// A store write with a delay, in which others go on.
    pub(crate) slow_store: f64,
    /// A life of a conductor that ends at one of its next store writes.
    pub(crate) crash: f64,
    /// Per request to a BMC.
    pub(crate) bmc_error: f64,
    pub(crate) bmc_lie: f64,
    pub(crate) boot_forgotten: f64,
    /// A machine that boots or goes off by itself, per boot of its ramdisk.
    pub(crate) machine: f64,
    /// A command of the agent that fails.
    pub(crate) agent_error: f64,
    /// Per spell of weather.
    pub(crate) pause: f64,
    pub(crate) outage: f64,
    pub(crate) store_away: f64,
    pub(crate) clock_step: f64,
    pub(crate) partition: f64,
    pub(crate) server_clock_step: f64,
}

impl Plan {
    pub(crate) fn draw(dice: &Dice, most_conductors: usize) -> Self {
        let conductors = match most_conductors {
            0 | 1 => 1,
            most if dice.chance(0.5) => dice.count(2, most),
            _ => 1,
        };
        let faults = Faults {
            loss: dice.rate(0.08),
            delay: dice.rate(0.08),
            doubling: dice.rate(0.08),
            slow_store: dice.rate(0.5),
            crash: dice.rate(0.9),
            bmc_error: dice.rate(0.01),
            bmc_lie: dice.rate(0.02),
            boot_forgotten: dice.rate(0.02),
            machine: dice.rate(0.05),
            agent_error: dice.rate(0.02),
            pause: dice.rate(0.4),
            outage: dice.rate(0.15),
            store_away: dice.rate(0.2),
            clock_step: dice.rate(0.3),
            partition: dice.rate(0.4),
            server_clock_step: dice.rate(0.3),
        };
        let mut settings = base().clone();
        let conductor = &mut settings.conductor;
        for limit in [
            &mut conductor.deploy_callback_timeout_s,
            &mut conductor.clean_callback_timeout_s,
            &mut conductor.inspect_callback_timeout_s,
            &mut conductor.rescue_callback_timeout_s,
            &mut conductor.service_callback_timeout_s,
        ] {
            *limit = dice.between(400, 900);
        }
        settings.agent.poll_interval_s = dice.between(3, 6);
        if dice.chance(0.5) {
            conductor.boot_retry_timeout_s = dice.between(90, 200);
        }
        settings.deploy.fast_track = dice.chance(0.2);
        Self {
            conductors,
            exclusive: conductors == 1 && dice.chance(0.6),
            nodes: dice.count(3, 12),
            deploys: dice.count(1, 4),
            most_rebuilds: dice.count(0, 3),
            faults,
            settings: Arc::new(settings),
        }
    }
}

/// What is the same in every world.
fn base() -> &'static Settings {
    static BASE: OnceLock<Settings> = OnceLock::new();
    BASE.get_or_init(|| {
        let overrides = Overrides {
            // Nothing is ever written there.
            state_dir: Some(PathBuf::from("/nonexistent/ferric-sim")),
            provision_listen: Some(std::net::SocketAddr::from(([192, 0, 2, 1], 6380))),
            ..Overrides::default()
        };
        let mut settings =
            Settings::load(None, overrides).expect("the defaults with these two are valid");
        settings.boot.kernel = Some("http://192.0.2.1/kernel".to_owned());
        settings.boot.ramdisk = Some("http://192.0.2.1/ramdisk".to_owned());
        settings.conductor.max_concurrent_clean = 250;
        settings.agent.heartbeat_timeout_s = 120;
        settings.agent.request_timeout_s = 15;
        settings
    })
}
