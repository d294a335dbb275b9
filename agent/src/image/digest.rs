//! Hashes a stream as it is read.

use std::io::{self, Read};

use aws_lc_rs::digest::{self, Context};
use md5::{Digest, Md5};

/// An algorithm by the name that Ironic (Python's hashlib) gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Md5,
    Strong(&'static digest::Algorithm),
}

impl Algorithm {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "md5" => Self::Md5,
            "sha1" => Self::Strong(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            "sha224" => Self::Strong(&digest::SHA224),
            "sha256" => Self::Strong(&digest::SHA256),
            "sha384" => Self::Strong(&digest::SHA384),
            "sha512" => Self::Strong(&digest::SHA512),
            "sha3_256" => Self::Strong(&digest::SHA3_256),
            "sha3_384" => Self::Strong(&digest::SHA3_384),
            "sha3_512" => Self::Strong(&digest::SHA3_512),
            _ => return None,
        })
    }

    /// The algorithm that `checksum` means, told by the length of the value alone.
    pub(crate) fn of_hex_length(length: usize) -> Option<Self> {
        Some(match length {
            32 => Self::Md5,
            64 => Self::Strong(&digest::SHA256),
            128 => Self::Strong(&digest::SHA512),
            _ => return None,
        })
    }

    pub(crate) fn output_bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Strong(algorithm) => algorithm.output_len(),
        }
    }

    pub(crate) fn hasher(self) -> Hasher {
        match self {
            Self::Md5 => Hasher::Md5(Md5::new()),
            Self::Strong(algorithm) => Hasher::Strong(Context::new(algorithm)),
        }
    }
}

pub(crate) enum Hasher {
    Md5(Md5),
    Strong(Context),
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(state) => state.update(bytes),
            Self::Strong(state) => state.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Md5(state) => state.finalize().to_vec(),
            Self::Strong(state) => state.finish().as_ref().to_vec(),
        }
    }
}

/// Passes a stream on and hashes it.
pub(crate) struct DigestReader<R> {
    inner: R,
    hasher: Hasher,
}

impl<R> DigestReader<R> {
    pub(crate) fn new(inner: R, algorithm: Algorithm) -> Self {
        Self {
            inner,
            hasher: algorithm.hasher(),
        }
    }

    /// The digest of what has been read.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.hasher.finish()
    }
}

impl<R: Read> Read for DigestReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::checksum::to_hex;

    fn check(name: &str, expected: &str) {
        let mut reader = DigestReader::new(&b"abc"[..], Algorithm::named(name).unwrap());
        io::copy(&mut reader, &mut io::sink()).unwrap();
        assert_eq!(to_hex(&reader.finish()), expected, "{name}");
    }

    #[test]
    fn known_digests() {
        check("md5", "900150983cd24fb0d6963f7d28e17f72");
        check("SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d");
        check(
            "sha256",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        );
        check(
            "sha224",
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
        );
        check(
            "sha384",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        );
        check(
            "sha512",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        );
        check(
            "sha3_384",
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
        );
        check(
            "sha3_512",
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        );
        check(
            "sha3_256",
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
        );
    }

    #[test]
    fn an_empty_stream_has_a_digest_too() {
        let reader = DigestReader::new(io::empty(), Algorithm::Md5);
        assert_eq!(to_hex(&reader.finish()), "d41d8cd98f00b204e9800998ecf8427e");
    }
}
