//! What podman is started with, what it can see meanwhile, and the disk afterwards.

use super::super::testing::FakePodman;
use super::*;
use crate::disk::testing::LoopDisk;
use crate::run::run;

const SOURCE: &str = "oci://quay.io/centos-bootc/centos-bootc:stream10";
const IMAGE: &str = "quay.io/centos-bootc/centos-bootc:stream10";

struct Machine {
    disk: LoopDisk,
    directory: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        Self {
            disk: LoopDisk::new(1024 << 20, 512),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn install(&self, bootc: &Bootc, podman: &FakePodman) -> Result<(), String> {
        let installed = self.try_install(bootc, podman);
        installed.map_err(|error| crate::commands::sentence(&error))
    }

    fn try_install(&self, bootc: &Bootc, podman: &FakePodman) -> Result<(), BootcError> {
        let path = self.directory.path();
        let places = Places {
            configuration: path.join("conf"),
            secret: path.to_owned(),
            shared: path.to_owned(),
        };
        let device = self.disk.host().permits_device(self.disk.path()).unwrap();
        let permit = SystemPermit::of_a_namespace();
        bootc.install(&permit, &device, &podman.program(), &places)
    }

    /// What is left in the directory for temporary files.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| name != "conf" && name != "seen")
            .collect()
    }
}

#[test]
fn podman_is_started_as_by_ironics_agent() {
    let (machine, podman) = (Machine::new(), FakePodman::new(""));
    machine
        .install(&Bootc::new(SOURCE, None).unwrap(), &podman)
        .unwrap();
    let expected = [
        format!("pull --retry-delay=5s {IMAGE}"),
        format!(
            "--log-level=debug run --rm --privileged --pid=host --pull=never \
             -v /var/lib/containers:/var/lib/containers -v /dev:/dev {IMAGE} bootc install to-disk \
             --wipe --skip-fetch-check --root-size=256M --disable-selinux {}",
            machine.disk.path().display()
        ),
    ];
    assert_eq!(podman.calls(), expected);
    let configuration = machine.directory.path().join("conf/01-ipa.conf");
    let text = fs::read_to_string(configuration).unwrap();
    assert_eq!(text, "[engine]\nno_pivot_root = true\n");
}

#[test]
fn an_older_podman_is_asked_without_the_option_that_it_does_not_know() {
    let script = "case \"$*\" in *--retry-delay*) echo 'Error: unknown flag: --retry-delay' >&2; exit 125;; esac";
    let (machine, podman) = (Machine::new(), FakePodman::new(script));
    machine
        .install(&Bootc::new(SOURCE, None).unwrap(), &podman)
        .unwrap();
    let calls = podman.calls();
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert_eq!(calls[1], format!("pull {IMAGE}"));
}

#[test]
fn options_of_the_instance_become_arguments() {
    let bootc = Bootc {
        authorized_keys: Some("ssh-ed25519 AAAA".to_owned()),
        tpm2_luks: true,
        ..Bootc::new(SOURCE, None).unwrap()
    };
    let keys = TemporaryFile("/tmp/keys".into());
    let arguments = bootc.arguments(5, Path::new("/dev/sda"), Some(&keys), Selinux::Active);
    std::mem::forget(keys);
    let expected = "--log-level=debug run --rm --privileged --pid=host --pull=never \
        -v /var/lib/containers:/var/lib/containers -v /dev:/dev -v /tmp:/tmp --security-opt label=type:unconfined_t \
        quay.io/centos-bootc/centos-bootc:stream10 bootc install to-disk --wipe --skip-fetch-check --root-size=5M \
        --block-setup=tpm2-luks --root-ssh-authorized-keys=/tmp/keys /dev/sda";
    assert_eq!(arguments.join(" "), expected);
}

/// The secret is there for the pull, and gone before anything of the image runs.
#[test]
fn the_secret_is_gone_before_the_image_runs() {
    let machine = Machine::new();
    let path = machine.directory.path().display();
    let script = format!(
        "case \"$*\" in *pull\\ *) cat {path}/ferric-registry-* > {path}/seen; stat -c %a {path}/ferric-registry-* >> {path}/seen;; \
         *) ls {path} | grep ferric-registry && exit 9;; esac; exit 0"
    );
    let podman = FakePodman::new(&script);
    let left_behind = machine
        .directory
        .path()
        .join("ferric-registry-of-an-agent-that-was-killed");
    fs::write(left_behind, "old").unwrap();
    let secret = STANDARD.encode("dXNlcjpwYXNz");
    let bootc = Bootc {
        authorized_keys: Some("ssh-ed25519 AAAA".to_owned()),
        ..Bootc::new(SOURCE, Some(&secret)).unwrap()
    };
    machine.install(&bootc, &podman).unwrap();
    let seen = fs::read_to_string(machine.directory.path().join("seen")).unwrap();
    assert_eq!(
        seen,
        "{\"auths\":{\"quay.io\":{\"auth\":\"dXNlcjpwYXNz\"}}}600\n"
    );
    let calls = podman.calls();
    assert!(
        calls[0].contains("--authfile=") && !calls[1].contains("--authfile="),
        "{calls:?}"
    );
    assert!(
        calls[1].contains("--root-ssh-authorized-keys="),
        "{calls:?}"
    );
    assert!(machine.left().is_empty(), "{:?}", machine.left());
}

#[test]
fn failures_are_told_and_leave_no_secret() {
    let machine = Machine::new();
    let bootc = Bootc::new(SOURCE, Some(&STANDARD.encode("x"))).unwrap();
    let told = |script: &str| {
        machine
            .install(&bootc, &FakePodman::new(script))
            .unwrap_err()
    };
    let error = told("[ \"$1\" != pull ] || { echo denied >&2; exit 1; }");
    assert!(
        error.starts_with("pulling the container image") && error.contains("denied"),
        "{error}"
    );
    let error = told("[ \"$1\" = pull ] || { echo no space >&2; exit 1; }");
    assert!(
        error.starts_with("installing the container image"),
        "{error}"
    );
    let error =
        told("[ \"$1\" = pull ] || echo 'crun: executable file `bootc` not found in $PATH'");
    assert!(error.contains("has no program bootc"), "{error}");
    assert!(machine.left().is_empty(), "{:?}", machine.left());
}

/// Else a disk would be cleared to which nobody has written.
#[test]
fn what_fails_before_the_image_runs_has_not_touched_the_disk() {
    let machine = Machine::new();
    let bootc = Bootc::new(SOURCE, None).unwrap();
    let touches = |script: &str| {
        let failed = machine.try_install(&bootc, &FakePodman::new(script));
        failed.unwrap_err().has_touched_the_disk()
    };
    assert!(!touches("exit 1"));
    assert!(!touches("echo 'executable file `bootc` not found'"));
    assert!(touches("[ \"$1\" = pull ] || exit 1"));
    let small = Machine {
        disk: LoopDisk::new(200 << 20, 512),
        ..Machine::new()
    };
    let error = small.try_install(&bootc, &FakePodman::new("")).unwrap_err();
    assert!(matches!(error, BootcError::TooSmall { .. }), "{error}");
    assert!(!error.has_touched_the_disk());
}

#[test]
fn what_makes_no_sense_is_refused() {
    for source in ["", "oci://", "--privileged", "oci://a b"] {
        assert!(
            matches!(Bootc::new(source, None), Err(BootcError::Image(_))),
            "{source}"
        );
    }
    assert!(matches!(
        Bootc::new(SOURCE, Some("?")),
        Err(BootcError::Secret)
    ));
    let plain = Bootc::new("registry:5000/os?x#y", None).unwrap();
    assert_eq!(
        (plain.image.as_str(), plain.registry.as_str()),
        ("registry:5000/os", "registry:5000")
    );
}

#[test]
fn a_disk_without_partitions_was_not_installed() {
    let disk = LoopDisk::new(200 << 20, 512);
    let device = disk.host().permits_device(disk.path()).unwrap();
    let error = complete(&device, None).unwrap_err();
    assert!(
        crate::commands::sentence(&error).contains("no partition table"),
        "{error}"
    );
    run("sgdisk", &["-n", "1:0:+64M", disk.path().to_str().unwrap()]).unwrap();
    complete(&device, None).unwrap();
}
