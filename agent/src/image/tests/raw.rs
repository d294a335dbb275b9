//! Raw images, plain and packed.

use std::io::Write;

use crate::image::Stop;
use crate::image::testing::{FileDisk, Server, bootable_image, garbage, image_info};
use crate::progress::Progress;

const MIB: u64 = 1 << 20;

fn check(name: &str, file: &[u8], image: &[u8], server: Server, disk_mib: u64) {
    let server = server.with_file(name, file.to_vec());
    let disk = FileDisk::new(disk_mib * MIB);
    let before = disk.bytes();
    let progress = Progress::default();
    let info = image_info(&server, name, file, "raw");
    let written = disk.write_with(&info, &progress, Stop::default()).unwrap();

    let after = disk.bytes();
    assert!(
        after[..image.len()] == *image,
        "{name}: the image is on the disk"
    );
    let tail = usize::try_from((disk_mib - 1) * MIB).unwrap();
    if image.len() < tail {
        assert!(
            after[image.len()..tail] == before[image.len()..tail],
            "{name}: nothing else was touched"
        );
        assert!(
            after[tail..].iter().all(|byte| *byte == 0),
            "{name}: the end of the disk is clear"
        );
    }
    assert_eq!(
        (written.image_bytes, written.root_uuid.as_str()),
        (image.len() as u64, "0x1234abcd")
    );
    let mark = progress.mark().unwrap();
    assert_eq!(
        (mark.phase.as_str(), mark.bytes_written),
        ("done", image.len() as u64)
    );
    assert_eq!(
        (mark.bytes_total, mark.bytes_received),
        (Some(image.len() as u64), file.len() as u64)
    );
}

#[test]
fn an_image_smaller_than_the_disk() {
    let image = bootable_image(20);
    check("os.raw", &image, &image, Server::start(), 32);
}

#[test]
fn an_image_as_large_as_the_disk_or_almost() {
    for (image_bytes, disk_mib) in [
        (20 << 20, 20),
        ((20 << 20) - 512, 20),
        ((19 << 20) + 512, 20),
        (19 << 20, 20),
    ] {
        let mut image = bootable_image(20);
        image.truncate(image_bytes);
        check("os.raw", &image, &image, Server::start(), disk_mib);
    }
}

#[test]
fn an_image_whose_length_is_no_multiple_of_anything() {
    let mut image = bootable_image(9);
    image.extend(garbage(12_347));
    check("os.raw", &image, &image, Server::start(), 16);
}

#[test]
fn a_server_without_ranges_and_one_without_length() {
    let image = bootable_image(9);
    check(
        "os.raw",
        &image,
        &image,
        Server::start().without_ranges(),
        16,
    );
    check(
        "os.raw",
        &image,
        &image,
        Server::start().without_length(),
        16,
    );
}

#[test]
fn packed_images() {
    let image = bootable_image(9);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&image).unwrap();
    check(
        "os.raw.gz",
        &encoder.finish().unwrap(),
        &image,
        Server::start(),
        16,
    );
    check(
        "os.raw.zst",
        &zstd::encode_all(&image[..], 1).unwrap(),
        &image,
        Server::start(),
        16,
    );
}

#[test]
fn more_than_what_is_written_back_at_once() {
    let mut image = bootable_image(60);
    let noise = garbage(40 << 20);
    image[8 << 20..48 << 20].copy_from_slice(&noise);
    check("os.raw", &image, &image, Server::start(), 64);
}
