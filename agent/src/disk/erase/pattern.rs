//! Random bytes that can be made again: what was written to any place of a disk is known without keeping it.

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// Bytes of one generator. A disk is written in pieces of this length; there may be many disks, and each has a buffer.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;

type Seed = [u8; 32];

/// The bytes of one pass over a disk, of any length.
pub(crate) struct Pattern {
    seed: Seed,
}

impl Pattern {
    /// Another one each time.
    pub(crate) fn draw() -> Self {
        let mut seed = Seed::default();
        rand::rng().fill_bytes(&mut seed);
        Self { seed }
    }

    /// The bytes from this offset on.
    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) {
        const CHUNK: u64 = CHUNK_BYTES as u64;
        let mut offset = offset;
        let mut rest = buffer;
        while !rest.is_empty() {
            let within = usize::try_from(offset % CHUNK).unwrap_or(0);
            let length = rest.len().min(CHUNK_BYTES - within);
            let (part, later) = rest.split_at_mut(length);
            self.fill(offset / CHUNK, within, part);
            offset += length as u64;
            rest = later;
        }
    }

    fn fill(&self, chunk: u64, within: usize, part: &mut [u8]) {
        let mut seed = self.seed;
        for (byte, number) in seed.iter_mut().zip(chunk.to_le_bytes()) {
            *byte ^= number;
        }
        let mut generator = StdRng::from_seed(seed);
        if within == 0 {
            return generator.fill_bytes(part);
        }
        let mut bytes = vec![0; within + part.len()];
        generator.fill_bytes(&mut bytes);
        part.copy_from_slice(&bytes[within..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_same_wherever_reading_begins() {
        let pattern = Pattern::draw();
        let mut whole = vec![0; 3 * CHUNK_BYTES];
        pattern.read(0, &mut whole);
        for (offset, length) in [
            (0, 10),
            (7, 512),
            (CHUNK_BYTES - 5, 10),
            (CHUNK_BYTES, 1),
            (99, 2 * CHUNK_BYTES),
        ] {
            let mut part = vec![0; length];
            pattern.read(offset as u64, &mut part);
            assert!(part == whole[offset..offset + length], "at {offset}");
        }
        let (first, second) = (&whole[..CHUNK_BYTES], &whole[CHUNK_BYTES..2 * CHUNK_BYTES]);
        assert!(first != second, "the chunks differ");
    }
}
