//! Which pieces of hardware a device stands for: told before anything of it is written.

use std::fs;
use std::path::{Path, PathBuf};

use ferric_agent_protocol::inventory::Disk;

use super::block_device::{BlockDevice, Udev};

const SYSFS: &str = "/sys";
/// Volumes on volumes: more floors than this nobody makes.
const MAX_FLOORS: usize = 4;

/// Notes the serial numbers of the disks behind a device: of a partition its disk, of a volume all that it lies on.
pub(crate) fn announce(device: &Path) {
    for disk in disks_behind(Path::new(SYSFS), device) {
        tracing::info!(
            device = %device.display(),
            disk = disk.name,
            serial = disk.serial.as_deref(),
            model = disk.model.as_deref(),
            wwn = disk.wwn.as_deref(),
            size_bytes = disk.size,
            "a disk is going to be written"
        );
    }
}

/// None where the device is no block device.
fn disks_behind(sysfs: &Path, device: &Path) -> Vec<Disk> {
    let device = fs::canonicalize(device).unwrap_or_else(|_| device.to_owned());
    let Ok(name) = device.strip_prefix("/dev") else {
        return Vec::new();
    };
    let name = name.to_string_lossy().replace('/', "!");
    let Ok(directory) = fs::canonicalize(sysfs.join("class/block").join(name)) else {
        return Vec::new();
    };
    let mut names = disk_names(&directory, MAX_FLOORS);
    names.sort();
    names.dedup();
    let block = sysfs.join("block");
    let disk = |name: &String| {
        let device = BlockDevice::new(&block, Path::new("/dev/disk"), name);
        device.facts(&Udev::of(name)).disk
    };
    names.iter().map(disk).collect()
}

fn disk_names(directory: &Path, floors: usize) -> Vec<String> {
    let whole = if directory.join("partition").exists() {
        directory.parent().unwrap_or(directory)
    } else {
        directory
    };
    let below = if floors > 0 {
        members(whole)
    } else {
        Vec::new()
    };
    if below.is_empty() {
        let name = whole.file_name().unwrap_or_default();
        return vec![name.to_string_lossy().into_owned()];
    }
    let names = below.iter().flat_map(|path| disk_names(path, floors - 1));
    names.collect()
}

fn members(directory: &Path) -> Vec<PathBuf> {
    let links = fs::read_dir(directory.join("slaves"));
    let links = links.into_iter().flatten().flatten();
    links
        .filter_map(|link| fs::canonicalize(link.path()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Two disks with a partition each, a volume of these, and a partition of the volume.
    fn sysfs() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let directories = [
            "devices/ferric-a/ferric-a1",
            "devices/ferric-a/device",
            "devices/ferric-b/ferric-b1",
            "devices/ferric-b/device",
            "devices/ferric-v/ferric-v1",
            "devices/ferric-v/slaves",
            "block",
            "class/block",
        ];
        for directory in directories {
            fs::create_dir_all(at(directory)).unwrap();
        }
        for disk in ["a", "b", "v"] {
            let device = at(&format!("devices/ferric-{disk}"));
            let part = device.join(format!("ferric-{disk}1"));
            fs::write(part.join("partition"), "1\n").unwrap();
            symlink(&device, at(&format!("block/ferric-{disk}"))).unwrap();
            symlink(&device, at(&format!("class/block/ferric-{disk}"))).unwrap();
            symlink(&part, at(&format!("class/block/ferric-{disk}1"))).unwrap();
            if disk != "v" {
                let serial = format!("S-{disk}\n");
                fs::write(device.join("device/serial"), serial).unwrap();
                symlink(&part, at(&format!("devices/ferric-v/slaves/{disk}1"))).unwrap();
            }
        }
        root
    }

    #[test]
    fn the_disks_behind_a_device_are_told_with_their_serial_numbers() {
        let root = sysfs();
        let told = |device: &str| -> Vec<(String, Option<String>)> {
            let disks = disks_behind(root.path(), Path::new(device));
            let told = disks.into_iter().map(|disk| (disk.name, disk.serial));
            told.collect()
        };
        let one = |name: &str| {
            let device = format!("/dev/ferric-{name}");
            (device, Some(format!("S-{name}")))
        };
        assert_eq!(told("/dev/ferric-a"), [one("a")]);
        assert_eq!(told("/dev/ferric-b1"), [one("b")]);
        assert_eq!(told("/dev/ferric-v"), [one("a"), one("b")]);
        assert_eq!(told("/dev/ferric-v1"), [one("a"), one("b")]);
        for nothing in ["/dev/ferric-none", "/tmp/ferric-a"] {
            assert!(told(nothing).is_empty(), "{nothing}");
        }
    }
}
