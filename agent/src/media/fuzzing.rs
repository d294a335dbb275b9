//! ISO 9660 of a virtual medium, as foreign bytes. The reader takes a file, so there is one, in memory alone.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{CONFIGURATION_DIRECTORIES, MAX_FILE_BYTES, MAX_FILES, NETWORK_DIRECTORY, iso};

/// What stands before the volume descriptors, and means nothing to a reader.
const SYSTEM_AREA_BYTES: u64 = 32 << 10;

/// Takes what stands behind the system area. Whatever is read lies in it, and there are bounds to how much that is.
pub(crate) fn iso9660(bytes: &[u8]) {
    let file = medium(bytes);
    let [first, second] = CONFIGURATION_DIRECTORIES;
    for directory in ["", first, second, NETWORK_DIRECTORY] {
        let Ok(files) = iso::files_in(&file, directory, &|_| true) else {
            continue;
        };
        assert!(files.len() <= MAX_FILES);
        let most = MAX_FILE_BYTES.min(SYSTEM_AREA_BYTES + bytes.len() as u64);
        for (name, content) in &files {
            assert!(content.len() as u64 <= most);
            // Less than a directory's entry or a few areas behind it can hold, three bytes for each.
            assert!(name.len() <= 3 * 8 * 2048);
        }
        let only = iso::files_in(&file, directory, &|name| name == "parameters.txt");
        let only = only.expect("fewer files are read as well as all");
        let wanted = files.iter().filter(|(name, _)| name == "parameters.txt");
        assert!(only.iter().eq(wanted));
    }
}

fn medium(bytes: &[u8]) -> File {
    let file = memfd_create("medium", MFdFlags::MFD_CLOEXEC);
    let file = File::from(file.expect("the kernel has files in memory"));
    // The hole before it reads as zeroes.
    file.write_all_at(bytes, SYSTEM_AREA_BYTES)
        .expect("there is memory for a small file");
    file
}
