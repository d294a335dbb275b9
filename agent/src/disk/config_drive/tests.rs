//! Config drives made by genisoimage, on disks in files and on loop devices; blkid and sgdisk say what is there.

use std::io::Write;
use std::os::unix::fs::FileExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferric_agent_protocol::image::ImageInfo;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::disk::SharedFileSystems;
use crate::disk::testing::LoopDisk;
use crate::host::Host;
use crate::image::testing::{FileDisk, Server, held, patience, settings};
use crate::image::{FormatPolicy, ImageError, Md5Policy, Stop, WriteImageRequest, finish};
use crate::progress::Progress;
use crate::run::run;

/// What is on the drive; each text is repeated so that files span blocks. In the order of their paths.
pub(super) const TREE: [(&str, &str); 4] = [
    ("ec2/latest/meta-data.json", "{\"instance-id\": \"i-1\"}"),
    ("openstack/content/0000", "content\n"),
    (
        "openstack/latest/meta_data.json",
        "{\"hostname\": \"web-1\"}",
    ),
    ("openstack/latest/user_data", "#cloud-config\n"),
];

/// An ISO 9660 image with this label.
pub(super) fn iso(label: &str, options: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    for (path, text) in TREE {
        let path = tree.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.repeat(300)).unwrap();
    }
    let image = directory.path().join("iso");
    let (image_text, tree) = (image.to_str().unwrap(), tree.to_str().unwrap());
    let fixed = ["-quiet", "-V", label, "-o", image_text];
    run("genisoimage", &[&fixed, options, &[tree]].concat()).unwrap();
    std::fs::read(image).unwrap()
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
}

fn load(text: &str) -> Result<ConfigDrive, ContentError> {
    load_beside(&ImageInfo::default(), text)
}

fn load_beside(image_info: &ImageInfo, text: &str) -> Result<ConfigDrive, ContentError> {
    let request = WriteImageRequest {
        image_info,
        device: Path::new("/nonexistent"),
        config_drive: None,
        http: &settings(),
        md5: Md5Policy::Refuse,
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Protect,
        patience: patience(),
        stop: Stop::default(),
    };
    ConfigDrive::load(text, &request)
}

fn drive() -> ConfigDrive {
    load(&encoded(&iso("config-2", &["-J", "-r"]))).unwrap()
}

const MIB_BYTES: u64 = 1 << 20;

/// The end of a write: what the image has on the disk is there, and the config drive is added.
fn write(host: &Host, device: &Path, drive: &ConfigDrive) -> Result<(), ImageError> {
    let mut target = held(host, device);
    finish(
        &mut target,
        Some(drive),
        &Stop::default(),
        &Progress::default(),
    )
}

/// A disk of 200 MiB with a table that sgdisk or sfdisk makes.
fn disk(command: &str) -> FileDisk {
    let disk = FileDisk::new(200 * MIB_BYTES);
    disk.file.as_file().write_all_at(&[0; 1 << 20], 0).unwrap();
    run(
        "sh",
        &[
            "-c",
            &format!("{command} >/dev/null"),
            "sh",
            disk.path().to_str().unwrap(),
        ],
    )
    .unwrap();
    disk
}

fn gpt_disk() -> FileDisk {
    disk("sgdisk -o -n 1:2048:+50M -t 1:ef00 \"$1\"")
}

fn mbr_disk() -> FileDisk {
    disk("printf 'label: dos\\n,50M,83,*\\n' | sfdisk -q --wipe always \"$1\"")
}

/// What blkid says of the partition, found by its label.
fn blkid(disk: &FileDisk, offset: u64) -> String {
    let offset = offset.to_string();
    let output = run(
        "blkid",
        &["-p", "-O", &offset, disk.path().to_str().unwrap()],
    )
    .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn check(disk: &FileDisk, offset: u64) {
    let drive = drive();
    write(&disk.host, disk.path(), &drive).unwrap();
    let from = usize::try_from(offset).unwrap();
    assert!(disk.bytes()[from..from + drive.bytes().len()] == *drive.bytes());
    let shown = blkid(disk, offset);
    assert!(
        shown.contains("LABEL=\"config-2\"") && shown.contains("TYPE=\"iso9660\""),
        "{shown}"
    );
}

#[test]
fn a_gpt_gets_a_partition_at_its_end_and_keeps_it() {
    let disk = gpt_disk();
    check(&disk, 135 * MIB_BYTES);
    let sgdisk = |option: &[&str]| {
        let output = run(
            "sgdisk",
            &[option, &[disk.path().to_str().unwrap()]].concat(),
        )
        .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(sgdisk(&["-v"]).contains("No problems found"));
    assert!(sgdisk(&["-i", "2"]).contains("'config-2'"));
    // The second deploy finds the partition and does not make another one.
    check(&disk, 135 * MIB_BYTES);
    assert!(
        sgdisk(&["-p"])
            .lines()
            .filter(|line| line.contains("MiB   "))
            .count()
            == 2,
        "{}",
        sgdisk(&["-p"])
    );
}

#[test]
fn an_mbr_gets_a_primary_partition() {
    let disk = mbr_disk();
    check(&disk, 136 * MIB_BYTES);
    check(&disk, 136 * MIB_BYTES);
    let shown = run("sfdisk", &["-d", disk.path().to_str().unwrap()])
        .unwrap()
        .stdout;
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(shown.matches("start=").count(), 2, "{shown}");
}

#[test]
fn two_config_drives_are_one_too_many() {
    let disk = disk("sgdisk -o -n 1:2048:+20M -n 2:0:+20M \"$1\"");
    let iso = iso("Config-2", &["-J"]);
    for start in [1, 21] {
        disk.file
            .as_file()
            .write_all_at(&iso, start * MIB_BYTES)
            .unwrap();
    }
    let error = write(&disk.host, disk.path(), &drive())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("has 2 partitions labelled config-2"),
        "{error}"
    );
}

#[test]
fn an_existing_partition_that_is_too_small_is_named() {
    let disk = disk("sgdisk -o -n 1:2048:+128K \"$1\"");
    disk.file
        .as_file()
        .write_all_at(&iso("config-2", &[])[..0x9000], MIB_BYTES)
        .unwrap();
    let error = write(&disk.host, disk.path(), &drive())
        .unwrap_err()
        .to_string();
    assert!(error.contains("has only 131072"), "{error}");
}

#[test]
fn no_room_and_no_table_are_errors_and_leave_no_table() {
    let full = disk("sgdisk -o -n 1:2048:0 \"$1\"");
    let before = full.bytes();
    let error = write(&full.host, full.path(), &drive()).unwrap_err();
    let cause = std::error::Error::source(&error)
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(
        format!("{error}: {cause}").contains("no room for a partition of 64 MiB"),
        "{error}: {cause}"
    );
    full.assert_has_no_table();
    let between = 1 << 20..199 << 20;
    assert!(full.bytes()[between.clone()] == before[between]);
    let empty = FileDisk::new(100 * MIB_BYTES);
    assert!(write(&empty.host, empty.path(), &drive()).is_err());
}

#[test]
fn what_is_no_config_drive_is_refused() {
    let error = |text: &str| load(text).unwrap_err().to_string();
    assert!(error("***").contains("not base64"));
    assert!(error(&encoded(b"hello")).contains("neither an ISO 9660 nor a FAT"));
    assert!(error(&encoded(&iso("cidata", &["-J"]))).contains("labelled config-2"));
    assert!(error(&encoded(&vec![0; 65 << 20])).contains("larger than 64 MiB"));
    let cut = STANDARD.decode(encoded(&iso("config-2", &[]))).unwrap();
    assert!(error(&STANDARD.encode(&cut[..cut.len() / 2])).contains("unpacking"));
}

#[test]
fn a_drive_is_fetched_from_an_address_in_every_form() {
    let iso = iso("config-2", &["-J", "-r"]);
    let base64 = encoded(&iso);
    let gzip = STANDARD.decode(&base64).unwrap();
    for content in [iso.clone(), gzip, base64.into_bytes()] {
        let server = Server::start().with_file("drive", content);
        assert!(load(&server.url("drive")).unwrap().bytes() == iso);
    }
    let server = Server::start();
    let error = load(&server.url("drive")).unwrap_err().to_string();
    assert!(error.contains("/drive answered 404"), "{error}");
}

#[test]
fn the_host_of_the_drive_does_not_get_the_credentials_of_the_image() {
    let info = ImageInfo {
        image_request_authorization: Some(STANDARD.encode("Bearer secret")),
        ..ImageInfo::default()
    };
    let server = Server::start().with_file("drive", iso("config-2", &["-J", "-r"]));
    load_beside(&info, &server.url("drive")).unwrap();
    assert_eq!(server.authorizations(), [None]);
}

#[test]
fn large_sectors_get_the_files_in_a_fat_file_system() {
    let file = tempfile::tempfile().unwrap();
    let length = 64 << 20;
    file.set_len(length + (2 << 20)).unwrap();
    let iso = iso("config-2", &["-J", "-r"]);
    vfat::write(Region::new(&file, 1 << 20, length), 4096, &iso).unwrap();

    let file_system =
        fatfs::FileSystem::new(Region::new(&file, 1 << 20, length), fatfs::FsOptions::new())
            .unwrap();
    assert_eq!(file_system.volume_label(), "CONFIG-2");
    for (path, text) in TREE {
        let mut content = String::new();
        std::io::Read::read_to_string(
            &mut file_system.root_dir().open_file(path).unwrap(),
            &mut content,
        )
        .unwrap();
        assert_eq!(content, text.repeat(300), "{path}");
    }
    let mut sector = vec![0; find_probe()];
    file.read_exact_at(&mut sector, 1 << 20).unwrap();
    assert_eq!(
        find::label(&sector).as_deref(),
        Some("CONFIG-2"),
        "the next deploy finds it"
    );
}

fn find_probe() -> usize {
    0x8000 + 2048
}

#[test]
fn a_block_device_shows_the_partition_whatever_its_sectors() {
    for (sector_bytes, kind) in [(512, "iso9660"), (4096, "vfat")] {
        let disk = LoopDisk::new(200 * MIB_BYTES, sector_bytes);
        let path = disk.path().to_str().unwrap();
        run("sgdisk", &["-o", "-n", "1:0:+50M", path]).unwrap();
        write(&disk.host(), disk.path(), &drive()).unwrap();
        let node = disk.partition(2);
        let shown = run("blkid", &["-p", node.to_str().unwrap()])
            .unwrap()
            .stdout;
        let shown = String::from_utf8(shown).unwrap();
        assert!(shown.contains(&format!("TYPE=\"{kind}\"")), "{shown}");
        assert!(
            shown.to_lowercase().contains("label=\"config-2\""),
            "{shown}"
        );
        let checked = run("sgdisk", &["-v", path]).unwrap().stdout;
        assert!(
            String::from_utf8(checked)
                .unwrap()
                .contains("No problems found")
        );
    }
}
