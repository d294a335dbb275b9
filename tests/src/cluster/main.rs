//! `ferric-cluster-test`: three real conductors on one PostgreSQL lose a member, their network and their database in the
//! middle of many deploys, and no deploy is lost or done twice.
//!
//! See docs/cluster-test.md for what is played, what is done to whom, and what must hold.
#![expect(
    clippy::print_stdout,
    reason = "a program that reports to whoever runs it"
)]

mod faults;
mod findings;
mod fleet;
mod ledger;
mod link;
mod member;
mod outage;
mod owners;
mod rolling;
#[path = "../../../control-plane/store/tests/postgres/server.rs"]
#[expect(dead_code, reason = "the store's own tests use the rest of it")]
#[expect(clippy::unwrap_used, reason = "it was written for tests")]
mod server;
mod site;
mod trial;

use anyhow::Context;
use clap::Parser;
use ferric_tests::images::top;
use ferric_tests::played::client::Client;
use ferric_tests::played::deploy::{BmcPace, World};
use ferric_tests::played::image::ImageServer;
use ferric_tests::played::trace::Traces;
use findings::Findings;
use fleet::Fleet;
use rand::SeedableRng;
use rand::rngs::StdRng;
use site::Site;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use trial::Trial;

/// A BMC's request has its effect at once: what is on its way to it while its sender is paused is nothing that a conductor
/// could take back.
const BMC: BmcPace = BmcPace {
    effect: Duration::ZERO,
    answer: Duration::from_millis(40),
};

#[derive(Debug, Parser)]
#[command(about = "Takes conductors, network and database away in the middle of many deploys")]
struct Arguments {
    /// Deploys during which one conductor is killed, one is paused, and one is cut off. 0: none of that.
    #[arg(long, default_value_t = 100)]
    faults: usize,
    /// Deploys during which one conductor after the other is restarted.
    #[arg(long, default_value_t = 50)]
    restarts: usize,
    /// Deploys during which the database is away.
    #[arg(long, default_value_t = 30)]
    outage: usize,
    /// The program. Default: that of the release build.
    #[arg(long)]
    ferric: Option<PathBuf>,
    /// What is started in its place by the restarts: another version. Default: the same.
    #[arg(long)]
    upgraded: Option<PathBuf>,
    /// Draws victims and instants. Default: another one each time.
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
    let folder = tempfile::Builder::new()
        .prefix("cluster-")
        .tempdir_in(base)?;
    let default = top().join("target/release/ferric");
    let program = found(arguments.ferric.as_deref().unwrap_or(&default))?;
    let mut trial = prepare(&program, folder.path(), StdRng::seed_from_u64(seed)).await?;
    let outcome = run(&mut trial, &arguments).await;
    let stopped = trial.site.stop();
    if let Err(error) = outcome.and(stopped) {
        trial.findings.wrong(format!("{error:#}"));
    }
    let passed = trial.findings.conclude();
    if !passed {
        println!("what is left of it: {}", folder.keep().display());
    }
    Ok(ExitCode::from(u8::from(!passed)))
}

fn found(program: &Path) -> anyhow::Result<PathBuf> {
    let missing = || format!("{} is missing", program.display());
    program.canonicalize().with_context(missing)
}

async fn prepare(program: &Path, folder: &Path, random: StdRng) -> anyhow::Result<Trial> {
    let site = Site::start(program, folder).await?;
    let traces = Arc::<Traces>::default();
    let world = World {
        folder: folder.to_owned(),
        images: ImageServer::start(traces.clone()).await?,
        traces,
        fakes: site.fakes(),
        operators: Client::of_operator(&site.bases(|member| &member.operators))?,
        machines: Client::of_machine(&site.bases(|member| &member.machines))?,
        bmc: BMC,
    };
    Ok(Trial {
        site,
        world,
        random,
        findings: Findings::default(),
    })
}

async fn run(trial: &mut Trial, arguments: &Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let (faults, restarts) = (arguments.faults, arguments.faults + arguments.restarts);
    let all = restarts + arguments.outage;
    let mut fleets = Vec::new();
    for numbers in [0..faults, faults..restarts, restarts..all] {
        fleets.push(Fleet::prepare(&trial.world, numbers).await?);
    }
    trial.site.settle().await?;
    let so_far = || format!("{:.0} s", begun.elapsed().as_secs_f64());
    println!("{}: {all} machines are available", so_far());
    if arguments.faults > 0 {
        faults::run(trial, &fleets[0]).await?;
        println!("{}: faults are over", so_far());
    }
    if arguments.restarts > 0 {
        let upgraded = arguments.upgraded.as_deref().map(found).transpose()?;
        rolling::run(trial, &fleets[1], upgraded.as_deref()).await?;
        println!("{}: restarts are over", so_far());
    }
    if arguments.outage > 0 {
        outage::run(trial, &fleets[2]).await?;
        println!("{}: outages are over", so_far());
    }
    let (operators, machines) = (trial.world.operators.tally(), trial.world.machines.tally());
    trial.findings.judge("operators", &operators);
    trial.findings.judge("machines", &machines);
    let locked = machines.answers.get(&409).copied().unwrap_or(0);
    trial.findings.expect(locked == 0, || {
        format!("machines were answered 409 {locked} times")
    });
    let links = trial.site.members.iter();
    let links: Vec<_> = links
        .map(|member| (&member.host, member.peers.connections()))
        .collect();
    println!("connections between conductors, by the one that was called: {links:?}");
    Ok(())
}
