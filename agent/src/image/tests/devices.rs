//! Real block devices: the kernel's page cache, its partitions and its zeroing commands take part.

use std::os::unix::fs::FileExt;

use crate::disk::SharedFileSystems;
use crate::disk::testing::LoopDisk;
use crate::image::testing::{Server, bootable_image, garbage, image_info, patience, settings};
use crate::image::{
    FormatPolicy, ImageError, Md5Policy, Stop, WriteImageRequest, WrittenImage, write_image,
};
use crate::progress::Progress;
use crate::run::run;

const MIB: u64 = 1 << 20;

fn write(disk: &LoopDisk, file: &[u8], format: &str) -> Result<WrittenImage, ImageError> {
    let server = Server::start().with_file("os", file.to_vec());
    let request = WriteImageRequest {
        image_info: &image_info(&server, "os", file, format),
        device: disk.path(),
        config_drive: None,
        http: &settings(),
        md5: Md5Policy::Refuse,
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Protect,
        patience: patience(),
        stop: Stop::default(),
    };
    write_image(&disk.host(), &request, &Progress::default())
}

/// A disk that somebody has used before.
fn used_disk(mib: u64, sector_bytes: u32) -> LoopDisk {
    let disk = LoopDisk::new(mib * MIB, sector_bytes);
    let file = std::fs::File::options()
        .write(true)
        .open(disk.path())
        .unwrap();
    file.write_all_at(&garbage(usize::try_from(mib * MIB).unwrap()), 0)
        .unwrap();
    file.sync_all().unwrap();
    disk
}

fn bytes(disk: &LoopDisk) -> Vec<u8> {
    std::fs::read(disk.path()).unwrap()
}

/// An image with a GPT, as sgdisk makes it for these sectors.
fn gpt_image(mib: u64, sector_bytes: u32) -> Vec<u8> {
    let disk = LoopDisk::new(mib * MIB, sector_bytes);
    let path = disk.path().to_str().unwrap();
    run("sgdisk", &["-o", "-n", "1:0:+10M", "-n", "2:0:0", path]).unwrap();
    bytes(&disk)
}

#[test]
fn the_kernel_shows_the_partitions_and_sgdisk_finds_the_moved_copy_sound() {
    for sector_bytes in [512, 4096] {
        let disk = used_disk(96, sector_bytes);
        let image = gpt_image(48, sector_bytes);
        let written = write(&disk, &image, "raw").unwrap();
        assert_eq!(written.root_uuid, "0x00000000");
        assert_eq!(disk.partition_count(), 2, "sectors of {sector_bytes}");
        let checked = run("sgdisk", &["-v", disk.path().to_str().unwrap()]).unwrap();
        let checked = String::from_utf8(checked.stdout).unwrap();
        assert!(
            checked.contains("No problems found"),
            "sectors of {sector_bytes}: {checked}"
        );
        let after = bytes(&disk);
        // All but the two tables is the image.
        let (from, to) = (1 << 20, (47 << 20) + (1 << 19));
        assert!(after[from..to] == image[from..to]);
    }
}

#[test]
fn a_qcow2_image_on_a_used_disk_reads_as_qemu_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let image = bootable_image(64);
    std::fs::write(path("raw"), &image).unwrap();
    for sector_bytes in [512, 4096] {
        run(
            "qemu-img",
            &["convert", "-c", "-O", "qcow2", &path("raw"), &path("qcow2")],
        )
        .unwrap();
        let disk = used_disk(80, sector_bytes);
        write(&disk, &std::fs::read(path("qcow2")).unwrap(), "qcow2").unwrap();
        assert!(
            bytes(&disk)[..image.len()] == image,
            "sectors of {sector_bytes}"
        );
    }
}

#[test]
fn an_image_for_other_sectors_is_refused_and_leaves_no_table() {
    let disk = used_disk(64, 4096);
    let error = write(&disk, &gpt_image(48, 512), "raw")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("for sectors of 512 bytes, the disk has sectors of 4096"),
        "{error}"
    );
    assert!(bytes(&disk)[..1 << 20].iter().all(|byte| *byte == 0));
}

#[test]
fn a_disk_that_another_program_holds_is_refused() {
    use std::os::unix::fs::OpenOptionsExt;
    let disk = used_disk(16, 512);
    let holder = std::fs::File::options()
        .read(true)
        .custom_flags(nix::libc::O_EXCL)
        .open(disk.path())
        .unwrap();
    let before = bytes(&disk);
    let error = write(&disk, &bootable_image(9), "raw")
        .unwrap_err()
        .to_string();
    drop(holder);
    assert!(error.contains("is in use"), "{error}");
    assert!(bytes(&disk) == before);
}
