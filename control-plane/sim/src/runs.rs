//! Many worlds, some at the same time, each on a thread of its own.

use crate::results::Totals;
use crate::world::{self, Making};
use parking_lot::Mutex;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Slice {
    pub(crate) seeds: Range<u64>,
    /// No more worlds are begun after so many deploys.
    pub(crate) deploys: Option<u64>,
    pub(crate) threads: usize,
}

/// Whether worlds go on after one in which something was that may never be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    GoOn,
    Stop,
}

/// All worlds of the slice.
pub(crate) fn run(slice: &Slice, making: Making) -> Totals {
    some(slice, making, After::GoOn)
}

/// Worlds until one fails.
pub(crate) fn find(slice: &Slice, making: Making) -> Totals {
    some(slice, making, After::Stop)
}

fn some(slice: &Slice, making: Making, after: After) -> Totals {
    let next = AtomicU64::new(slice.seeds.start);
    let totals = Mutex::new(Totals::default());
    let is_enough = || {
        let totals = totals.lock();
        let failed = after == After::Stop && !totals.failing.is_empty();
        failed || slice.deploys.is_some_and(|most| totals.deploys >= most)
    };
    std::thread::scope(|scope| {
        for _ in 0..slice.threads.max(1) {
            scope.spawn(|| {
                while !is_enough() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= slice.seeds.end {
                        return;
                    }
                    let one = one(seed, making);
                    if let Some((seed, violation)) = one.failing.first() {
                        println!("seed {seed}: {violation}");
                    }
                    totals.lock().add(one);
                }
            });
        }
    });
    let mut totals = totals.into_inner();
    totals.failing.sort();
    totals
}

fn one(seed: u64, making: Making) -> Totals {
    let outcome = world::run(seed, making);
    let first = outcome.violations.into_iter().next();
    Totals {
        worlds: 1,
        deploys: outcome.deploys,
        failures: outcome.failures,
        crashes: outcome.crashes,
        failing: first
            .map(|violation| (seed, violation))
            .into_iter()
            .collect(),
    }
}
