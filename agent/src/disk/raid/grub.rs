//! What GRUB needs of a volume: BIOS knows nothing of RAID, so GRUB goes to each disk of it, and the system's own ramdisk
//! has to be told which volume its root is on.

use std::path::{Path, PathBuf};

use super::bench::Bench;
use super::error::RaidError;

/// The disks of a volume, each with a place for GRUB.
pub(super) fn prepare(bench: &impl Bench, volume: &Path) -> Result<Vec<PathBuf>, RaidError> {
    let arrays = bench.arrays()?;
    let found = arrays.iter().find(|one| one.device == volume);
    let found = found.ok_or_else(|| RaidError::NoVolume {
        device: volume.to_owned(),
    })?;
    let disks = found.disks();
    for disk in &disks {
        bench.check(disk)?;
    }
    for (index, disk) in disks.iter().enumerate() {
        bench.add_bios_boot(disk, &format!("bios-boot-part-{index}"))?;
    }
    Ok(disks)
}

/// The id that a volume has on its disks, as dracut takes it.
pub(super) fn id(bench: &impl Bench, volume: &Path) -> Result<Option<String>, RaidError> {
    let volume = volume.to_string_lossy();
    let told = bench.mdadm(&["--detail", "--export", &volume])?;
    Ok(id_in(&String::from_utf8_lossy(&told.stdout)))
}

fn id_in(told: &str) -> Option<String> {
    let id = told
        .lines()
        .find_map(|line| line.strip_prefix("MD_UUID="))?;
    let is_id = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
    (!id.is_empty() && id.bytes().all(is_id)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Played;
    use super::*;

    fn bench() -> Played {
        Played::new(&["sda", "sdb"]).with(&[("md0", "root", "raid1", &["sda1", "sdb1"])])
    }

    #[test]
    fn each_disk_of_the_volume_gets_a_place_for_grub() {
        let bench = bench();
        let disks = prepare(&bench, Path::new("/dev/md0")).unwrap();
        assert_eq!(disks, ["/dev/sda", "/dev/sdb"].map(PathBuf::from));
        let expected = [
            "bios boot /dev/sda bios-boot-part-0",
            "bios boot /dev/sdb bios-boot-part-1",
        ];
        assert_eq!(bench.notes(), expected);
        assert!(prepare(&bench, Path::new("/dev/sda")).is_err());
    }

    #[test]
    fn no_disk_is_written_if_one_must_not_be() {
        let bench = bench().refusing("/dev/sdb");
        prepare(&bench, Path::new("/dev/md0")).unwrap_err();
        assert!(bench.notes().is_empty(), "{:?}", bench.notes());
    }

    #[test]
    fn the_id_is_what_mdadm_tells_and_nothing_else() {
        let told =
            "MD_LEVEL=raid1\nMD_UUID=3aaa0122:29827cfa:5331ad66:ca767371\nMD_NAME=any:root\n";
        let expected = Some("3aaa0122:29827cfa:5331ad66:ca767371".to_owned());
        assert_eq!(id_in(told), expected);
        assert_eq!(id_in("MD_UUID=x\" init=/bin/sh\n"), None);
        assert_eq!(id_in("MD_UUID=\n"), None);
    }
}
