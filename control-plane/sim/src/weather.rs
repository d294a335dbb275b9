//! Faults that are about a whole conductor, or all of them, or their store: one spell after the other.

use crate::world::World;
use jiff::SignedDuration;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longer than every time-out of a conductor.
const LONG_OUTAGE: (u64, u64) = (3600, 4 * 3600);
const MOST_OUTAGES: u32 = 2;
/// Less than the time-outs of a machine: of a conductor that is alone nobody else can know that it does not act.
const PAUSE: u64 = 110;
/// Others take its nodes meanwhile.
const LONG_PAUSE: u64 = 600;

/// Until it is calm.
pub(crate) async fn blow(world: &Arc<World>) {
    let faults = &world.plan.faults;
    let mut outages = 0;
    while !world.sky.is_calm() {
        sleep(world.dice.seconds(60, 600)).await;
        if world.fault(faults.pause) {
            pause(world).await;
        }
        if outages < MOST_OUTAGES && world.fault(faults.outage) {
            outages += 1;
            outage(world).await;
        }
        if world.fault(faults.store_away) {
            let until = Instant::now() + world.dice.seconds(5, 70);
            world.log.note("weather", || "the store is away");
            *world.sky.store_away_until.lock() = until;
        }
        if world.hosts.len() > 1 && world.fault(faults.partition) {
            let host = world.dice.below(world.hosts.len());
            let length = world.dice.seconds(10, LONG_PAUSE);
            world.log.note("weather", || {
                format!(
                    "conductor-{} is cut off for {} s",
                    host + 1,
                    length.as_secs()
                )
            });
            *world.sky.cut_off.lock() = Some((host, Instant::now() + length));
        }
        if world.fault(faults.clock_step) {
            let day = SignedDuration::from_hours(24);
            let step = match world.dice.chance(0.5) {
                true => day,
                false => -day,
            };
            world
                .log
                .note("weather", || format!("the clock is put by {step}"));
            *world.sky.clock_off.lock() += step;
        }
        if world.fault(faults.server_clock_step) {
            step_server_clock(world);
        }
        if world.fault(faults.crash / 4.0) {
            kill(world, world.dice.below(world.hosts.len()));
        }
    }
}

fn step_server_clock(world: &World) {
    let step = match world.dice.chance(0.5) {
        true => SignedDuration::from_hours(24),
        false => SignedDuration::from_hours(-24),
    };
    world.log.note("weather", || {
        format!("the database server's clock is put by {step}")
    });
    *world.sky.server_clock_off.lock() += step;
}

/// SIGSTOP and SIGCONT.
async fn pause(world: &Arc<World>) {
    let host = world.dice.below(world.hosts.len());
    let Some(link) = world.hosts[host].link() else {
        return;
    };
    let longest = match world.hosts.len() {
        1 => PAUSE,
        _ => LONG_PAUSE,
    };
    let pause = world.dice.seconds(1, longest);
    world
        .log
        .note(&link, || format!("is paused for {} s", pause.as_secs()));
    link.hold();
    sleep(pause).await;
    world.log.note(&link, || "goes on");
    link.release();
    world.sky.started.notify_waiters();
}

fn kill(world: &World, host: usize) {
    if let Some(link) = world.hosts[host].link() {
        world.log.note(&link, || "is killed");
        link.cut();
        world.hosts[host].died.notify_one();
    }
}

/// All conductors are down for a long time.
async fn outage(world: &World) {
    let length: Duration = world.dice.seconds(LONG_OUTAGE.0, LONG_OUTAGE.1);
    world.log.note("weather", || {
        format!("no conductor for {} s", length.as_secs())
    });
    *world.sky.down_until.lock() = Instant::now() + length;
    for host in 0..world.hosts.len() {
        kill(world, host);
    }
    sleep(length).await;
}
