//! `ferric-crash`: the real conductor is killed at every place of a deploy, and no deploy is lost or done twice.
//!
//! Machines, agents, BMCs and the image's server are played by this program and outlive the conductors. See
//! docs/crash-test.md for what is counted and how.
#![expect(
    clippy::print_stdout,
    reason = "a program that reports to whoever runs it"
)]

mod journal;
mod place;
mod report;
mod rounds;
mod site;

use anyhow::Context;
use clap::Parser;
use ferric_tests::images::top;
use ferric_tests::played::client::Client;
use ferric_tests::played::deploy::{BmcPace, World};
use ferric_tests::played::image::ImageServer;
use ferric_tests::played::trace::Traces;
use rounds::{Experiment, Load, median};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Undisturbed ones, to measure against: two of each kind of machine.
const UNDISTURBED: usize = 8;
const AIMED_WIDTH: usize = 4;
const AIMED_ROUNDS: usize = 16;
/// Each BMC request takes so long to its effect, and each change as long to its answer.
const BMC_DELAY: Duration = Duration::from_millis(40);
/// What a deploy may lose beyond the time without a conductor, in the median.
const EXCESS: Duration = Duration::from_secs(5);

#[derive(Debug, Parser)]
#[command(about = "Kills a conductor at random instants of many deploys")]
struct Arguments {
    /// Deploys with a kill at a random instant of each.
    #[arg(long, default_value_t = 50)]
    deploys: usize,
    /// Deploys that run at the same time.
    #[arg(long, default_value_t = 10)]
    width: usize,
    /// The program. Default: that of the release build.
    #[arg(long)]
    ferric: Option<PathBuf>,
    /// Draws the instants. Default: another one each time.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let seed = arguments.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let base = top().join("target/test-run");
    std::fs::create_dir_all(&base)?;
    let folder = tempfile::Builder::new().prefix("crash-").tempdir_in(base)?;
    let program = arguments
        .ferric
        .unwrap_or_else(|| top().join("target/release/ferric"));
    let program = program
        .canonicalize()
        .with_context(|| format!("{} is missing", program.display()))?;
    let site = site::Site::new(&program, folder.path())?;
    let traces = Arc::<Traces>::default();
    let world = World {
        folder: folder.path().to_owned(),
        images: ImageServer::start(traces.clone()).await?,
        traces,
        fakes: site.fakes(),
        operators: site.operator.clone(),
        machines: Client::of_machine(std::slice::from_ref(&site.machines_base))?,
        bmc: BmcPace {
            effect: BMC_DELAY,
            answer: BMC_DELAY,
        },
    };
    let mut experiment = Experiment::new(site, world, seed);
    experiment.site.start().await?;
    let outcome = run(&mut experiment, arguments.deploys, arguments.width).await;
    experiment.site.stop();
    let passed = outcome.map(|()| conclude(&experiment, arguments.deploys));
    if !matches!(passed, Ok(true)) {
        println!("what is left of it: {}", folder.keep().display());
    }
    Ok(ExitCode::from(u8::from(!passed?)))
}

async fn run(experiment: &mut Experiment, deploys: usize, width: usize) -> anyhow::Result<()> {
    experiment.undisturbed(UNDISTURBED).await?;
    // Some are over before their instant; more than that say that nothing is hit any more.
    while experiment.hit < deploys && experiment.deploys < UNDISTURBED + 2 * deploys {
        let width = width.clamp(1, deploys - experiment.hit);
        experiment.at_random(width).await?;
        println!(
            "{} of {deploys} deploys with a kill at a random instant",
            experiment.hit
        );
    }
    for round in 0..AIMED_ROUNDS {
        let empty = experiment.kills.empty(&experiment.cells).len();
        if empty == 0 {
            break;
        }
        println!("round {round} of aimed kills: {empty} places are left");
        let load = match round {
            0..2 => Load::Idle,
            _ => Load::Busy,
        };
        experiment.aimed(AIMED_WIDTH, load).await?;
    }
    Ok(())
}

/// Prints what was found; answers whether it is as it should be.
fn conclude(experiment: &Experiment, wanted: usize) -> bool {
    let table = experiment.kills.table(&experiment.steps, &experiment.cells);
    println!("\nkills, at random + aimed:\n{table}\n");
    let empty = experiment.kills.empty(&experiment.cells);
    let excess = median(experiment.excess.clone());
    let longest = experiment.excess.iter().max().copied().unwrap_or_default();
    println!(
        "{} kills, {} files whole; without a conductor {:.2} s each in the median; beyond that a deploy lost {:.2} s \
         in the median and {:.2} s at most",
        experiment.kill_count,
        experiment.files,
        median(experiment.restarts.clone()).as_secs_f64(),
        excess.as_secs_f64(),
        longest.as_secs_f64(),
    );
    let mut failed = experiment.failures.len();
    for (step, gap) in &empty {
        println!("no kill hit {step} in {gap:?}");
    }
    for (is_so, problem) in [
        (
            experiment.hit >= wanted,
            "too few deploys were hit by a kill at a random instant",
        ),
        (empty.is_empty(), "some places were hit by no kill"),
        (excess <= EXCESS, "deploys lose too much time"),
        (
            experiment.files == experiment.kill_count,
            "a file was not whole",
        ),
    ] {
        if !is_so {
            println!("FAILED: {problem}");
            failed += 1;
        }
    }
    let passed = experiment.deploys - experiment.failures.len();
    println!("{passed} passed, {failed} failed");
    failed == 0
}
