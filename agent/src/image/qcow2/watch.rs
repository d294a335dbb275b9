//! Remembers by digest what metadata was read before the pass, and checks that the pass sees the same bytes.
//!
//! Without it a server could hand out one L2 table by range and another in the stream, and the digest of the
//! stream would vouch for data that lies at the wrong place on the disk.

use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};

/// Regions of one length, sorted, none overlapping another.
pub(crate) struct Watch {
    offsets: Vec<u64>,
    length: u64,
    read_before: Context,
    seen: Context,
    next: usize,
}

impl Watch {
    /// `offsets` ascend by at least `length`.
    pub(crate) fn new(offsets: Vec<u64>, length: u64) -> Self {
        debug_assert!(offsets.windows(2).all(|pair| pair[1] - pair[0] >= length));
        Self {
            offsets,
            length,
            read_before: Context::new(&SHA256),
            seen: Context::new(&SHA256),
            next: 0,
        }
    }

    /// Takes what was read before the pass, region after region.
    pub(crate) fn expect(&mut self, bytes: &[u8]) {
        self.read_before.update(bytes);
    }

    /// Looks at bytes that pass by; each call goes on where the last one ended.
    fn observe(&mut self, at: u64, bytes: &[u8]) {
        let end = at + bytes.len() as u64;
        while let Some(&offset) = self.offsets.get(self.next) {
            let from = offset.max(at);
            let to = (offset + self.length).min(end);
            if from < to {
                // The difference of two positions inside one slice fits its index type.
                self.seen.update(&bytes[index(from - at)..index(to - at)]);
            }
            if offset + self.length > end {
                return;
            }
            self.next += 1;
        }
    }

    fn agrees(self) -> bool {
        self.read_before.finish().as_ref() == self.seen.finish().as_ref()
    }
}

fn index(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}

/// A reader whose bytes are shown to the watches as they pass.
pub(crate) struct Watched<R> {
    inner: R,
    position: u64,
    watches: Vec<Watch>,
}

impl<R: Read> Watched<R> {
    pub(crate) fn new(inner: R, watches: Vec<Watch>) -> Self {
        Self {
            inner,
            position: 0,
            watches,
        }
    }

    /// True when every region passed with the bytes that were read before.
    pub(crate) fn finish(self) -> (R, bool) {
        (self.inner, self.watches.into_iter().all(Watch::agrees))
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        for watch in &mut self.watches {
            watch.observe(self.position, &buffer[..count]);
        }
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(step: usize, change_at: Option<usize>) -> bool {
        let mut bytes: Vec<u8> = (0..100).collect();
        let mut near = Watch::new(vec![0, 10, 95], 5);
        let mut far = Watch::new(vec![8], 50);
        for range in [0..5, 10..15, 95..100] {
            near.expect(&bytes[range]);
        }
        far.expect(&bytes[8..58]);
        if let Some(at) = change_at {
            bytes[at] ^= 1;
        }
        let mut watched = Watched::new(bytes.as_slice(), vec![near, far]);
        let mut buffer = vec![0; step];
        while watched.read(&mut buffer).unwrap() > 0 {}
        watched.finish().1
    }

    #[test]
    fn agrees_whatever_the_size_of_the_reads() {
        for step in [1, 2, 3, 7, 10, 64, 100, 200] {
            assert!(check(step, None), "step {step}");
        }
    }

    #[test]
    fn a_changed_byte_is_noticed_exactly_inside_the_regions() {
        for at in 0..100 {
            let watched = at < 5 || (8..58).contains(&at) || at >= 95;
            assert_eq!(check(7, Some(at)), !watched, "byte {at}");
        }
    }

    #[test]
    fn a_region_that_never_passed_is_noticed() {
        let mut watch = Watch::new(vec![4], 4);
        watch.expect(&[1, 2, 3, 4]);
        let mut watched = Watched::new([0u8, 0, 0, 0, 1, 2].as_slice(), vec![watch]);
        io::copy(&mut watched, &mut io::sink()).unwrap();
        assert!(!watched.finish().1);
    }
}
