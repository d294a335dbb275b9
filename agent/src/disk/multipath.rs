//! Disks that are reached on several paths, each of which the kernel shows as a disk. A map of multipath-tools stands
//! for its paths, and for one that it lacks; where nobody made one, one path stands for the others: that on which
//! something lies, else the first. So a disk is listed, chosen and erased once.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferric_agent_protocol::hints::DiskFacts;
use ferric_agent_protocol::inventory::Disk;

use super::block_device::{BlockDevice, Udev, Unit};
use super::inventory::disk_facts;
use super::settle::retry;
use crate::host::Host;
use crate::run::{Limits, RunError, run, run_within};

/// Longer than systemd waits for it, which says why it gave up.
const START_TIME: Duration = Duration::from_secs(100);
const MAP_TIME: Duration = Duration::from_secs(30);

/// Each disk once, with the paths that it stands for.
pub(super) fn disks(devices: &[BlockDevice]) -> Vec<DiskFacts> {
    let mut disks: Vec<Listed> = Vec::new();
    for device in devices {
        let new = Listed::of(device);
        let known = disks
            .iter_mut()
            .find(|known| new.unit.is_some() && known.unit == new.unit);
        match known {
            Some(known) => known.join(new),
            None => disks.push(new),
        }
    }
    disks.into_iter().map(|listed| listed.facts).collect()
}

/// A disk by the device that stands for it.
struct Listed {
    unit: Option<Unit>,
    claim: Claim,
    facts: DiskFacts,
}

/// Which device of a disk stands for the others: that with the largest one, of several the first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    is_held: bool,
    is_map: bool,
}

impl Listed {
    fn of(device: &BlockDevice) -> Self {
        let paths = device.paths();
        let mut facts = told(device);
        facts.paths = paths.iter().map(told).collect();
        if let Some(path) = facts.paths.first() {
            inherit(&mut facts.disk, &path.disk);
        }
        let is_usb = facts.disk.tran.as_deref() == Some("usb");
        // What a map is of its paths tell, and a path that it lacks, as it came late, is none the less one of them.
        let unit = paths.iter().chain([device]).find_map(BlockDevice::unit);
        Self {
            // By USB numbers are made up, and nothing has a second path.
            unit: unit.filter(|_| !is_usb),
            claim: Claim {
                is_held: device.is_held(),
                is_map: !paths.is_empty(),
            },
            facts,
        }
    }

    fn join(&mut self, other: Self) {
        let path = if other.claim > self.claim {
            std::mem::replace(self, other)
        } else {
            other
        };
        add_path(&mut self.facts, path.facts);
    }
}

fn add_path(disk: &mut DiskFacts, mut path: DiskFacts) {
    disk.paths.append(&mut path.paths);
    disk.paths.push(path);
}

fn told(device: &BlockDevice) -> DiskFacts {
    device.facts(&Udev::of(device.name()))
}

/// What only the hardware knows, a map has from its paths.
fn inherit(map: &mut Disk, path: &Disk) {
    for (own, inherited) in [
        (&mut map.model, &path.model),
        (&mut map.vendor, &path.vendor),
        (&mut map.serial, &path.serial),
        (&mut map.wwn, &path.wwn),
        (&mut map.wwn_with_extension, &path.wwn_with_extension),
        (&mut map.wwn_vendor_extension, &path.wwn_vendor_extension),
    ] {
        if own.is_none() {
            own.clone_from(inherited);
        }
    }
}

/// In the ramdisk: has multipath-tools make maps of the disks with several paths, if there are any. What it makes no
/// map of goes on to be used by one path.
pub(crate) fn start(host: &Host) {
    if host.permits_system().is_err() {
        return;
    }
    let disks = unmapped(host);
    if disks.is_empty() {
        return;
    }
    tracing::info!(?disks, "there are several paths to these disks");
    let limits = Limits {
        time: START_TIME,
        ..Limits::default()
    };
    if let Err(error) = run_within("systemctl", &["start", "multipathd.service"], limits) {
        let error = &error as &dyn Error;
        tracing::warn!(
            error,
            "multipathd does not run: one path to each disk is used"
        );
        return;
    }
    let mapped = retry(MAP_TIME, || match unmapped(host) {
        left if left.is_empty() => Ok(()),
        left => Err(left),
    });
    if let Err(disks) = mapped {
        tracing::warn!(
            ?disks,
            "no maps were made of these disks: one path to each is used"
        );
    }
}

/// The disks with several paths that no map stands for.
fn unmapped(host: &Host) -> Vec<String> {
    let disks = disk_facts(host).unwrap_or_default().into_iter();
    let names = disks.filter(|facts| !facts.paths.is_empty());
    let names = names.map(|facts| facts.disk.name);
    names.filter(|name| !name.starts_with("/dev/dm-")).collect()
}

/// The device by which a disk is shown to the firmware, which knows no maps: one of the paths, with what the kernel
/// remembers of it from before the map was written thrown away.
pub(super) fn disk_of_firmware(host: &Host, device: &Path) -> Result<PathBuf, RunError> {
    let found = device.canonicalize().unwrap_or_else(|_| device.to_owned());
    let name = found.file_name().unwrap_or_default().to_string_lossy();
    let tree = host.tree();
    let map = BlockDevice::new(&tree.path("sys/block"), &tree.path("dev/disk"), &name);
    let mut shown = Ok(device.to_owned());
    for path in map.paths().iter().map(BlockDevice::path) {
        match run("blockdev", &["--flushbufs", &path.to_string_lossy()]) {
            Ok(_) => return Ok(path),
            // A path that is dead; another one may not be.
            Err(error) => shown = Err(error),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use ferric_agent_protocol::node::Node;
    use serde_json::{Value, json};

    use super::*;
    use crate::disk::inventory::unskipped;
    use crate::disk::testing::LoopDisk;
    use crate::disk::{list_block_devices, root_device};

    const WWID: &str = "naa.5000c50015ea7001";
    const WWN: &str = "0x5000c50015ea7001";

    /// A machine with disks of names that none has on which this test may run.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            machine.add("sdzza", 0, WWID, "S1");
            machine.add("sdzzb", 1, WWID, "S1");
            machine
        }

        /// A disk as SCSI's target of this number.
        fn add(&self, name: &str, target: usize, wwid: &str, serial: &str) {
            let device = format!("sys/devices/host9/0:0:{target}:0");
            let length = u8::try_from(serial.len()).unwrap();
            let page = [&[0, 0x80, 0, length][..], serial.as_bytes()].concat();
            self.write(&format!("{device}/wwid"), wwid);
            self.write(&format!("{device}/model"), "Twin");
            self.write(&format!("{device}/vpd_pg80"), page);
            self.write(&format!("sys/block/{name}/size"), "16777216\n");
            self.write(&format!("dev/{name}"), "");
            let link = self.0.path().join(format!("sys/block/{name}/device"));
            symlink(self.0.path().join(device), link).unwrap();
        }

        /// Has a map of both paths.
        fn map(&self) {
            self.write("sys/block/dm-9990/size", "16777216\n");
            self.write("sys/block/dm-9990/dm/uuid", "mpath-35000c50015ea7001\n");
            self.write("dev/dm-9990", "");
            let at = |name: &str| self.0.path().join("sys/block").join(name);
            fs::create_dir(at("dm-9990/slaves")).unwrap();
            for path in ["sdzza", "sdzzb"] {
                symlink(at(path), at("dm-9990/slaves").join(path)).unwrap();
                fs::create_dir(at(path).join("holders")).unwrap();
                symlink(at("dm-9990"), at(path).join("holders/dm-9990")).unwrap();
            }
        }

        fn write(&self, name: &str, content: impl AsRef<[u8]>) {
            let path = self.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }

        fn host(&self) -> Host {
            let devices = fs::read_dir(self.0.path().join("dev")).unwrap();
            let devices: Vec<PathBuf> = devices.map(|entry| entry.unwrap().path()).collect();
            Host::recorded(self.0.path(), &devices).unwrap()
        }

        fn names(&self) -> Vec<String> {
            let disks = list_block_devices(&self.host()).unwrap();
            disks.into_iter().map(|disk| disk.name).collect()
        }

        /// What is left of the disks when this is skipped.
        fn without(&self, skipped: &Value) -> Vec<String> {
            let node = node(&json!({ "skip_block_devices": [skipped] }));
            let disks = unskipped(disk_facts(&self.host()).unwrap(), Some(&node)).unwrap();
            disks.into_iter().map(|facts| facts.disk.name).collect()
        }

        fn root(&self, hints: &Value) -> String {
            let node = node(&json!({ "root_device": hints }));
            root_device(&self.host(), Some(&node)).unwrap().name
        }
    }

    fn node(properties: &Value) -> Node {
        let uuid = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";
        serde_json::from_value(json!({ "uuid": uuid, "properties": properties })).unwrap()
    }

    #[test]
    fn without_a_map_the_first_path_stands_for_all() {
        let machine = Machine::new();
        machine.add("sdzzc", 2, "naa.5000c50015ea7002", "S2");
        assert_eq!(machine.names(), ["/dev/sdzza", "/dev/sdzzc"]);
        for hint in [
            json!({ "wwn": WWN }),
            json!({ "name": "/dev/sdzzb" }),
            json!({ "hctl": "0:0:1:0" }),
        ] {
            assert_eq!(machine.root(&hint), "/dev/sdzza", "{hint}");
            assert_eq!(machine.without(&hint), ["/dev/sdzzc"], "{hint}");
        }
    }

    #[test]
    fn the_path_on_which_something_lies_stands_for_all() {
        let machine = Machine::new();
        machine.add("sdzzc", 2, WWID, "S1");
        machine.write("sys/block/sdzzb/sdzzb1/partition", "1\n");
        machine.write("sys/block/sdzzb/sdzzb1/holders/md99/md/level", "raid1\n");
        assert_eq!(machine.names(), ["/dev/sdzzb"]);
        assert!(machine.without(&json!({ "name": "/dev/sdzza" })).is_empty());
        assert!(machine.without(&json!({ "name": "/dev/sdzzc" })).is_empty());
    }

    #[test]
    fn a_map_stands_for_its_paths_and_has_their_names() {
        let machine = Machine::new();
        machine.map();
        let disks = list_block_devices(&machine.host()).unwrap();
        let told: Vec<_> = disks
            .iter()
            .map(|disk| (&*disk.name, disk.wwn.as_deref(), disk.model.as_deref()))
            .collect();
        assert_eq!(told, [("/dev/dm-9990", Some(WWN), Some("Twin"))]);
        for hint in [json!({ "wwn": WWN }), json!({ "name": "/dev/sdzzb" })] {
            assert_eq!(machine.root(&hint), "/dev/dm-9990", "{hint}");
            assert!(machine.without(&hint).is_empty(), "{hint}");
        }
    }

    /// It came after the map was made, or multipathd does not take it.
    #[test]
    fn a_path_that_a_map_lacks_is_no_disk_of_its_own() {
        let machine = Machine::new();
        machine.map();
        machine.add("cdzz", 2, WWID, "S1");
        machine.add("sdzzc", 3, WWID, "S1");
        assert_eq!(machine.names(), ["/dev/dm-9990"]);
        for path in ["/dev/cdzz", "/dev/sdzzb", "/dev/sdzzc"] {
            let hint = json!({ "name": path });
            assert_eq!(machine.root(&hint), "/dev/dm-9990", "{hint}");
            assert!(machine.without(&hint).is_empty(), "{hint}");
        }
        assert!(unmapped(&machine.host()).is_empty());
        // Who is asked to erase the disk must see that it is in use.
        machine.write("sys/block/sdzzc/holders/md99/md/level", "raid1\n");
        assert_eq!(machine.names(), ["/dev/sdzzc"]);
    }

    #[test]
    fn only_maps_have_no_need_of_one() {
        let machine = Machine::new();
        assert_eq!(unmapped(&machine.host()), ["/dev/sdzza"]);
        machine.map();
        assert!(unmapped(&machine.host()).is_empty());
    }

    #[test]
    fn disks_that_share_a_wwid_and_nothing_else_are_several() {
        let machine = Machine::new();
        machine.add("sdzzc", 2, WWID, "S2");
        machine.add("sdzzd", 3, "t10.ATA     Model", "");
        machine.add("sdzze", 4, "t10.ATA     Model", "");
        let names = ["sdzza", "sdzzc", "sdzzd", "sdzze"].map(|name| format!("/dev/{name}"));
        assert_eq!(machine.names(), names);
    }

    #[test]
    fn the_firmware_is_shown_a_disk_that_is_no_map_as_it_is() {
        let machine = Machine::new();
        let disk = Path::new("/dev/sdzza");
        assert_eq!(disk_of_firmware(&machine.host(), disk).unwrap(), disk);
    }
    #[test]
    fn the_firmware_is_shown_a_path_that_answers() {
        let (machine, disk) = (Machine::new(), LoopDisk::new(8 << 20, 512));
        let alive = disk.path().file_name().unwrap().to_str().unwrap();
        machine.write("sys/block/dm-9990/dm/uuid", "mpath-35000c50015ea7001\n");
        for path in ["dasdzz", alive] {
            machine.write(&format!("sys/block/dm-9990/slaves/{path}"), "");
        }
        let map = Path::new("/dev/dm-9990");
        let found = disk_of_firmware(&machine.host(), map).unwrap();
        assert_eq!(found, disk.path());
    }
}
