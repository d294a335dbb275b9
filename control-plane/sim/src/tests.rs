//! A world follows from its seed and from nothing else, and all that clients may ask for is asked for somewhere.

use crate::log::Keep;
use crate::world::{self, Making};

const MAKING: Making = Making {
    planted: None,
    most_conductors: 3,
    keep: Keep::Yes,
};

#[test]
fn a_seed_has_one_history() {
    // The suite does so with a hundred, by a build that is faster than that of tests.
    for seed in 0..6 {
        let (one, other) = (world::run(seed, MAKING), world::run(seed, MAKING));
        assert!(one.log.len() > 1000, "seed {seed} has no history");
        if one.log != other.log {
            let mut lines = one.log.lines().zip(other.log.lines());
            let differing = lines.find(|(one, other)| one != other);
            panic!("seed {seed} has two histories: {differing:?}");
        }
    }
}

#[test]
fn what_is_seldom_asked_for_is_asked_for() {
    let mut missing = vec![
        "abort",
        "adopt",
        "clean",
        "power off",
        "power on",
        "rebooting",
        "rescue",
        "service",
        "unhold",
        "unrescue",
    ];
    for seed in 100..200 {
        let log = world::run(seed, MAKING).log;
        missing.retain(|what| !log.contains(&format!(" {what} is taken")));
        if missing.is_empty() {
            return;
        }
    }
    panic!("nobody asks for {missing:?}");
}
