//! The agent's own log, in pieces: the additional key `ferric_log` of the list of commands, or brought by the agent.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A longer line is cut.
pub const LINE_BYTES: usize = 1 << 10;

/// All lines of a piece together.
pub const PIECE_BYTES: usize = 8 << 10;

/// Where the node's agent brings its pieces, with `POST`.
#[must_use]
pub fn log_path(node: Uuid) -> String {
    format!("/ferric/v1/agents/{node}/log")
}

/// Lines that were logged one after the other, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPiece {
    /// Another one once the agent was started again, which then counts from 0.
    pub run: Uuid,
    /// The number of the first line: that of the next one where there is none.
    pub first: u64,
    /// As many as a piece may have.
    pub lines: Vec<String>,
}

/// What is answered to a piece that was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTaken {
    /// The number of the first line of this run that is not known yet.
    pub next: u64,
}

/// Up to where a log is known: the value of the query key `ferric_log`, empty where nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// That of the piece.
    pub run: Uuid,
    /// The number of the first line that is not known.
    pub next: u64,
}

impl LogPlace {
    /// `None` for what is no place, and so stands for the beginning.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (run, next) = text.split_once(':')?;
        Some(Self {
            run: run.parse().ok()?,
            next: next.parse().ok()?,
        })
    }
}

impl fmt::Display for LogPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.run, self.next)
    }
}

/// As many of the lines as a piece may have, each as long as it may be.
#[must_use]
pub fn bounded(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut room = PIECE_BYTES;
    let mut kept = Vec::new();
    for line in lines {
        let line = cut(line, LINE_BYTES);
        let Some(left) = room.checked_sub(line.len() + 1) else {
            break;
        };
        room = left;
        kept.push(line);
    }
    kept
}

/// The line without what is beyond the limit.
#[must_use]
pub fn cut(mut line: String, limit_bytes: usize) -> String {
    let mut end = limit_bytes.min(line.len());
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = LogPlace {
            run: Uuid::from_u128(7),
            next: 12,
        };
        assert_eq!(place.to_string(), "00000000-0000-0000-0000-000000000007:12");
        assert_eq!(LogPlace::parse(&place.to_string()), Some(place));
        for nothing in ["", "12", "7:12", "00000000-0000-0000-0000-000000000007:-1"] {
            assert_eq!(LogPlace::parse(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_piece_is_brought_to_its_node() {
        let path = "/ferric/v1/agents/00000000-0000-0000-0000-000000000007/log";
        assert_eq!(log_path(Uuid::from_u128(7)), path);
        let taken = serde_json::json!(LogTaken { next: 3 });
        assert_eq!(taken, serde_json::json!({"next": 3}));
    }

    #[test]
    fn a_piece_is_bounded() {
        let long = "\u{e4}".repeat(LINE_BYTES);
        let lines = bounded(vec![long; 100]);
        assert_eq!(lines[0], "\u{e4}".repeat(LINE_BYTES / 2));
        let bytes: usize = lines.iter().map(String::len).sum();
        assert!((PIECE_BYTES - 2 * LINE_BYTES..=PIECE_BYTES).contains(&bytes));
        assert!(bounded(vec![String::new(); 2 * PIECE_BYTES]).len() <= PIECE_BYTES);
        assert_eq!(cut("a\u{e4}".to_owned(), 2), "a");
        assert_eq!(bounded(["short".to_owned()]), ["short"]);
    }
}
