//! A window on a stream: pieces that ascend by offset are taken from it, and may overlap.
//!
//! It never holds more than one piece and one read; the stream behind it is read once, whole and in order.

use std::io::{self, Read};

/// What is read at once when the window has to grow.
const READ_BYTES: usize = 256 << 10;

pub(crate) struct Window<R> {
    source: R,
    /// The stream's offset of `buffer[0]`.
    start: u64,
    buffer: Vec<u8>,
    /// Bytes at the start of the buffer that nobody wants any more.
    stale: usize,
    at_end: bool,
}

impl<R: Read> Window<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            start: 0,
            buffer: Vec::new(),
            stale: 0,
            at_end: false,
        }
    }

    /// The bytes from `offset`, fewer than `length` only at the end of the stream. Offsets must not descend.
    pub(crate) fn take(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        self.skip_to(offset)?;
        while self.buffer.len() - self.stale < length && !self.at_end {
            self.grow()?;
        }
        let end = self.buffer.len().min(self.stale + length);
        Ok(&self.buffer[self.stale..end])
    }

    /// Reads the rest of the stream, so that whoever watches it sees all of it.
    pub(crate) fn drain(mut self) -> io::Result<R> {
        while !self.at_end {
            self.buffer.clear();
            self.stale = 0;
            self.grow()?;
        }
        Ok(self.source)
    }

    fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        loop {
            let position = self.start + self.stale as u64;
            debug_assert!(offset >= position, "offsets ascend");
            let wanted = usize::try_from(offset - position).unwrap_or(usize::MAX);
            let held = self.buffer.len() - self.stale;
            self.stale += wanted.min(held);
            if wanted <= held || self.at_end {
                return Ok(());
            }
            self.grow()?;
        }
    }

    /// Drops what is stale and appends one read.
    fn grow(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.stale);
        self.start += self.stale as u64;
        self.stale = 0;
        let held = self.buffer.len();
        self.buffer.resize(held + READ_BYTES, 0);
        let count = match self.source.read(&mut self.buffer[held..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.buffer.truncate(held);
                return Ok(());
            }
            other => other?,
        };
        self.buffer.truncate(held + count);
        self.at_end = count == 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out at most `step` bytes per read.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let step = self.1.min(buffer.len());
            self.0.read(&mut buffer[..step])
        }
    }

    fn check(step: usize, pieces: &[(u64, usize)]) {
        let bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
        let mut window = Window::new(Slow(&bytes, step));
        for &(offset, length) in pieces {
            let from = usize::try_from(offset).unwrap().min(bytes.len());
            let expected = &bytes[from..(from + length).min(bytes.len())];
            assert_eq!(
                window.take(offset, length).unwrap(),
                expected,
                "{offset} {length}"
            );
        }
        let mut rest = window.drain().unwrap();
        assert_eq!(rest.read(&mut [0; 10]).unwrap(), 0);
    }

    #[test]
    fn pieces_with_gaps_overlaps_and_repeats() {
        for step in [1, 7, 512, 5000] {
            check(
                step,
                &[
                    (0, 10),
                    (10, 10),
                    (15, 700),
                    (15, 3),
                    (16, 2),
                    (2000, 0),
                    (2500, 400),
                ],
            );
        }
    }

    #[test]
    fn a_piece_at_the_end_is_short_and_one_beyond_it_empty() {
        check(100, &[(2990, 20), (2999, 1), (3000, 5), (4000, 5)]);
    }

    #[test]
    fn nothing_taken_still_reads_everything() {
        check(1000, &[]);
    }
}
