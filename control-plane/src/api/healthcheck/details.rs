//! What `detailed` shows beside the findings: when and where the process runs, and its threads.

use crate::conductor::Conductor;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) host: String,
    /// In UTC, as Python writes it.
    pub(super) now: String,
    /// As Python names it: system, its release, processor.
    pub(super) platform: String,
    /// Name, number and state of each.
    pub(super) threads: Vec<String>,
}

impl Details {
    pub(super) const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    pub(super) fn read(conductor: &Conductor) -> Self {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            host: conductor.settings().host.clone(),
            now: conductor
                .now()
                .strftime("%Y-%m-%d %H:%M:%S%.6f")
                .to_string(),
            platform: format!("Linux-{}-{}", release.trim(), std::env::consts::ARCH),
            threads: threads(Path::new("/proc/self/task")),
        }
    }
}

/// In the order of their numbers. One that ends meanwhile is left out.
fn threads(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let threads = numbers.into_iter().filter_map(|number| {
        let status = folder.join(number.to_string()).join("status");
        let status = std::fs::read_to_string(status).ok()?;
        let value = |name: &str| {
            let mut lines = status.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        };
        let (name, state) = (value("Name")?.trim(), value("State")?.trim());
        Some(format!("{name} {number}: {state}"))
    });
    threads.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_name_and_state() {
        let folder = tempfile::tempdir().unwrap();
        for (number, status) in [
            (
                "12",
                "Name:\tredb writer\nUmask:\t0022\nState:\tS (sleeping)\n",
            ),
            ("7", "Name:\tferric\nState:\tR (running)\n"),
            // Gone between the list and the look.
            ("9", ""),
        ] {
            let place = folder.path().join(number);
            std::fs::create_dir(&place).unwrap();
            std::fs::write(place.join("status"), status).unwrap();
        }
        std::fs::write(folder.path().join("none"), "").unwrap();
        assert_eq!(
            threads(folder.path()),
            ["ferric 7: R (running)", "redb writer 12: S (sleeping)"]
        );
        assert_eq!(threads(&folder.path().join("missing")), [""; 0]);
    }
}
