//! One block device as the kernel and udev describe it.
//!
//! The kernel's sysfs is always there; udev's database knows more (serial numbers that took a SCSI inquiry, links
//! by path) and is asked first, as lsblk does. The roots of both trees can be exchanged, for tests.

use std::fs;
use std::path::{Path, PathBuf};

use ferric_agent_protocol::hints::DiskFacts;
use ferric_agent_protocol::inventory::Disk;

/// What udev knows of a device; empty where udev does not run.
pub(super) trait Properties {
    fn get(&self, name: &str) -> Option<String>;
}

/// udev's database.
pub(super) struct Udev(Option<udev::Device>);

impl Udev {
    pub(super) fn of(kernel_name: &str) -> Self {
        let device =
            udev::Device::from_subsystem_sysname("block".to_owned(), kernel_name.to_owned());
        Self(device.ok())
    }
}

impl Properties for Udev {
    fn get(&self, name: &str) -> Option<String> {
        let value = self.0.as_ref()?.property_value(name)?;
        cleaned(&value.to_string_lossy())
    }
}

/// What kind of device it is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A disk, a RAID volume or a multipath map.
    Disk,
    Loop,
    /// Anything that never carries an operating system of its own: RAM disks, CD-ROM drives, floppies, mappings.
    Other,
}

/// A directory of `/sys/block`.
pub(super) struct BlockDevice {
    name: String,
    sysfs: PathBuf,
    device_links: PathBuf,
}

impl BlockDevice {
    /// `name` is the kernel's name; `sysfs_block` is `/sys/block` but for tests.
    pub(super) fn new(sysfs_block: &Path, device_links: &Path, name: &str) -> Self {
        let sysfs = sysfs_block.join(name);
        Self {
            name: name.to_owned(),
            sysfs,
            device_links: device_links.to_owned(),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        // The kernel writes `!` where the name of a node has a directory, as in cciss/c0d0.
        Path::new("/dev").join(self.name.replace('!', "/"))
    }

    pub(super) fn kind(&self) -> Kind {
        let prefix =
            |prefixes: &[&str]| prefixes.iter().any(|prefix| self.name.starts_with(prefix));
        if prefix(&["loop"]) {
            return Kind::Loop;
        }
        // The boot and replay areas of eMMC are no disks, though the kernel lists them as such.
        let is_emmc_area = self.name.starts_with("mmcblk")
            && (self.name.contains("boot") || self.name.contains("rpmb"));
        if prefix(&["ram", "zram", "fd", "sr", "nbd"])
            || is_emmc_area
            || self.is_scsi_cdrom()
            || self.flag("hidden")
        {
            return Kind::Other;
        }
        if prefix(&["dm-"]) {
            return self.mapper_kind();
        }
        if prefix(&["md"]) {
            let level = self.text("md/level").unwrap_or_default();
            return if level.starts_with("raid") {
                Kind::Disk
            } else {
                Kind::Other
            };
        }
        Kind::Disk
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.number("size").unwrap_or(0) * 512
    }

    /// Whether it is one path of a multipath map, which then stands for it.
    pub(super) fn is_multipath_member(&self) -> bool {
        let holders = fs::read_dir(self.sysfs.join("holders"));
        holders.into_iter().flatten().flatten().any(|holder| {
            let uuid = fs::read_to_string(holder.path().join("dm/uuid")).unwrap_or_default();
            uuid.starts_with("mpath-")
        })
    }

    /// Everything that the inventory and the hints know of a disk.
    pub(super) fn facts(&self, udev: &dyn Properties) -> DiskFacts {
        let first = |names: &[&str]| names.iter().find_map(|name| udev.get(name));
        let serials = self.all(
            udev,
            &[
                "SCSI_IDENT_SERIAL",
                "ID_SCSI_SERIAL",
                "ID_SERIAL_SHORT",
                "ID_SERIAL",
                "DM_SERIAL",
            ],
        );
        let mut serials = serials
            .into_iter()
            .chain(self.text("device/serial"))
            .chain(self.text("serial"));
        let wwns = self.all(udev, &["ID_WWN_WITH_EXTENSION", "ID_WWN", "DM_WWN"]);
        let mut wwns = wwns.into_iter().chain(self.kernel_wwn());
        let disk = Disk {
            name: self.path().to_string_lossy().into_owned(),
            model: self.model(udev),
            size: self.size_bytes(),
            rotational: self.flag("queue/rotational"),
            wwn: wwns.next(),
            serial: serials.next(),
            vendor: self.text("device/vendor"),
            wwn_with_extension: first(&["ID_WWN_WITH_EXTENSION", "DM_WWN_WITH_EXTENSION"]),
            wwn_vendor_extension: first(&["ID_WWN_VENDOR_EXTENSION", "DM_WWN_VENDOR_EXTENSION"]),
            hctl: self.hctl(),
            by_path: self.by_path(),
            logical_sectors: self.sectors("queue/logical_block_size"),
            physical_sectors: self.sectors("queue/physical_block_size"),
            tran: self.transport(),
        };
        DiskFacts {
            other_serials: distinct(serials, disk.serial.as_ref()),
            other_wwns: distinct(wwns, disk.wwn.as_ref()),
            disk,
        }
    }

    fn all(&self, udev: &dyn Properties, names: &[&str]) -> Vec<String> {
        names.iter().filter_map(|name| udev.get(name)).collect()
    }

    fn is_scsi_cdrom(&self) -> bool {
        const SCSI_CDROM: &str = "5";
        self.text("device/type").as_deref() == Some(SCSI_CDROM)
    }

    fn mapper_kind(&self) -> Kind {
        let uuid = self.text("dm/uuid").unwrap_or_default();
        let is_disk = uuid.starts_with("mpath-") || uuid.starts_with("DMRAID-");
        if is_disk { Kind::Disk } else { Kind::Other }
    }

    fn model(&self, udev: &dyn Properties) -> Option<String> {
        let encoded = udev
            .get("ID_MODEL_ENC")
            .and_then(|text| cleaned(&unescape(&text)));
        encoded
            .or_else(|| udev.get("ID_MODEL"))
            .or_else(|| self.text("device/model"))
    }

    /// NVMe and virtio have it at the disk, SCSI at the device: `naa.5000c500...`, `eui.0025...`.
    fn kernel_wwn(&self) -> Option<String> {
        let wwid = self.text("wwid").or_else(|| self.text("device/wwid"))?;
        match wwid.strip_prefix("naa.") {
            Some(digits) => Some(format!("0x{digits}")),
            None => wwid.starts_with("eui.").then_some(wwid),
        }
    }

    /// `host:channel:target:lun`, the name of the device behind a SCSI disk.
    fn hctl(&self) -> Option<String> {
        let device = fs::canonicalize(self.sysfs.join("device")).ok()?;
        let name = device.file_name()?.to_str()?;
        let parts: Vec<_> = name.split(':').collect();
        let is_number =
            |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        (parts.len() == 4 && parts.iter().all(is_number)).then(|| name.to_owned())
    }

    fn by_path(&self) -> Option<String> {
        let node = fs::canonicalize(self.path()).ok()?;
        let entries = fs::read_dir(self.device_links.join("by-path")).ok()?;
        let mut links: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        // udev may link a SATA disk twice, with and without the link's number; the shorter name is the older form.
        links.sort();
        let found = links
            .into_iter()
            .find(|link| fs::canonicalize(link).is_ok_and(|target| target == node))?;
        Some(found.to_string_lossy().into_owned())
    }

    /// The names that lsblk gives transports.
    fn transport(&self) -> Option<String> {
        let kernel_name = |prefix: &str| self.name.starts_with(prefix);
        let name = match () {
            () if kernel_name("nvme") => "nvme",
            () if kernel_name("vd") => "virtio",
            () if kernel_name("mmcblk") => "mmc",
            () => return self.scsi_transport().map(str::to_owned),
        };
        Some(name.to_owned())
    }

    fn scsi_transport(&self) -> Option<&'static str> {
        let device = fs::canonicalize(self.sysfs.join("device")).ok()?;
        let path = device.to_string_lossy();
        let host = path.split('/').rev().find(|part| is_scsi_host(part))?;
        let class = self.sysfs.parent()?.parent()?.join("class");
        let is = |kind: &str| class.join(kind).join(host).exists();
        if is("spi_host") {
            return Some("spi");
        } else if is("fc_host") {
            return Some("fc");
        } else if is("sas_host") || device.join("sas_device").exists() {
            return Some("sas");
        } else if is("iscsi_host") {
            return Some("iscsi");
        } else if path.contains("/usb") {
            return Some("usb");
        }
        let driver = fs::read_to_string(class.join("scsi_host").join(host).join("proc_name"))
            .unwrap_or_default();
        match driver.trim() {
            driver if driver == "ahci" || driver.starts_with("sata") => Some("sata"),
            driver if driver.contains("ata") || path.contains("/ata") => Some("ata"),
            _ => None,
        }
    }

    fn sectors(&self, file: &str) -> Option<u32> {
        self.number(file)
            .and_then(|bytes| u32::try_from(bytes).ok())
    }

    fn flag(&self, file: &str) -> bool {
        self.number(file) == Some(1)
    }

    fn number(&self, file: &str) -> Option<u64> {
        self.text(file)?.parse().ok()
    }

    fn text(&self, file: &str) -> Option<String> {
        cleaned(&fs::read_to_string(self.sysfs.join(file)).ok()?)
    }
}

fn is_scsi_host(part: &str) -> bool {
    part.strip_prefix("host")
        .is_some_and(|number| number.parse::<u32>().is_ok())
}

fn distinct(values: impl Iterator<Item = String>, first: Option<&String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for value in values {
        if Some(&value) != first && !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

/// Without NULs and outer spaces; `None` when nothing is left.
fn cleaned(text: &str) -> Option<String> {
    let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// udev writes what is no letter as `\x20`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match rest {
            [b'\\', b'x', high, low, ..] => {
                let digits = [*high, *low];
                std::str::from_utf8(&digits)
                    .ok()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            }
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &rest[4..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::symlink;

    use super::*;

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
}
