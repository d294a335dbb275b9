//! A raw image: the bytes of the stream are the bytes of the disk.

use std::io::{self, Read};

use super::target::{Target, TargetError};

const BUFFER_BYTES: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum RawError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error(transparent)]
    Write(#[from] TargetError),
}

/// Writes the stream to its end; the length of the image is the answer.
pub(crate) fn write_stream(mut stream: impl Read, target: &mut Target) -> Result<u64, RawError> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut offset = 0;
    loop {
        let count = fill(&mut stream, &mut buffer)?;
        if count == 0 {
            return Ok(offset);
        }
        target.write(offset, &buffer[..count])?;
        offset += count as u64;
    }
}

/// Whole buffers make long writes and let zeroes be seen; only the last one is shorter.
fn fill(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
