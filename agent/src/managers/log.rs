//! What a program writes to its error output: lines of the agent's log.

use std::io::{self, BufRead, Read};

/// A longer line is logged in pieces.
const MAX_LINE: u64 = 2000;
/// Of one call; the log must hold other things, too.
const MAX_BYTES: usize = 1 << 20;
/// Of the line by which a failure is explained.
const MAX_LAST: usize = 500;

pub(super) struct LogLines {
    name: String,
    left: usize,
    last: String,
}

impl LogLines {
    pub(super) fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            left: MAX_BYTES,
            last: String::new(),
        }
    }

    /// Logs lines until there are no more, or too many: then the rest is read and dropped.
    pub(super) fn read(&mut self, pipe: &mut impl BufRead) {
        loop {
            let mut line = Vec::new();
            let read = pipe.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            if read.is_err() || line.is_empty() {
                return;
            }
            if self.left < line.len() {
                tracing::warn!(
                    manager = self.name,
                    "it writes too much for the log; the rest is dropped"
                );
                drop(io::copy(pipe, &mut io::sink()));
                return;
            }
            self.left -= line.len();
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            if !text.is_empty() {
                tracing::info!(manager = self.name, text, "a hardware manager says");
                self.last = text.chars().take(MAX_LAST).collect();
            }
        }
    }

    /// The last line that says anything.
    pub(super) fn last(self) -> String {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &[u8]) -> String {
        let mut lines = LogLines::of("acme");
        lines.read(&mut io::BufReader::new(text));
        lines.last()
    }

    #[test]
    fn the_last_line_with_a_text_is_kept() {
        assert_eq!(last(b"first\n  second \n\n"), "  second");
        assert_eq!(last(b""), "");
        assert_eq!(last(&[b'x'; 10_000]).len(), MAX_LAST);
        assert_eq!(last(b"\xff"), "\u{fffd}");
    }

    #[test]
    fn a_flood_is_dropped() {
        let flood = "too much\n".repeat(MAX_BYTES / 8) + "the end\n";
        assert_eq!(last(flood.as_bytes()), "too much");
    }
}
