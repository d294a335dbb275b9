//! The guard on an ordinary host, and in a ramdisk as far as that can be told without one.

use super::*;

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

/// The disk of the machine that runs the tests is mounted, so even naming it does not give it away.
#[test]
fn a_mounted_disk_is_refused_even_when_it_is_named() {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let source = |line: &str| {
        line.split(" - ")
            .nth(1)?
            .split(' ')
            .nth(1)
            .map(PathBuf::from)
    };
    let disks = mounts.lines().filter_map(source);
    let Some(mounted) = disks
        .into_iter()
        .find(|path| path.starts_with("/dev") && path.exists())
    else {
        return; // Nothing here is mounted from a disk.
    };
    let host = ordinary(std::slice::from_ref(&mounted));
    let refusal = host.permits_device(&mounted).unwrap_err();
    assert!(matches!(refusal, HostRefusal::Mounted { .. }), "{refusal}");
}
