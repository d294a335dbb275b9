//! Partition images on loop devices: what the kernel and other programs find on the disk afterwards.

use std::os::unix::fs::FileExt;

use ferric_agent_protocol::boot::{BootMode, DiskLabel};
use serde_json::json;

use super::*;
use crate::disk::config_drive::ConfigDrive;
use crate::disk::testing::LoopDisk;
use crate::disk::{SharedFileSystems, TableError};
use crate::host::Host;
use crate::image::testing::{Server, image_info, patience, settings};
use crate::image::{
    FormatPolicy, ImageError, Md5Policy, Stop, WriteImageRequest, WrittenPartitions,
    write_partition_image,
};
use crate::progress::Progress;
use crate::run::run;

const MIB: u64 = 1 << 20;

fn spec(mode: BootMode, label: DiskLabel) -> PartitionSpec {
    PartitionSpec {
        root_mib: 64,
        swap_mib: 16,
        ephemeral_mib: 32,
        ephemeral_format: "ext4".to_owned(),
        ephemeral: Ephemeral::Made,
        mode,
        label,
    }
}

/// A file system of ext4 in a file.
fn file_system(mib: u64) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(mib * MIB).unwrap();
    let path = file.path().to_str().unwrap();
    let uuid = "3f8a1c52-92d1-44a5-8d0c-5b8ff2ad7f10";
    run("mkfs.ext4", &["-q", "-F", "-U", uuid, "-L", "cloud", path]).unwrap();
    std::fs::read(file.path()).unwrap()
}

fn write(
    disk: &LoopDisk,
    image: &[u8],
    spec: &PartitionSpec,
    drive: Option<&ConfigDrive>,
) -> Result<WrittenPartitions, ImageError> {
    let server = Server::start().with_file("os", image.to_vec());
    let mut info = image_info(&server, "os", image, "raw");
    info.image_type = Some("partition".to_owned());
    let request = WriteImageRequest {
        image_info: &info,
        device: disk.path(),
        config_drive: drive,
        http: &settings(),
        md5: Md5Policy::Refuse,
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Protect,
        patience: patience(),
        stop: Stop::default(),
    };
    write_partition_image(&disk.host(), &request, spec, &Progress::default())
}

fn label(path: &str) -> String {
    let told = run("blkid", &["-p", "-o", "value", "-s", "LABEL", path]).unwrap();
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_image_is_in_the_last_partition_and_the_others_are_ready() {
    for (mode, label_kind) in [
        (BootMode::Uefi, DiskLabel::Gpt),
        (BootMode::Bios, DiskLabel::Gpt),
        (BootMode::Bios, DiskLabel::Msdos),
    ] {
        let disk = LoopDisk::new(800 * MIB, 512);
        let image = file_system(48);
        let written = write(&disk, &image, &spec(mode, label_kind), None).unwrap();
        let partitions = written.uuids.partitions.unwrap();
        assert_eq!(label(&partitions["ephemeral"]), "ephemeral0");
        assert_eq!(label(&partitions["swap"]), "swap1");
        assert_eq!(label(&partitions["root"]), "cloud");
        let root = std::fs::read(&partitions["root"]).unwrap();
        assert!(root[..image.len()] == image);
        let uuid = "3f8a1c52-92d1-44a5-8d0c-5b8ff2ad7f10";
        assert_eq!(written.uuids.root_uuid.as_deref(), Some(uuid));
        let esp = written.uuids.efi_system_partition_uuid;
        assert_eq!(esp.is_some(), mode == BootMode::Uefi);
        if mode == BootMode::Uefi {
            let name = label(&partitions["efi system partition"]);
            assert_eq!(name.to_lowercase(), "efi-part");
        }
    }
}

#[test]
fn an_ephemeral_partition_is_kept_if_everything_is_where_it_was() {
    let disk = LoopDisk::new(800 * MIB, 512);
    let mut spec = spec(BootMode::Bios, DiskLabel::Gpt);
    let written = write(&disk, &file_system(48), &spec, None).unwrap();
    let ephemeral = written.uuids.partitions.unwrap()["ephemeral"].clone();
    run("tune2fs", &["-L", "mine", &ephemeral]).unwrap();
    spec.ephemeral = Ephemeral::Kept;
    write(&disk, &file_system(32), &spec, None).unwrap();
    assert_eq!(label(&ephemeral), "mine");
    spec.ephemeral_mib += 1;
    let error = write(&disk, &file_system(32), &spec, None).unwrap_err();
    assert!(error.to_string().contains("cannot be kept"), "{error}");
    assert_eq!(label(&ephemeral), "mine");
}

#[test]
fn an_image_that_is_too_large_is_refused_before_the_disk_is_touched() {
    let disk = LoopDisk::new(800 * MIB, 512);
    let spec = spec(BootMode::Bios, DiskLabel::Msdos);
    let error = write(&disk, &file_system(65), &spec, None).unwrap_err();
    assert!(error.to_string().contains("raise root_gb"), "{error}");
    assert_eq!(disk.partition_count(), 0);
    let file = std::fs::File::open(disk.path()).unwrap();
    let mut sector = [1; 512];
    file.read_exact_at(&mut sector, 0).unwrap();
    assert_eq!(sector, [0; 512]);
}

#[test]
fn a_disk_that_other_machines_may_be_using_gets_no_partitions() {
    let disk = LoopDisk::new(200 * MIB, 512);
    let path = disk.path().to_str().unwrap();
    let vmfs = "1:aa31e02a-400f-11db-9590-000c2911d1b8";
    run("sgdisk", &["-o", "-n", "1:2048:0", "-t", vmfs, path]).unwrap();
    let before = std::fs::read(disk.path()).unwrap();
    let spec = spec(BootMode::Bios, DiskLabel::Gpt);
    let error = write(&disk, &file_system(32), &spec, None).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("carries a VMFS file system"), "{error}");
    assert!(std::fs::read(disk.path()).unwrap() == before);
}

/// A disk of 4 TiB that takes no room, with something of its owner in it.
fn large_disk() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(4 << 40).unwrap();
    for offset in [0, MIB] {
        file.as_file().write_all_at(b"mine", offset).unwrap();
    }
    file
}

#[test]
fn what_an_mbr_cannot_address_is_refused_before_the_disk_is_touched() {
    let file = large_disk();
    let host = Host::detect(&[file.path().to_owned()]).unwrap();
    let permit = host.permits_device(file.path()).unwrap();
    let spec = PartitionSpec {
        root_mib: 3 << 20,
        ..spec(BootMode::Bios, DiskLabel::Msdos)
    };
    let error = make(&permit, &spec, None, SharedFileSystems::Protect).unwrap_err();
    let is_too_far = matches!(
        error,
        PartitionError::Disk(DiskError::Table {
            source: TableError::TooFar,
            ..
        })
    );
    assert!(is_too_far, "{error:?}");
    for offset in [0, MIB] {
        let mut found = [0; 4];
        file.as_file().read_exact_at(&mut found, offset).unwrap();
        assert_eq!(&found, b"mine");
    }
}

#[test]
fn a_disk_whose_partitions_the_kernel_does_not_show_is_left_as_it_is() {
    let disk = LoopDisk::unscanned(100 * MIB);
    let file = std::fs::OpenOptions::new().write(true).open(disk.path());
    let file = file.unwrap();
    file.write_all_at(b"mine", 0).unwrap();
    file.sync_all().unwrap();
    drop(file);
    let before = std::fs::read(disk.path()).unwrap();
    let permit = disk.host().permits_device(disk.path()).unwrap();
    let spec = spec(BootMode::Bios, DiskLabel::Msdos);
    let error = make(&permit, &spec, None, SharedFileSystems::Protect).unwrap_err();
    assert!(
        matches!(error, PartitionError::NotShown { .. }),
        "{error:?}"
    );
    assert!(std::fs::read(disk.path()).unwrap() == before);
}

#[test]
fn what_a_conductor_sends_becomes_a_layout() {
    let info = serde_json::from_value(json!({"root_gb": 1})).unwrap();
    let node = serde_json::from_value(json!({"uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781"}));
    let spec = PartitionSpec::of(&info, &node.unwrap(), BootMode::Uefi).unwrap();
    assert_eq!(spec.label, DiskLabel::Gpt);
}
