//! Which file system a partition has, by its first bytes: a kernel has to be told.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A file system that systems are installed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileSystem {
    /// Its driver takes ext2 and ext3, too.
    Ext4,
    Xfs,
    Btrfs,
    Fat,
}

impl FileSystem {
    /// The kernel's name of it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Fat => "vfat",
        }
    }

    /// `None` for what is not known, such as a member of LVM.
    pub(super) fn of(device: &File) -> io::Result<Option<Self>> {
        let has = |magic: &[u8], offset: u64| {
            let mut found = vec![0; magic.len()];
            match device.read_exact_at(&mut found, offset) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
                read => read.map(|()| found == magic),
            }
        };
        if has(b"XFSB", 0)? {
            return Ok(Some(Self::Xfs));
        }
        if has(&[0x53, 0xef], 0x438)? {
            return Ok(Some(Self::Ext4));
        }
        if has(b"_BHRfS_M", 0x1_0040)? {
            return Ok(Some(Self::Btrfs));
        }
        // FAT12 and FAT16, and FAT32.
        let is_fat = has(b"FAT1", 54)? || has(b"FAT32   ", 82)?;
        Ok(is_fat.then_some(Self::Fat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_told_apart() {
        let of = |bytes: &[u8], offset: u64| {
            let file = tempfile::tempfile().unwrap();
            file.set_len(1 << 20).unwrap();
            file.write_all_at(bytes, offset).unwrap();
            FileSystem::of(&file).unwrap()
        };
        assert_eq!(of(b"XFSB", 0), Some(FileSystem::Xfs));
        assert_eq!(of(&[0x53, 0xef], 0x438), Some(FileSystem::Ext4));
        assert_eq!(of(b"_BHRfS_M", 0x1_0040), Some(FileSystem::Btrfs));
        assert_eq!(of(b"FAT16   ", 54), Some(FileSystem::Fat));
        assert_eq!(of(b"FAT32   ", 82), Some(FileSystem::Fat));
        assert_eq!(of(b"LABELONE", 512), None);
        assert_eq!(
            FileSystem::of(&tempfile::tempfile().unwrap()).unwrap(),
            None
        );
    }
}
