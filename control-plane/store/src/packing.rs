//! Documents made small before they are sealed: sealed bytes can be made no smaller. An inventory of 150 KB is a tenth.

use zstd::bulk::{compress, decompress};

/// Shorter ones gain little, and most writes are of those.
const LEAST: usize = 4096;
/// Fast: a heartbeat must not wait for it.
const LEVEL: i32 = 1;
/// No document is that long; a length that says so is not allocated.
const LONGEST: usize = 256 << 20;

/// How a document lies in its seal. Numbers are never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    /// Its length, then a frame of zstd.
    Zstd,
}

impl Packing {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Zstd => 1,
        }
    }

    pub(crate) const fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

pub(crate) fn pack(clear: &[u8]) -> (Packing, Vec<u8>) {
    if clear.len() >= LEAST
        && let Ok(length) = u32::try_from(clear.len())
        && let Ok(frame) = compress(clear, LEVEL)
        && frame.len() < clear.len() - clear.len() / 8
    {
        return (Packing::Zstd, [&length.to_be_bytes(), &*frame].concat());
    }
    (Packing::None, clear.to_vec())
}

/// `None`: it is none of ours.
pub(crate) fn unpack(packing: Packing, packed: Vec<u8>) -> Option<Vec<u8>> {
    match packing {
        Packing::None => Some(packed),
        Packing::Zstd => {
            let (length, frame) = packed.split_first_chunk()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let clear = decompress(frame, length.min(LONGEST)).ok()?;
            (clear.len() == length).then_some(clear)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(clear: &[u8], packing: Packing) {
        let (chosen, packed) = pack(clear);
        assert_eq!(chosen, packing);
        assert_eq!(unpack(chosen, packed).unwrap(), clear);
    }

    #[test]
    fn what_was_packed_comes_back() {
        check(b"", Packing::None);
        check(&[b'a'; LEAST - 1], Packing::None);
        check(&[b'a'; LEAST], Packing::Zstd);
        let mut random = vec![0; 3 * LEAST];
        aws_lc_rs::rand::fill(&mut random).unwrap();
        check(&random, Packing::None);
    }

    #[test]
    fn foreign_bytes_are_refused() {
        let (_, packed) = pack(&[b'a'; LEAST]);
        assert_eq!(unpack(Packing::Zstd, packed[..20].to_vec()), None);
        let longer = [&u32::MAX.to_be_bytes(), &packed[4..]].concat();
        assert_eq!(unpack(Packing::Zstd, longer), None);
        assert_eq!(unpack(Packing::Zstd, b"abc".to_vec()), None);
    }
}
