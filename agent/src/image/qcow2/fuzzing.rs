//! The tables of a qcow2 image and its compressed clusters, as foreign bytes.

use std::io;
use std::ops::Range;

use super::cluster::Decompressor;
use super::header::Compression;
use super::map::Content;
use super::{Header, Map, ReadAt};

/// What qemu-img makes.
const CLUSTER_BYTES: usize = 1 << 16;

struct Image<'a>(&'a [u8]);

impl ReadAt for Image<'_> {
    fn read_exact_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = part(self.0, offset, buffer.len());
        let bytes = bytes.filter(|bytes| bytes.len() == buffer.len());
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// As many of the bytes at an offset as there are.
fn part(bytes: &[u8], offset: u64, length: usize) -> Option<&[u8]> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    Some(&rest[..length.min(rest.len())])
}

/// Each cluster of the guest comes from one place, which lies in the file, where its length is known.
pub(crate) fn qcow2(bytes: &[u8]) {
    let Ok(header) = Header::parse(bytes) else {
        return;
    };
    for file_bytes in [Some(bytes.len() as u64), None] {
        let Ok(map) = Map::read(&header, bytes, file_bytes, &mut Image(bytes)) else {
            continue;
        };
        check_places(&header, &map, file_bytes);
        check_offsets(&header, &map, file_bytes.unwrap_or(u64::MAX));
    }
}

/// The pieces and the runs of zeroes together are the guest's disk, each part of it once.
fn check_places(header: &Header, map: &Map, file_bytes: Option<u64>) {
    let mut places: Vec<Range<u64>> = Vec::new();
    for piece in &map.pieces {
        let clusters = match piece.content() {
            Content::Plain { clusters } => clusters,
            Content::Compressed { .. } => 1,
        };
        places.push(place(piece.guest_cluster, clusters));
    }
    let zeros = map.zeros.iter();
    places.extend(zeros.map(|run| place(run.guest_cluster, run.clusters)));
    places.sort_unstable_by_key(|place| place.start);
    let mut end = 0;
    for place in places {
        assert_eq!(place.start, end, "{file_bytes:?}");
        end = place.end;
    }
    assert_eq!(end, header.virtual_size.div_ceil(header.cluster_bytes()));
}

fn place(first: u32, clusters: u32) -> Range<u64> {
    u64::from(first)..u64::from(first) + u64::from(clusters)
}

/// Pieces come in the order of the file.
fn check_offsets(header: &Header, map: &Map, file_bytes: u64) {
    assert!(map.pieces.is_sorted_by_key(|piece| piece.offset()));
    for piece in &map.pieces {
        assert!(piece.offset() < file_bytes);
        if let Content::Plain { .. } = piece.content() {
            assert!(piece.offset().is_multiple_of(header.cluster_bytes()));
        }
    }
}

/// Bytes that may be a compressed cluster of either kind: it is filled whole, or refused.
pub(crate) fn qcow2_cluster(bytes: &[u8]) {
    for compression in [Compression::Deflate, Compression::Zstd] {
        let mut decompressor = Decompressor::new(compression).expect("there is memory for it");
        let mut cluster = vec![0; CLUSTER_BYTES];
        let first = decompressor.decompress(bytes, &mut cluster);
        let mut again = vec![0xff; CLUSTER_BYTES];
        let second = decompressor.decompress(bytes, &mut again);
        // What one cluster leaves behind in the decompressor does not show in the next one.
        assert_eq!(first, second);
        assert!(first.is_none() || cluster == again);
    }
}
