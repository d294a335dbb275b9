//! What is run and written: in a system that is played, and in one on a loop device whose programs are made up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use nix::libc;

use super::partition::Ids;
use super::plan::{System, set_up};
use super::*;
use crate::commands::sentence;
use crate::disk::testing::LoopDisk;
use crate::run::run;

#[derive(Default)]
struct Played {
    files: RefCell<BTreeMap<String, String>>,
    notes: RefCell<Vec<String>>,
    failing: Option<&'static str>,
}

impl Played {
    fn with(files: &[&str]) -> Self {
        let files = files.iter().map(|path| ((*path).to_owned(), String::new()));
        Self {
            files: RefCell::new(files.collect()),
            ..Self::default()
        }
    }

    /// What was done since the last question.
    fn notes(&self) -> Vec<String> {
        self.notes.take()
    }
}

impl System for Played {
    fn has(&self, path: &str) -> bool {
        self.files.borrow().contains_key(path)
    }

    fn read(&self, path: &str) -> Result<String, GrubError> {
        Ok(self.files.borrow().get(path).cloned().unwrap_or_default())
    }

    fn append(&self, path: &str, text: &str) -> Result<(), GrubError> {
        let mut files = self.files.borrow_mut();
        files.entry(path.to_owned()).or_default().push_str(text);
        self.notes.borrow_mut().push(format!("{path}: {text}"));
        Ok(())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), RunError> {
        let note = [&[program], arguments].concat().join(" ");
        let fails = self.failing == Some(program);
        self.notes.borrow_mut().push(note.clone());
        if fails {
            return Err(RunError::Stopped { command: note });
        }
        Ok(())
    }
}

fn bios(disks: &[&str]) -> Plan {
    Plan {
        disks: disks.iter().map(PathBuf::from).collect(),
        ..Plan::default()
    }
}

fn uefi() -> Plan {
    Plan {
        esp: Some(Ids {
            file_system: Some("ABCD-1234".to_owned()),
            partition: None,
        }),
        ..Plan::default()
    }
}

#[test]
fn each_disk_gets_grub_and_then_the_configuration_is_written() {
    let system = Played::with(&["usr/sbin/grub-install"]);
    set_up(&system, &bios(&["/dev/sda", "/dev/sdb"])).unwrap();
    let expected = [
        "grub-install --target=i386-pc /dev/sda",
        "grub-install --target=i386-pc /dev/sdb",
        "grub-mkconfig -o /boot/grub/grub.cfg",
    ];
    assert_eq!(system.notes(), expected);
}

#[test]
fn under_uefi_it_is_installed_for_any_firmware_and_the_esp_is_mounted_by_the_system() {
    let system = Played::with(&["usr/bin/grub2-install", "usr/sbin/grub-install"]);
    set_up(&system, &uefi()).unwrap();
    let target = if cfg!(target_arch = "aarch64") {
        "arm64-efi"
    } else {
        "x86_64-efi"
    };
    let install = format!("grub2-install --target={target} --efi-directory=/boot/efi --no-nvram");
    let expected = [
        install.clone(),
        format!("{install} --removable"),
        "grub2-mkconfig -o /boot/grub2/grub.cfg".to_owned(),
        "etc/fstab: UUID=ABCD-1234  /boot/efi  vfat  umask=0077  0  1\n".to_owned(),
    ];
    assert_eq!(system.notes(), expected);
    set_up(&system, &uefi()).unwrap();
    assert_eq!(system.notes(), expected[..3], "the line is there");
}

#[test]
fn a_system_with_dracut_is_told_its_volume_before_its_configuration_is_written() {
    let plan = Plan {
        volume_id: Some("a:b".to_owned()),
        ..bios(&["/dev/sda"])
    };
    let grub = "usr/sbin/grub2-install";
    let system = Played::with(&[grub, "usr/bin/dracut"]);
    set_up(&system, &plan).unwrap();
    let expected = [
        "grub2-install --target=i386-pc /dev/sda",
        "etc/default/grub: GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX rd.md.uuid=a:b\"\n",
        "grub2-mkconfig -o /boot/grub2/grub.cfg",
    ];
    assert_eq!(system.notes(), expected);
    let system = Played::with(&[grub]);
    set_up(&system, &plan).unwrap();
    assert_eq!(system.notes().len(), 2);
}

#[test]
fn nothing_is_done_without_grub_and_nothing_more_after_a_failure() {
    let system = Played::with(&["usr/sbin/grub-mkconfig"]);
    let error = set_up(&system, &uefi()).unwrap_err();
    assert!(matches!(error, GrubError::NoGrub), "{error}");
    assert!(system.notes().is_empty());
    let system = Played {
        failing: Some("grub-install"),
        ..Played::with(&["sbin/grub-install"])
    };
    let error = set_up(&system, &uefi()).unwrap_err();
    assert!(matches!(error, GrubError::Program(_)), "{error}");
    assert_eq!(system.notes().len(), 1);
}

#[test]
fn an_ordinary_host_runs_nothing_of_an_image() {
    let host = Host::detect(&[]).unwrap();
    let error = host.permits_programs_of_images().unwrap_err().to_string();
    assert!(error.contains("is refused"), "{error}");
}

const ROOT_ID: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";

/// A disk with a root that has a shell, and these scripts in the place of GRUB.
fn disk(install: &str, mkconfig: &str) -> LoopDisk {
    let tree = tempfile::tempdir().unwrap();
    let place = |path: &str| {
        let place = tree.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        place
    };
    let needed = run("ldd", &["/bin/sh"]).unwrap();
    let needed = String::from_utf8(needed.stdout).unwrap();
    let libraries = needed
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for path in libraries.chain(["/bin/sh"]) {
        fs::copy(path, place(path)).unwrap();
    }
    for (name, script) in [("grub-install", install), ("grub-mkconfig", mkconfig)] {
        let place = place(&format!("usr/sbin/{name}"));
        fs::write(&place, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&place, Permissions::from_mode(0o755)).unwrap();
    }
    fs::create_dir_all(tree.path().join("boot/grub")).unwrap();
    let disk = LoopDisk::new(64 << 20, 512);
    let path = disk.path().to_str().unwrap();
    run("sgdisk", &["-n", "1:0:+1M", "-n", "2:0:0", path]).unwrap();
    drop(run("partx", &["--update", path]));
    let (root, tree) = (disk.partition(2), tree.path().to_str().unwrap());
    let root = root.to_str().unwrap();
    run("mkfs.ext4", &["-q", "-U", ROOT_ID, "-d", tree, root]).unwrap();
    disk
}

fn installed(disk: &LoopDisk, root_id: &str) -> Result<(), String> {
    let request = Request {
        device: disk.path(),
        root_id,
        mode: BootMode::Bios,
        wanted: &InstallBootloader::default(),
        stop: &Stop::default(),
    };
    let permit = SystemPermit::of_a_namespace();
    install(&disk.host(), &permit, &request).map_err(|error| sentence(&error))
}

/// Whoever may have the partition alone is the only one who has it.
fn is_left_alone(disk: &LoopDisk) -> bool {
    let mut options = OpenOptions::new();
    let alone = options.read(true).custom_flags(libc::O_EXCL);
    alone.open(disk.partition(2)).is_ok()
}

fn debugfs(disk: &LoopDisk, request: &str) -> String {
    let root = disk.partition(2);
    let output = run("debugfs", &["-R", request, root.to_str().unwrap()]).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_programs_of_the_system_run_in_it_with_nothing_of_the_agents_and_end_together() {
    let disk = disk(
        "echo \"$* $PATH $LC_ALL $HOME\" >/notes\n\
         while :; do :; done &\n\
         [ $$ = 1 ] && [ -b \"$2\" ] && [ -d /sys/block ] && [ -e /proc/self/stat ] && [ ! -e /run/lock ]",
        "echo \"$GRUB_DISABLE_OS_PROBER\" >$2",
    );
    installed(&disk, ROOT_ID).unwrap();
    assert!(is_left_alone(&disk));
    let expected = format!(
        "--target=i386-pc {} /usr/sbin:/usr/bin:/sbin:/bin C \n",
        disk.path().display()
    );
    assert_eq!(debugfs(&disk, "cat /notes"), expected);
    assert_eq!(debugfs(&disk, "cat /boot/grub/grub.cfg"), "true\n");
}

#[test]
fn nothing_stays_mounted_after_a_failure_which_says_what_the_program_said() {
    let disk = disk("echo no room >&2; exit 3", "echo x >$2");
    let error = installed(&disk, ROOT_ID).unwrap_err();
    assert!(error.starts_with("`grub-install --target="), "{error}");
    assert!(error.ends_with("no room"), "{error}");
    assert!(is_left_alone(&disk));
    assert!(!debugfs(&disk, "ls /boot/grub").contains("grub.cfg"));
    let error = installed(&disk, "0x12345678").unwrap_err();
    assert!(error.contains("has no partition with the id"), "{error}");
}
