//! Reads a stream on a thread of its own, a few buffers ahead, so that network and disk work at the same time.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

const BUFFER_BYTES: usize = 512 << 10;
/// Together 4 MiB, whatever the size of the image.
const BUFFERS: usize = 8;

pub(crate) struct ReadAhead<R> {
    buffers: Receiver<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    taken: usize,
    thread: JoinHandle<R>,
}

impl<R: Read + Send + 'static> ReadAhead<R> {
    pub(crate) fn new(inner: R) -> io::Result<Self> {
        let (sender, buffers) = sync_channel(BUFFERS);
        let thread = std::thread::Builder::new()
            .name("image download".to_owned())
            .spawn(move || read_all(inner, &sender))?;
        Ok(Self {
            buffers,
            current: Vec::new(),
            taken: 0,
            thread,
        })
    }

    /// Gives the stream back after its end or an error.
    pub(crate) fn finish(self) -> io::Result<R> {
        drop(self.buffers);
        self.thread
            .join()
            .map_err(|_| io::Error::other("the download thread panicked"))
    }
}

impl<R> Read for ReadAhead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.current.len() {
            // A closed channel is the end of the stream: an error has come through it before.
            let Ok(next) = self.buffers.recv() else {
                return Ok(0);
            };
            self.current = next?;
            self.taken = 0;
        }
        let count = buffer.len().min(self.current.len() - self.taken);
        buffer[..count].copy_from_slice(&self.current[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

/// Ends with the stream, with an error, or when nobody reads any more.
fn read_all<R: Read>(mut inner: R, sender: &SyncSender<io::Result<Vec<u8>>>) -> R {
    loop {
        match fill(&mut inner) {
            Ok(buffer) if buffer.is_empty() => return inner,
            result => {
                let failed = result.is_err();
                if sender.send(result).is_err() || failed {
                    return inner;
                }
            }
        }
    }
}

/// One whole buffer, shorter only at the end of the stream.
fn fill(inner: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut filled = 0;
    while filled < buffer.len() {
        match inner.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(length: usize) {
        let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
        let mut ahead = ReadAhead::new(io::Cursor::new(bytes.clone())).unwrap();
        let mut found = Vec::new();
        ahead.read_to_end(&mut found).unwrap();
        assert!(found == bytes, "{length}");
        assert_eq!(ahead.finish().unwrap().position(), length as u64);
    }

    #[test]
    fn passes_everything_on() {
        for length in [
            0,
            1,
            BUFFER_BYTES - 1,
            BUFFER_BYTES,
            BUFFER_BYTES + 1,
            BUFFER_BYTES * (BUFFERS + 3) + 5,
        ] {
            check(length);
        }
    }

    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::other("cut"));
            }
            let count = self.0.min(buffer.len());
            self.0 -= count;
            Ok(count)
        }
    }

    #[test]
    fn an_error_arrives_and_is_not_taken_for_the_end() {
        let mut ahead = ReadAhead::new(Failing(BUFFER_BYTES + 10)).unwrap();
        let error = ahead.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "cut");
        ahead.finish().unwrap();
    }

    #[test]
    fn nobody_waits_for_a_reader_that_has_gone() {
        let ahead = ReadAhead::new(io::repeat(7)).unwrap();
        ahead.finish().unwrap();
    }
}
