//! Tables made by sgdisk and sfdisk are read; tables made here are found sound by sgdisk.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use uuid::Uuid;

use super::*;
use crate::run::run;

const MIB: u64 = 1 << 20;

/// A disk in a file.
struct Disk {
    file: tempfile::NamedTempFile,
}

impl Disk {
    fn new(mib: u64) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(mib * MIB).unwrap();
        Self { file }
    }

    fn path(&self) -> &str {
        self.file.path().to_str().unwrap()
    }

    fn sgdisk(&self, arguments: &[&str]) -> String {
        let output = run("sgdisk", &[arguments, &[self.path()]].concat()).unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn prefix(&self) -> Vec<u8> {
        let mut prefix = vec![0; PREFIX_BYTES];
        self.file.as_file().read_exact_at(&mut prefix, 0).unwrap();
        prefix
    }

    fn apply(&self, gpt: &Gpt) {
        let file: &File = self.file.as_file();
        for change in gpt.changes() {
            file.write_all_at(&change.bytes, change.offset).unwrap();
        }
    }

    fn gpt(&self) -> Gpt {
        match Table::parse(&self.prefix(), 512).unwrap() {
            Table::Gpt(gpt) => gpt,
            Table::Mbr(_) => panic!("no GPT"),
        }
    }
}

#[test]
fn a_gpt_of_sgdisk_grows_with_the_disk_and_sgdisk_finds_it_sound() {
    let disk = Disk::new(100);
    disk.sgdisk(&[
        "-n",
        "1:2048:+10M",
        "-c",
        "1:root",
        "-n",
        "5:0:+5M",
        "-t",
        "5:ef00",
    ]);
    let ids: Vec<_> = [1, 5].map(|number| disk.gpt().id(number)).into();
    disk.file.as_file().set_len(300 * MIB).unwrap();

    let mut gpt = disk.gpt();
    gpt.span(300 * MIB / 512).unwrap();
    disk.apply(&gpt);
    assert!(
        disk.sgdisk(&["-v"]).contains("No problems found"),
        "{}",
        disk.sgdisk(&["-v"])
    );
    let numbers: Vec<_> = gpt
        .partitions()
        .iter()
        .map(|partition| partition.number)
        .collect();
    assert_eq!(numbers, [1, 5]);
    assert_eq!(ids, [1, 5].map(|number| disk.gpt().id(number)));
    // The protective MBR covers the new size.
    assert_eq!(
        u32_at(&disk.prefix(), 446 + 12),
        u32::try_from(300 * MIB / 512 - 1).unwrap()
    );
}

#[test]
fn a_partition_added_at_the_end_is_what_sgdisk_sees() {
    let disk = Disk::new(200);
    disk.sgdisk(&["-n", "1:2048:+10M"]);
    let mut gpt = disk.gpt();
    gpt.span(200 * MIB / 512).unwrap();
    let kind = Uuid::parse_str("0FC63DAF-8483-4772-8E79-3D69D8477DE4").unwrap();
    let id = Uuid::parse_str("11223344-5566-7788-99aa-bbccddeeff00").unwrap();
    let added = gpt.add_at_end(64, kind, id, "config-2").unwrap();
    disk.apply(&gpt);
    assert!(disk.sgdisk(&["-v"]).contains("No problems found"));
    assert_eq!(added.number, 2);
    let shown = disk.sgdisk(&["-i", "2"]);
    assert!(
        shown.contains("11223344-5566-7788-99AA-BBCCDDEEFF00"),
        "{shown}"
    );
    assert!(shown.contains("Partition name: 'config-2'"), "{shown}");
    assert!(
        shown.contains("Partition size: 131072 sectors (64.0 MiB)"),
        "{shown}"
    );
    assert!(shown.contains("Linux filesystem"), "{shown}");
    assert_eq!(added.first % 2048, 0);
}

#[test]
fn a_full_disk_has_no_room() {
    let disk = Disk::new(100);
    disk.sgdisk(&["-n", "1:2048:0"]);
    let error = disk
        .gpt()
        .add_at_end(64, Uuid::nil(), Uuid::nil(), "")
        .unwrap_err();
    assert_eq!(error, TableError::NoRoom(64));
}

#[test]
fn an_image_that_reaches_beyond_the_disk_is_refused() {
    let disk = Disk::new(100);
    disk.sgdisk(&["-n", "1:2048:0"]);
    assert_eq!(
        disk.gpt().span(50 * MIB / 512).unwrap_err(),
        TableError::BeyondEnd { number: 1 }
    );
    assert!(disk.gpt().span(10).is_err());
}

#[test]
fn an_mbr_of_sfdisk_is_read_and_extended() {
    let disk = Disk::new(200);
    let mut script = tempfile::NamedTempFile::new().unwrap();
    script
        .write_all(b"label: dos\n,10M,83,*\n,5M,82\n")
        .unwrap();
    let command = format!("sfdisk -q {} < {}", disk.path(), script.path().display());
    run("sh", &["-c", &command]).unwrap();

    let Table::Mbr(mut mbr) = Table::parse(&disk.prefix(), 512).unwrap() else {
        panic!("an MBR")
    };
    assert_eq!(mbr.partitions().len(), 2);
    let added = mbr.add_at_end(200 * MIB / 512, 512, 64).unwrap();
    disk.file.as_file().write_all_at(mbr.bytes(), 0).unwrap();
    assert_eq!(
        added,
        Partition {
            number: 3,
            first: 136 * 2048,
            last: 200 * 2048 - 1
        }
    );
    let shown = run("sfdisk", &["-d", disk.path()]).unwrap().stdout;
    let shown = String::from_utf8(shown).unwrap();
    assert!(
        shown.contains("start=      278528, size=      131072, type=c"),
        "{shown}"
    );

    mbr.add_at_end(136 * 2048, 512, 64).unwrap();
    assert_eq!(
        mbr.add_at_end(72 * 2048, 512, 16).unwrap_err(),
        TableError::NoFreeEntry
    );
}

#[test]
fn an_mbr_ends_where_its_32_bits_end() {
    let mut sector = vec![0; 512];
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let mut mbr = Mbr::parse(&sector).unwrap();
    let added = mbr.add_at_end(10 << 32, 512, 64).unwrap();
    assert!(added.last < 1 << 32);
}

#[test]
fn an_empty_disk_and_a_file_system_have_no_partitions() {
    let none = |prefix: &[u8]| {
        Table::parse(prefix, 512)
            .and_then(|table| table.partitions())
            .unwrap_err()
    };
    assert_eq!(none(&vec![0; PREFIX_BYTES]), TableError::NoPartitions);
    assert_eq!(none(&[]), TableError::NoPartitions);
    let disk = Disk::new(50);
    run("mkfs.vfat", &[disk.path()]).unwrap();
    assert_eq!(none(&disk.prefix()), TableError::NoPartitions);
    let disk = Disk::new(50);
    disk.sgdisk(&["-o"]);
    assert_eq!(none(&disk.prefix()), TableError::NoPartitions);
}

#[test]
fn a_gpt_for_other_sectors_is_named() {
    let disk = Disk::new(50);
    disk.sgdisk(&["-n", "1:2048:+10M"]);
    let error = Table::parse(&disk.prefix(), 4096).unwrap_err();
    assert_eq!(
        error,
        TableError::SectorSize {
            image: 512,
            disk: 4096
        }
    );
}

#[test]
fn every_damaged_byte_of_a_header_is_an_error_and_never_a_panic() {
    let disk = Disk::new(50);
    disk.sgdisk(&["-n", "1:2048:+10M"]);
    let sound = disk.prefix();
    for at in (512..604).chain(1024..1024 + 128) {
        for value in [0, 0x7f, 0xff] {
            let mut prefix = sound.clone();
            prefix[at] ^= value;
            let parsed = Table::parse(&prefix, 512).and_then(|table| table.partitions());
            assert_eq!(parsed.is_ok(), value == 0, "byte {at}");
        }
    }
}

#[test]
fn a_partition_that_ends_before_it_begins_is_damage() {
    let disk = Disk::new(100);
    disk.sgdisk(&["-n", "1:2048:4095"]);
    let mut prefix = disk.prefix();
    prefix[1024 + 32..1024 + 48].rotate_left(8);
    let entries = checksum(&prefix[1024..1024 + 128 * 128]);
    prefix[512 + 88..512 + 92].copy_from_slice(&entries);
    prefix[512 + 16..512 + 20].fill(0);
    let header = checksum(&prefix[512..512 + 92]);
    prefix[512 + 16..512 + 20].copy_from_slice(&header);
    let error = Table::parse(&prefix, 512).unwrap_err();
    assert_eq!(
        error,
        TableError::Damaged("a partition ends before it begins")
    );
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

#[test]
fn a_new_gpt_is_found_sound_by_sgdisk() {
    for sector_bytes in [512, 4096] {
        let sectors = 100 * MIB / u64::from(sector_bytes);
        let mut gpt = Gpt::create(sectors, sector_bytes, Uuid::from_u128(7)).unwrap();
        let per_mib = MIB / u64::from(sector_bytes);
        let entry = |first_mib: u64, end_mib: u64| Entry {
            first: first_mib * per_mib,
            last: end_mib * per_mib - 1,
            kind: Uuid::from_u128(0x0fc6_3daf_8483_4772_8e79_3d69_d847_7de4),
            id: Uuid::from_u128(u128::from(first_mib)),
            name: "raid",
        };
        assert_eq!(gpt.add(entry(21, 50)).unwrap().number, 1);
        assert_eq!(gpt.add(entry(50, 99)).unwrap().number, 2);
        let disk = Disk::new(100);
        disk.apply(&gpt);
        let read = Gpt::parse(&disk.prefix(), sector_bytes).unwrap().unwrap();
        assert_eq!(read.partitions(), gpt.partitions());
        if sector_bytes == 512 {
            let told = disk.sgdisk(&["-v"]);
            assert!(told.contains("No problems found"), "{told}");
            let told = disk.sgdisk(&["-i", "1"]);
            assert!(told.contains("Partition name: 'raid'"), "{told}");
        }
    }
    assert!(Gpt::create(30, 512, Uuid::nil()).is_err());
}

#[test]
fn a_partition_goes_to_the_first_gap_that_is_large_enough() {
    let mut gpt = Gpt::create(100 * MIB / 512, 512, Uuid::nil()).unwrap();
    let entry = |first_mib: u64, end_mib: u64| Entry {
        first: first_mib * 2048,
        last: end_mib * 2048 - 1,
        kind: Uuid::from_u128(1),
        id: Uuid::nil(),
        name: "",
    };
    gpt.add(entry(11, 20)).unwrap();
    gpt.add(entry(30, 99)).unwrap();
    let mut place = |mib, name| -> Result<(u32, u64, u64), TableError> {
        let kind = Uuid::from_u128(2);
        let added = gpt.add_at_start(mib, kind, Uuid::nil(), name)?;
        Ok((added.number, added.first / 2048, (added.last + 1) / 2048))
    };
    assert_eq!(place(10, "first"), Ok((3, 1, 11)));
    assert_eq!(place(10, "second"), Ok((4, 20, 30)));
    assert_eq!(place(1, "third"), Err(TableError::NoRoomAnywhere(1)));
    assert_eq!(gpt.named("second").map(|found| found.number), Some(4));
    assert_eq!(gpt.named("secon"), None);
    assert_eq!(gpt.named("third"), None);
}

#[test]
fn a_new_mbr_is_read_by_sfdisk() {
    let mut mbr = Mbr::create(0x1234_abcd);
    mbr.add(2048, 20 * 2048 - 1, 0xfd, Mark::Plain).unwrap();
    mbr.add(20 * 2048, 90 * 2048 - 1, 0x83, Mark::Active)
        .unwrap();
    let beyond = mbr.add(1 << 32, 1 << 33, 0x83, Mark::Plain);
    assert_eq!(beyond, Err(TableError::TooFar));
    let disk = Disk::new(100);
    disk.file.as_file().write_all_at(mbr.bytes(), 0).unwrap();
    let told = run("sfdisk", &["-d", disk.path()]).unwrap().stdout;
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("label-id: 0x1234abcd"), "{told}");
    assert!(
        told.contains("start=        2048, size=       38912, type=fd"),
        "{told}"
    );
    assert!(told.contains("type=83, bootable"), "{told}");
}
