//! `ferric-bench-api`: how fast the API of the release build is on this machine, against 10,000 nodes in redb, measured
//! with wrk; each figure also as a ratio to `ferric-bare`, which gives the same answers in the same run.
//!
//! See docs/performance.md for what the rows mean. Where noise decides, the ratio counts.
#![expect(
    clippy::print_stdout,
    reason = "a program that reports to whoever runs it"
)]

mod fill;
mod lists;
mod load;
mod rows;
mod samples;
mod servers;

use anyhow::Context;
use clap::Parser;
use ferric_tests::images::top;
use load::Load;
use rows::{ROWS, Row};
use servers::{Bare, Ferric};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(about = "Measures the API against a bare axum and redb server")]
struct Arguments {
    #[arg(long, default_value_t = 10_000)]
    nodes: usize,
    /// For how long each row is measured, at each number of connections.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only these rows, such as `get` or `patch`. Default: all. `none` measures the lists alone.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// Numbers of nodes at which lists are measured; 0: not at all.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    lists: Vec<usize>,
    /// The program. Default: that of the release build.
    #[arg(long)]
    ferric: Option<PathBuf>,
    /// The yardstick. Default: that of the release build.
    #[arg(long)]
    bare: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let base = top().join("target/test-run");
    std::fs::create_dir_all(&base)?;
    let folder = tempfile::Builder::new()
        .prefix("bench-api-")
        .tempdir_in(base)?;
    let rows: Vec<&Row> = ROWS
        .iter()
        .filter(|row| {
            arguments.rows.is_empty() || arguments.rows.iter().any(|name| name == row.name)
        })
        .collect();
    println!("{}", servers::machine()?);
    let mut failed = 0;
    if !rows.is_empty() {
        failed += measure_rows(&arguments, folder.path(), &rows)?;
    }
    let sizes: Vec<usize> = arguments
        .lists
        .iter()
        .copied()
        .filter(|size| *size > 0)
        .collect();
    if !sizes.is_empty() {
        let ferric = program(arguments.ferric.as_deref(), "ferric")?;
        failed += lists::measure(&ferric, folder.path(), &sizes)?;
    }
    println!("{failed} failed");
    Ok(ExitCode::from(u8::from(failed > 0)))
}

fn program(given: Option<&Path>, name: &str) -> anyhow::Result<PathBuf> {
    let path = given.map_or_else(|| top().join("target/release").join(name), Path::to_owned);
    path.canonicalize()
        .with_context(|| format!("{} is missing", path.display()))
}

/// Both servers stand beside each other, and are asked in turn: what else the machine does slows both.
fn measure_rows(arguments: &Arguments, folder: &Path, rows: &[&Row]) -> anyhow::Result<usize> {
    let state = folder.join("state");
    let machines = fill::fill(&state, arguments.nodes)?;
    let ferric = program(arguments.ferric.as_deref(), "ferric")?;
    let ferric = Ferric::start(&ferric, folder, &state)?;
    ferric.until_all_are_taken_over(&machines)?;
    samples::write(&ferric.api, folder, &machines)?;
    let bare = program(arguments.bare.as_deref(), "ferric-bare")?;
    let bare = Bare::start(&bare, folder)?;
    let load = Load::new(folder, arguments.seconds);
    let mut failed = 0;
    println!("{}", rows::HEAD);
    for row in rows {
        let figures = row.measure(&load, ferric.api.base(), &bare.base)?;
        println!("{}", figures.line(row));
        failed += usize::from(!figures.hold(row));
    }
    println!(
        "resident: {} MiB, at most {} MiB",
        ferric.resident("VmRSS:")? >> 10,
        ferric.resident("VmHWM:")? >> 10
    );
    Ok(failed)
}
