//! Sizes, bits and words that several structures have in common.

/// What dmidecode prints for a code that it does not know.
pub(super) const OUT_OF_SPEC: &str = "<OUT OF SPEC>";

const UNITS: [&str; 8] = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB", "ZB"];

/// What a number of memory counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Bytes = 0,
    Kib = 1,
    Mib = 2,
}

/// A size in the largest unit, or in the one below where that says more: `1536 MB`. What is less than that is lost.
pub(super) fn size(count: u64, unit: Unit) -> String {
    let digit = |place: usize| (count >> (10 * place)) & 0x3ff;
    let highest = (1..7).rev().find(|place| digit(*place) != 0).unwrap_or(0);
    let says_more = highest > 0 && digit(highest - 1) != 0;
    let place = if says_more { highest - 1 } else { highest };
    format!("{} {}", count >> (10 * place), UNITS[place + unit as usize])
}

/// The words of the bits that are set, from bit `first` on; a bit without a word has an empty one.
pub(super) fn bits<'a>(set: u64, first: usize, words: &[&'a str]) -> Vec<&'a str> {
    let is_set = |bit: usize| set >> bit & 1 == 1;
    let set = words
        .iter()
        .enumerate()
        .filter(|(index, word)| is_set(first + index) && !word.is_empty());
    set.map(|(_, word)| *word).collect()
}

/// `None` for no bit at all, as one text.
pub(super) fn bits_in_line(set: u64, first: usize, words: &[&str]) -> String {
    if set >> first == 0 {
        return "None".to_owned();
    }
    bits(set, first, words).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_dmidecode() {
        for (count, unit, expected) in [
            (0, Unit::Bytes, "0 bytes"),
            (1536, Unit::Bytes, "1536 bytes"),
            (1 << 30, Unit::Bytes, "1 GB"),
            (3 << 29, Unit::Bytes, "1536 MB"),
            ((1 << 40) + 1, Unit::Bytes, "1 TB"),
            (u64::MAX >> 1, Unit::Bytes, "8191 PB"),
            (0x7fff_ffff, Unit::Kib, "2047 GB"),
            (3072, Unit::Mib, "3 GB"),
            (1025, Unit::Mib, "1025 MB"),
        ] {
            assert_eq!(size(count, unit), expected);
        }
    }
}
