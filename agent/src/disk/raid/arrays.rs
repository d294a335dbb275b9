//! The RAID volumes that the kernel runs, and what they are made of. From sysfs; only the name that a volume has on its
//! disks is mdadm's to tell.

use std::fs;
use std::path::{Path, PathBuf};

use super::layout::Member;
use crate::disk::DiskError;
use crate::disk::error::doing;

/// Volumes on volumes: the kernel allows them, and nobody has more than two floors.
const MAX_FLOORS: usize = 4;

/// A volume of the kernel's own RAID, running or only assembled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Array {
    pub(super) device: PathBuf,
    /// `raid1` and the like; empty while it does not run.
    pub(super) level: String,
    pub(super) components: Vec<Component>,
}

/// What a volume is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) node: PathBuf,
    /// The disks below it: one, unless it is a volume itself.
    pub(super) disks: Vec<PathBuf>,
    /// The number of the partition that it is, if it is one.
    pub(super) partition: Option<u32>,
}

impl Array {
    /// The disks that hold it, by name.
    pub(super) fn disks(&self) -> Vec<PathBuf> {
        let all = self.components.iter().flat_map(|one| &one.disks);
        let mut disks: Vec<PathBuf> = all.cloned().collect();
        disks.sort();
        disks.dedup();
        disks
    }

    /// Where its members are, if all of them are partitions.
    pub(super) fn members(&self) -> Option<Vec<Member>> {
        let member = |component: &Component| {
            let disk = component.disks.first()?.clone();
            let number = component.partition?;
            Some(Member { disk, number })
        };
        self.components.iter().map(member).collect()
    }

    /// Whether it is made of that volume, or of a partition of it.
    pub(super) fn stands_on(&self, volume: &Path) -> bool {
        let start = format!("{}p", volume.display());
        let is_partition_of_it = |component: &Component| {
            let node = component.node.to_string_lossy();
            component.partition.is_some() && node.starts_with(&start)
        };
        self.components
            .iter()
            .any(|one| one.node == volume || is_partition_of_it(one))
    }

    pub(super) fn shares_a_disk(&self, disks: &[PathBuf]) -> bool {
        self.disks().iter().any(|disk| disks.contains(disk))
    }
}

/// Reads them from `/sys/block`.
pub(super) fn read(sysfs_block: &Path) -> Result<Vec<Array>, DiskError> {
    let entries = fs::read_dir(sysfs_block).map_err(doing("reading", sysfs_block))?;
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| sysfs_block.join(name).join("md").is_dir())
        .collect();
    names.sort();
    let arrays = names
        .iter()
        .map(|name| array(&sysfs_block.join(name), name));
    // A volume that was stopped stays listed for a moment, without anything in it.
    Ok(arrays
        .filter(|array| !array.components.is_empty())
        .collect())
}

fn array(directory: &Path, name: &str) -> Array {
    let level = fs::read_to_string(directory.join("md/level")).unwrap_or_default();
    let mut components: Vec<Component> = slaves(directory)
        .iter()
        .map(|path| component(path))
        .collect();
    components.sort_by(|one, other| one.node.cmp(&other.node));
    Array {
        device: node(name),
        level: level.trim().to_owned(),
        components,
    }
}

fn component(directory: &Path) -> Component {
    let partition = fs::read_to_string(directory.join("partition")).ok();
    let name = directory.file_name().unwrap_or_default();
    Component {
        node: node(&name.to_string_lossy()),
        disks: disks_below(directory, MAX_FLOORS),
        partition: partition.and_then(|text| text.trim().parse().ok()),
    }
}

fn disks_below(directory: &Path, floors: usize) -> Vec<PathBuf> {
    let whole = if directory.join("partition").exists() {
        directory.parent().unwrap_or(directory)
    } else {
        directory
    };
    let is_volume = whole.join("md").is_dir() && floors > 0;
    let below = if is_volume { slaves(whole) } else { Vec::new() };
    if below.is_empty() {
        let name = whole.file_name().unwrap_or_default();
        return vec![node(&name.to_string_lossy())];
    }
    let disks = below.iter().flat_map(|path| disks_below(path, floors - 1));
    disks.collect()
}

fn slaves(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("slaves"));
    let links = entries.into_iter().flatten().flatten();
    links
        .filter_map(|link| fs::canonicalize(link.path()).ok())
        .collect()
}

fn node(kernel_name: &str) -> PathBuf {
    Path::new("/dev").join(kernel_name.replace('!', "/"))
}

/// The name of a volume, without the host that made it, in what `mdadm --detail --export` tells of it.
/// What follows the first line `MD_NAME=` may be the work of whoever named a volume.
pub(super) fn name_in(told: &str) -> Option<String> {
    let name = told
        .lines()
        .find_map(|line| line.strip_prefix("MD_NAME="))?;
    let name = name.split_once(':').map_or(name, |(_, name)| name);
    Some(name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A `/sys` with these disks and their partitions, and volumes of them.
    fn sysfs(disks: &[(&str, &[&str])], volumes: &[(&str, &str, &[&str])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let block = root.path().join("block");
        let place = |name: &str| {
            let is_part = |(disk, parts): &&(&str, &[&str])| *disk != name && parts.contains(&name);
            match disks.iter().find(is_part) {
                Some((disk, _)) => block.join(disk).join(name),
                None => block.join(name),
            }
        };
        for (disk, parts) in disks {
            fs::create_dir_all(block.join(disk)).unwrap();
            for (number, part) in (1..).zip(*parts) {
                fs::create_dir_all(place(part)).unwrap();
                fs::write(place(part).join("partition"), format!("{number}\n")).unwrap();
            }
        }
        for (volume, level, members) in volumes {
            let directory = block.join(volume);
            fs::create_dir_all(directory.join("md")).unwrap();
            fs::create_dir_all(directory.join("slaves")).unwrap();
            fs::write(directory.join("md/level"), format!("{level}\n")).unwrap();
            for member in *members {
                symlink(place(member), directory.join("slaves").join(member)).unwrap();
            }
        }
        root
    }

    #[test]
    fn volumes_are_found_with_their_partitions_and_disks() {
        let root = sysfs(
            &[
                ("sda", &["sda1", "sda2"]),
                ("nvme0n1", &["nvme0n1p1"]),
                ("sdb", &[]),
            ],
            &[
                ("md0", "raid1", &["sda1", "nvme0n1p1"]),
                ("md1", "raid0", &["md0", "sdb"]),
                ("md127", "", &[]),
            ],
        );
        let arrays = read(&root.path().join("block")).unwrap();
        let [first, second] = &arrays[..] else {
            panic!("{arrays:?}")
        };
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(first.device, Path::new("/dev/md0"));
        assert_eq!(first.level, "raid1");
        assert_eq!(first.disks(), paths(&["/dev/nvme0n1", "/dev/sda"]));
        let members = first.members().unwrap();
        let members: Vec<_> = members.iter().map(|one| (&*one.disk, one.number)).collect();
        let expected = [(Path::new("/dev/nvme0n1"), 1), (Path::new("/dev/sda"), 1)];
        assert_eq!(members, expected);
        assert_eq!(
            second.disks(),
            paths(&["/dev/nvme0n1", "/dev/sda", "/dev/sdb"])
        );
        assert_eq!(second.members(), None, "it is made of whole disks");
        assert!(second.shares_a_disk(&paths(&["/dev/sdb"])));
        assert!(!first.shares_a_disk(&paths(&["/dev/sdb"])));
        assert!(second.stands_on(&first.device) && !first.stands_on(&second.device));
    }

    #[test]
    fn the_name_is_told_without_the_host() {
        let told = "MD_LEVEL=raid1\nMD_DEVICES=2\nMD_NAME=any:root\nMD_NAME=evil\n";
        assert_eq!(name_in(told).as_deref(), Some("root"));
        assert_eq!(name_in("MD_NAME=data\n").as_deref(), Some("data"));
        assert_eq!(name_in("MD_LEVEL=raid1\n"), None);
    }
}
