//! What is known of a disk before it is erased: what it is, by which bus it is reached, and who else uses it or would
//! be hit by its erase. Read from sysfs, whose root can be exchanged for tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferric_agent_protocol::inventory::Disk;
use parking_lot::Mutex;

use super::EraseError;
use super::nvme::Namespace;

const SYSFS: &str = "/sys";

/// The disk that is erased, apart from what can be asked of it.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) disk: Disk,
    /// Its size in bytes as it was opened.
    pub(super) size: u64,
    pub(super) sector_bytes: u32,
    pub(super) bus: Bus,
}

/// How a disk is reached, as far as it can be told to erase itself.
#[derive(Clone, Debug)]
pub(super) enum Bus {
    Nvme(Namespace),
    /// A controller that hands on ATA's commands as they are. Bridges and RAID controllers do not, and some disks
    /// behind them did not survive the attempt.
    Ata,
    Other,
}

/// The kernel's description of the machine's disks.
pub(super) struct Sysfs {
    root: PathBuf,
}

impl Sysfs {
    pub(super) fn of_the_machine() -> Self {
        Self::at(Path::new(SYSFS))
    }

    pub(super) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    fn block(&self, name: &str) -> PathBuf {
        self.root.join("block").join(name)
    }

    /// The names of the devices that are made of this disk or of its partitions: RAID, LVM, multipath, caches.
    pub(super) fn holders(&self, name: &str) -> Vec<String> {
        let disk = self.block(name);
        let partitions = directories(&disk)
            .into_iter()
            .map(|name| disk.join(name))
            .filter(|path| path.join("partition").exists());
        let mut holders: Vec<String> = [disk.clone()]
            .into_iter()
            .chain(partitions)
            .flat_map(|path| directories(&path.join("holders")))
            .collect();
        holders.sort();
        holders.dedup();
        holders
    }

    /// Whether a device is a RAID volume of the kernel's own.
    pub(super) fn is_md(&self, name: &str) -> bool {
        self.block(name).join("md").is_dir()
    }

    /// The RAID volume that a disk is a member of, if that is erased, too; anything else that is made of it is somebody
    /// else's.
    pub(super) fn volume_on(
        &self,
        disk: &Disk,
        erased: &[Disk],
    ) -> Result<Option<String>, EraseError> {
        let holders = self.holders(&kernel_name(&disk.name));
        let Some(first) = holders.first() else {
            return Ok(None);
        };
        let is_erased = |holder: &String| {
            let is_listed = |disk: &Disk| kernel_name(&disk.name) == *holder;
            self.is_md(holder) && erased.iter().any(is_listed)
        };
        if holders.iter().all(is_erased) {
            return Ok(Some(first.clone()));
        }
        Err(EraseError::Held {
            device: disk.name.clone(),
            holders: holders.join(", "),
        })
    }

    /// How the disk is reached. Of NVMe's it is not known yet which others of the drive are kept.
    pub(super) fn bus(&self, disk: &Disk) -> Bus {
        match disk.tran.as_deref() {
            Some("nvme") => {
                let id = self.block(&kernel_name(&disk.name)).join("nsid");
                let id = fs::read_to_string(id).ok();
                let id = id.and_then(|text| text.trim().parse().ok());
                id.map_or(Bus::Other, |id| {
                    Bus::Nvme(Namespace {
                        id,
                        ..Namespace::default()
                    })
                })
            }
            Some("ata" | "sata") => Bus::Ata,
            _ => Bus::Other,
        }
    }

    /// The drive that a namespace is of, and the names of all its namespaces. A drive with several controllers is one.
    fn drive(&self, name: &str) -> (String, Vec<String>) {
        let Some(controller) = fs::canonicalize(self.block(name))
            .ok()
            .and_then(|path| path.parent().map(Path::to_owned))
        else {
            return (name.to_owned(), Vec::new());
        };
        let subsystem = self.subsystem(&controller);
        let controllers = subsystem.iter().flat_map(|subsystem| {
            directories(subsystem)
                .into_iter()
                .filter_map(move |name| fs::canonicalize(subsystem.join(name)).ok())
        });
        let mut names: Vec<String> = [controller.clone()]
            .into_iter()
            .chain(subsystem.clone())
            .chain(controllers)
            .flat_map(|directory| directories(&directory))
            .filter(|name| self.is_namespace(name))
            .collect();
        names.sort();
        names.dedup();
        let drive = subsystem.unwrap_or(controller);
        (drive.to_string_lossy().into_owned(), names)
    }

    /// The subsystem with this controller in it, or this one itself: with multipathing namespaces hang from that.
    fn subsystem(&self, controller: &Path) -> Option<PathBuf> {
        let class = self.root.join("class/nvme-subsystem");
        let name = controller.file_name()?;
        directories(&class).into_iter().find_map(|entry| {
            let subsystem = fs::canonicalize(class.join(entry)).ok()?;
            (subsystem == controller || subsystem.join(name).exists()).then_some(subsystem)
        })
    }

    /// Paths to a namespace are hidden, and its character device is no block device.
    fn is_namespace(&self, name: &str) -> bool {
        let block = self.block(name);
        let hidden = fs::read_to_string(block.join("hidden")).unwrap_or_default();
        block.join("nsid").exists() && hidden.trim() != "1"
    }

    /// Lets the namespaces of each drive know each other: those that are not among `subjects` must be kept.
    pub(super) fn introduce<'a>(&self, subjects: impl Iterator<Item = &'a mut Subject>) {
        let mut subjects: Vec<&mut Subject> = subjects.collect();
        let erased: Vec<String> = subjects
            .iter()
            .map(|subject| kernel_name(&subject.disk.name))
            .collect();
        let mut turns: BTreeMap<String, Arc<Mutex<()>>> = BTreeMap::new();
        for subject in &mut subjects {
            let Bus::Nvme(namespace) = &mut subject.bus else {
                continue;
            };
            let (drive, names) = self.drive(&kernel_name(&subject.disk.name));
            namespace.kept = names;
            namespace.kept.retain(|name| !erased.contains(name));
            namespace.turn = Arc::clone(turns.entry(drive).or_default());
        }
    }
}

/// The name that sysfs has for a device: of a link that of its target, and `!` for a directory within `/dev`.
pub(super) fn kernel_name(device: &str) -> String {
    let path = fs::canonicalize(device).unwrap_or_else(|_| device.into());
    let within = path.strip_prefix("/dev").unwrap_or(&path);
    within.to_string_lossy().replace('/', "!")
}

fn directories(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree of directories, files with a content, and links (`a -> b`).
    fn tree(entries: &[&str]) -> (tempfile::TempDir, Sysfs) {
        let root = tempfile::tempdir().unwrap();
        for entry in entries {
            let make = |name: &str| {
                let path = root.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                path
            };
            if let Some((from, to)) = entry.split_once(" -> ") {
                let to = root.path().join(to);
                fs::create_dir_all(&to).unwrap();
                symlink(to, make(from)).unwrap();
            } else if let Some((name, content)) = entry.split_once('=') {
                fs::write(make(name), content).unwrap();
            } else {
                fs::create_dir_all(make(entry)).unwrap();
            }
        }
        let sysfs = Sysfs::at(root.path());
        (root, sysfs)
    }

    fn subject(sysfs: &Sysfs, name: &str, tran: Option<&str>) -> Subject {
        let disk = Disk {
            name: format!("/dev/{name}"),
            tran: tran.map(str::to_owned),
            ..Disk::default()
        };
        Subject {
            size: 0,
            sector_bytes: 512,
            bus: sysfs.bus(&disk),
            disk,
        }
    }

    fn kept(subject: &Subject) -> Option<Vec<&str>> {
        match &subject.bus {
            Bus::Nvme(namespace) => Some(namespace.kept.iter().map(String::as_str).collect()),
            Bus::Ata | Bus::Other => None,
        }
    }

    const NAMESPACES: &[&str] = &[
        "devices/nvme7/nvme7n1/nsid=1\n",
        "devices/nvme7/nvme7n2/nsid=2\n",
        "devices/nvme7/ng7n1/dev=1:1\n",
        "devices/nvme8/nvme8n1/nsid=1\n",
        "block/nvme7n1 -> devices/nvme7/nvme7n1",
        "block/nvme7n2 -> devices/nvme7/nvme7n2",
        "block/nvme8n1 -> devices/nvme8/nvme8n1",
    ];

    #[test]
    fn namespaces_of_a_drive_that_are_not_erased_are_kept() {
        let (_root, sysfs) = tree(NAMESPACES);
        let mut alone = [
            subject(&sysfs, "nvme7n1", Some("nvme")),
            subject(&sysfs, "nvme8n1", Some("nvme")),
        ];
        sysfs.introduce(alone.iter_mut());
        assert_eq!(kept(&alone[0]), Some(vec!["nvme7n2"]));
        assert_eq!(kept(&alone[1]), Some(vec![]));

        let mut both = [
            subject(&sysfs, "nvme7n1", Some("nvme")),
            subject(&sysfs, "nvme7n2", Some("nvme")),
            subject(&sysfs, "sda", Some("sata")),
        ];
        sysfs.introduce(both.iter_mut());
        assert_eq!(kept(&both[0]), Some(vec![]));
        let [Bus::Nvme(first), Bus::Nvme(second), Bus::Ata] = both.map(|subject| subject.bus)
        else {
            panic!("the buses are not those of the names");
        };
        assert_eq!((first.id, second.id), (1, 2));
        let _turn = first.turn.lock();
        assert!(second.turn.try_lock().is_none(), "they take turns");
    }

    #[test]
    fn a_drive_with_two_controllers_is_one_drive() {
        let (_root, sysfs) = tree(&[
            "devices/nvme7/nvme7c7n1/hidden=1\n",
            "devices/nvme8/nvme7c8n1/hidden=1\n",
            "devices/nvme8/nvme8n5/nsid=5\n",
            "devices/nvme-subsys7/nvme7n1/nsid=1\n",
            "devices/nvme-subsys7/nvme7 -> devices/nvme7",
            "devices/nvme-subsys7/nvme8 -> devices/nvme8",
            "class/nvme-subsystem/nvme-subsys7 -> devices/nvme-subsys7",
            "block/nvme7n1 -> devices/nvme-subsys7/nvme7n1",
            "block/nvme8n5 -> devices/nvme8/nvme8n5",
            "block/nvme7c7n1 -> devices/nvme7/nvme7c7n1",
        ]);
        let mut subjects = [subject(&sysfs, "nvme7n1", Some("nvme"))];
        sysfs.introduce(subjects.iter_mut());
        assert_eq!(kept(&subjects[0]), Some(vec!["nvme8n5"]));
    }

    #[test]
    fn only_what_takes_a_drives_own_commands_is_told_to_erase_itself() {
        let (_root, sysfs) = tree(NAMESPACES);
        let bus = |name, tran| subject(&sysfs, name, tran).bus;
        assert!(matches!(bus("sdx", Some("sata")), Bus::Ata));
        assert!(matches!(bus("nvme7n1", Some("nvme")), Bus::Nvme(_)));
        for tran in [None, Some("usb"), Some("sas"), Some("virtio")] {
            assert!(matches!(bus("sdx", tran), Bus::Other), "{tran:?}");
        }
    }

    #[test]
    fn a_disk_is_left_to_the_volume_that_is_erased() {
        let (_root, sysfs) = tree(&[
            "block/sdx/sdx1/partition=1\n",
            "block/sdx/sdx1/holders/md7",
            "block/md7/md",
        ]);
        let disk = |name: &str| Disk {
            name: format!("/dev/{name}"),
            ..Disk::default()
        };
        let both = [disk("sdx"), disk("md7")];
        let volume = sysfs.volume_on(&both[0], &both).unwrap();
        assert_eq!(volume.as_deref(), Some("md7"));
        assert_eq!(sysfs.volume_on(&both[1], &both).unwrap(), None);
        let error = sysfs.volume_on(&both[0], &both[..1]).unwrap_err();
        assert!(error.to_string().contains("md7 is made of it"), "{error}");
    }

    #[test]
    fn holders_of_a_disk_and_of_its_partitions_are_found() {
        let (_root, sysfs) = tree(&[
            "block/sdx/holders/dm-3",
            "block/sdx/sdx1/partition=1\n",
            "block/sdx/sdx1/holders/md7",
            "block/sdx/queue/holders/none",
            "block/md7/md",
        ]);
        assert_eq!(sysfs.holders("sdx"), ["dm-3", "md7"]);
        assert!(sysfs.is_md("md7") && !sysfs.is_md("sdx"));
        assert!(sysfs.holders("sdy").is_empty());
    }
}
