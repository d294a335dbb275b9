//! The guard on an ordinary host, and in a ramdisk as far as that can be told without one.

use super::*;
use crate::disk::testing::LoopDisk;
use crate::run::run;

fn ordinary(only_devices: &[PathBuf]) -> Host {
    let root = RootKind::Other("/ is not a RAM file system".to_owned());
    Host::with_root(root, only_devices).unwrap()
}

#[test]
fn an_ordinary_host_permits_nothing() {
    let host = ordinary(&[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(!host.visible(file.path()));
    let refusal = host.permits_device(file.path()).unwrap_err().to_string();
    assert!(refusal.contains("--only-device"), "{refusal}");
    let refusal = host.permits_power().unwrap_err().to_string();
    assert!(refusal.contains("/ is not a RAM file system"), "{refusal}");
    assert!(host.permits_boot_entries().is_err());
    assert!(host.permits_system().is_err());
    assert!(host.permits_disks().is_err());
}

#[test]
fn a_named_device_is_permitted_by_every_name_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let named = directory.path().join("disk");
    let other = directory.path().join("other");
    let link = directory.path().join("link");
    std::fs::write(&named, "").unwrap();
    std::fs::write(&other, "").unwrap();
    std::os::unix::fs::symlink(&named, &link).unwrap();
    let host = ordinary(&[link]);
    assert_eq!(host.permits_device(&named).unwrap().path(), named);
    assert!(host.visible(&named));
    assert!(host.permits_device(&other).is_err());
    assert!(host.permits_disks().is_ok());
    assert!(host.permits_power().is_err());
}

#[test]
fn naming_a_device_that_does_not_exist_is_an_error() {
    let root = RootKind::Other(String::new());
    assert!(Host::with_root(root, &[PathBuf::from("/dev/no-such-disk")]).is_err());
}

#[test]
fn a_ramdisk_limited_to_one_device_sees_only_that() {
    let directory = tempfile::tempdir().unwrap();
    let named = directory.path().join("disk");
    let other = directory.path().join("other");
    std::fs::write(&named, "").unwrap();
    std::fs::write(&other, "").unwrap();
    let host = Host::with_root(RootKind::Ram, std::slice::from_ref(&named)).unwrap();
    assert!(host.visible(&named) && !host.visible(&other));
    assert!(host.permits_device(&other).is_err());
    let unlimited = Host::with_root(RootKind::Ram, &[]).unwrap();
    assert!(unlimited.visible(&other));
    assert!(unlimited.permits_power().is_ok());
}

#[test]
fn containers_are_run_in_a_ramdisk_whose_disks_are_all_the_agents() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let one = [file.path().to_owned()];
    let ramdisk = |devices: &[PathBuf]| Host::with_root(RootKind::Ram, devices).unwrap();
    assert!(ramdisk(&[]).permits_containers().is_ok());
    assert!(ramdisk(&one).permits_containers().is_err());
    // That programs of others may be run is said of hardware managers alone.
    let host = ordinary(&[]).that_runs_programs();
    assert!(host.permits_containers().is_err());
}

#[test]
fn programs_of_others_are_run_in_a_ramdisk_whose_disks_are_all_the_agents() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let one = [file.path().to_owned()];
    let ramdisk = |devices: &[PathBuf]| Host::with_root(RootKind::Ram, devices).unwrap();
    assert!(ramdisk(&[]).permits_programs(&[]).is_ok());
    for host in [ramdisk(&one), ordinary(&[]), ordinary(&one)] {
        let refusal = host.permits_programs(&one).unwrap_err().to_string();
        assert!(
            refusal.starts_with("running hardware managers is refused: "),
            "{refusal}"
        );
        let permit = host.that_runs_programs().permits_programs(&one).unwrap();
        assert_eq!(permit.only_devices(), one);
    }
}

/// A file system that is mounted from a disk of the test's own.
struct Mounted {
    disk: LoopDisk,
    place: tempfile::TempDir,
}

impl Mounted {
    fn new() -> Self {
        let disk = LoopDisk::new(16 << 20, 512);
        let place = tempfile::tempdir().unwrap();
        let device = disk.path().to_str().unwrap();
        run("mkfs.ext4", &["-q", device]).unwrap();
        let mounted = run("mount", &[device, place.path().to_str().unwrap()]);
        mounted.expect("this test mounts a loop device and must be run as root");
        Self { disk, place }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(run("umount", &[self.place.path().to_str().unwrap()]));
    }
}

#[test]
fn a_mounted_disk_is_refused_even_when_it_is_named() {
    let mounted = Mounted::new();
    let path = mounted.disk.path().to_owned();
    let host = ordinary(std::slice::from_ref(&path));
    let refusal = host.permits_device(&path).unwrap_err();
    let place = mounted.place.path().to_str().unwrap();
    assert!(
        matches!(&refusal, HostRefusal::Mounted { mounted, .. } if mounted == place),
        "{refusal}"
    );
    run("umount", &[place]).unwrap();
    host.permits_device(&path).unwrap();
}
