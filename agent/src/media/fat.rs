//! The files of a FAT file system, read only.
//!
//! A damaged one may lead its reader round in a circle, so what is read of it altogether is bounded.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use fatfs::{FileSystem, FsOptions};

use super::{Content, MAX_FILE_BYTES, MAX_FILES, damaged};
use crate::disk::region::Region;
use crate::disk::storage::Storage;

const MAX_READ_BYTES: u64 = 64 << 20;

/// A file of which only so much more is read, and to which nothing is written.
struct Bounded<'a> {
    file: &'a File,
    left: u64,
}

impl Storage for Bounded<'_> {
    fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = FileExt::read_at(self.file, buffer, offset)?;
        let left = self.left.checked_sub(count as u64);
        self.left = left.ok_or_else(|| damaged("there is no end to it"))?;
        Ok(count)
    }

    fn write_at(&mut self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn files_in(
    file: &File,
    size_bytes: u64,
    directory: &str,
    wanted: &dyn Fn(&str) -> bool,
) -> io::Result<Vec<Content>> {
    let left = MAX_READ_BYTES;
    let region = Region::new(Bounded { file, left }, 0, size_bytes);
    let file_system = FileSystem::new(region, FsOptions::new())?;
    let root = file_system.root_dir();
    let directory = if directory.is_empty() {
        root
    } else {
        match root.open_dir(directory) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
    };
    let mut files = Vec::new();
    for entry in directory.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if !entry.is_file() || !wanted(&name) {
            continue;
        }
        if files.len() == MAX_FILES {
            return Err(damaged("there are too many files"));
        }
        if entry.len() > MAX_FILE_BYTES {
            return Err(damaged("a file is too large"));
        }
        let mut content = Vec::new();
        entry
            .to_file()
            .take(MAX_FILE_BYTES)
            .read_to_end(&mut content)?;
        files.push((name, content));
    }
    Ok(files)
}
