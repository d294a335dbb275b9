//! How large the store's file is once long timelines have been trimmed, against what it still has to hold.

use super::conductor::Conductor;
use super::{Findings, HOST, fill};
use anyhow::{Context, bail};
use ferric_tests::process::{command, output};
use ferric_tests::wait;
use std::path::Path;
use std::time::{Duration, Instant};

const NODES: usize = 200;
/// Of each node; four times as many as are kept.
const EVENTS: usize = 4000;
/// Of these the last thousand of each node are kept, and the events of all nodes have one sequence.
const IS_TRIMMED: u64 = (NODES * (EVENTS - 1100)) as u64;
const SETTINGS: &str = "\n[timeline]\nmax_entries = 1000\ntrim_interval_s = 5\n";
const PATIENCE: Duration = Duration::from_secs(300);
const ROOM_PATIENCE: Duration = Duration::from_secs(180);

pub(crate) fn measure(
    program: &Path,
    folder: &Path,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let state = folder.join("trimmed");
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(fill::fill_timelines(&state, HOST, NODES, EVENTS))?;
    let before = held(program, folder, &state)?;
    let conductor = Conductor::start_with(program, folder, &state, HOST, SETTINGS)?;
    let begun = Instant::now();
    while oldest_event(&conductor)? < IS_TRIMMED {
        if begun.elapsed() > PATIENCE {
            bail!("the timelines were not trimmed within {PATIENCE:?}");
        }
        wait::pause(Duration::from_secs(1));
    }
    // The room is given back at the pace of the trimming, by the next pass or the one after it,
    // which rests after a long one.
    let live = held(program, folder, &state)?.live;
    let small = || file_bytes(&state).is_ok_and(|bytes| bytes <= 2 * live);
    let begun = Instant::now();
    while !small() && begun.elapsed() < ROOM_PATIENCE {
        wait::pause(Duration::from_secs(1));
    }
    let after = held(program, folder, &state)?;
    conductor.kill()?;
    let text = format!(
        "the file with timelines of {EVENTS} events: {} MiB for {} MiB; trimmed: {} MiB for {} MiB (limit: twice that)",
        before.file >> 20,
        before.live >> 20,
        after.file >> 20,
        after.live >> 20
    );
    findings.note(&text, after.file <= 2 * after.live);
    Ok(())
}

struct Held {
    file: u64,
    /// What a backup has: the sealed documents and nothing else.
    live: u64,
}

fn held(program: &Path, folder: &Path, state: &Path) -> anyhow::Result<Held> {
    let backup = folder.join("trimmed.backup");
    let mut make = command(program);
    make.args(["store", "backup", "--state"])
        .arg(state)
        .arg("--out")
        .arg(&backup);
    output(&mut make)?;
    let live = std::fs::metadata(&backup)?.len();
    std::fs::remove_file(&backup)?;
    let file = file_bytes(state)?;
    Ok(Held { file, live })
}

fn file_bytes(state: &Path) -> std::io::Result<u64> {
    Ok(std::fs::metadata(state.join("ferric.redb"))?.len())
}

/// The oldest event of any node.
fn oldest_event(conductor: &Conductor) -> anyhow::Result<u64> {
    let nodes = conductor.api.get("/v1/nodes?fields=uuid")?;
    let nodes = nodes["nodes"].as_array().context("no list of nodes")?;
    anyhow::ensure!(nodes.len() == NODES, "{} nodes are there", nodes.len());
    let mut oldest = u64::MAX;
    for node in nodes {
        let uuid = node["uuid"].as_str().context("a node without UUID")?;
        let path = format!("/ferric/v1/nodes/{uuid}/timeline?limit=1");
        let timeline = conductor.api.get(&path)?;
        let sequence = timeline["events"][0]["sequence"].as_u64();
        oldest = oldest.min(sequence.context("a node without events")?);
    }
    Ok(oldest)
}
