//! Results of slices of seeds, one line a slice in a file, whose sums are the result of all of them.

use anyhow::Context;
use serde_json::{Value, json};
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

/// What came of some seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) worlds: u64,
    pub(crate) deploys: u64,
    /// Runs that a fault of their machine has failed.
    pub(crate) failures: u64,
    pub(crate) crashes: u64,
    /// Seeds in which something was that may never be, each with the first of it.
    pub(crate) failing: Vec<(u64, String)>,
}

impl Totals {
    pub(crate) fn add(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.deploys += other.deploys;
        self.failures += other.failures;
        self.crashes += other.crashes;
        self.failing.extend(other.failing);
    }
}

/// Adds a slice.
pub(crate) fn append(
    path: &Path,
    seeds: &Range<u64>,
    totals: &Totals,
    took: Duration,
) -> anyhow::Result<()> {
    let failing: Vec<Value> = totals
        .failing
        .iter()
        .map(|failing| json!(failing))
        .collect();
    let line = json!({
        "seeds": [seeds.start, seeds.end], "worlds": totals.worlds, "deploys": totals.deploys,
        "failures": totals.failures, "crashes": totals.crashes, "failing": failing,
        "seconds": took.as_secs_f64(),
    });
    let mut options = std::fs::OpenOptions::new();
    let file = options.create(true).append(true).open(path);
    let mut file = file.with_context(|| format!("opening {}", path.display()))?;
    writeln!(file, "{line}").with_context(|| format!("writing {}", path.display()))
}

/// The sums of all slices in the file. A slice that is in it twice is counted once.
pub(crate) fn sums(path: &Path) -> anyhow::Result<Totals> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("reading {}", path.display()))?;
    let mut totals = Totals::default();
    let mut counted = Vec::new();
    for line in text.lines() {
        let slice: Value =
            serde_json::from_str(line).with_context(|| format!("reading {}", path.display()))?;
        if counted.contains(&slice["seeds"]) {
            continue;
        }
        counted.push(slice["seeds"].clone());
        let number = |key: &str| slice[key].as_u64().unwrap_or(0);
        let failing = slice["failing"].as_array().into_iter().flatten();
        let failing = failing
            .filter_map(|failing| Some((failing[0].as_u64()?, failing[1].as_str()?.to_owned())));
        totals.add(Totals {
            worlds: number("worlds"),
            deploys: number("deploys"),
            failures: number("failures"),
            crashes: number("crashes"),
            failing: failing.collect(),
        });
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_add_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results");
        let slice = |deploys| Totals {
            worlds: 10,
            deploys,
            failures: 1,
            crashes: 2,
            failing: vec![(deploys, "a lock with two holders".to_owned())],
        };
        for (seeds, deploys) in [(0..10, 200), (10..20, 300), (0..10, 200)] {
            append(&path, &seeds, &slice(deploys), Duration::from_secs(1)).unwrap();
        }
        let sums = sums(&path).unwrap();
        assert_eq!((sums.worlds, sums.deploys, sums.crashes), (20, 500, 4));
        assert_eq!(sums.failing.len(), 2);
    }
}
