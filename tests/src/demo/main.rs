//! The demo: two bare machines become servers before the user's eyes, then one is taken down and cleaned.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a demo shows what happens"
)]

mod story;
mod summary;

use anyhow::Context;
use clap::Parser;
use ferric_tests::disk::partition_table;
use ferric_tests::interrupt;
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Machine};
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
            eprintln!("demo: {error:#}");
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
        ..Plan::new("demo", machines)
    })?;
    println!(
        "API: {}    logs: {}",
        lab.api().base(),
        lab.folder().display()
    );
    match deploy(&lab) {
        Ok(summaries) => {
            println!("\n{}", summary::table(&summaries));
            println!(
                "{} s from the first enrolment to here",
                started.elapsed().as_secs()
            );
        }
        Err(error) if interrupt::seen() => return Err(error),
        Err(error) => {
            lab.keep_folder();
            return Err(error.context(format!("logs are in {}", lab.folder().display())));
        }
    }
    if arguments.keep {
        keep(&lab)?;
    }
    Ok(())
}

/// Both machines side by side; then the second one is taken down.
fn deploy(lab: &Lab) -> anyhow::Result<Vec<Summary>> {
    // `uefi` and `bios` would be names of the API's own.
    let mut summaries = std::thread::scope(|scope| {
        let threads: Vec<_> = ["uefi-1", "bios-1"]
            .map(|name| scope.spawn(move || story::deploy(lab, name)))
            .into_iter()
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a story does not panic"))
            .collect::<anyhow::Result<Vec<_>>>()
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
        folder.display()
    );
    let ended = ferric_tests::wait::until("Ctrl-C", Duration::MAX, || {
        Ok(lab.api().get("/v1/conductors").is_err().then_some(()))
    });
    if interrupt::seen() { Ok(()) } else { ended }
}
