//! What goes over a connection: a greeting from each side, numbered blocks of known bytes, and at the end what arrived.
//!
//! The reader greets with a word, the writer answers with the word and the seed of the bytes. A block is its number
//! and a part of the bytes that depends on the number. The number of the last block has nothing behind it.

/// Names this language and its version.
pub(super) const WORD: [u8; 16] = *b"ferric-burn-in-1";
pub(super) const SEED_BYTES: usize = 8;
pub(super) const NUMBER_BYTES: usize = 8;
pub(super) const BLOCK_BYTES: usize = 64 << 10;
/// The number that ends a connection.
pub(super) const END: u64 = u64::MAX;
/// How many bytes arrived, and how many blocks of them were wrong.
pub(super) const SUMMARY_BYTES: usize = 16;

/// Places where a block may begin; a prime number, so that they come in turn.
const PLACES: u64 = 1_048_573;
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The bytes that blocks are cut from.
pub(super) struct Payload(Vec<u8>);

impl Payload {
    /// The same for the same seed on every machine: SplitMix64.
    pub(super) fn new(seed: u64) -> Self {
        let words = (PLACES + BLOCK_BYTES as u64).div_ceil(8);
        let bytes = (0..words).flat_map(|index| {
            let mut word = seed.wrapping_add((index + 1).wrapping_mul(STEP));
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (word ^ (word >> 31)).to_le_bytes()
        });
        Self(bytes.collect())
    }

    /// The bytes of the block with this number.
    pub(super) fn block(&self, number: u64) -> &[u8] {
        let place = number.wrapping_mul(4099) % PLACES;
        let place = usize::try_from(place).unwrap_or(0);
        &self.0[place..place + BLOCK_BYTES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_differ_by_their_number_and_their_seed() {
        let (one, other) = (Payload::new(1), Payload::new(2));
        assert_eq!(one.block(7), Payload::new(1).block(7));
        assert_ne!(one.block(7), one.block(8));
        assert_ne!(one.block(7), other.block(7));
        for number in [0, PLACES - 1, PLACES, u64::MAX - 1] {
            assert_eq!(one.block(number).len(), BLOCK_BYTES);
        }
    }

    /// The first numbers of SplitMix64 with the seed 1234567, as its author gives them.
    #[test]
    fn the_bytes_are_those_of_the_known_generator() {
        let payload = Payload::new(1_234_567);
        let first = payload.0.first_chunk().unwrap();
        assert_eq!(u64::from_le_bytes(*first), 6_457_827_717_110_365_317);
    }
}
