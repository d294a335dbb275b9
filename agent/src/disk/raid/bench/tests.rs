//! The machine on loop devices.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use nix::libc;

use super::*;
use crate::disk::EraseError;
use crate::disk::table::Partition;
use crate::disk::testing::LoopDisk;

const MIB: u64 = 1 << 20;

fn layout(disk: &LoopDisk, label: DiskLabel, sectors_in_mib: u64) -> DiskLayout {
    let partition = |number: u32, first: u64, end: u64| Partition {
        number,
        first: first * sectors_in_mib,
        last: end * sectors_in_mib - 1,
    };
    DiskLayout {
        path: disk.path().to_owned(),
        label,
        partitions: vec![partition(1, 551, 600), partition(2, 600, 700)],
    }
}

#[test]
fn a_disk_gets_its_partitions_and_later_an_esp_while_they_are_in_use() {
    for sector_bytes in [512, 4096] {
        let disk = LoopDisk::new(800 * MIB, sector_bytes);
        let (host, path) = (disk.host(), disk.path());
        let machine = Machine::new(&host);
        assert!(!machine.has_partitions(path).unwrap());
        let layout = layout(&disk, DiskLabel::Gpt, MIB / u64::from(sector_bytes));
        machine.write_table(&layout).unwrap();
        assert!(machine.has_partitions(path).unwrap());
        let second = machine.partition(path, 2).unwrap();
        let in_use = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_EXCL)
            .open(&second)
            .unwrap();
        assert_eq!(machine.add_esp(path, "uefi-holder-0").unwrap(), 3);
        let esp = machine.partition(path, 3).unwrap();
        let size = |file: File| crate::disk::ioctl::size_bytes(&file).unwrap();
        assert_eq!(size(File::open(esp).unwrap()), ESP_MIB * MIB);
        assert_eq!(machine.add_esp(path, "uefi-holder-0").unwrap(), 3);
        drop(in_use);
        machine.clear(path).unwrap();
        assert!(!machine.has_partitions(path).unwrap());
    }
}

#[test]
fn an_mbr_gets_partitions_but_no_esp() {
    let disk = LoopDisk::new(800 * MIB, 512);
    let host = disk.host();
    let machine = Machine::new(&host);
    machine
        .write_table(&layout(&disk, DiskLabel::Msdos, 2048))
        .unwrap();
    machine.partition(disk.path(), 2).unwrap();
    let refused = machine.add_esp(disk.path(), "uefi-holder-0");
    assert!(matches!(refused, Err(RaidError::NoGpt { .. })));
    machine.add_bios_boot(disk.path(), "bios-boot-0").unwrap();
    assert_eq!(disk.partition_count(), 2);
}

#[test]
fn a_gpt_gets_one_place_for_grub_before_the_volumes() {
    let disk = LoopDisk::new(800 * MIB, 512);
    let (host, path) = (disk.host(), disk.path());
    let machine = Machine::new(&host);
    let layout = layout(&disk, DiskLabel::Gpt, 2048);
    machine.write_table(&layout).unwrap();
    for _ in 0..2 {
        machine.add_bios_boot(path, "bios-boot-0").unwrap();
    }
    let open = OpenDisk::open(&host.permits_device(path).unwrap()).unwrap();
    let Table::Gpt(gpt) = read_table(&open).unwrap() else {
        panic!("the disk has a GPT");
    };
    assert_eq!(gpt.partitions().len(), 3);
    let added = gpt.named("bios-boot-0").unwrap();
    assert_eq!((added.first, added.last), (2048, 3 * 2048 - 1));
    assert_eq!(gpt.kind(added.number), Some(BIOS_BOOT));
}

#[test]
fn a_disk_that_was_not_named_is_refused() {
    let (named, other) = (LoopDisk::new(800 * MIB, 512), LoopDisk::new(800 * MIB, 512));
    let host = named.host();
    let machine = Machine::new(&host);
    let layout = layout(&other, DiskLabel::Gpt, 2048);
    for refused in [
        machine.check(other.path()),
        machine.write_table(&layout),
        machine.clear(other.path()),
        machine.add_esp(other.path(), "x").map(|_| ()),
    ] {
        assert!(refused.is_err());
    }
    assert!(host.permits_all_disks().is_err());
    assert_eq!(other.partition_count(), 0);
}

#[test]
fn a_shared_file_system_is_protected_unless_the_node_says_otherwise() {
    let disk = LoopDisk::new(16 * MIB, 512);
    let file = OpenOptions::new().write(true).open(disk.path()).unwrap();
    let gfs2 = [0x01, 0x16, 0x19, 0x70, 0, 0, 0, 1];
    file.write_all_at(&gfs2, 64 << 10).unwrap();
    file.sync_all().unwrap();
    drop(file);
    let (host, path) = (disk.host(), disk.path());
    let machine = Machine::new(&host);
    for refused in [machine.check_content(path), machine.clear(path)] {
        let is_shared = matches!(refused, Err(RaidError::Erase(EraseError::Shared { .. })));
        assert!(is_shared, "{refused:?}");
    }
    let node = crate::disk::raid::testing::node(&serde_json::json!({
        "driver_internal_info": {"wipe_special_filesystems": true},
    }));
    let machine = Machine::of(&host, &node).unwrap();
    machine.check_content(path).unwrap();
    machine.clear(path).unwrap();
    Machine::new(&host).check_content(path).unwrap();
}

#[test]
fn a_disk_whose_partitions_the_kernel_does_not_show_is_refused() {
    let disk = LoopDisk::unscanned(16 * MIB);
    let host = disk.host();
    let refused = Machine::new(&host).has_partitions(disk.path());
    assert!(matches!(refused, Err(RaidError::NotShown { .. })));
}

/// The same sum that every GPT has.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

#[test]
fn an_esp_is_added_whatever_a_header_says_of_the_second_copy() {
    let disk = LoopDisk::new(800 * MIB, 512);
    let host = disk.host();
    let machine = Machine::new(&host);
    machine
        .write_table(&layout(&disk, DiskLabel::Gpt, 2048))
        .unwrap();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(disk.path())
        .unwrap();
    let mut header = [0; 512];
    file.read_exact_at(&mut header, 512).unwrap();
    // Where the second copy is: beyond what bytes can be counted in.
    header[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    header[16..20].fill(0);
    let sum = checksum(&header[..92]);
    header[16..20].copy_from_slice(&sum);
    file.write_all_at(&header, 512).unwrap();
    file.write_all_at(&[0; 512], 800 * MIB - 512).unwrap();
    file.sync_all().unwrap();
    drop(file);
    assert_eq!(machine.add_esp(disk.path(), "uefi-holder-0").unwrap(), 3);
    let mut copy = [0; 512];
    let file = File::open(disk.path()).unwrap();
    file.read_exact_at(&mut copy, 800 * MIB - 512).unwrap();
    assert!(copy.starts_with(b"EFI PART"), "{copy:x?}");
}
