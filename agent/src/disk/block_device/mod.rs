//! One block device as the kernel and udev describe it.
//!
//! The kernel's sysfs is always there; udev's database knows more (serial numbers that took a SCSI inquiry, links
//! by path) and is asked first, as lsblk does. The roots of both trees can be exchanged, for tests.

use std::fs;
use std::path::{Path, PathBuf};

use ferric_agent_protocol::hints::DiskFacts;
use ferric_agent_protocol::inventory::Disk;

use crate::host::names;

mod properties;

pub(super) use properties::{Properties, Udev};
use properties::{cleaned, unescape};

/// What kind of device it is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A disk, a RAID volume or a multipath map.
    Disk,
    Loop,
    /// Anything that never carries an operating system of its own: RAM disks, CD-ROM drives, floppies, mappings.
    Other,
}

/// What the paths to one disk have in common, and no two disks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unit {
    wwid: String,
    serial: Option<String>,
    size_bytes: u64,
}

/// What the name of a multipath map's table begins with.
const MAP: &str = "mpath-";

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

    pub(super) fn name(&self) -> &str {
        &self.name
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
            uuid.starts_with(MAP)
        })
    }

    /// Whether something is made of it or of a partition of it.
    pub(super) fn is_held(&self) -> bool {
        let inner = names(&self.sysfs).into_iter();
        let partitions = inner
            .map(|name| self.sysfs.join(name))
            .filter(|path| path.join("partition").exists());
        let mut all = partitions.chain([self.sysfs.clone()]);
        all.any(|path| !names(&path.join("holders")).is_empty())
    }

    /// The paths of a multipath map; none of any other device.
    pub(super) fn paths(&self) -> Vec<Self> {
        let is_map = self
            .text("dm/uuid")
            .is_some_and(|uuid| uuid.starts_with(MAP));
        let Some(block) = self.sysfs.parent().filter(|_| is_map) else {
            return Vec::new();
        };
        let slaves = names(&self.sysfs.join("slaves"));
        let path = |name: &String| Self::new(block, &self.device_links, name);
        slaves.iter().map(path).collect()
    }

    /// `None` where nothing tells the disk from all others. Some makers give all disks of a model one WWID, so the
    /// serial number counts as well.
    pub(super) fn unit(&self) -> Option<Unit> {
        let wwid = self.text("device/wwid").or_else(|| self.text("wwid"))?;
        let serial = self.text("device/serial").or_else(|| self.serial_of_scsi());
        let is_of_model = wwid.starts_with("t10.") && serial.is_none();
        (!is_of_model).then(|| Unit {
            wwid,
            serial,
            size_bytes: self.size_bytes(),
        })
    }

    /// Of the page "unit serial number" (SPC-4, 7.8.14).
    fn serial_of_scsi(&self) -> Option<String> {
        const HEADER_BYTES: usize = 4;
        let page = fs::read(self.sysfs.join("device/vpd_pg80")).ok()?;
        cleaned(&String::from_utf8_lossy(page.get(HEADER_BYTES..)?))
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
            paths: Vec::new(),
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
        let is_disk = uuid.starts_with(MAP) || uuid.starts_with("DMRAID-");
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

#[cfg(test)]
mod tests;
