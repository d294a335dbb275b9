//! Recorded trees of sysfs and udev's answers, and the disks of this machine in the words of lsblk.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::*;
use crate::disk::testing::LoopDisk;
use crate::run::run;

impl Properties for BTreeMap<&str, &str> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).map(|value| (*value).to_owned())
    }
}

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

fn device(root: &Path, name: &str) -> BlockDevice {
    BlockDevice::new(&root.join("block"), &root.join("links"), name)
}

#[test]
fn a_sata_disk_as_udev_and_the_kernel_see_it() {
    let root = tree(&[
        ("block/sda/size", "1953525168\n"),
        ("block/sda/queue/rotational", "1\n"),
        ("block/sda/queue/logical_block_size", "512\n"),
        ("block/sda/queue/physical_block_size", "4096\n"),
        (
            "devices/ata1/host0/target0:0:0/0:0:0:0/vendor",
            "ATA     \n",
        ),
        ("devices/ata1/host0/target0:0:0/0:0:0:0/model", "ST1000\n"),
        (
            "devices/ata1/host0/target0:0:0/0:0:0:0/wwid",
            "naa.5000c500a1b2c3d4\n",
        ),
        ("class/scsi_host/host0/proc_name", "ahci\n"),
    ]);
    let target = root.path().join("devices/ata1/host0/target0:0:0/0:0:0:0");
    symlink(target, root.path().join("block/sda/device")).unwrap();
    let device = device(root.path(), "sda");
    assert_eq!(device.kind(), Kind::Disk);

    let bare = device.facts(&BTreeMap::new()).disk;
    assert_eq!(
        (bare.name.as_str(), bare.size, bare.rotational),
        ("/dev/sda", 1_000_204_886_016, true)
    );
    assert_eq!(
        (bare.logical_sectors, bare.physical_sectors),
        (Some(512), Some(4096))
    );
    assert_eq!(
        (bare.vendor.as_deref(), bare.model.as_deref()),
        (Some("ATA"), Some("ST1000"))
    );
    assert_eq!(bare.wwn.as_deref(), Some("0x5000c500a1b2c3d4"));
    assert_eq!(
        (bare.hctl.as_deref(), bare.tran.as_deref()),
        (Some("0:0:0:0"), Some("sata"))
    );
    assert_eq!(bare.serial, None);

    let udev = BTreeMap::from([
        ("ID_MODEL_ENC", "ST1000\\x20Long\\x20Name\\x20\\x20"),
        ("ID_SERIAL_SHORT", "Z1D"),
        ("ID_SERIAL", "ST1000_Z1D"),
        ("ID_WWN", "0x5000c500a1b2c3d4"),
    ]);
    let facts = device.facts(&udev);
    assert_eq!(facts.disk.model.as_deref(), Some("ST1000 Long Name"));
    assert_eq!(facts.disk.serial.as_deref(), Some("Z1D"));
    assert_eq!(facts.other_serials, ["ST1000_Z1D"]);
    assert!(facts.other_wwns.is_empty());
}

#[test]
fn what_is_no_disk_is_told_apart() {
    let root = tree(&[
        ("block/sr0/size", "1\n"),
        ("block/sdb/device/type", "5\n"),
        ("block/nvme0c0n1/hidden", "1\n"),
        ("block/md0/md/level", "raid1\n"),
        ("block/md1/md/level", "linear\n"),
        ("block/dm-0/dm/uuid", "LVM-abc\n"),
        ("block/dm-1/dm/uuid", "mpath-abc\n"),
    ]);
    let other = [
        "sr0",
        "sdb",
        "nvme0c0n1",
        "md1",
        "dm-0",
        "zram0",
        "ram1",
        "fd0",
        "mmcblk0boot0",
        "nbd3",
    ];
    for (names, kind) in [
        (&other[..], Kind::Other),
        (
            &["md0", "dm-1", "vda", "nvme0n1", "mmcblk0", "cciss!c0d0"],
            Kind::Disk,
        ),
        (&["loop3"], Kind::Loop),
    ] {
        for name in names {
            assert_eq!(device(root.path(), name).kind(), kind, "{name}");
        }
    }
    assert_eq!(
        device(root.path(), "cciss!c0d0").path(),
        Path::new("/dev/cciss/c0d0")
    );
}

#[test]
fn paths_of_a_multipath_map_are_members() {
    let root = tree(&[
        ("block/sda/holders/dm-0/dm/uuid", "mpath-3600\n"),
        ("block/sdb/size", "0\n"),
    ]);
    assert!(device(root.path(), "sda").is_multipath_member());
    assert!(!device(root.path(), "sdb").is_multipath_member());
}

#[test]
fn escapes_that_are_cut_short_stay_as_they_are() {
    assert_eq!(unescape(r"a\x20b\x2"), r"a b\x2");
    assert_eq!(unescape(r"\x"), r"\x");
}

const COLUMNS: &str = "KNAME,TYPE,SIZE,ROTA,LOG-SEC,PHY-SEC,MODEL,VENDOR,SERIAL,WWN,HCTL,TRAN";

fn in_words_of_lsblk(disk: &Disk) -> Value {
    json!({
        "size": disk.size, "rota": disk.rotational, "log-sec": disk.logical_sectors, "phy-sec": disk.physical_sectors,
        "model": disk.model, "vendor": disk.vendor, "serial": disk.serial, "wwn": disk.wwn, "hctl": disk.hctl,
        "tran": disk.tran,
    })
}

/// Neither they nor lsblk open a disk. Loop devices of other tests come and go.
#[test]
fn the_disks_of_this_machine_are_those_of_lsblk() {
    let own = LoopDisk::new(64 << 20, 4096);
    let arguments = ["--json", "--bytes", "--nodeps", "--output", COLUMNS];
    let shown = run("lsblk", &arguments).unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let mut compared = Vec::new();
    for row in shown["blockdevices"].as_array().unwrap() {
        let name = row["kname"].as_str().unwrap().replace('/', "!");
        let device = BlockDevice::new(Path::new("/sys/block"), Path::new("/dev/disk"), &name);
        let is_disk = row["type"] == "disk" && device.kind() == Kind::Disk;
        if !is_disk && device.path() != own.path() {
            continue;
        }
        let ours = in_words_of_lsblk(&device.facts(&Udev::of(&name)).disk);
        for (key, value) in ours.as_object().unwrap() {
            // What the kernel alone knows, lsblk leaves out.
            if !row[key].is_null() {
                assert_eq!(*value, row[key], "{key} of {name}");
            }
        }
        compared.push(device.path());
    }
    assert!(
        compared.iter().any(|path| path == own.path()),
        "{compared:?}"
    );
}
