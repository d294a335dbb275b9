//! Tells zeroes from data, so that they need not be sent to the disk.

/// Shorter runs of zeroes are not worth a command of their own.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;

/// A part of a buffer whose blocks are all zero, or none of them is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) is_zero: bool,
}

/// Neighbouring blocks of one kind are one run, so that data goes to the disk in long writes.
pub(crate) fn runs(bytes: &[u8]) -> impl Iterator<Item = Run<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let mut blocks = rest.chunks(BLOCK_BYTES);
        let first = is_zero(blocks.next()?);
        let same = 1 + blocks.take_while(|block| is_zero(block) == first).count();
        let (run, later) = rest.split_at((same * BLOCK_BYTES).min(rest.len()));
        rest = later;
        Some(Run {
            bytes: run,
            is_zero: first,
        })
    })
}

/// Eight bytes at a time even in a build that is not optimised.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().all(|word| u64::from_ne_bytes(*word) == 0) && rest.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(blocks: &str, last: usize, expected: &str) {
        let mut bytes = Vec::new();
        for (index, kind) in blocks.chars().enumerate() {
            let length = if index + 1 == blocks.len() {
                last
            } else {
                BLOCK_BYTES
            };
            bytes.resize(bytes.len() + length, 0);
            if kind == 'd' {
                *bytes.last_mut().unwrap() = 1;
            }
        }
        let found: Vec<String> = runs(&bytes)
            .map(|run| {
                format!(
                    "{}{}",
                    if run.is_zero { 'z' } else { 'd' },
                    run.bytes.len().div_ceil(BLOCK_BYTES)
                )
            })
            .collect();
        assert_eq!(found.join(" "), expected, "{blocks}");
        assert_eq!(
            runs(&bytes).map(|run| run.bytes.len()).sum::<usize>(),
            bytes.len()
        );
    }

    #[test]
    fn neighbours_of_one_kind_are_one_run() {
        check("", 0, "");
        check("z", 1, "z1");
        check("d", 7, "d1");
        check("zzdd", BLOCK_BYTES, "z2 d2");
        check("dzdz", 9, "d1 z1 d1 z1");
        check("ddz", BLOCK_BYTES - 1, "d2 z1");
    }

    #[test]
    fn a_single_bit_anywhere_is_data() {
        for length in [1, 7, 8, 9, 31] {
            assert!(is_zero(&vec![0; length]));
            for at in 0..length {
                let mut bytes = vec![0; length];
                bytes[at] = 0x80;
                assert!(!is_zero(&bytes), "{at} of {length}");
            }
        }
    }
}
