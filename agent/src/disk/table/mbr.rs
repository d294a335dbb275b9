//! The four entries of a master boot record.

use super::{Partition, TableError, place_at_end, u32_at};

const ENTRIES: usize = 446;
const ENTRY_BYTES: usize = 16;
/// What stands in place of a GPT.
pub(crate) const PROTECTIVE: u8 = 0xee;
/// FAT32 with LBA: what the config drive's partition is called, as by Ironic's agent.
const FAT32_LBA: u8 = 0x0c;
/// Start and length are 32 bits wide.
pub(crate) const MAX_SECTORS: u64 = u32::MAX as u64;
/// A partition of the operating system may be marked as the one that boots.
const ACTIVE: u8 = 0x80;

#[derive(Clone, Debug)]
pub(crate) struct Mbr {
    sector: [u8; 512],
}

/// Whether a partition is marked as the one that boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Active,
    Plain,
}

impl Mbr {
    /// A table without partitions, and without boot code.
    pub(crate) fn create(disk_id: u32) -> Self {
        let mut sector = [0; 512];
        sector[440..444].copy_from_slice(&disk_id.to_le_bytes());
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        Self { sector }
    }

    /// What stands before a GPT, so that nobody takes the disk for an empty one.
    pub(crate) fn protective(disk_sectors: u64) -> Self {
        let mut mbr = Self::create(0);
        let sectors = u32::try_from(disk_sectors.saturating_sub(1)).unwrap_or(u32::MAX);
        let entry = &mut mbr.sector[ENTRIES..][..ENTRY_BYTES];
        entry[..8].copy_from_slice(&[0, 0, 2, 0, PROTECTIVE, 0xff, 0xff, 0xff]);
        entry[8..12].copy_from_slice(&1u32.to_le_bytes());
        entry[12..].copy_from_slice(&sectors.to_le_bytes());
        mbr
    }

    /// `None` where the signature is missing, as on an empty disk.
    pub(crate) fn parse(prefix: &[u8]) -> Option<Self> {
        let sector: [u8; 512] = *prefix.first_chunk()?;
        let is_table = sector[510..] == [0x55, 0xaa];
        // A boot sector of a file system has the signature too, but something else than 0x00 or 0x80 in its entries.
        let flags_fit =
            (0..4).all(|index| matches!(sector[ENTRIES + index * ENTRY_BYTES], 0 | 0x80));
        (is_table && flags_fit).then_some(Self { sector })
    }

    pub(crate) fn partitions(&self) -> Vec<Partition> {
        self.entries()
            .filter(|(_, kind, _)| *kind != PROTECTIVE)
            .map(|(_, _, partition)| partition)
            .collect()
    }

    /// The types of the entries and what they cover, that of a GPT among them.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (u8, Partition)> {
        self.entries().map(|(_, kind, partition)| (kind, partition))
    }

    /// The first partition of a type.
    pub(crate) fn of_kind(&self, wanted: u8) -> Option<Partition> {
        self.entries()
            .find(|(_, kind, _)| *kind == wanted)
            .map(|(_, _, partition)| partition)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.sector
    }

    /// Adds a primary partition at the end of the disk, but within what an MBR can address.
    pub(crate) fn add_at_end(
        &mut self,
        disk_sectors: u64,
        sector_bytes: u32,
        mib: u64,
    ) -> Result<Partition, TableError> {
        let partitions = self.partitions();
        let (first, last) = place_at_end(
            &partitions,
            1,
            disk_sectors.min(MAX_SECTORS),
            sector_bytes,
            mib,
        )?;
        self.add(first, last, FAT32_LBA, Mark::Plain)
            .map_err(|error| match error {
                TableError::TooFar => TableError::NoRoom(mib),
                other => other,
            })
    }

    /// Adds a primary partition where the caller wants it.
    pub(crate) fn add(
        &mut self,
        first: u64,
        last: u64,
        kind: u8,
        mark: Mark,
    ) -> Result<Partition, TableError> {
        let taken: Vec<_> = self.entries().collect();
        let free = (0..4)
            .find(|slot| taken.iter().all(|(used, _, _)| used != slot))
            .ok_or(TableError::NoFreeEntry)?;
        let field = |sectors: u64| u32::try_from(sectors).map_err(|_| TableError::TooFar);
        let (start, sectors) = (
            field(first)?,
            field(last.saturating_add(1).saturating_sub(first))?,
        );
        let flag = match mark {
            Mark::Active => ACTIVE,
            Mark::Plain => 0,
        };
        let entry = &mut self.sector[ENTRIES + free * ENTRY_BYTES..][..ENTRY_BYTES];
        // Cylinders and heads mean nothing any more; these values say so.
        entry[..8].copy_from_slice(&[flag, 0xfe, 0xff, 0xff, kind, 0xfe, 0xff, 0xff]);
        entry[8..12].copy_from_slice(&start.to_le_bytes());
        entry[12..].copy_from_slice(&sectors.to_le_bytes());
        let number = u32::try_from(free + 1).map_err(|_| TableError::NoFreeEntry)?;
        Ok(Partition {
            number,
            first,
            last,
        })
    }

    /// Makes the entry of a pure protective MBR cover a disk of this size.
    pub(crate) fn protect(&mut self, disk_sectors: u64) {
        let is_pure = self.entries().count() == 1 && self.partitions().is_empty();
        let Some((slot, _, _)) = self.entries().next().filter(|_| is_pure) else {
            return;
        };
        let covered = u32::try_from(disk_sectors - 1).unwrap_or(u32::MAX);
        let at = ENTRIES + slot * ENTRY_BYTES + 12;
        self.sector[at..at + 4].copy_from_slice(&covered.to_le_bytes());
    }

    /// Slot, type and place of the entries in use.
    fn entries(&self) -> impl Iterator<Item = (usize, u8, Partition)> {
        (0u32..4).zip(0usize..).filter_map(|(index, slot)| {
            let entry = &self.sector[ENTRIES + slot * ENTRY_BYTES..][..ENTRY_BYTES];
            let (first, sectors) = (u64::from(u32_at(entry, 8)), u64::from(u32_at(entry, 12)));
            let partition = Partition {
                number: index + 1,
                first,
                last: (first + sectors).saturating_sub(1),
            };
            (entry[4] != 0 && sectors > 0).then_some((slot, entry[4], partition))
        })
    }
}
