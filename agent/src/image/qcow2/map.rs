//! Where the guest's data lies in the file: the L1 and L2 tables turned into pieces in the order of the file.
//!
//! Memory is bounded whatever the image says: the pieces of a whole image are counted, runs of neighbouring
//! clusters are one piece, and an image that needs more is refused.

use std::io;

use super::header::{Header, Qcow2Error};
use super::watch::Watch;

/// 16 bytes each: 128 GiB of guest data in compressed clusters of 64 KiB, and far more in plain ones.
const MAX_PIECES: usize = 2 << 20;
const MAX_L1_BYTES: u64 = 8 << 20;
/// Tables closer together than this are fetched with one request.
const FETCH_GAP: u64 = 128 << 10;
const MAX_FETCH: u64 = 4 << 20;

const OFFSET_MASK: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED_FLAG: u64 = 1 << 62;
const ZERO_FLAG: u64 = 1;

/// Reads metadata before the pass: by range requests, or from the start of the stream kept in memory.
pub(crate) trait ReadAt {
    fn read_exact_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// Guest clusters that lie together in the file, or one compressed cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The highest bit tells compressed from plain; a qcow2 offset has at most 62 bits.
    tagged_offset: u64,
    pub(crate) guest_cluster: u32,
    /// Clusters of a plain piece, bytes of a compressed one.
    amount: u32,
}

const COMPRESSED_TAG: u64 = 1 << 63;

pub(crate) enum Content {
    Plain { clusters: u32 },
    Compressed { bytes: u32 },
}

impl Piece {
    pub(crate) fn offset(&self) -> u64 {
        self.tagged_offset & !COMPRESSED_TAG
    }

    pub(crate) fn content(&self) -> Content {
        if self.tagged_offset & COMPRESSED_TAG == 0 {
            Content::Plain {
                clusters: self.amount,
            }
        } else {
            Content::Compressed { bytes: self.amount }
        }
    }
}

/// Guest clusters that read as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ZeroRun {
    pub(crate) guest_cluster: u32,
    pub(crate) clusters: u32,
}

pub(crate) struct Map {
    /// In the order of the file.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) zeros: Vec<ZeroRun>,
    pub(crate) watches: Vec<Watch>,
}

impl Map {
    /// Reads L1 and L2 tables. `file_bytes` is the length of the file where the server told it.
    pub(crate) fn read(
        header: &Header,
        prefix: &[u8],
        file_bytes: Option<u64>,
        source: &mut dyn ReadAt,
    ) -> Result<Self, MapError> {
        let mut builder = Builder::new(header, file_bytes)?;
        let mut header_watch = Watch::new(vec![0], prefix.len() as u64);
        header_watch.expect(prefix);
        let (tables, l1_watch) = builder.read_l1(source)?;
        let l2_watch = builder.read_l2(&tables, source)?;
        builder.pieces.sort_unstable_by_key(Piece::offset);
        check_disjoint(&builder.pieces, header.cluster_bytes())?;
        Ok(Self {
            pieces: builder.pieces,
            zeros: builder.zeros,
            watches: vec![header_watch, l1_watch, l2_watch],
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum MapError {
    #[error(transparent)]
    Format(#[from] Qcow2Error),
    #[error(transparent)]
    Read(#[from] io::Error),
}

/// An L2 table and the L1 entry that names it.
struct L2Table {
    offset: u64,
    l1_index: u32,
}

struct Builder<'a> {
    header: &'a Header,
    file_bytes: u64,
    guest_clusters: u32,
    pieces: Vec<Piece>,
    zeros: Vec<ZeroRun>,
}

impl<'a> Builder<'a> {
    fn new(header: &'a Header, file_bytes: Option<u64>) -> Result<Self, Qcow2Error> {
        let clusters = header.virtual_size.div_ceil(header.cluster_bytes());
        let guest_clusters = u32::try_from(clusters).map_err(|_| Qcow2Error::TooLarge {
            table: "virtual disk",
            bytes: header.virtual_size,
            limit: header.cluster_bytes() * u64::from(u32::MAX),
        })?;
        let file_bytes = file_bytes.unwrap_or(u64::MAX);
        Ok(Self {
            header,
            file_bytes,
            guest_clusters,
            pieces: Vec::new(),
            zeros: Vec::new(),
        })
    }

    /// Reads the entries in use of the L1 table: the L2 tables in the order of the file.
    fn read_l1(&mut self, source: &mut dyn ReadAt) -> Result<(Vec<L2Table>, Watch), MapError> {
        let bytes = self.header.l1_needed() * 8;
        if bytes > MAX_L1_BYTES {
            return Err(Qcow2Error::TooLarge {
                table: "L1 table",
                bytes,
                limit: MAX_L1_BYTES,
            }
            .into());
        }
        self.check_inside("L1 table", self.header.l1_offset, bytes)?;
        let mut table = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        source.read_exact_at(self.header.l1_offset, &mut table)?;
        let mut watch = Watch::new(vec![self.header.l1_offset], bytes);
        watch.expect(&table);

        let mut tables = Vec::new();
        for (l1_index, entry) in (0u32..).zip(entries(&table)) {
            match entry & OFFSET_MASK {
                0 => self.push_unallocated_table(l1_index)?,
                offset => tables.push(L2Table { offset, l1_index }),
            }
        }
        tables.sort_unstable_by_key(|table| table.offset);
        for table in &tables {
            self.check_aligned("L2 table", table.offset)?;
            self.check_inside("L2 table", table.offset, self.header.cluster_bytes())?;
        }
        if let Some(pair) = tables
            .windows(2)
            .find(|pair| pair[0].offset == pair[1].offset)
        {
            return Err(Qcow2Error::SharedCluster(pair[0].offset).into());
        }
        Ok((tables, watch))
    }

    fn read_l2(&mut self, tables: &[L2Table], source: &mut dyn ReadAt) -> Result<Watch, MapError> {
        let table_bytes = self.header.cluster_bytes();
        let mut watch = Watch::new(
            tables.iter().map(|table| table.offset).collect(),
            table_bytes,
        );
        let near =
            |last: &L2Table, next: &L2Table| next.offset - last.offset <= FETCH_GAP + table_bytes;
        let mut buffer = Vec::new();
        for neighbours in tables.chunk_by(near) {
            self.read_neighbours(neighbours, &mut buffer, &mut watch, source)?;
        }
        Ok(watch)
    }

    /// Reads tables that lie near each other with as few requests as the buffer allows.
    fn read_neighbours(
        &mut self,
        mut tables: &[L2Table],
        buffer: &mut Vec<u8>,
        watch: &mut Watch,
        source: &mut dyn ReadAt,
    ) -> Result<(), MapError> {
        let table_bytes = self.header.cluster_bytes();
        while let Some(first) = tables.first() {
            let fits = |table: &&L2Table| table.offset + table_bytes - first.offset <= MAX_FETCH;
            let count = tables.iter().take_while(fits).count().max(1);
            let (now, later) = tables.split_at(count);
            let end = now.last().map_or(first.offset, |table| table.offset) + table_bytes;
            buffer.resize(usize::try_from(end - first.offset).unwrap_or(usize::MAX), 0);
            source.read_exact_at(first.offset, buffer)?;
            for table in now {
                let from = usize::try_from(table.offset - first.offset).unwrap_or(usize::MAX);
                let bytes =
                    &buffer[from..from + usize::try_from(table_bytes).unwrap_or(usize::MAX)];
                watch.expect(bytes);
                self.read_table(table.l1_index, bytes)?;
            }
            tables = later;
        }
        Ok(())
    }

    fn read_table(&mut self, l1_index: u32, bytes: &[u8]) -> Result<(), Qcow2Error> {
        let (first, count) = self.span(l1_index);
        for (guest_cluster, entry) in (first..).zip(entries(bytes)).take(count as usize) {
            if entry & COMPRESSED_FLAG != 0 {
                self.push_compressed(guest_cluster, entry)?;
            } else if entry & ZERO_FLAG != 0 {
                if self.header.version < 3 {
                    return Err(Qcow2Error::ZeroInVersion2);
                }
                self.push_zeros(guest_cluster, 1)?;
            } else if entry & OFFSET_MASK == 0 {
                self.push_zeros(guest_cluster, 1)?;
            } else {
                self.push_plain(guest_cluster, entry & OFFSET_MASK)?;
            }
        }
        Ok(())
    }

    /// First guest cluster and count of clusters behind an L1 entry; the last table is seldom full.
    fn span(&self, l1_index: u32) -> (u32, u32) {
        let per_table = u32::try_from(self.header.l2_entries()).unwrap_or(u32::MAX);
        let first = l1_index.saturating_mul(per_table).min(self.guest_clusters);
        (first, per_table.min(self.guest_clusters - first))
    }

    fn push_unallocated_table(&mut self, l1_index: u32) -> Result<(), Qcow2Error> {
        let (first, count) = self.span(l1_index);
        self.push_zeros(first, count)
    }

    fn push_zeros(&mut self, guest_cluster: u32, clusters: u32) -> Result<(), Qcow2Error> {
        if let Some(last) = self.zeros.last_mut()
            && last.guest_cluster.checked_add(last.clusters) == Some(guest_cluster)
        {
            last.clusters += clusters;
            return Ok(());
        }
        push_bounded(
            &mut self.zeros,
            ZeroRun {
                guest_cluster,
                clusters,
            },
        )
    }

    fn push_plain(&mut self, guest_cluster: u32, offset: u64) -> Result<(), Qcow2Error> {
        self.check_aligned("data cluster", offset)?;
        self.check_inside("data cluster", offset, 1)?;
        if let Some(last) = self.pieces.last_mut()
            && last.tagged_offset + u64::from(last.amount) * self.header.cluster_bytes() == offset
            && last.guest_cluster.checked_add(last.amount) == Some(guest_cluster)
        {
            last.amount += 1;
            return Ok(());
        }
        push_bounded(
            &mut self.pieces,
            Piece {
                tagged_offset: offset,
                guest_cluster,
                amount: 1,
            },
        )
    }

    fn push_compressed(&mut self, guest_cluster: u32, entry: u64) -> Result<(), Qcow2Error> {
        // The split between offset and count of sectors moves with the cluster size.
        let offset_bits = 62 - (self.header.cluster_bits - 8);
        let offset = entry & ((1 << offset_bits) - 1);
        let sectors = ((entry & (COMPRESSED_FLAG - 1)) >> offset_bits) + 1;
        self.check_inside("compressed cluster", offset, 1)?;
        // At most 2^13 + 1 sectors, so this always fits.
        let amount = u32::try_from(sectors * 512 - offset % 512).unwrap_or(u32::MAX);
        push_bounded(
            &mut self.pieces,
            Piece {
                tagged_offset: offset | COMPRESSED_TAG,
                guest_cluster,
                amount,
            },
        )
    }

    fn check_aligned(&self, table: &'static str, offset: u64) -> Result<(), Qcow2Error> {
        if offset.is_multiple_of(self.header.cluster_bytes()) {
            return Ok(());
        }
        Err(Qcow2Error::Unaligned { table, offset })
    }

    fn check_inside(&self, table: &'static str, offset: u64, bytes: u64) -> Result<(), Qcow2Error> {
        if offset != 0
            && offset
                .checked_add(bytes)
                .is_some_and(|end| end <= self.file_bytes)
        {
            return Ok(());
        }
        Err(Qcow2Error::OutsideFile {
            table,
            offset,
            file_bytes: self.file_bytes,
        })
    }
}

fn entries(table: &[u8]) -> impl Iterator<Item = u64> {
    table
        .as_chunks()
        .0
        .iter()
        .map(|bytes| u64::from_be_bytes(*bytes))
}

fn push_bounded<T>(list: &mut Vec<T>, item: T) -> Result<(), Qcow2Error> {
    if list.len() == MAX_PIECES {
        return Err(Qcow2Error::TooManyPieces { limit: MAX_PIECES });
    }
    list.push(item);
    Ok(())
}

/// A plain cluster belongs to one guest cluster. Compressed ones may share sectors: their length is rounded up.
fn check_disjoint(pieces: &[Piece], cluster_bytes: u64) -> Result<(), Qcow2Error> {
    for pair in pieces.windows(2) {
        if let Content::Plain { clusters } = pair[0].content()
            && pair[0].offset() + u64::from(clusters) * cluster_bytes > pair[1].offset()
        {
            return Err(Qcow2Error::SharedCluster(pair[1].offset()));
        }
    }
    Ok(())
}
