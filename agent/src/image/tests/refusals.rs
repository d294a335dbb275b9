//! What is refused before the disk is touched, and what leaves it without a partition table.

use std::os::unix::fs::FileExt;

use ferric_agent_protocol::image::ImageInfo;

use crate::disk::SharedFileSystems;
use crate::host::Host;
use crate::image::testing::{FileDisk, Server, bootable_image, image_info, patience, settings};
use crate::image::{FormatPolicy, Md5Policy, Stop, WriteImageRequest, write_image};
use crate::progress::Progress;

const DISK: u64 = 16 << 20;

/// The write fails with this text, and the disk is as it was.
fn check_untouched(disk: &FileDisk, info: &ImageInfo, expected: &str) {
    let before = disk.bytes();
    let error = disk.write(info).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    assert!(disk.bytes() == before, "{error}");
}

#[test]
fn an_image_larger_than_the_disk_is_refused_with_both_sizes() {
    let image = bootable_image(17);
    let server = Server::start().with_file("os.raw", image.clone());
    let info = image_info(&server, "os.raw", &image, "raw");
    check_untouched(
        &FileDisk::new(DISK),
        &info,
        "the image needs 17825792 bytes, ",
    );
    check_untouched(
        &FileDisk::new(DISK),
        &info,
        "has only 16777216; choose a larger disk",
    );
}

#[test]
fn a_packed_image_that_turns_out_too_large_leaves_no_partition_table() {
    let image = bootable_image(17);
    let file = zstd::encode_all(&image[..], 1).unwrap();
    let server = Server::start().with_file("os.zst", file.clone());
    let disk = FileDisk::new(DISK);
    let error = disk
        .write(&image_info(&server, "os.zst", &file, "raw"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("the image is larger than"), "{error}");
    disk.assert_has_no_table();
}

#[test]
fn a_disk_that_is_not_named_is_not_written() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    let disk = FileDisk {
        host: Host::detect(&[]).unwrap(),
        ..FileDisk::new(DISK)
    };
    check_untouched(
        &disk,
        &image_info(&server, "os.raw", &image, "raw"),
        "--only-device",
    );
    assert!(
        server.ranges_of("os.raw").is_empty(),
        "the guard is asked first"
    );
}

#[test]
fn a_disk_that_other_machines_may_be_using_is_written_only_with_leave() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    let info = image_info(&server, "os.raw", &image, "raw");
    let disk = FileDisk::new(DISK);
    let gfs2 = [0x01, 0x16, 0x19, 0x70, 0, 0, 0, 1];
    disk.file.as_file().write_all_at(&gfs2, 64 << 10).unwrap();
    check_untouched(&disk, &info, "carries a GFS2 file system");
    check_untouched(&disk, &info, "or set wipe_special_filesystems");
    let request = WriteImageRequest {
        image_info: &info,
        device: disk.path(),
        config_drive: None,
        http: &settings(),
        md5: Md5Policy::Refuse,
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Erase,
        patience: patience(),
        stop: Stop::default(),
    };
    write_image(&disk.host, &request, &Progress::default()).unwrap();
    assert!(disk.bytes()[..image.len()] == image);
}

#[test]
fn what_image_info_must_have() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    let info = image_info(&server, "os.raw", &image, "raw");
    let disk = FileDisk::new(DISK);
    check_untouched(
        &disk,
        &ImageInfo {
            urls: Vec::new(),
            ..info.clone()
        },
        "no URL",
    );
    check_untouched(
        &disk,
        &ImageInfo {
            os_hash_value: None,
            ..info.clone()
        },
        "never written unverified",
    );
    let qcow2 = ImageInfo {
        disk_format: Some("qcow2".to_owned()),
        ..info.clone()
    };
    check_untouched(&disk, &qcow2, "declared to be qcow2 but is raw");
    let vmdk = ImageInfo {
        disk_format: Some("vmdk".to_owned()),
        ..info
    };
    check_untouched(&disk, &vmdk, "vmdk images cannot be written");
}

#[test]
fn an_image_without_partitions_leaves_none() {
    let mut image = bootable_image(9);
    image[446..512].fill(0);
    let server = Server::start().with_file("os.raw", image.clone());
    let disk = FileDisk::new(DISK);
    let error = disk
        .write(&image_info(&server, "os.raw", &image, "raw"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("cannot boot: there is no partition table with a partition on it"),
        "{error}"
    );
    disk.assert_has_no_table();
}

#[test]
fn an_empty_file_and_a_tiny_disk() {
    let server = Server::start().with_file("empty", Vec::new());
    let info = image_info(&server, "empty", &[], "raw");
    check_untouched(&FileDisk::new(DISK), &info, "has an empty file");
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    check_untouched(
        &FileDisk::new(1 << 20),
        &image_info(&server, "os.raw", &image, "raw"),
        "too few",
    );
}
