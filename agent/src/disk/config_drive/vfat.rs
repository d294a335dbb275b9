//! Puts the files of an ISO 9660 config drive into a FAT file system, for disks whose sectors ISO 9660 cannot have.

use std::io::{self, BufWriter, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};

use super::iso::{self, Entry, IsoError};
use crate::disk::region::Region;
use crate::disk::storage::Storage;

/// cloud-init looks for this label in both cases of letters.
const LABEL: [u8; 11] = *b"CONFIG-2   ";

#[derive(Debug, thiserror::Error)]
pub(super) enum VfatError {
    #[error(transparent)]
    Iso(#[from] IsoError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Makes the file system in the region and copies the tree.
pub(super) fn write(
    mut region: Region<impl Storage>,
    sector_bytes: u16,
    iso: &[u8],
) -> Result<(), VfatError> {
    let entries = iso::read(iso)?;
    let options = FormatVolumeOptions::new()
        .volume_label(LABEL)
        .bytes_per_sector(sector_bytes);
    format_volume(&mut region, options)?;
    let file_system = FileSystem::new(region, FsOptions::new())?;
    let root = file_system.root_dir();
    for Entry { path, content } in entries {
        let Some(content) = content else {
            root.create_dir(&path)?;
            continue;
        };
        let mut file = BufWriter::with_capacity(1 << 16, root.create_file(&path)?);
        file.write_all(content)?;
        file.flush()?;
    }
    drop(root);
    Ok(file_system.unmount()?)
}
