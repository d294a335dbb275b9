//! Paths beneath the root of a partition. The kernel resolves each of them there, so that no link leads anywhere else:
//! an absolute one would lead into the ramdisk, and is refused, too.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::syncfs;

use super::InjectError;

const BENEATH: ResolveFlag = ResolveFlag::RESOLVE_BENEATH
    .union(ResolveFlag::RESOLVE_NO_MAGICLINKS)
    .union(ResolveFlag::RESOLVE_NO_XDEV);
/// Of what something is mounted on: it may lie on what was mounted before, and no link counts.
const MOUNT_POINT: ResolveFlag = ResolveFlag::RESOLVE_BENEATH
    .union(ResolveFlag::RESOLVE_NO_MAGICLINKS)
    .union(ResolveFlag::RESOLVE_NO_SYMLINKS);
/// A pipe is not waited for.
pub(super) const CAREFULLY: OFlag = OFlag::O_NONBLOCK.union(OFlag::O_NOCTTY);
/// Of finding a path while mounts change elsewhere.
const ATTEMPTS: u32 = 100;
pub(super) const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY);

/// Whether there is such a file, or a link to one that is on the same partition.
pub(crate) fn has(root: &OwnedFd, path: &str) -> bool {
    open(root, path, OFlag::O_PATH, Mode::empty()).is_ok()
}

/// What a file begins with, at most so many bytes; `None` if there is no such file.
pub(crate) fn read(root: &OwnedFd, path: &str, most: u64) -> Result<Option<Vec<u8>>, InjectError> {
    let file = match open(root, path, OFlag::O_RDONLY | CAREFULLY, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(None),
        opened => File::from(opened.map_err(failed("opening", path))?),
    };
    let reading = |source| InjectError::File {
        action: "reading",
        path: path.to_owned(),
        source,
    };
    check_is_file(&file, path)?;
    let mut content = Vec::new();
    let read = file.take(most).read_to_end(&mut content);
    read.map_err(reading)?;
    Ok(Some(content))
}

/// Writes behind what a file has; it is made if it is not there, and its directory is not.
pub(crate) fn append(root: &OwnedFd, path: &str, text: &str) -> Result<(), InjectError> {
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT | CAREFULLY;
    let opened = open(root, path, flags, Mode::from_bits_truncate(0o644));
    let mut file = File::from(opened.map_err(failed("opening", path))?);
    check_is_file(&file, path)?;
    let written = file.write_all(text.as_bytes());
    let written = written.and_then(|()| file.sync_all());
    written.map_err(|source| InjectError::File {
        action: "writing",
        path: path.to_owned(),
        source,
    })
}

pub(super) fn check_is_file(file: &File, path: &str) -> Result<(), InjectError> {
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(InjectError::NotAFile {
            path: path.to_owned(),
        }),
        Err(source) => Err(InjectError::File {
            action: "looking at",
            path: path.to_owned(),
            source,
        }),
    }
}

/// The directory that something is to be mounted on; what is missing of its path is made.
pub(crate) fn mount_point(root: &OwnedFd, path: &str) -> Result<OwnedFd, InjectError> {
    let of = |directory: &OwnedFd, name: &str| {
        resolve(directory, name, DIRECTORY, Mode::empty(), MOUNT_POINT)
    };
    let mut directory = of(root, ".").map_err(failed("opening", path))?;
    for name in path.split('/') {
        let opened = match of(&directory, name) {
            Err(Errno::ENOENT) => mkdirat(&directory, name, Mode::from_bits_truncate(0o755))
                .and_then(|()| of(&directory, name)),
            opened => opened,
        };
        directory = opened.map_err(failed("opening", path))?;
    }
    Ok(directory)
}

/// Waits until everything is on the disk that was written to the file system with this directory.
pub(crate) fn sync(root: &OwnedFd, path: &str) -> Result<(), InjectError> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let directory = resolve(root, path, flags, Mode::empty(), MOUNT_POINT);
    let synced = directory.and_then(syncfs);
    synced.map_err(failed("flushing", path))
}

pub(super) fn open(root: &OwnedFd, path: &str, flags: OFlag, mode: Mode) -> Result<OwnedFd, Errno> {
    resolve(root, path, flags, mode, BENEATH)
}

fn resolve(
    root: &OwnedFd,
    path: &str,
    flags: OFlag,
    mode: Mode,
    how: ResolveFlag,
) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .mode(mode)
        .resolve(how);
    // With `..` in a link the kernel asks for another attempt when anything was mounted or renamed meanwhile.
    for _ in 1..ATTEMPTS {
        match openat2(root, path, how) {
            Err(Errno::EAGAIN) => {}
            opened => return opened,
        }
    }
    openat2(root, path, how)
}

pub(super) fn failed(
    action: &'static str,
    path: &str,
) -> impl FnOnce(Errno) -> InjectError + use<> {
    let path = path.to_owned();
    move |error| match error {
        Errno::EXDEV | Errno::ELOOP => InjectError::Outside { path },
        Errno::EISDIR | Errno::ENXIO => InjectError::NotAFile { path },
        error => InjectError::File {
            action,
            path,
            source: error.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A directory in the place of a partition, and what is beside it.
    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(place.path("root/etc")).unwrap();
            fs::create_dir(place.path("outside")).unwrap();
            place
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.0.path().join(name)
        }

        fn root(&self) -> OwnedFd {
            File::open(self.path("root")).unwrap().into()
        }
    }

    #[test]
    fn what_is_added_to_a_file_comes_last_and_never_gets_outside() {
        let place = Place::new();
        let root = place.root();
        assert_eq!(read(&root, "etc/fstab", 100).unwrap(), None);
        for line in ["one\n", "two\n"] {
            append(&root, "etc/fstab", line).unwrap();
        }
        let content = read(&root, "etc/fstab", 100).unwrap().unwrap();
        assert_eq!(content, b"one\ntwo\n");
        assert_eq!(read(&root, "etc/fstab", 3).unwrap().unwrap(), b"one");
        assert!(has(&root, "etc/fstab") && !has(&root, "etc/none"));
        fs::write(place.path("outside-file"), "kept").unwrap();
        symlink("../../outside-file", place.path("root/etc/link")).unwrap();
        for error in [
            append(&root, "etc/link", "x").unwrap_err(),
            read(&root, "etc/link", 9).unwrap_err(),
        ] {
            assert!(matches!(error, InjectError::Outside { .. }), "{error}");
        }
        assert!(!has(&root, "etc/link"));
        let error = append(&root, "etc", "x").unwrap_err();
        assert!(matches!(error, InjectError::NotAFile { .. }), "{error}");
        assert_eq!(fs::read(place.path("outside-file")).unwrap(), b"kept");
    }

    #[test]
    fn what_is_mounted_on_is_made_and_no_link_leads_to_it() {
        let place = Place::new();
        let root = place.root();
        mount_point(&root, "boot/efi").unwrap();
        assert!(place.path("root/boot/efi").is_dir());
        symlink("boot", place.path("root/run")).unwrap();
        symlink("../outside", place.path("root/srv")).unwrap();
        for path in ["run", "run/udev", "srv/x"] {
            let error = mount_point(&root, path).unwrap_err();
            assert!(matches!(error, InjectError::Outside { .. }), "{error}");
        }
        fs::write(place.path("root/proc"), "").unwrap();
        assert!(mount_point(&root, "proc").is_err());
        assert!(
            fs::read_dir(place.path("outside")).unwrap().count() == 0
                && !place.path("root/boot/udev").exists()
        );
    }
}
