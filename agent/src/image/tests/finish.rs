//! The end of a write: whatever happens before its last write leaves a disk without a partition table.

use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use uuid::Uuid;

use crate::disk::SharedFileSystems;
use crate::disk::config_drive::{ConfigDrive, ConfigDriveError};
use crate::disk::partitions::read_table;
use crate::disk::table::{Gpt, PREFIX_BYTES, Table};
use crate::disk::testing::LoopDisk;
use crate::host::Host;
use crate::image::finish::finish;
use crate::image::target::Target;
use crate::image::target::power::{Done, Fault};
use crate::image::testing::{FileDisk, bootable_image, image_info, patience, settings};
use crate::image::{FormatPolicy, ImageError, Md5Policy, Stop, WriteImageRequest};
use crate::progress::Progress;
use crate::run::run;

const MIB: u64 = 1 << 20;
const LINUX_FILESYSTEM: Uuid = Uuid::from_u128(0x0fc6_3daf_8483_4772_8e79_3d69_d847_7de4);

/// A config drive of genisoimage, as a conductor sends it.
fn drive() -> ConfigDrive {
    use base64::Engine;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir_all(path("tree/openstack/latest")).unwrap();
    std::fs::write(path("tree/openstack/latest/meta_data.json"), "{}").unwrap();
    let (iso, tree) = (path("iso"), path("tree"));
    let options = ["-quiet", "-J", "-r", "-V", "config-2", "-o"];
    let arguments = [&options[..], &[iso.as_str(), tree.as_str()]].concat();
    run("genisoimage", &arguments).unwrap();
    let iso = std::fs::read(path("iso")).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(iso);
    let server = crate::image::testing::Server::start();
    let request = WriteImageRequest {
        image_info: &image_info(&server, "os", &[], "raw"),
        device: directory.path(),
        config_drive: None,
        http: &settings(),
        md5: Md5Policy::Refuse,
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Protect,
        patience: patience(),
        stop: Stop::default(),
    };
    ConfigDrive::load(&text, &request).unwrap()
}

/// A disk to write to, and the image that goes there.
struct Case {
    path: std::path::PathBuf,
    host: Host,
    image: Vec<u8>,
    drive: Option<ConfigDrive>,
}

impl Case {
    /// The image is written, and its digest was right.
    fn written(&self) -> Target {
        let permit = self.host.permits_device(&self.path).unwrap();
        let mut target = Target::open(&permit, Progress::default(), Stop::default()).unwrap();
        target.clear().unwrap();
        for (number, piece) in (0..).zip(self.image.chunks(1 << 20)) {
            target.write(number * MIB, piece).unwrap();
        }
        target.flush().unwrap();
        target
    }

    fn finish(&self, target: &mut Target) -> Result<(), ImageError> {
        finish(
            target,
            self.drive.as_ref(),
            &Stop::default(),
            &Progress::default(),
        )
    }

    /// All writes of an undisturbed end, in their order.
    fn undisturbed(&self) -> Vec<Done> {
        let mut target = self.written();
        target.power.fail_at(usize::MAX, Fault::Refuse);
        self.finish(&mut target).unwrap();
        target.power.done()
    }

    /// The only write of the first sectors is the last of all, and everything else is on the disk before it.
    fn writes(&self) -> usize {
        let done = self.undisturbed();
        let is_write = |done: &&Done| matches!(done, Done::Write { .. });
        let last = done
            .iter()
            .rposition(|done| is_write(&done))
            .expect("something is written");
        assert!(
            matches!(done[last], Done::Write { offset: 0, bytes } if bytes < 1 << 20),
            "{done:?}"
        );
        assert_eq!(done[last - 1], Done::Flush, "{done:?}");
        assert_eq!(done[last + 1], Done::Flush, "{done:?}");
        for earlier in done[..last].iter().filter(is_write) {
            assert!(
                matches!(earlier, Done::Write { offset, .. } if *offset >= 4096),
                "{done:?}"
            );
        }
        done.iter().filter(is_write).count()
    }

    /// The power goes during a write: nobody clears anything afterwards.
    fn check_cut(&self, write: usize) {
        let mut target = self.written();
        target.power.fail_at(write, Fault::Cut);
        self.finish(&mut target).unwrap_err();
        drop(target);
        let mut first = vec![0; 8192];
        let file = std::fs::File::open(&self.path).unwrap();
        file.read_exact_at(&mut first, 0).unwrap();
        let sectors = if self.host_sector() == 512 {
            1024
        } else {
            8192
        };
        assert!(
            first[..sectors].iter().all(|byte| *byte == 0),
            "write {write}"
        );
        // libfdisk says the same: it finds no table there.
        let shown = run("sfdisk", &["-d", self.path.to_str().unwrap()]);
        assert!(shown.is_err(), "write {write}: {shown:?}");
    }

    /// The disk refuses one write, the last one too, or the program fails in it: the edges are cleared.
    fn check_cleared(&self, write: usize, fault: Fault) {
        let mut target = self.written();
        target.power.fail_at(write, fault);
        let ended = catch_unwind(AssertUnwindSafe(|| self.finish(&mut target)));
        match fault {
            Fault::Panic => assert!(ended.is_err(), "write {write}"),
            Fault::Cut | Fault::Refuse => assert!(ended.unwrap().is_err(), "write {write}"),
        }
        drop(target);
        let bytes = std::fs::read(&self.path).unwrap();
        for edge in [&bytes[..1 << 20], &bytes[bytes.len() - (1 << 20)..]] {
            assert!(
                edge.iter().all(|byte| *byte == 0),
                "write {write}, {fault:?}"
            );
        }
    }

    fn host_sector(&self) -> u32 {
        self.written().disk().sector_bytes
    }

    fn check_every_fault(&self, expected_writes: usize) {
        let writes = self.writes();
        assert_eq!(writes, expected_writes);
        for write in 0..writes {
            if write + 1 < writes {
                self.check_cut(write);
            }
            for fault in [Fault::Refuse, Fault::Panic] {
                self.check_cleared(write, fault);
            }
        }
        self.undisturbed();
    }
}

/// An image with the table that a program makes.
fn image(mib: u64, command: &str) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(mib * MIB).unwrap();
    let script = format!("{command} >/dev/null");
    run("sh", &["-c", &script, "sh", file.path().to_str().unwrap()]).unwrap();
    std::fs::read(file.path()).unwrap()
}

fn case(disk: &FileDisk, image: Vec<u8>, drive: Option<ConfigDrive>) -> Case {
    Case {
        path: disk.path().to_owned(),
        host: disk.host.clone(),
        image,
        drive,
    }
}

fn sound(path: &std::path::Path) {
    let checked = run("sgdisk", &["-v", path.to_str().unwrap()])
        .unwrap()
        .stdout;
    let checked = String::from_utf8(checked).unwrap();
    assert!(checked.contains("No problems found"), "{checked}");
}

const GPT: &str = "sgdisk -o -n 1:2048:+2M -t 1:ef00 \"$1\"";

/// What a disk has to hold after the image and the table as it is to be.
fn expected(case: &Case, disk_bytes: usize, change: impl FnOnce(&mut Gpt)) -> Vec<u8> {
    let mut bytes = std::fs::read(&case.path).unwrap();
    bytes[..case.image.len()].copy_from_slice(&case.image);
    bytes[disk_bytes - (1 << 20)..].fill(0);
    let Table::Gpt(mut gpt) = Table::parse(&case.image[..PREFIX_BYTES], 512).unwrap() else {
        panic!("the image has a GPT");
    };
    gpt.span(disk_bytes as u64 / 512).unwrap();
    change(&mut gpt);
    for change in gpt.changes() {
        let at = usize::try_from(change.offset).unwrap();
        bytes[at..at + change.bytes.len()].copy_from_slice(&change.bytes);
    }
    bytes
}

#[test]
fn a_gpt_without_a_config_drive() {
    let disk = FileDisk::new(16 * MIB);
    let case = case(&disk, image(6, GPT), None);
    // The end of the disk, the rest of its beginning, its beginning.
    case.check_every_fault(3);
    sound(disk.path());
    assert!(disk.bytes() == expected(&case, 16 << 20, |_| {}));
}

#[test]
fn a_gpt_with_a_config_drive() {
    let disk = FileDisk::new(80 * MIB);
    let case = case(&disk, image(6, GPT), Some(drive()));
    // Before those three: zeroes at both ends of the partition, and the content.
    case.check_every_fault(6);
    sound(disk.path());
    let permit = disk.host.permits_device(disk.path()).unwrap();
    let opened = crate::disk::open::OpenDisk::open(&permit).unwrap();
    let Table::Gpt(found) = read_table(&opened).unwrap() else {
        panic!("a GPT")
    };
    let id = found.id(2).unwrap();
    let expected = expected(&case, 80 << 20, |gpt| {
        gpt.add_at_end(64, LINUX_FILESYSTEM, id, "config-2")
            .unwrap();
    });
    assert!(disk.bytes() == expected);
    let shown = run(
        "blkid",
        &[
            "-p",
            "-O",
            &(15 * MIB).to_string(),
            disk.path().to_str().unwrap(),
        ],
    );
    let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
    assert!(shown.contains("LABEL=\"config-2\""), "{shown}");
}

#[test]
fn an_mbr_with_a_config_drive() {
    let disk = FileDisk::new(80 * MIB);
    let case = case(&disk, bootable_image(9), Some(drive()));
    // The partition's end lies in the last MiB, which is written in any case.
    case.check_every_fault(5);
    let shown = run("sfdisk", &["-d", disk.path().to_str().unwrap()]).unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("start=       32768, size=      131072, type=c"),
        "{shown}"
    );
}

/// The partition lies in the last MiB, which is held back: it is filled there.
#[test]
fn a_partition_of_the_image_at_the_very_end_of_the_disk() {
    let disk = FileDisk::new(8 * MIB);
    let command = "printf 'label: dos\\n2048,2M,83,*\\n14336,1000K,c\\n' | sfdisk -q \"$1\"";
    let mut image = image(8, command);
    let drive = drive();
    let bytes = drive.bytes().to_vec();
    let start = 14336 * 512;
    // What the image has there is recognised by its label alone.
    image[start..start + 0x9000].copy_from_slice(&bytes[..0x9000]);
    let case = case(&disk, image, Some(drive));
    let writes = case.writes();
    for write in 0..writes - 1 {
        case.check_cut(write);
    }
    case.undisturbed();
    assert!(disk.bytes()[start..start + bytes.len()] == bytes);
    let shown = run("sfdisk", &["-d", disk.path().to_str().unwrap()]).unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.matches("start=").count(), 2, "{shown}");
}

/// Here the header of the GPT lies behind the first 4096 bytes, and the config drive becomes a FAT file system.
#[test]
fn a_disk_with_large_sectors() {
    let made = LoopDisk::new(8 * MIB, 4096);
    let path = made.path().to_str().unwrap();
    run("sgdisk", &["-o", "-n", "1:0:+2M", path]).unwrap();
    let image = std::fs::read(made.path()).unwrap();
    let disk = LoopDisk::new(80 * MIB, 4096);
    let case = Case {
        path: disk.path().to_owned(),
        host: disk.host(),
        image,
        drive: Some(drive()),
    };
    let writes = case.writes();
    for write in [0, writes / 2, writes - 4, writes - 3, writes - 2] {
        case.check_cut(write);
    }
    for fault in [Fault::Refuse, Fault::Panic] {
        case.check_cleared(writes - 1, fault);
    }
    case.undisturbed();
    sound(disk.path());
    let node = disk.partition(2);
    let shown = run("blkid", &["-p", node.to_str().unwrap()]).unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("TYPE=\"vfat\""), "{shown}");
}

#[test]
fn a_config_drive_without_room_leaves_no_table() {
    let disk = FileDisk::new(16 * MIB);
    let case = case(&disk, image(6, GPT), Some(drive()));
    let error = case.finish(&mut case.written()).unwrap_err();
    assert!(
        matches!(error, ImageError::ConfigDrive(ConfigDriveError::Disk(_))),
        "{error}"
    );
    disk.assert_has_no_table();
}
