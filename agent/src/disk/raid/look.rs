//! Volumes while the machine is inspected: they run for as long as that takes, and nothing is written to their disks.

use std::path::PathBuf;

use super::bench::{Assembly, Bench};
use super::error::RaidError;

/// A volume that others stand on can be stopped only after those, and one that udev looks at only after that.
const PASSES: usize = 5;

/// Has the kernel run the volumes that are on the disks; answers with those that did not run before.
pub(super) fn start(bench: &impl Bench) -> Result<Vec<PathBuf>, RaidError> {
    let before = devices(bench)?;
    bench.assemble(Assembly::ReadOnly);
    let mut started = devices(bench)?;
    started.retain(|device| !before.contains(device));
    Ok(started)
}

/// Stops them; answers with those that could not be.
pub(super) fn stop(bench: &impl Bench, mut started: Vec<PathBuf>) -> Vec<PathBuf> {
    for _ in 0..PASSES {
        started.retain(|device| {
            let stopped = bench.mdadm(&["--stop", &device.to_string_lossy()]);
            stopped.is_err()
        });
        if started.is_empty() {
            break;
        }
        bench.settle();
    }
    started
}

fn devices(bench: &impl Bench) -> Result<Vec<PathBuf>, RaidError> {
    let arrays = bench.arrays()?.into_iter();
    Ok(arrays.map(|array| array.device).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::raid::testing::Played;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    fn played() -> Played {
        Played::new(&["sda", "sdb"])
            .with(&[("md0", "running", "raid1", &["sda1", "sdb1"])])
            .with_hidden(&[
                ("md126", "one", "raid1", &["sda2", "sdb2"]),
                ("md127", "two", "raid0", &["sda3", "sdb3"]),
            ])
    }

    #[test]
    fn volumes_run_while_they_are_looked_at_and_not_after() {
        let bench = played().failing("mdadm --stop /dev/md126", 1);
        let started = start(&bench).unwrap();
        assert_eq!(started, paths(&["/dev/md126", "/dev/md127"]));
        assert_eq!(bench.assembled(), [Assembly::ReadOnly]);
        assert!(stop(&bench, started).is_empty());
        assert_eq!(bench.devices(), ["/dev/md0"]);
    }

    #[test]
    fn a_volume_that_cannot_be_stopped_is_told_and_the_others_are_stopped() {
        let bench = played().failing("mdadm --stop /dev/md126", 100);
        let started = start(&bench).unwrap();
        assert_eq!(stop(&bench, started), paths(&["/dev/md126"]));
        assert_eq!(bench.devices(), ["/dev/md0", "/dev/md126"]);
    }
}
