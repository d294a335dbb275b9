//! qcow2 images of every kind that qemu-img makes, compared byte for byte with what qemu-img itself reads.

use std::path::{Path, PathBuf};

use crate::image::testing::{FileDisk, Plan, Server, bootable_image, garbage, image_info};
use crate::run::run;

const DISK: u64 = 40 << 20;

/// A directory with an image in it.
struct Made {
    directory: tempfile::TempDir,
}

impl Made {
    /// `qemu-img convert` of an image of 24 MiB with these options.
    fn new(arguments: &[&str]) -> Self {
        Self::from_raw(&bootable_image(24), arguments)
    }

    fn from_raw(raw: &[u8], arguments: &[&str]) -> Self {
        let made = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        std::fs::write(made.path("raw"), raw).unwrap();
        let (from, to) = (made.path("raw"), made.image());
        let files = [
            "convert",
            "-f",
            "raw",
            "-O",
            "qcow2",
            text(&from),
            text(&to),
        ];
        run("qemu-img", &[&files[..5], arguments, &files[5..]].concat()).unwrap();
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn image(&self) -> PathBuf {
        self.path("image.qcow2")
    }

    fn qemu_img(&self, before: &[&str], after: &[&str]) -> &Self {
        let image = self.image();
        run("qemu-img", &[before, &[text(&image)], after].concat()).unwrap();
        self
    }

    fn qemu_io(&self, command: &str) -> &Self {
        run(
            "qemu-io",
            &["-f", "qcow2", "-c", command, text(&self.image())],
        )
        .unwrap();
        self
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.image()).unwrap()
    }

    fn as_qemu_reads_it(&self) -> Vec<u8> {
        let to = self.path("expected");
        run(
            "qemu-img",
            &[
                "convert",
                "-f",
                "qcow2",
                "-O",
                "raw",
                text(&self.image()),
                text(&to),
            ],
        )
        .unwrap();
        std::fs::read(to).unwrap()
    }

    fn check(&self) {
        self.check_with(Server::start());
    }

    fn check_with(&self, server: Server) {
        let file = self.bytes();
        let expected = self.as_qemu_reads_it();
        let server = server.with_file("os.qcow2", file.clone());
        let disk = FileDisk::new(DISK);
        let before = disk.bytes();
        let written = disk
            .write(&image_info(&server, "os.qcow2", &file, "qcow2"))
            .unwrap();
        let after = disk.bytes();
        let differs = after[..expected.len()] != expected[..];
        if differs && let Some(at) = (0..expected.len()).find(|at| after[*at] != expected[*at]) {
            panic!(
                "byte {at:#x} is {:#x} and not {:#x}",
                after[at], expected[at]
            );
        }
        let tail = (after.len() - (1 << 20)).max(expected.len());
        assert!(
            after[expected.len()..tail] == before[expected.len()..tail],
            "nothing else was touched"
        );
        assert_eq!(written.image_bytes, expected.len() as u64);
    }

    fn error(&self) -> String {
        let file = self.bytes();
        let server = Server::start().with_file("os.qcow2", file.clone());
        let disk = FileDisk::new(DISK);
        let before = disk.bytes();
        let error = disk
            .write(&image_info(&server, "os.qcow2", &file, "qcow2"))
            .unwrap_err()
            .to_string();
        assert!(disk.bytes() == before, "{error}");
        error
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_cluster_size() {
    for size in ["512", "1k", "4k", "64k", "256k", "2M"] {
        Made::new(&["-o", &format!("cluster_size={size}")]).check();
    }
}

#[test]
fn compressed_clusters() {
    for size in ["512", "4k", "64k", "2M"] {
        Made::new(&["-c", "-o", &format!("cluster_size={size}")]).check();
    }
    for size in ["4k", "64k", "2M"] {
        Made::new(&[
            "-c",
            "-o",
            &format!("compression_type=zstd,cluster_size={size}"),
        ])
        .check();
    }
}

#[test]
fn both_versions_and_lazy_reference_counts() {
    Made::new(&["-o", "compat=0.10"]).check();
    Made::new(&["-c", "-o", "compat=0.10,cluster_size=4k"]).check();
    Made::new(&["-o", "lazy_refcounts=on"]).check();
    Made::new(&["-o", "refcount_bits=1"]).check();
}

#[test]
fn an_image_that_was_not_closed_is_read_as_qemu_reads_it() {
    let made = Made::new(&["-o", "lazy_refcounts=on"]);
    let command = "qemu-io -f qcow2 -c 'write -P 7 6M 100k' -c abort \"$1\" || true";
    run("sh", &["-c", command, "sh", text(&made.image())]).unwrap();
    assert_eq!(made.bytes()[79] & 1, 1, "the image is dirty");
    made.check();
}

#[test]
fn preallocated_images() {
    for preallocation in ["metadata", "falloc", "full"] {
        let made = Made::new(&["-o", &format!("preallocation={preallocation}")]);
        made.check();
        made.qemu_img(
            &["resize", &format!("--preallocation={preallocation}")],
            &["30M"],
        )
        .check();
    }
}

#[test]
fn snapshots_are_not_what_is_written() {
    let made = Made::new(&["-o", "cluster_size=4k"]);
    made.qemu_img(&["snapshot", "-c", "before"], &[]);
    made.qemu_io("write -P 0x11 2M 1M")
        .qemu_io("write -z 5M 1M")
        .qemu_io("discard 8M 1M");
    made.check();
    made.qemu_img(&["snapshot", "-c", "again"], &[])
        .qemu_io("write -P 0x22 2500k 700k")
        .check();
}

#[test]
fn zero_clusters_with_and_without_room_of_their_own() {
    let made = Made::new(&["-o", "preallocation=full"]);
    made.qemu_io("write -z 2M 3M")
        .qemu_io("write -z -u 9M 3M")
        .check();
}

#[test]
fn a_table_that_moved_when_the_image_grew() {
    for size in ["512", "4k"] {
        let made = Made::new(&["-c", "-o", &format!("cluster_size={size}")]);
        made.qemu_img(&["resize"], &["36M"])
            .qemu_io("write -P 0x33 30M 2M")
            .check();
        made.qemu_img(&["resize", "--shrink"], &["32M"]).check();
    }
}

#[test]
fn clusters_in_any_order_of_the_file() {
    let made = Made::from_raw(&bootable_image(24)[..1 << 20], &["-o", "cluster_size=4k"]);
    made.qemu_img(&["resize"], &["32M"]);
    // From the end of the disk to its start, so that neighbours in the file are none in the guest.
    for step in (1..60).rev() {
        made.qemu_io(&format!("write -P {step} {}k 24k", step * 500));
    }
    made.check();
    made.qemu_io("write -c -P 0x44 3M 4k")
        .qemu_io("write -c -P 0x45 2M 4k")
        .check();
}

#[test]
fn a_size_that_is_no_multiple_of_the_cluster_size() {
    let mut raw = bootable_image(9);
    raw.extend(garbage(512 * 7));
    for options in [
        &["-o", "cluster_size=2M"][..],
        &["-c"],
        &["-o", "preallocation=full"],
    ] {
        Made::from_raw(&raw, options).check();
    }
}

/// A cluster of 2 MiB is written in two parts, of which the second is beyond the end here.
#[test]
fn a_size_that_ends_in_the_first_half_of_the_last_cluster() {
    let mut raw = bootable_image(8);
    raw.extend(garbage(512 << 10));
    for options in [
        &["-o", "cluster_size=2M"][..],
        &["-c", "-o", "cluster_size=2M"],
        &["-o", "cluster_size=2M,preallocation=full"],
    ] {
        Made::from_raw(&raw, options).check();
    }
}

#[test]
fn an_image_as_large_as_the_disk() {
    let mut raw = bootable_image(40);
    raw[39 << 20..].copy_from_slice(&garbage(1 << 20));
    Made::from_raw(&raw, &["-c"]).check();
}

#[test]
fn a_server_without_ranges_is_enough_when_the_tables_come_first() {
    Made::new(&[]).check_with(Server::start().without_ranges());
    Made::new(&["-c"]).check_with(Server::start().without_length());
}

#[test]
fn tables_behind_the_data_need_a_server_with_ranges() {
    let mut raw = bootable_image(32);
    raw[4 << 20..31 << 20].copy_from_slice(&garbage(27 << 20));
    let made = Made::from_raw(&raw, &["-o", "cluster_size=4k"]);
    let file = made.bytes();
    let server = Server::start()
        .without_ranges()
        .with_file("os.qcow2", file.clone());
    let disk = FileDisk::new(DISK);
    let before = disk.bytes();
    let error = disk
        .write(&image_info(&server, "os.qcow2", &file, "qcow2"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("the server has no byte ranges"), "{error}");
    assert!(disk.bytes() == before);
    made.check();
}

#[test]
fn a_stream_that_is_cut_between_tables_and_data() {
    let made = Made::new(&["-o", "cluster_size=4k"]);
    let server = Server::start();
    server.plan(&[
        Plan::CutAfter(300_000),
        Plan::CutAfter(100),
        Plan::Status(502),
        Plan::Properly,
        Plan::CutAfter(9),
    ]);
    made.check_with(server);
}

#[test]
fn images_that_point_elsewhere_are_refused() {
    let made = Made::new(&[]);
    made.qemu_img(&["rebase", "-u", "-F", "raw", "-b", "/etc/passwd"], &[]);
    assert!(made.error().contains("has a backing file"));

    let made = Made {
        directory: tempfile::tempdir().unwrap(),
    };
    let data = format!("data_file={}", text(&made.path("data")));
    made.qemu_img(&["create", "-f", "qcow2", "-o", &data], &["16M"]);
    assert!(made.error().contains("external file"));
}

#[test]
fn images_that_ferric_does_not_read_are_refused_by_name() {
    let create = |options: &[&str]| {
        let made = Made {
            directory: tempfile::tempdir().unwrap(),
        };
        made.qemu_img(
            &[&["create", "-q", "-f", "qcow2"], options].concat(),
            &["16M"],
        );
        made.error()
    };
    assert!(create(&["-o", "extended_l2=on"]).contains("subclusters"));
    // For LUKS qemu-img measures its own use of the CPU, which it cannot on every machine: that mark is set by hand.
    let secret = [
        "--object",
        "secret,id=s,data=x",
        "-o",
        "encrypt.format=aes,encrypt.key-secret=s",
    ];
    assert!(create(&secret).contains("encrypted"));
    let luks = Made::new(&[]);
    let mut file = luks.bytes();
    file[32..36].copy_from_slice(&2_u32.to_be_bytes());
    std::fs::write(luks.image(), file).unwrap();
    assert!(luks.error().contains("encrypted"));
    let made = Made {
        directory: tempfile::tempdir().unwrap(),
    };
    made.qemu_img(&["create", "-q", "-f", "qcow2"], &["41M"]);
    let error = made.error();
    assert!(
        error.contains("needs 42991616 bytes") && error.contains("only 41943040"),
        "{error}"
    );
}

/// A server that shows one set of tables by range and another one in the stream.
#[test]
fn tables_that_change_between_reading_and_the_pass_are_noticed() {
    let made = Made::new(&["-o", "cluster_size=64k"]);
    let file = made.bytes();
    let l1 = usize::try_from(u64::from_be_bytes(*file[40..].first_chunk().unwrap())).unwrap();
    let l2 =
        usize::try_from(u64::from_be_bytes(*file[l1..].first_chunk().unwrap()) & 0xffff_ffff_fe00)
            .unwrap();
    // The first two data clusters are exchanged in the L2 table of the stream.
    let mut other = file.clone();
    let first: Vec<usize> = (0..8192)
        .map(|index| l2 + index * 8)
        .filter(|at| file[*at..*at + 8] != [0; 8])
        .take(2)
        .collect();
    for byte in 0..8 {
        other.swap(first[0] + byte, first[1] + byte);
    }
    let server = Server::start().with_file("os.qcow2", file);
    let info = image_info(&server, "os.qcow2", &other, "qcow2");
    server.serve_stream_from("os.qcow2", other);
    let disk = FileDisk::new(DISK);
    let error = disk.write(&info).unwrap_err().to_string();
    assert!(
        error.contains("tables were different when they were read again"),
        "{error}"
    );
    disk.assert_has_no_table();
}
