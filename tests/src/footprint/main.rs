//! `ferric-footprint`: how much memory the real conductor takes, idle and with many nodes, how soon it answers, and how
//! soon an agent beats.
//!
//! What is measured is the release build over a store on the disk, with its periodic jobs at work.
#![expect(
    clippy::print_stdout,
    reason = "a program that reports to whoever runs it"
)]

mod agent;
mod conductor;
mod fill;
mod trimmed;

use anyhow::Context;
use clap::Parser;
use conductor::Conductor;
use ferric_tests::images::top;
use ferric_tests::wait;
use fill::Amount;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const IDLE_KIB: u64 = 40 << 10;
const FULL_KIB: u64 = 150 << 10;
const START: Duration = Duration::from_secs(2);
const KILLS: usize = 3;
const HOST: &str = "footprint-1";
/// How long periodic jobs run before an idle conductor is looked at.
const IDLE: Duration = Duration::from_secs(15);

#[derive(Debug, Parser)]
#[command(about = "Measures a conductor's memory, its start and its file, and an agent's start")]
struct Arguments {
    #[arg(long, default_value_t = 10_000)]
    nodes: usize,
    /// Of each node, in KB of JSON.
    #[arg(long, default_value_t = 150)]
    inventory_kb: usize,
    /// How long the periodic jobs go over the nodes before the memory is read.
    #[arg(long, default_value_t = 45)]
    work_s: u64,
    /// Works in this folder and leaves the store there; one that is there is not filled again. For trials.
    #[arg(long)]
    within: Option<PathBuf>,
    /// The program. Default: that of the release build.
    #[arg(long)]
    ferric: Option<PathBuf>,
    /// The agent's program. Default: that of the release build.
    #[arg(long)]
    agent: Option<PathBuf>,
}

/// Figures against their limits.
#[derive(Default)]
struct Findings {
    passed: usize,
    failed: usize,
}

impl Findings {
    fn memory(&mut self, what: &str, kib: u64, limit: u64) {
        let mib = |kib: u64| kib as f64 / 1024.0;
        let text = format!("{what}: {:.1} MiB of {:.0} MiB", mib(kib), mib(limit));
        self.note(&text, kib <= limit);
    }

    fn time(&mut self, what: &str, took: Duration, limit: Duration) {
        let text = format!(
            "{what}: {:.2} s of {:.0} s",
            took.as_secs_f64(),
            limit.as_secs_f64()
        );
        self.note(&text, took <= limit);
    }

    fn note(&mut self, text: &str, holds: bool) {
        println!("{} {text}", if holds { "ok     " } else { "FAILED " });
        if holds {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let base = top().join("target/test-run");
    std::fs::create_dir_all(&base)?;
    let temporary = tempfile::Builder::new()
        .prefix("footprint-")
        .tempdir_in(base)?;
    let folder = arguments
        .within
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    let built = |given: &Option<PathBuf>, name: &str| {
        let path = given.clone();
        let path = path.unwrap_or_else(|| top().join("target/release").join(name));
        path.canonicalize()
            .with_context(|| format!("{} is missing", path.display()))
    };
    let program = built(&arguments.ferric, "ferric")?;
    let mut findings = Findings::default();
    let agent = built(&arguments.agent, "ferric-agent")?;
    idle(&program, &folder, &mut findings)?;
    full(&program, &folder, &arguments, &mut findings)?;
    trimmed::measure(&program, &folder, &mut findings)?;
    agent::measure(&agent, temporary.path(), &mut findings)?;
    println!("{} passed, {} failed", findings.passed, findings.failed);
    Ok(ExitCode::from(u8::from(findings.failed > 0)))
}

fn idle(program: &Path, folder: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    let state = folder.join("idle");
    let conductor = Conductor::start(program, folder, &state, HOST)?;
    findings.time("start without nodes", conductor.started_in, START);
    wait::pause(IDLE);
    let memory = conductor.memory()?;
    findings.memory("resident without nodes", memory.resident, IDLE_KIB);
    Ok(())
}

fn full(
    program: &Path,
    folder: &Path,
    arguments: &Arguments,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let state = folder.join("full");
    let amount = Amount {
        nodes: arguments.nodes,
        inventory_bytes: arguments.inventory_kb * 1000,
    };
    if !state.join("ferric.redb").exists() {
        fill(&state, amount)?;
    }
    let mut conductor = Conductor::start(program, folder, &state, HOST)?;
    findings.time("start with them", conductor.started_in, START);
    work(&conductor, arguments.work_s)?;
    let memory = conductor.memory()?;
    findings.memory("resident with them", memory.resident, FULL_KIB);
    findings.memory("the most that was resident", memory.peak, FULL_KIB);
    for _ in 0..KILLS {
        conductor.kill()?;
        conductor = Conductor::start(program, folder, &state, HOST)?;
        findings.time("start after SIGKILL", conductor.started_in, START);
        work(&conductor, 5)?;
        let memory = conductor.memory()?;
        findings.memory("the most that was resident", memory.peak, FULL_KIB);
    }
    Ok(())
}

fn fill(state: &Path, amount: Amount) -> anyhow::Result<()> {
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let bytes = runtime.block_on(fill::fill(state, HOST, amount))?;
    println!(
        "{} nodes with inventories of {} KB; the file has {} MiB; filled in {:.0} s",
        amount.nodes,
        bytes / 1000,
        std::fs::metadata(state.join("ferric.redb"))?.len() >> 20,
        begun.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// The periodic jobs go over all nodes, and operators ask for lists, nodes and inventories.
fn work(conductor: &Conductor, seconds: u64) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut marker = String::new();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let page = conductor.api.get(&format!("/v1/nodes?limit=100{marker}"))?;
        let nodes = page["nodes"].as_array().cloned().unwrap_or_default();
        marker = match nodes.last().and_then(|node| node["uuid"].as_str()) {
            Some(uuid) => {
                conductor.api.get(&format!("/v1/nodes/{uuid}"))?;
                conductor.api.get(&format!("/v1/nodes/{uuid}/inventory"))?;
                format!("&marker={uuid}")
            }
            None => String::new(),
        };
        wait::pause(Duration::from_millis(50));
    }
    Ok(())
}
