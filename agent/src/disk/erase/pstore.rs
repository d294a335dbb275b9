//! Empties the kernel's pstore: what crashed kernels have said, in memory of the firmware that outlives the system.

use std::fs;
use std::path::{Path, PathBuf};

use super::EraseError;
use crate::host::SystemPermit;

const MOUNTS: &str = "/proc/self/mounts";

/// Deletes everything in the pstore, if the system has one, and says how many entries that were.
///
/// # Errors
/// When the firmware does not let go of an entry.
pub fn erase_pstore(_permit: &SystemPermit) -> Result<usize, EraseError> {
    let path = Path::new(MOUNTS);
    let mounts = fs::read_to_string(path).map_err(clearing(path))?;
    mount_point(&mounts).map_or(Ok(0), |place| clear(&place))
}

/// `pstore /sys/fs/pstore pstore rw,... 0 0`
fn mount_point(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (place, kind) = (fields.nth(1)?, fields.next()?);
        (kind == "pstore").then(|| place.into())
    })
}

fn clear(place: &Path) -> Result<usize, EraseError> {
    let entries = fs::read_dir(place).map_err(clearing(place))?;
    let mut count = 0;
    for entry in entries {
        let path = entry.map_err(clearing(place))?.path();
        let is_directory = path.is_dir() && !path.is_symlink();
        let removed = if is_directory {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(clearing(&path))?;
        count += 1;
    }
    Ok(count)
}

fn clearing(path: &Path) -> impl FnOnce(std::io::Error) -> EraseError + use<> {
    let path = path.to_owned();
    move |source| EraseError::Pstore { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pstore_is_found_by_its_type() {
        let mounts = "none /pstore tmpfs rw 0 0\npstore /sys/fs/pstore pstore rw,nosuid 0 0\n";
        assert_eq!(mount_point(mounts), Some("/sys/fs/pstore".into()));
        assert_eq!(mount_point("proc /proc proc rw 0 0\nbad\n"), None);
    }

    #[test]
    fn everything_in_it_goes_and_what_a_link_leads_to_stays() {
        let (place, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let kept = other.path().join("kept");
        fs::write(&kept, "").unwrap();
        fs::write(place.path().join("dmesg-efi-1"), "panic").unwrap();
        fs::create_dir(place.path().join("old")).unwrap();
        fs::write(place.path().join("old/dmesg-efi-2"), "panic").unwrap();
        std::os::unix::fs::symlink(other.path(), place.path().join("link")).unwrap();
        assert_eq!(clear(place.path()).unwrap(), 3);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        assert!(kept.exists());
        assert!(clear(&place.path().join("none")).is_err());
    }
}
