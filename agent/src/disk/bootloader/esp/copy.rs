//! Copies an EFI system partition file by file, because its new place has another size.

use std::fs::File;
use std::io;

use fatfs::{Dir, FileSystem, FormatVolumeOptions, FsOptions, format_volume};

use super::{EspError, MAX_DEPTH, MAX_ENTRIES};
use crate::disk::open::OpenDisk;
use crate::disk::region::Region;

type Directory<'a, 'b> = Dir<'a, Region<&'b File>>;

/// Makes a file system that fills the device, with the id and the name of the other one, and copies the tree.
pub(super) fn copy(from: Region<&File>, to: &OpenDisk) -> Result<(), EspError> {
    let source = FileSystem::new(from, FsOptions::new())?;
    fill(&source, to).map_err(|error| match error {
        EspError::Fat(error) => EspError::Copy(error),
        other => other,
    })
}

fn fill(source: &FileSystem<Region<&File>>, to: &OpenDisk) -> Result<(), EspError> {
    let mut region = Region::new(to.file(), 0, to.size);
    let options = FormatVolumeOptions::new()
        .volume_id(source.volume_id())
        .volume_label(label(source.volume_label_as_bytes()))
        .bytes_per_sector(u16::try_from(to.sector_bytes).unwrap_or(512));
    format_volume(&mut region, options)?;
    let target = FileSystem::new(region, FsOptions::new())?;
    let mut entries = 0;
    tree(&source.root_dir(), &target.root_dir(), &mut entries, 0)?;
    target.unmount()?;
    Ok(to.file().sync_all()?)
}

/// Eleven bytes, filled with blanks.
fn label(text: &[u8]) -> [u8; 11] {
    let mut label = [b' '; 11];
    for (place, byte) in label.iter_mut().zip(text) {
        *place = *byte;
    }
    label
}

fn tree(
    from: &Directory<'_, '_>,
    to: &Directory<'_, '_>,
    entries: &mut usize,
    depth: usize,
) -> Result<(), EspError> {
    for entry in from.iter() {
        let entry = entry?;
        *entries += 1;
        // A loop in the allocation table would go on for ever.
        if *entries > MAX_ENTRIES || depth > MAX_DEPTH {
            return Err(EspError::TooMany);
        }
        let name = entry.file_name();
        if name == "." || name == ".." {
            continue;
        }
        if entry.is_dir() {
            tree(&entry.to_dir(), &to.create_dir(&name)?, entries, depth + 1)?;
        } else {
            io::copy(&mut entry.to_file(), &mut to.create_file(&name)?)?;
        }
    }
    Ok(())
}
