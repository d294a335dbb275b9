//! EFI system partitions in disks in files, made by sgdisk and by the crate that reads them.

use std::io::Write;

use fatfs::{FormatVolumeOptions, format_volume};

use super::*;
use crate::host::Host;
use crate::run::run;

const MIB: u64 = 1 << 20;

/// A disk whose second partition is an ESP of 40 MiB with these files.
fn disk(files: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(100 * MIB).unwrap();
    let path = file.path().to_str().unwrap();
    run(
        "sgdisk",
        &["-n", "1:2048:+10M", "-n", "2:0:+40M", "-t", "2:ef00", path],
    )
    .unwrap();
    let region = || Region::new(file.as_file(), 11 * MIB, 40 * MIB);
    format_volume(region(), FormatVolumeOptions::new()).unwrap();
    let file_system = FileSystem::new(region(), FsOptions::new()).unwrap();
    for (path, content) in files {
        let mut directory = file_system.root_dir();
        let mut parts: Vec<_> = path.split('/').collect();
        let name = parts.pop().unwrap();
        for part in parts {
            directory = directory.create_dir(part).unwrap();
        }
        directory
            .create_file(name)
            .unwrap()
            .write_all(content)
            .unwrap();
    }
    file_system.unmount().unwrap();
    file
}

fn found(files: &[(&str, &[u8])]) -> Result<Vec<String>, EspError> {
    let disk = disk(files);
    let esp = Esp::find(disk.path(), None).unwrap().unwrap();
    assert_eq!(esp.partition_number(), 2);
    let loaders = esp.loaders()?;
    Ok(loaders
        .into_iter()
        .map(|loader| format!("{} {}", loader.label, loader.path))
        .collect())
}

#[test]
fn the_loaders_of_a_debian_image() {
    let csv: Vec<u8> = "shimx64.efi,debian,,"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let files: &[(&str, &[u8])] = &[
        ("EFI/BOOT/BOOTX64.EFI", b"MZ"),
        ("EFI/debian/shimx64.efi", b"MZ"),
        ("EFI/debian/grubx64.efi", b"MZ"),
        ("EFI/debian/BOOTX64.CSV", &csv),
    ];
    assert_eq!(found(files).unwrap(), ["debian \\EFI\\debian\\shimx64.efi"]);
    assert_eq!(
        found(&files[..3]).unwrap(),
        ["ironic1 \\EFI\\BOOT\\BOOTX64.EFI"]
    );
}

#[test]
fn an_esp_without_a_loader_is_an_error() {
    assert!(matches!(
        found(&[("startup.nsh", b"")]),
        Err(EspError::NoLoader)
    ));
    let disk = tempfile::NamedTempFile::new().unwrap();
    disk.as_file().set_len(100 * MIB).unwrap();
    let path = disk.path().to_str().unwrap();
    run("sgdisk", &["-n", "1:2048:+40M", "-t", "1:ef00", path]).unwrap();
    assert!(matches!(
        Esp::find(disk.path(), None).unwrap().unwrap().loaders(),
        Err(EspError::Fat(_))
    ));
}

#[test]
fn more_loaders_than_any_image_has_are_too_many() {
    let names = ["bootx64.csv", "boot.csv", "bootx64.efi", "winload.efi"];
    let paths = |count: usize| -> Vec<String> {
        let path = |number: usize| format!("{}/{}", number / 4, names[number % 4]);
        (0..count).map(path).collect()
    };
    let found = |count: usize| {
        let paths = paths(count);
        let files: Vec<(&str, &[u8])> = paths
            .iter()
            .map(|path| (path.as_str(), &b"x"[..]))
            .collect();
        found(&files)
    };
    assert_eq!(found(MAX_FOUND / 2).unwrap().len(), 20);
    assert!(matches!(found(MAX_FOUND + 8), Err(EspError::TooMany)));
}

#[test]
fn by_id_when_no_partition_has_the_type_and_by_type_on_an_mbr() {
    let disk = tempfile::NamedTempFile::new().unwrap();
    disk.as_file().set_len(100 * MIB).unwrap();
    let path = disk.path().to_str().unwrap();
    let id = "11223344-5566-7788-99AA-BBCCDDEEFF00";
    run(
        "sgdisk",
        &["-n", "3:2048:+40M", "-u", &format!("3:{id}"), path],
    )
    .unwrap();
    assert!(Esp::find(disk.path(), None).unwrap().is_none());
    assert_eq!(
        Esp::find(disk.path(), Some(id))
            .unwrap()
            .unwrap()
            .partition_number(),
        3
    );

    let script =
        format!("printf 'label: dos\\n,10M,83\\n,10M,ef\\n' | sfdisk -q --wipe always {path}");
    run("sh", &["-c", &script]).unwrap();
    assert_eq!(
        Esp::find(disk.path(), None)
            .unwrap()
            .unwrap()
            .partition_number(),
        2
    );
}

/// What is on a FAT file system: its id, its name, and its files with their sizes.
fn content(region: Region<&File>) -> Vec<String> {
    let file_system = FileSystem::new(region, FsOptions::new()).unwrap();
    let mut lines = vec![format!("{:08x}", file_system.volume_id())];
    lines.push(file_system.volume_label());
    let mut directories = vec![(String::new(), file_system.root_dir())];
    while let Some((path, directory)) = directories.pop() {
        for entry in directory.iter().map(Result::unwrap) {
            let path = format!("{path}/{}", entry.file_name());
            if entry.is_dir() && !path.ends_with('.') {
                directories.push((path, entry.to_dir()));
            } else if entry.is_file() {
                lines.push(format!("{path} {}", entry.len()));
            }
        }
    }
    lines.sort();
    lines
}

#[test]
fn a_copy_has_the_same_files_id_and_name_and_the_original_can_be_cleared() {
    let loader = vec![7; 3 << 20];
    let long = "EFI/debian/a file with a long name.efi";
    let disk = disk(&[
        ("EFI/BOOT/BOOTX64.EFI", &loader),
        (long, b"x"),
        ("empty", b""),
    ]);
    let host = |file: &tempfile::NamedTempFile| {
        let path = file.path().to_owned();
        Host::detect(&[path]).unwrap().permits_device(file.path())
    };
    let mirror = tempfile::NamedTempFile::new().unwrap();
    mirror.as_file().set_len(60 * MIB).unwrap();
    mirror.as_file().write_all(&[0xff; 4096]).unwrap();

    let esp = Esp::find(disk.path(), None).unwrap().unwrap();
    let target = OpenDisk::open(&host(&mirror).unwrap()).unwrap();
    esp.copy_to(&target).unwrap();
    let (original, copied) = (
        content(esp.region()),
        content(Region::new(target.file(), 0, 60 * MIB)),
    );
    assert_eq!(copied, original);
    assert!(
        copied.contains(&format!("/EFI/BOOT/BOOTX64.EFI {}", loader.len())),
        "{copied:?}"
    );
    drop(target);
    let whole = Esp::whole(mirror.path()).unwrap();
    assert_eq!(whole.loaders().unwrap().len(), 1);

    assert!(!esp.is_cleared().unwrap());
    esp.clear(&OpenDisk::open(&host(&disk).unwrap()).unwrap())
        .unwrap();
    assert!(esp.is_cleared().unwrap());
    assert!(matches!(esp.loaders(), Err(EspError::Fat(_))));
    let table = Esp::find(disk.path(), None).unwrap();
    assert!(table.is_some(), "the partition itself stays");
}

#[test]
fn what_does_not_fit_is_an_error() {
    let disk = disk(&[("large", &[1; 8 << 20])]);
    let mirror = tempfile::NamedTempFile::new().unwrap();
    mirror.as_file().set_len(4 * MIB).unwrap();
    let path = mirror.path().to_owned();
    let permit = Host::detect(&[path]).unwrap();
    let permit = permit.permits_device(mirror.path()).unwrap();
    let esp = Esp::find(disk.path(), None).unwrap().unwrap();
    let copied = esp.copy_to(&OpenDisk::open(&permit).unwrap());
    assert!(matches!(copied, Err(EspError::Copy(_))), "{copied:?}");
}

#[test]
fn sizes_that_make_no_sense_are_an_error_and_no_panic() {
    let disk = disk(&[("EFI/BOOT/BOOTX64.EFI", b"MZ")]);
    let put = |at: u64, bytes: &[u8]| {
        disk.as_file().write_all_at(bytes, 11 * MIB + at).unwrap();
    };
    // FAT32 by its fields, with two tables that together are longer than 32 bits can say.
    put(17, &[0; 4]);
    put(22, &[0; 2]);
    put(32, &200_000_u32.to_le_bytes());
    put(36, &u32::MAX.to_le_bytes());
    put(40, &[0; 4]);
    let esp = Esp::find(disk.path(), None).unwrap().unwrap();
    let error = esp.loaders().unwrap_err();
    assert!(matches!(error, EspError::Senseless), "{error:?}");
    assert!(!esp.is_cleared().unwrap());
}
