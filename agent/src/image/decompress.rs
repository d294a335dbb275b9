//! Raw images that are compressed as a whole.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

/// The largest zstd window, as a power of two: 32 MiB of memory. `zstd -19` needs 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 25;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    Gzip,
    Zstd,
}

/// Unpacks a stream; all members or frames of it, one after the other.
pub(crate) fn unpack<'a, R: BufRead + 'a>(
    stream: R,
    packing: Packing,
) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match packing {
        Packing::None => Box::new(stream),
        Packing::Gzip => Box::new(MultiGzDecoder::new(stream)),
        Packing::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(stream)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(packing: Packing, bytes: &[u8]) -> Vec<u8> {
        match packing {
            Packing::None => bytes.to_vec(),
            Packing::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        }
    }

    fn unpacked(packing: Packing, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut found = Vec::new();
        unpack(bytes, packing)?.read_to_end(&mut found)?;
        Ok(found)
    }

    #[test]
    fn several_members_are_one_stream() {
        for packing in [Packing::None, Packing::Gzip, Packing::Zstd] {
            let mut stream = packed(packing, b"first ");
            stream.extend(packed(packing, b"second"));
            assert_eq!(
                unpacked(packing, &stream).unwrap(),
                b"first second",
                "{packing:?}"
            );
        }
    }

    #[test]
    fn a_stream_that_is_cut_is_an_error() {
        let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        for packing in [Packing::Gzip, Packing::Zstd] {
            let stream = packed(packing, &bytes);
            for length in [1, stream.len() / 2, stream.len() - 1] {
                assert!(
                    unpacked(packing, &stream[..length]).is_err(),
                    "{packing:?} {length}"
                );
            }
        }
    }

    #[test]
    fn a_frame_of_before_the_format_was_settled_is_refused() {
        // Of zstd 0.7: a raw block of five bytes, and the end.
        let frame = b"\x27\xb5\x2f\xfd\x20\x05\x40\x00\x05older\xc0\x00\x00";
        assert!(unpacked(Packing::Zstd, frame).is_err());
    }

    #[test]
    fn a_window_that_needs_too_much_memory_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.long_distance_matching(true).unwrap();
        // The size is not pledged, so the frame must state the whole window.
        encoder.write_all(&[1; 1000]).unwrap();
        let stream = encoder.finish().unwrap();
        assert!(unpacked(Packing::Zstd, &stream).is_err());
    }
}
