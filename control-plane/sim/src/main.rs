//! `ferric-sim`: the conductor's own modules in simulated worlds, each of which follows from its seed. See
//! docs/simulation.md for what is replaced, what goes wrong there and what may never be.
#![expect(
    clippy::print_stdout,
    reason = "a program that reports to whoever runs it"
)]

mod agent;
mod bmc;
mod client;
mod dice;
mod environment;
mod gate;
mod host;
mod images;
mod link;
mod log;
mod machine;
mod network;
mod observer;
mod peers;
mod plan;
mod ramdisk;
mod results;
mod runs;
mod standing;
#[cfg(test)]
mod tests;
mod weather;
mod world;

use clap::Parser;
use ferric::conductor::Planted;
use log::Keep;
use runs::Slice;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use tikv_jemallocator::Jemalloc;
use world::Making;

/// As in the conductor itself: worlds make and drop many small pieces.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[derive(Debug, Parser)]
#[command(about = "Runs the conductor in simulated worlds, each from one seed")]
struct Arguments {
    /// The worlds of these seeds: FIRST..END, without END.
    #[arg(long, default_value = "0..100", value_parser = seeds)]
    seeds: Range<u64>,
    /// No more worlds are begun once there have been so many deploys.
    #[arg(long)]
    deploys: Option<u64>,
    /// Adds what came of it to this file, and shows the sums of all that is in it.
    #[arg(long)]
    results: Option<PathBuf>,
    /// Shows all that happens in the world of this seed.
    #[arg(long)]
    replay: Option<u64>,
    /// Runs each world twice and compares their histories byte for byte.
    #[arg(long)]
    twice: bool,
    /// Plants a fault in the conductor by its name, or each of them in turn (all), and fails if it is not found.
    #[arg(long)]
    planted: Option<String>,
    /// Worlds at the same time, each in a thread.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Worlds have up to so many conductors.
    #[arg(long, default_value_t = 3)]
    conductors: usize,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let usage = "write FIRST..END, such as 0..1000";
    let (first, end) = text.split_once("..").ok_or(usage)?;
    match (first.parse(), end.parse()) {
        (Ok(first), Ok(end)) if first < end => Ok(first..end),
        _ => Err(usage.to_owned()),
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.replay {
        return replay(&arguments, seed);
    }
    if arguments.twice {
        return compare(&arguments);
    }
    match arguments.planted.as_deref() {
        None => judge(&arguments),
        Some("all") => find(&arguments, &Planted::ALL),
        Some(name) => find(&arguments, &[planted(name)?]),
    }
}

fn planted(name: &str) -> anyhow::Result<Planted> {
    let mut all = Planted::ALL.into_iter();
    let names: Vec<_> = Planted::ALL.iter().map(|fault| fault.name()).collect();
    all.find(|fault| fault.name() == name)
        .ok_or_else(|| anyhow::anyhow!("{name} is no fault: all, {}", names.join(", ")))
}

fn making(arguments: &Arguments, planted: Option<Planted>, keep: Keep) -> Making {
    Making {
        planted,
        most_conductors: arguments.conductors,
        keep,
    }
}

fn replay(arguments: &Arguments, seed: u64) -> anyhow::Result<ExitCode> {
    let fault = arguments.planted.as_deref().map(planted).transpose()?;
    let outcome = world::run(seed, making(arguments, fault, Keep::Yes));
    print!("{}", outcome.log);
    for violation in &outcome.violations {
        println!("{violation}");
    }
    Ok(match outcome.violations.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// A world follows from its seed and from nothing else.
fn compare(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (mut code, mut bytes) = (ExitCode::SUCCESS, 0);
    for seed in arguments.seeds.clone() {
        let making = making(arguments, None, Keep::Yes);
        let (one, other) = (world::run(seed, making).log, world::run(seed, making).log);
        anyhow::ensure!(!one.is_empty(), "the world of seed {seed} has no history");
        bytes += one.len();
        if one != other {
            let mut lines = one.lines().zip(other.lines());
            let differing = lines.find(|(one, other)| one != other);
            println!("seed {seed} has two histories: {differing:?}");
            code = ExitCode::FAILURE;
        }
    }
    println!(
        "compared: {bytes} bytes of the histories of {:?}",
        arguments.seeds
    );
    Ok(code)
}

fn judge(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let slice = Slice {
        seeds: arguments.seeds.clone(),
        deploys: arguments.deploys,
        threads: arguments.threads,
    };
    let totals = runs::run(&slice, making(arguments, None, Keep::No));
    let took = began.elapsed();
    let rate = totals.deploys as f64 / took.as_secs_f64();
    println!("worlds:  {}", totals.worlds);
    println!("deploys: {} ({rate:.0} a second)", totals.deploys);
    println!(
        "runs that a fault of their machine failed: {}",
        totals.failures
    );
    println!("conductors that died: {}", totals.crashes);
    println!("failing seeds: {}", totals.failing.len());
    if let Some(path) = &arguments.results {
        results::append(path, &arguments.seeds, &totals, took)?;
        let sums = results::sums(path)?;
        println!(
            "in {}: {} worlds, {} deploys, {} failing seeds",
            path.display(),
            sums.worlds,
            sums.deploys,
            sums.failing.len()
        );
    }
    let wanted = arguments.deploys.unwrap_or(0);
    let are_enough = totals.deploys >= wanted;
    if !are_enough {
        println!("these seeds have fewer than {wanted} deploys");
    }
    Ok(match totals.failing.is_empty() && are_enough {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Each of the faults must show itself.
fn find(arguments: &Arguments, faults: &[Planted]) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for fault in faults {
        let slice = Slice {
            seeds: arguments.seeds.clone(),
            deploys: arguments.deploys.or(Some(20_000)),
            threads: arguments.threads,
        };
        let found = runs::find(&slice, making(arguments, Some(*fault), Keep::No));
        match found.failing.first() {
            Some((seed, violation)) => println!(
                "{}: found after {} deploys, seed {seed}: {violation}",
                fault.name(),
                found.deploys
            ),
            None => {
                println!("{}: NOT FOUND in {} deploys", fault.name(), found.deploys);
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
