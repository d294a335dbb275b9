//! Changes a file of the list below the root of a partition.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, fchown};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::InjectError;
use super::beneath::{CAREFULLY, DIRECTORY, check_is_file, failed, open};
use super::file::InjectedFile;

/// Whether the root has this directory, or a link to one that is on the same partition.
pub(super) fn has_directory(root: &OwnedFd, name: &str) -> bool {
    open(root, name, DIRECTORY, Mode::empty()).is_ok()
}

/// Makes the directories that are missing, and the file.
pub(super) fn write(
    root: &OwnedFd,
    file: &InjectedFile,
    content: &[u8],
) -> Result<(), InjectError> {
    make_directories(root, file)?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | CAREFULLY;
    let path = file.names.join("/");
    let opened = open(root, &path, flags, Mode::from_bits_truncate(0o644));
    let mut target = File::from(opened.map_err(failed("opening", &file.path))?);
    let writing = |source| InjectError::File {
        action: "writing",
        path: file.path.clone(),
        source,
    };
    check_is_file(&target, &file.path)?;
    let mut fill = || {
        target.set_len(0)?;
        if file.owner.is_some() || file.group.is_some() {
            fchown(&target, file.owner, file.group)?;
        }
        // After the owner, whose change takes some bits away; before the content, which may be a secret.
        if let Some(mode) = file.mode {
            target.set_permissions(Permissions::from_mode(mode))?;
        }
        target.write_all(content)?;
        target.sync_all()
    };
    fill().map_err(writing)
}

/// Deletes the file; none is as good.
pub(super) fn delete(root: &OwnedFd, file: &InjectedFile) -> Result<(), InjectError> {
    let Some((name, directories)) = file.names.split_last() else {
        return Ok(());
    };
    let deleted = open_directory(root, directories)
        .and_then(|directory| unlinkat(&directory, name.as_str(), UnlinkatFlags::NoRemoveDir));
    match deleted {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(failed("deleting", &file.path)(error)),
    }
}

fn make_directories(root: &OwnedFd, file: &InjectedFile) -> Result<(), InjectError> {
    let directories = &file.names[..file.names.len().saturating_sub(1)];
    for (depth, name) in directories.iter().enumerate() {
        let (above, path) = (&directories[..depth], &directories[..=depth]);
        match open_directory(root, path) {
            Ok(_) => {}
            Err(Errno::ENOENT) => {
                let make = || {
                    let parent = open_directory(root, above)?;
                    mkdirat(&parent, name.as_str(), Mode::from_bits_truncate(0o755))?;
                    let is_last = path.len() == directories.len();
                    let Some(mode) = file.directory_mode.filter(|_| is_last) else {
                        return Ok(());
                    };
                    let mode = Mode::from_bits_truncate(mode);
                    fchmodat(&parent, name.as_str(), mode, FchmodatFlags::FollowSymlink)
                };
                make().map_err(failed("making a directory for", &file.path))?;
            }
            Err(error) => return Err(failed("finding the directory of", &file.path)(error)),
        }
    }
    Ok(())
}

fn open_directory(root: &OwnedFd, names: &[String]) -> Result<OwnedFd, Errno> {
    let path = if names.is_empty() {
        ".".to_owned()
    } else {
        names.join("/")
    };
    open(root, &path, DIRECTORY, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::Path;

    use serde_json::{Value, json};

    use super::super::file::parse;
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

        fn write(&self, more: &Value) -> Result<(), String> {
            let mut file = json!({"path": "/etc/a", "content": "", "partition": 1});
            let target = file.as_object_mut().unwrap();
            target.extend(more.as_object().unwrap().clone());
            let files = parse(None, Some(&json!([file]))).unwrap();
            write(&self.root(), &files[0], b"new").map_err(|error| error.to_string())
        }

        fn delete(&self, path: &str) -> Result<(), String> {
            let file = json!([{"path": path, "deleted": true, "partition": 1}]);
            let files = parse(None, Some(&file)).unwrap();
            delete(&self.root(), &files[0]).map_err(|error| error.to_string())
        }

        fn is_untouched_outside(&self) -> bool {
            fs::read_dir(self.path("outside")).unwrap().count() == 0
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_file_is_made_or_replaced_with_its_mode_and_its_directories() {
        let place = Place::new();
        place
            .write(&json!({"path": "/var/lib/x/key", "mode": 0o600, "dirmode": 0o700}))
            .unwrap();
        let key = place.path("root/var/lib/x/key");
        assert_eq!(fs::read(&key).unwrap(), b"new");
        assert_eq!((mode(&key), mode(key.parent().unwrap())), (0o600, 0o700));
        assert_eq!(
            mode(&place.path("root/var/lib")),
            0o755,
            "only the last one"
        );
        fs::write(place.path("root/etc/a"), "something longer").unwrap();
        place.write(&json!({"dirmode": 0o700})).unwrap();
        assert_eq!(fs::read(place.path("root/etc/a")).unwrap(), b"new");
        assert_ne!(mode(&place.path("root/etc")), 0o700, "it was there");
    }

    #[test]
    fn links_that_stay_are_followed_and_those_that_leave_are_refused() {
        let place = Place::new();
        fs::create_dir(place.path("root/usr")).unwrap();
        symlink("../usr", place.path("root/etc/inside")).unwrap();
        place.write(&json!({"path": "/etc/inside/b"})).unwrap();
        assert_eq!(fs::read(place.path("root/usr/b")).unwrap(), b"new");
        symlink("../../outside", place.path("root/etc/above")).unwrap();
        symlink(place.path("outside"), place.path("root/etc/absolute")).unwrap();
        symlink("../../outside/f", place.path("root/etc/file")).unwrap();
        symlink(place.path("outside/f"), place.path("root/etc/file2")).unwrap();
        for path in [
            "/etc/above/b",
            "/etc/absolute/c/d",
            "/etc/file",
            "/etc/file2",
        ] {
            let error = place.write(&json!({"path": path})).unwrap_err();
            assert!(
                error.contains("leads out of its partition"),
                "{path}: {error}"
            );
        }
        let error = place.delete("/etc/above/b").unwrap_err();
        assert!(error.contains("leads out of its partition"), "{error}");
        assert!(place.is_untouched_outside());
        assert!(has_directory(&place.root(), "usr"));
        symlink("/usr", place.path("root/lib")).unwrap();
        assert!(
            !has_directory(&place.root(), "lib"),
            "an absolute link leads elsewhere"
        );
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let place = Place::new();
        fs::create_dir(place.path("root/etc/a")).unwrap();
        nix::unistd::mkfifo(&place.path("root/etc/pipe"), Mode::S_IRWXU).unwrap();
        for path in ["/etc/a", "/etc/pipe"] {
            let error = place.write(&json!({"path": path})).unwrap_err();
            assert_eq!(error, format!("{path} is there, and is no file"));
        }
        assert!(place.delete("/etc/a").is_err());
        assert!(place.path("root/etc/a").is_dir());
        fs::write(place.path("root/etc/plain"), "").unwrap();
        let error = place.write(&json!({"path": "/etc/plain/x"})).unwrap_err();
        assert!(
            error.starts_with("finding the directory of /etc/plain/x"),
            "{error}"
        );
    }

    #[test]
    fn a_file_is_deleted_and_a_link_itself_and_none_is_as_good() {
        let place = Place::new();
        fs::write(place.path("outside-file"), "kept").unwrap();
        symlink("../../outside-file", place.path("root/etc/link")).unwrap();
        fs::write(place.path("root/etc/a"), "").unwrap();
        for path in ["/etc/a", "/etc/link", "/etc/none", "/no/such/place"] {
            place.delete(path).unwrap();
        }
        assert_eq!(fs::read_dir(place.path("root/etc")).unwrap().count(), 0);
        assert!(place.path("outside-file").exists());
    }
}
