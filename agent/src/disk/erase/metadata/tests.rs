//! Disks full of signatures are cleared; blkid, wipefs and the kernel find nothing afterwards.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;

use uuid::Uuid;

use super::*;
use crate::disk::table::{Entry, Gpt, Mark, Mbr, Table};
use crate::disk::testing::LoopDisk;
use crate::image::testing::FileDisk;
use crate::run::run;

const MIB: u64 = 1 << 20;

fn shell(disk: &Path, script: &str) {
    run("sh", &["-ec", script, "sh", disk.to_str().unwrap()]).unwrap();
}

/// What wipefs would still remove.
fn signatures(path: &Path) -> String {
    let output = run("wipefs", &["-n", "--noheadings", path.to_str().unwrap()]).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn erase(disk: &FileDisk) -> Result<(), EraseError> {
    erase_device_metadata(&disk.host, disk.path(), SharedFileSystems::Protect)
}

#[test]
fn every_kind_of_signature_on_a_whole_disk_is_gone() {
    for make in [
        "sgdisk -o -n 1:2048:+20M -n 2:0:0 \"$1\" >/dev/null",
        "printf 'label: dos\\n,20M\\n' | sfdisk -q --wipe always \"$1\"",
        "mkfs.ext4 -qF \"$1\"",
        "mkfs.vfat \"$1\" >/dev/null",
        "mkswap -q \"$1\"",
    ] {
        let disk = FileDisk::new(60 * MIB);
        disk.file.as_file().write_all_at(&[0; 1 << 20], 0).unwrap();
        shell(disk.path(), make);
        assert_ne!(signatures(disk.path()), "", "{make}");
        erase(&disk).unwrap();
        assert_eq!(signatures(disk.path()), "", "{make}");
        disk.assert_has_no_table();
    }
}

#[test]
fn md_superblocks_of_every_version_are_gone() {
    // Where md keeps them: at the start, 4 KiB into the disk, and near the end.
    let magic = 0xa92b_4efc_u32.to_le_bytes();
    let disk = FileDisk::new(60 * MIB);
    for offset in [0, 4096, 60 * MIB - 8192, 60 * MIB - 65536] {
        disk.file.as_file().write_all_at(&magic, offset).unwrap();
    }
    erase(&disk).unwrap();
    disk.assert_has_no_table();
}

#[test]
fn marks_that_lie_further_in_are_gone() {
    let marks: [(u64, &[u8]); 4] = [
        (1 << 20, &[0x0d, 0xd0, 0x01, 0xc0]), // VMFS, the volume
        (2 << 20, &[0x5e, 0xf1, 0xab, 0x2f]), // VMFS, the file system
        (2 << 20, b"SKUL\xba\xbe"),
        (4 << 20, b"SKUL\xba\xbe"),
    ];
    for (offset, mark) in marks {
        let disk = FileDisk::new(60 * MIB);
        disk.file.as_file().write_all_at(mark, offset).unwrap();
        let garbage_at = 3 * MIB;
        let before = disk.bytes();
        erase_device_metadata(&disk.host, disk.path(), SharedFileSystems::Erase).unwrap();
        let after = disk.bytes();
        let range = |at: u64, length: usize| {
            let at = usize::try_from(at).unwrap();
            at..at + length
        };
        let place = range(offset, mark.len());
        assert!(after[place].iter().all(|byte| *byte == 0), "{offset}");
        let kept = range(garbage_at, 4096);
        assert!(after[kept.clone()] == before[kept], "only marks go");
    }
}

#[test]
fn what_is_left_of_a_partition_that_ends_beyond_the_disk_is_cleared() {
    let disk = FileDisk::new(60 * MIB);
    disk.file.as_file().write_all_at(&[0; 1 << 20], 0).unwrap();
    shell(disk.path(), "sgdisk -o -n 1:40960:0 \"$1\" >/dev/null");
    disk.file.as_file().set_len(40 * MIB).unwrap();
    let start = 20 << 20;
    assert!(
        disk.bytes()[start..start + 4096]
            .iter()
            .any(|byte| *byte != 0)
    );
    erase(&disk).unwrap();
    assert!(
        disk.bytes()[start..start + (1 << 20)]
            .iter()
            .all(|byte| *byte == 0)
    );
    disk.assert_has_no_table();
}

#[test]
fn partitions_of_a_real_block_device_are_cleared_before_its_table() {
    let disk = LoopDisk::new(100 * MIB, 512);
    shell(
        disk.path(),
        "sgdisk -o -n 1:2048:+40M -n 2:0:0 \"$1\" >/dev/null; partprobe \"$1\"",
    );
    for number in [1, 2] {
        let node = disk.partition(number);
        shell(&node, "mkfs.ext4 -qF \"$1\"");
    }
    erase_device_metadata(&disk.host(), disk.path(), SharedFileSystems::Protect).unwrap();
    assert_eq!(signatures(disk.path()), "");
    assert_eq!(
        disk.partition_count(),
        0,
        "the kernel forgot the partitions"
    );
    // The same table again would show the old file systems if they were still there.
    shell(
        disk.path(),
        "sgdisk -o -n 1:2048:+40M -n 2:0:0 \"$1\" >/dev/null; partprobe \"$1\"",
    );
    for number in [1, 2] {
        assert_eq!(
            signatures(&disk.partition(number)),
            "",
            "partition {number}"
        );
    }
}

#[test]
fn logical_partitions_are_found_by_the_kernel() {
    let disk = LoopDisk::new(100 * MIB, 512);
    let table = "printf 'label: dos\\n,20M\\n,,E\\n,20M\\n,20M\\n' | sfdisk -q --wipe always \"$1\"; partprobe \"$1\"";
    shell(disk.path(), table);
    shell(&disk.partition(6), "mkfs.ext4 -qF \"$1\"");
    erase_device_metadata(&disk.host(), disk.path(), SharedFileSystems::Protect).unwrap();
    shell(disk.path(), table);
    assert_eq!(signatures(&disk.partition(6)), "");
}

#[test]
fn a_disk_that_is_in_use_is_left_alone() {
    let disk = LoopDisk::new(60 * MIB, 512);
    shell(
        disk.path(),
        "sgdisk -o -n 1:2048:0 \"$1\" >/dev/null; partprobe \"$1\"",
    );
    let node = disk.partition(1);
    shell(&node, "mkfs.ext4 -qF \"$1\"");
    let point = tempfile::tempdir().unwrap();
    run(
        "mount",
        &[node.to_str().unwrap(), point.path().to_str().unwrap()],
    )
    .unwrap();
    let host = disk.host();
    let error = erase_device_metadata(&host, disk.path(), SharedFileSystems::Protect)
        .unwrap_err()
        .to_string();
    run("umount", &[point.path().to_str().unwrap()]).unwrap();
    assert!(
        error.contains("is mounted") || error.contains("is in use"),
        "{error}"
    );
    assert_ne!(signatures(&node), "");
}

#[test]
fn a_read_only_disk_is_named() {
    let disk = LoopDisk::new(60 * MIB, 512);
    run("blockdev", &["--setro", disk.path().to_str().unwrap()]).unwrap();
    let error =
        erase_device_metadata(&disk.host(), disk.path(), SharedFileSystems::Protect).unwrap_err();
    assert!(error.to_string().contains("is read-only"), "{error}");
}

#[test]
fn shared_file_systems_are_protected_unless_told_otherwise() {
    let gpt = |kind: &str| format!("sgdisk -o -n 1:2048:0 -t 1:{kind} \"$1\" >/dev/null");
    for (make, name) in [
        (gpt("37AFFC90-EF7D-4E96-91C3-2D7AE055B174"), "GPFS"),
        (gpt("aa31e02a-400f-11db-9590-000c2911d1b8"), "VMFS"),
        ("printf 'label: dos\\n,20M,fb\\n' | sfdisk -q --wipe always \"$1\"".to_owned(), "VMFS"),
        ("printf '\\001\\026\\031\\160\\000\\000\\000\\001' | dd of=\"$1\" bs=65536 seek=1 conv=notrunc status=none".to_owned(), "GFS2"),
        (format!("{}; printf '\\001\\026\\031\\160\\000\\000\\000\\001' | dd of=\"$1\" bs=65536 seek=17 conv=notrunc status=none", gpt("8300")), "GFS2"),
    ] {
        let disk = FileDisk::new(60 * MIB);
        disk.file.as_file().write_all_at(&[0; 1 << 20], 0).unwrap();
        shell(disk.path(), &make);
        let before = disk.bytes();
        let error = erase(&disk).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("wipe_special_filesystems"), "{make}: {error}");
        assert!(disk.bytes() == before, "{make}");
        erase_device_metadata(&disk.host, disk.path(), SharedFileSystems::Erase).unwrap();
        disk.assert_has_no_table();
    }
}

#[test]
fn a_shared_file_system_is_seen_by_a_table_for_other_sectors() {
    let disk = FileDisk::new(60 * MIB);
    let mut gpt = Gpt::create(60 * MIB / 4096, 4096, Uuid::new_v4()).unwrap();
    let gpfs = Uuid::from_u128(0x37af_fc90_ef7d_4e96_91c3_2d7a_e055_b174);
    let entry = Entry {
        first: 256,
        last: 1023,
        kind: gpfs,
        id: Uuid::new_v4(),
        name: "shared",
    };
    gpt.add(entry).unwrap();
    for change in Table::Gpt(gpt).changes() {
        let file = disk.file.as_file();
        file.write_all_at(&change.bytes, change.offset).unwrap();
    }
    let error = erase(&disk).unwrap_err().to_string();
    assert!(error.contains("GPFS"), "{error}");
}

const VMFS: Uuid = Uuid::from_u128(0xaa31_e02a_400f_11db_9590_000c_2911_d1b8);
const LINUX: Uuid = Uuid::from_u128(0x0fc6_3daf_8483_4772_8e79_3d69_d847_7de4);
/// Where the partition of such a disk begins.
const PLACE: u64 = 20 * MIB;

/// A disk with a GPT of one partition of this type, whose first copy is damaged by these bytes.
fn damaged(kind: Uuid, sector_bytes: u32, (offset, bytes): (u64, &[u8])) -> FileDisk {
    let disk = FileDisk::new(60 * MIB);
    let sector = u64::from(sector_bytes);
    let mut gpt = Gpt::create(60 * MIB / sector, sector_bytes, Uuid::new_v4()).unwrap();
    let entry = Entry {
        first: PLACE / sector,
        last: (PLACE + 4 * MIB) / sector - 1,
        kind,
        id: Uuid::new_v4(),
        name: "shared",
    };
    gpt.add(entry).unwrap();
    let file = disk.file.as_file();
    for change in gpt.changes() {
        file.write_all_at(&change.bytes, change.offset).unwrap();
    }
    file.write_all_at(bytes, offset).unwrap();
    disk
}

#[test]
fn a_shared_file_system_is_seen_by_the_second_copy_of_a_damaged_table() {
    let nothing = vec![0; 1 << 20];
    for sector_bytes in [512, 4096] {
        let header = u64::from(sector_bytes);
        let damages: [(u64, &[u8]); 4] = [
            (header, &[0; 8]),
            (header + 16, &[0xff; 4]),
            (2 * header, &[0xff; 16]),
            (0, &nothing),
        ];
        for damage in damages {
            let disk = damaged(VMFS, sector_bytes, damage);
            let before = disk.bytes();
            let error = erase(&disk).unwrap_err().to_string();
            assert!(
                error.contains("a VMFS file system"),
                "{sector_bytes}: {error}"
            );
            assert!(disk.bytes() == before);
            let all = SharedFileSystems::Erase;
            erase_device_metadata(&disk.host, disk.path(), all).unwrap();
            disk.assert_has_no_table();
        }
    }
}

#[test]
fn what_only_the_second_copy_names_is_cleared() {
    let disk = damaged(LINUX, 512, (512, &[0; 8]));
    erase(&disk).unwrap();
    let start = usize::try_from(PLACE).unwrap();
    let place = &disk.bytes()[start..start + (1 << 20)];
    assert!(place.iter().all(|byte| *byte == 0));
}

#[test]
fn a_second_copy_that_an_older_table_has_left_says_nothing() {
    let mut mbr = Mbr::create(7);
    mbr.add(2048, 4095, 0x83, Mark::Plain).unwrap();
    let mut head = mbr.bytes().to_vec();
    head.resize(1 << 20, 0);
    let disk = damaged(VMFS, 512, (0, &head));
    erase(&disk).unwrap();
    disk.assert_has_no_table();
}

/// As with bad sectors there that are replaced when they are written.
#[test]
fn an_end_that_cannot_be_read_does_not_stop_the_erasure() {
    let disk = damaged(LINUX, 512, (512, &[0; 8]));
    let opened = open(&disk.host, disk.path()).unwrap();
    disk.file.as_file().set_len(60 * MIB - 4096).unwrap();
    let areas = look_at(&opened, SharedFileSystems::Protect).unwrap();
    assert_eq!(areas, []);
    clear_open(&opened, areas).unwrap();
    drop(opened);
    assert_eq!(disk.bytes().len() as u64, 60 * MIB);
    disk.assert_has_no_table();
}

#[test]
fn a_damaged_table_does_not_stop_the_erasure() {
    let disk = FileDisk::new(60 * MIB);
    disk.file.as_file().write_all_at(&[0; 1 << 20], 0).unwrap();
    shell(disk.path(), "sgdisk -o -n 1:2048:0 \"$1\" >/dev/null");
    disk.file.as_file().write_all_at(&[0xff; 8], 1024).unwrap();
    erase(&disk).unwrap();
    disk.assert_has_no_table();
}

#[test]
fn an_ordinary_host_is_not_erased() {
    let disk = FileDisk::new(60 * MIB);
    let before = disk.bytes();
    let stranger = Host::detect(&[]).unwrap();
    let error =
        erase_device_metadata(&stranger, disk.path(), SharedFileSystems::Protect).unwrap_err();
    assert!(error.to_string().contains("--only-device"), "{error}");
    assert!(disk.bytes() == before);
    // Nothing is visible here, so nothing is to be erased.
    assert_eq!(erase_metadata(&stranger, None).unwrap(), []);
}

#[test]
fn all_visible_disks_but_the_skipped_ones_are_erased() {
    let (first, second) = (LoopDisk::new(60 * MIB, 512), LoopDisk::new(60 * MIB, 512));
    for disk in [&first, &second] {
        shell(disk.path(), "sgdisk -o -n 1:2048:0 \"$1\" >/dev/null");
    }
    let host = Host::detect(&[first.path().to_owned(), second.path().to_owned()]).unwrap();
    let node: Node = serde_json::from_value(serde_json::json!({
        "uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781",
        "properties": {"skip_block_devices": [{"name": second.path()}]},
    }))
    .unwrap();
    let records = erase_metadata(&host, Some(&node)).unwrap();
    assert_eq!(
        outcomes(&records),
        BTreeMap::from([(name(&first), &cleared())])
    );
    assert!(records[0].started_at <= records[0].finished_at);
    assert_eq!(records[0].size_bytes, 60 << 20);
    assert_eq!(signatures(first.path()), "");
    assert_ne!(signatures(second.path()), "");
    run("blockdev", &["--setro", second.path().to_str().unwrap()]).unwrap();
    let partly = erase_metadata(&host, None).unwrap_err();
    assert!(partly.to_string().contains("is read-only"), "{partly}");
    assert_eq!(
        outcomes(&partly.records),
        BTreeMap::from([(name(&first), &cleared())])
    );
    let skipping: Node = serde_json::from_value(serde_json::json!({
        "uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781",
        "driver_internal_info": {"agent_erase_skip_read_only": true},
    }))
    .unwrap();
    let records = erase_metadata(&host, Some(&skipping)).unwrap();
    let reason = "it is read-only".to_owned();
    let left = EraseOutcome::Skipped { reason };
    assert_eq!(
        outcomes(&records),
        BTreeMap::from([(name(&first), &cleared()), (name(&second), &left)])
    );
}

fn name(disk: &LoopDisk) -> &str {
    disk.path().to_str().unwrap()
}

fn outcomes(records: &[EraseRecord]) -> BTreeMap<&str, &EraseOutcome> {
    let outcomes = records.iter();
    outcomes
        .map(|record| (record.device.as_str(), &record.outcome))
        .collect()
}
