//! Decompresses one cluster. The input may be longer than the compressed data: its length is rounded up to sectors.

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::header::Compression;

/// Nobody looks back further than the largest cluster, 2 MiB; a frame that claims so would only take memory.
const MAX_WINDOW_LOG: u32 = 21;

/// Keeps the state of a decompressor between clusters, so that it is set up once.
pub(crate) enum Decompressor {
    Deflate(Box<Decompress>),
    Zstd(Box<Decoder<'static>>),
}

impl Decompressor {
    pub(crate) fn new(compression: Compression) -> std::io::Result<Self> {
        Ok(match compression {
            // qcow2 has raw deflate, with neither header nor checksum.
            Compression::Deflate => Self::Deflate(Box::new(Decompress::new(false))),
            Compression::Zstd => {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
                Self::Zstd(Box::new(decoder))
            }
        })
    }

    /// Fills `output` with the cluster; `None` when the input does not hold a whole one.
    pub(crate) fn decompress(&mut self, input: &[u8], output: &mut [u8]) -> Option<()> {
        match self {
            Self::Deflate(state) => inflate(state, input, output),
            Self::Zstd(state) => unzstd(state, input, output),
        }
    }
}

fn inflate(state: &mut Decompress, input: &[u8], output: &mut [u8]) -> Option<()> {
    state.reset(false);
    let status = state.decompress(input, output, FlushDecompress::Finish);
    // Once the cluster is full it does not matter whether the end of the stream was reached, as in QEMU.
    let full = state.total_out() == output.len() as u64;
    let done = matches!(
        status,
        Ok(Status::StreamEnd | Status::Ok | Status::BufError)
    );
    (full && done).then_some(())
}

fn unzstd(state: &mut Decoder<'static>, input: &[u8], output: &mut [u8]) -> Option<()> {
    state.reinit().ok()?;
    let length = output.len();
    let mut input = InBuffer::around(input);
    let mut output = OutBuffer::around(output);
    // A cluster may be several frames; each round must consume or produce something.
    while output.pos() < length {
        let before = (input.pos(), output.pos());
        state.run(&mut input, &mut output).ok()?;
        if before == (input.pos(), output.pos()) {
            return None;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn cluster() -> Vec<u8> {
        (0..65536u32)
            .map(|index| u8::try_from(index * index % 251).unwrap())
            .collect()
    }

    fn compressed(compression: Compression, cluster: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Deflate => {
                let mut encoder =
                    flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(cluster).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => zstd::encode_all(cluster, 3).unwrap(),
        }
    }

    #[test]
    fn padding_after_the_data_is_ignored_and_state_is_reused() {
        for compression in [Compression::Deflate, Compression::Zstd] {
            let cluster = cluster();
            let mut input = compressed(compression, &cluster);
            input.extend_from_slice(&[0xaa; 500]);
            let mut decompressor = Decompressor::new(compression).unwrap();
            for _ in 0..3 {
                let mut output = vec![0; cluster.len()];
                decompressor.decompress(&input, &mut output).unwrap();
                assert!(output == cluster);
            }
        }
    }

    #[test]
    fn cut_or_short_or_random_input_is_refused_and_the_next_cluster_works() {
        for compression in [Compression::Deflate, Compression::Zstd] {
            let cluster = cluster();
            let whole = compressed(compression, &cluster);
            let half_a_cluster = compressed(compression, &cluster[..30000]);
            let mut decompressor = Decompressor::new(compression).unwrap();
            let mut output = vec![0; cluster.len()];
            for bad in [
                &whole[..whole.len() / 2],
                &half_a_cluster,
                &[],
                &[0xff; 300],
            ] {
                assert!(
                    decompressor.decompress(bad, &mut output).is_none(),
                    "{compression:?} {}",
                    bad.len()
                );
                decompressor.decompress(&whole, &mut output).unwrap();
                assert!(output == cluster);
            }
        }
    }

    #[test]
    fn a_frame_with_a_larger_window_than_any_cluster_is_refused() {
        let cluster = cluster();
        let framed = |window_log| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
            encoder.window_log(window_log).unwrap();
            encoder.write_all(&cluster).unwrap();
            encoder.finish().unwrap()
        };
        let mut decompressor = Decompressor::new(Compression::Zstd).unwrap();
        let mut output = vec![0; cluster.len()];
        assert!(decompressor.decompress(&framed(21), &mut output).is_some());
        assert!(decompressor.decompress(&framed(22), &mut output).is_none());
    }
}
