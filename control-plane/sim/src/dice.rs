//! The one source of chance of a simulated world. The order in which it is asked is part of the seed's history.

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use std::time::Duration;

pub(crate) struct Dice(Mutex<StdRng>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// Whether something of this probability happens.
    pub(crate) fn chance(&self, probability: f64) -> bool {
        // Nothing is drawn for what cannot happen, so that a world without a fault costs nothing.
        probability > 0.0 && self.0.lock().random::<f64>() < probability
    }

    /// From one number to another, both of them too.
    pub(crate) fn between(&self, least: u64, most: u64) -> u64 {
        self.0.lock().random_range(least..=most)
    }

    /// The same of things.
    pub(crate) fn count(&self, least: usize, most: usize) -> usize {
        self.0.lock().random_range(least..=most)
    }

    pub(crate) fn below(&self, count: usize) -> usize {
        self.0.lock().random_range(0..count.max(1))
    }

    pub(crate) fn millis(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.between(least, most))
    }

    pub(crate) fn seconds(&self, least: u64, most: u64) -> Duration {
        self.millis(least * 1000, most * 1000)
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().fill_bytes(&mut bytes);
        bytes
    }

    /// A probability that is zero in some worlds and up to `most` in the others.
    pub(crate) fn rate(&self, most: f64) -> f64 {
        if self.chance(0.4) {
            return 0.0;
        }
        self.0.lock().random::<f64>() * most
    }
}
