//! Media in files, with a sysfs that says what they are; the file systems are made by the programs that conductors use.

use std::os::unix::fs::symlink;

use proptest::prelude::{any, proptest};

use super::*;
use crate::run::run;

/// What a device of a played machine is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Cd,
    Stick,
    /// A disk whose label must not count.
    Disk,
}

/// A machine of which only the block devices exist.
pub(crate) struct Machine(tempfile::TempDir);

impl Machine {
    pub(crate) fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for directory in ["sys/class/block", "dev", "root"] {
            fs::create_dir_all(machine.path(directory)).unwrap();
        }
        machine
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    pub(crate) fn media(&self) -> VirtualMedia {
        VirtualMedia {
            sysfs_block: self.path("sys/class/block"),
            devices: self.path("dev"),
            root: self.path("root"),
            _permit: None,
        }
    }

    pub(crate) fn add(&self, name: &str, kind: Kind, model: &str, content: &[u8]) {
        let (bus, scsi_type) = match kind {
            Kind::Cd => ("ata1", "5"),
            Kind::Stick => ("usb1", "0"),
            Kind::Disk => ("ata2", "0"),
        };
        let device = self.path(&format!("sys/devices/{bus}/{name}"));
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("type"), scsi_type).unwrap();
        fs::write(device.join("model"), model).unwrap();
        let block = self.path(&format!("sys/class/block/{name}"));
        fs::create_dir_all(&block).unwrap();
        fs::write(block.join("size"), (content.len() / 512).to_string()).unwrap();
        symlink(&device, block.join("device")).unwrap();
        fs::write(self.path("dev").join(name), content).unwrap();
    }
}

/// An ISO 9660 file system of these files.
pub(crate) fn iso(label: &str, options: &[&str], files: &[(&str, &str)]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    for (path, text) in files {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let image = directory.path().join("iso");
    let (image_text, tree) = (image.to_str().unwrap(), tree.to_str().unwrap());
    let fixed = ["-quiet", "-V", label, "-o", image_text];
    run("genisoimage", &[&fixed, options, &[tree]].concat()).unwrap();
    fs::read(image).unwrap()
}

/// A FAT file system with one file in its root.
pub(crate) fn fat(label: &str, name: &str, text: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("fat");
    let path = image.to_str().unwrap();
    run("mkfs.vfat", &["-n", label, "-C", path, "1440"]).unwrap();
    let options = fs::OpenOptions::new().read(true).write(true).open(&image);
    let file_system = fatfs::FileSystem::new(options.unwrap(), fatfs::FsOptions::new()).unwrap();
    let mut file = file_system.root_dir().create_file(name).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    drop(file);
    file_system.unmount().unwrap();
    fs::read(image).unwrap()
}

const LONG: &str = "a-file-whose-name-is-so-long-that-nothing-of-it-fits-the-plain-names.conf";

const FILES: [(&str, &str); 5] = [
    ("boot/vmlinuz", "kernel"),
    ("etc/ironic-python-agent/ironic.crt", "certificate"),
    ("etc/ironic-python-agent.d/ironic-tls.conf", "[DEFAULT]\n"),
    ("etc/ironic-python-agent.d/below/not.conf", "not copied"),
    ("etc/other", "not copied either"),
];

fn copied(machine: &Machine) -> Vec<(String, String)> {
    let root = machine.path("root");
    let mut found: Vec<_> = machine
        .media()
        .copy_configuration()
        .unwrap()
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(&root).unwrap();
            (path.to_str().unwrap().to_owned(), text)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn parameters_are_read_from_a_stick_and_from_a_cd() {
    let machine = Machine::new();
    machine.add(
        "sda",
        Kind::Disk,
        "",
        &fat("ir-vfd-dev", "parameters.txt", "from=disk"),
    );
    assert_eq!(machine.media().parameters().unwrap(), None);
    let stick = fat("IR-VFD-DEV", "parameters.txt", "ipa-debug=1\nb=\"c d\"\n");
    machine.add("sdb", Kind::Stick, "", &stick);
    let read = machine.media().parameters().unwrap();
    assert_eq!(read.as_deref(), Some("ipa-debug=1\nb=\"c d\"\n"));
    let machine = Machine::new();
    let cd = iso("ir-vfd-dev", &["-r"], &[("parameters.txt", "from=cd")]);
    machine.add("sr0", Kind::Cd, "", &cd);
    assert_eq!(
        machine.media().parameters().unwrap().as_deref(),
        Some("from=cd")
    );
}

#[test]
fn a_device_that_calls_itself_virtual_needs_no_label() {
    let machine = Machine::new();
    let unlabelled = fat("OTHER", "PARAMETERS.TXT", "a=b");
    machine.add("sda", Kind::Stick, "USB DISK", &unlabelled);
    assert_eq!(machine.media().parameters().unwrap(), None);
    machine.add("sdb", Kind::Stick, "Virtual Media Floppy", &unlabelled);
    assert_eq!(
        machine.media().parameters().unwrap().as_deref(),
        Some("a=b")
    );
}

#[test]
fn a_medium_without_a_file_system_is_named() {
    let machine = Machine::new();
    machine.add("sda", Kind::Stick, "virtual media", &[0; 1 << 20]);
    let error = machine.media().parameters().unwrap_err().to_string();
    assert!(error.contains("dev/sda is neither"), "{error}");
}

#[test]
fn an_empty_drive_is_as_if_it_were_not_there() {
    let machine = Machine::new();
    machine.add("sr0", Kind::Cd, "virtual media", &[0; 512]);
    fs::remove_file(machine.path("dev/sr0")).unwrap();
    assert_eq!(machine.media().parameters().unwrap(), None);
}

#[test]
fn configuration_is_copied_whatever_form_the_names_have() {
    for options in [&["-r", "-l"][..], &["-J", "-r"], &["-J"]] {
        let machine = Machine::new();
        machine.add(
            "sr0",
            Kind::Cd,
            "",
            &iso("VMEDIA_BOOT_ISO", options, &FILES),
        );
        let expected = [
            ("etc/ironic-python-agent.d/ironic-tls.conf", "[DEFAULT]\n"),
            ("etc/ironic-python-agent/ironic.crt", "certificate"),
        ];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(copied(&machine), expected, "{options:?}");
    }
}

#[test]
fn long_names_are_read_to_their_end() {
    let file = format!("etc/ironic-python-agent.d/{LONG}{LONG}{LONG}");
    let machine = Machine::new();
    let medium = iso("config-2", &["-r"], &[(&file, "long")]);
    machine.add("sr0", Kind::Cd, "", &medium);
    assert_eq!(copied(&machine), [(file, "long".to_owned())]);
}

#[test]
fn a_medium_for_configuration_comes_before_the_one_that_was_booted() {
    let machine = Machine::new();
    let file = "etc/ironic-python-agent.d/a.conf";
    machine.add(
        "sr0",
        Kind::Cd,
        "",
        &iso("VMEDIA_BOOT_ISO", &["-r"], &[(file, "boot")]),
    );
    assert_eq!(copied(&machine)[0].1, "boot");
    machine.add(
        "sr1",
        Kind::Cd,
        "",
        &iso("config-2", &["-r"], &[(file, "config")]),
    );
    assert_eq!(copied(&machine)[0].1, "config");
    // A config drive on a disk is that of whoever had the machine before.
    let machine = Machine::new();
    machine.add(
        "sda",
        Kind::Disk,
        "",
        &iso("config-2", &["-r"], &[(file, "stale")]),
    );
    assert_eq!(copied(&machine), []);
}

#[test]
fn network_data_are_found() {
    let machine = Machine::new();
    assert_eq!(machine.media().network_data().unwrap(), None);
    let files = [("openstack/latest/network_data.json", "{}"), ("other", "")];
    machine.add("sr0", Kind::Cd, "", &iso("config-2", &["-J", "-r"], &files));
    assert_eq!(
        machine.media().network_data().unwrap().as_deref(),
        Some("{}")
    );
}

#[test]
fn names_that_lead_elsewhere_are_left_out() {
    for (name, plain) in [
        ("a.conf", true),
        ("", false),
        ("..", false),
        ("../a", false),
    ] {
        assert_eq!(is_plain(name), plain, "{name}");
    }
}

#[test]
fn an_ordinary_host_has_no_virtual_media() {
    let host = Host::detect(&[]).unwrap();
    let refusal = VirtualMedia::of(&host).unwrap_err().to_string();
    assert!(refusal.contains("is refused"), "{refusal}");
}

fn read_damaged(image: &[u8], directory: &str) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(image).unwrap();
    let size = image.len() as u64;
    drop(iso::files_in(&file, directory, &|_| true));
    drop(fat::files_in(&file, size, directory, &|_| true));
}

proptest! {
    /// Damage anywhere gives an error or other files, and no panic and no endless loop.
    #[test]
    fn a_damaged_iso_never_panics(damage in proptest::collection::vec((0usize..400_000, any::<u8>()), 1..20)) {
        static IMAGE: std::sync::LazyLock<Vec<u8>> =
            std::sync::LazyLock::new(|| iso("config-2", &["-r"], &FILES));
        let mut image = IMAGE.clone();
        for (at, value) in damage {
            let at = 0x8000 + at % (image.len() - 0x8000).min(40_000);
            image[at] = value;
        }
        read_damaged(&image, "etc/ironic-python-agent.d");
    }

    /// Boot sector, both tables and the root directory.
    #[test]
    fn a_damaged_fat_never_panics(damage in proptest::collection::vec((0usize..16_384, any::<u8>()), 1..20)) {
        static IMAGE: std::sync::LazyLock<Vec<u8>> =
            std::sync::LazyLock::new(|| fat("ir-vfd-dev", "parameters.txt", "a=b"));
        let mut image = IMAGE.clone();
        for (at, value) in damage {
            image[at] = value;
        }
        read_damaged(&image, "");
        read_damaged(&image, "etc/ironic-python-agent.d");
    }
}
