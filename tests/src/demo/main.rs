//! The demo: two bare machines become servers before the user's eyes, then one is taken down and cleaned.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a demo shows what happens"
)]

mod failure;
mod milestones;
mod story;
mod summary;

use anyhow::Context;
use clap::Parser;
use ferric_tests::disk::partition_table;
use ferric_tests::failure::Kept;
use ferric_tests::images::top;
use ferric_tests::interrupt;
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Machine};
use ferric_tests::process::shell_word;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use summary::Summary;

/// Deploys a UEFI and a BIOS machine, then undeploys one.
#[derive(Debug, Parser)]
struct Arguments {
    /// Leave everything up to play with, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Memory of each machine, in MiB.
    #[arg(long, default_value_t = 1024)]
    memory: u32,
    /// Where the lab's folder is made, instead of target/demo-run.
    #[arg(long, env = "FERRIC_LAB_DIR", value_name = "FOLDER")]
    lab_dir: Option<PathBuf>,
}

const API_PORT: u16 = 6385;
/// What shells give for a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if interrupt::seen() => {
            eprintln!("demo: interrupted; everything has been put away");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("demo: {}", failure::told(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    interrupt::watch()?;
    let started = Instant::now();
    let machines = vec![
        Machine::new(1, "uefi-1", Firmware::Uefi).memory_mib(arguments.memory),
        Machine::new(2, "bios-1", Firmware::Bios)
            .memory_mib(arguments.memory)
            .disks(vec![Disk::new("scsi", "6GiB", "bios-1-root")]),
    ];
    let mut lab = Lab::start(&Plan {
        api_port: API_PORT,
        base: arguments
            .lab_dir
            .clone()
            .unwrap_or_else(|| top().join("target/demo-run")),
        ..Plan::new("demo", machines)
    })?;
    println!(
        "API: {}    logs: {}",
        lab.api().base(),
        lab.folder().display()
    );
    println!("machines run on {}", lab.accelerator()?);
    match deploy(&lab) {
        Ok(summaries) => {
            println!("\n{}", summary::table(&summaries));
            println!(
                "{} s from the first enrolment to here",
                started.elapsed().as_secs()
            );
        }
        Err(error) if interrupt::seen() => return Err(error),
        Err(error) => return Err(with_logs(&mut lab, error)),
    }
    if arguments.keep {
        keep(&lab).map_err(|error| with_logs(&mut lab, error))?;
    }
    Ok(())
}

/// Keeps the lab's folder and says where it is.
fn with_logs(lab: &mut Lab, error: anyhow::Error) -> anyhow::Error {
    lab.keep_folder();
    error.context(Kept(lab.folder().to_owned()))
}

/// Both machines side by side; then the second one is taken down.
fn deploy(lab: &Lab) -> anyhow::Result<Vec<Summary>> {
    // `uefi` and `bios` would be names of the API's own.
    let mut summaries = std::thread::scope(|scope| {
        let threads: Vec<_> = ["uefi-1", "bios-1"]
            .map(|name| scope.spawn(move || story::deploy(lab, name)))
            .into_iter()
            .collect();
        let stories = threads.into_iter();
        failure::all(stories.map(|thread| thread.join().expect("a story does not panic")))
    })?;
    let last = summaries.last_mut().context("two machines were deployed")?;
    story::undeploy(lab, last)?;
    let disk = lab.disk(&last.name, 0);
    match partition_table(&disk)? {
        None => last.note("partition table", "none after the undeploy"),
        Some(table) => anyhow::bail!(
            "{} was cleaned and still has a partition table:\n{table}",
            last.name
        ),
    }
    Ok(summaries)
}

fn keep(lab: &Lab) -> anyhow::Result<()> {
    let folder = lab.folder().join("lab");
    println!("\nEverything stays up until Ctrl-C. Try, in another terminal:");
    println!(
        "  target/release/ferric node list --url {}",
        lab.api().base()
    );
    println!(
        "  target/release/ferric-testbed --state {} console uefi-1",
        shell_word(&folder.to_string_lossy())
    );
    let ended = ferric_tests::wait::until("Ctrl-C", Duration::MAX, || {
        Ok(lab.api().get("/v1/conductors").is_err().then_some(()))
    });
    if interrupt::seen() { Ok(()) } else { ended }
}
