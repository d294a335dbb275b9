//! What is written to memory: bits that stick, neighbours that disturb each other and addresses that are mixed up
//! show with different ones.

/// The word at each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// The same everywhere.
    Same(u64),
    /// One bit is set, another one in each word.
    Walking(u64),
    /// Each word is its own number, or that inverted.
    Number { inverted: bool },
    /// Numbers without a rule.
    Mixed(u64),
}

/// The odd constant of Weyl's sequence in SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Pattern {
    /// One after the other, without an end.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..u64::MAX).flat_map(|round| {
            [
                Self::Same(0),
                Self::Same(u64::MAX),
                Self::Mixed(2 * round),
                Self::Same(0x5555_5555_5555_5555),
                Self::Same(0xaaaa_aaaa_aaaa_aaaa),
                Self::Walking(round),
                Self::Number { inverted: false },
                Self::Number { inverted: true },
                Self::Mixed(2 * round + 1),
            ]
        })
    }

    /// The word with this number.
    pub(super) fn word(self, index: u64) -> u64 {
        match self {
            Self::Same(word) => word,
            Self::Walking(shift) => walking(shift, index),
            Self::Number { inverted } => number(inverted, index),
            Self::Mixed(seed) => mixed(seed, index),
        }
    }

    /// Fills words, the first of which has this number.
    pub(super) fn write(self, first: u64, words: &mut [u64]) {
        match self {
            Self::Same(word) => words.fill(word),
            Self::Walking(shift) => write(first, words, |index| walking(shift, index)),
            Self::Number { inverted } => write(first, words, |index| number(inverted, index)),
            Self::Mixed(seed) => write(first, words, |index| mixed(seed, index)),
        }
    }

    /// How many words are wrong, and which is the first of them.
    pub(super) fn compare(self, first: u64, words: &[u64]) -> (usize, Option<usize>) {
        match self {
            Self::Same(word) => compare(first, words, |_| word),
            Self::Walking(shift) => compare(first, words, |index| walking(shift, index)),
            Self::Number { inverted } => compare(first, words, |index| number(inverted, index)),
            Self::Mixed(seed) => compare(first, words, |index| mixed(seed, index)),
        }
    }
}

fn walking(shift: u64, index: u64) -> u64 {
    1 << (index.wrapping_add(shift) % 64)
}

fn number(inverted: bool, index: u64) -> u64 {
    if inverted { !index } else { index }
}

fn mixed(seed: u64, index: u64) -> u64 {
    let start = seed.wrapping_mul(0xd134_2543_de82_ef95);
    let mut word = start.wrapping_add(index.wrapping_mul(STEP));
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn write(first: u64, words: &mut [u64], word: impl Fn(u64) -> u64) {
    for (place, index) in words.iter_mut().zip(first..) {
        *place = word(index);
    }
}

fn compare(first: u64, words: &[u64], word: impl Fn(u64) -> u64) -> (usize, Option<usize>) {
    let is_wrong = |(found, index): &(&u64, u64)| **found != word(*index);
    let wrong = words.iter().zip(first..).filter(is_wrong).count();
    if wrong == 0 {
        return (0, None);
    }
    let place = words.iter().zip(first..).position(|pair| is_wrong(&pair));
    (wrong, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_same_wherever_writing_begins() {
        for pattern in Pattern::all().take(18) {
            let mut whole = [0; 200];
            pattern.write(1000, &mut whole);
            let mut part = [0; 50];
            pattern.write(1100, &mut part);
            assert_eq!(whole[100..150], part, "{pattern:?}");
            assert_eq!(pattern.word(1199), whole[199], "{pattern:?}");
            assert_eq!(pattern.compare(1000, &whole), (0, None));
            whole[7] = !whole[7];
            whole[9] ^= 1;
            assert_eq!(pattern.compare(1000, &whole), (2, Some(7)));
        }
    }

    #[test]
    fn each_bit_is_set_and_cleared_in_a_round() {
        let words = || Pattern::all().take(9).map(|pattern| pattern.word(12345));
        assert_eq!(words().fold(0, |all, word| all | word), u64::MAX);
        assert_eq!(words().fold(u64::MAX, |all, word| all & word), 0);
    }
}
