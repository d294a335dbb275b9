//! What this process has logged last, for a conductor that has agreed to take it.
//!
//! Lines are kept as they were logged, and lose their secrets when they are handed over: by then more of these are
//! known.

mod redacted;

use std::collections::VecDeque;
use std::io;
use std::sync::LazyLock;

use ferric_agent_protocol::log::{LINE_BYTES, LogPiece, LogPlace, bounded, cut};
use parking_lot::Mutex;
use uuid::Uuid;

use redacted::redacted;

/// Of more than this the oldest lines are forgotten.
const KEPT_BYTES: usize = 64 << 10;

/// Longer than what is shown of a line, so that no part of a secret is left at the end of that.
const KEPT_LINE_BYTES: usize = 4 * LINE_BYTES;

/// The last lines of a log, numbered from 0.
pub struct OwnLog {
    run: Uuid,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
    /// The number of the line that comes next.
    next: u64,
    /// The longest first, as one may be a part of another.
    secrets: Vec<String>,
}

/// That of this process, which has one subscriber as well.
pub fn own_log() -> &'static OwnLog {
    static OWN: LazyLock<OwnLog> = LazyLock::new(OwnLog::default);
    &OWN
}

impl Default for OwnLog {
    fn default() -> Self {
        Self {
            run: Uuid::new_v4(),
            kept: Mutex::default(),
        }
    }
}

impl OwnLog {
    /// From now on this is shown nowhere, in lines that were logged before neither.
    pub fn hide(&self, secret: &str) {
        let mut kept = self.kept.lock();
        let secrets = &mut kept.secrets;
        if secret.is_empty() || secrets.iter().any(|known| known == secret) {
            return;
        }
        let place = secrets.partition_point(|known| known.len() > secret.len());
        secrets.insert(place, secret.to_owned());
    }

    /// What is kept from that place on, as far as it fits into a piece; all where that is none, or of another run.
    #[must_use]
    pub fn behind(&self, place: Option<LogPlace>) -> LogPiece {
        let kept = self.kept.lock();
        let oldest = kept.next - kept.lines.len() as u64;
        let known = place.filter(|place| place.run == self.run);
        let first = known.map_or(0, |place| place.next).clamp(oldest, kept.next);
        let news = (oldest..).zip(&kept.lines);
        let news = news.filter(|(number, _)| *number >= first);
        LogPiece {
            run: self.run,
            first,
            lines: bounded(news.map(|(_, line)| redacted(line, &kept.secrets))),
        }
    }

    fn keep(&self, event: &str) {
        let mut kept = self.kept.lock();
        for line in event.lines().filter(|line| !line.trim().is_empty()) {
            kept.push(printable(line));
        }
    }
}

/// An event is written at once, as one or more lines.
impl io::Write for &OwnLog {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.keep(&String::from_utf8_lossy(event));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn push(&mut self, line: String) {
        self.next += 1;
        self.bytes += room(&line);
        self.lines.push_back(line);
        while self.bytes > KEPT_BYTES {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= room(&oldest);
        }
    }
}

fn room(line: &str) -> usize {
    line.len() + size_of::<String>()
}

/// Programs and servers are quoted in logs, and a terminal obeys what they say.
fn printable(line: &str) -> String {
    let mut line = cut(line.to_owned(), KEPT_LINE_BYTES);
    if line.contains(char::is_control) {
        line = line.replace(char::is_control, " ");
    }
    line
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use ferric_agent_protocol::log::PIECE_BYTES;

    use super::*;

    fn log(text: &str) -> OwnLog {
        let log = OwnLog::default();
        (&log).write_all(text.as_bytes()).unwrap();
        log
    }

    fn place(log: &OwnLog, next: u64) -> Option<LogPlace> {
        Some(LogPlace { run: log.run, next })
    }

    #[test]
    fn lines_are_told_from_the_first_one_on_and_then_from_where_they_are_known() {
        let log = log("a\n\nb\x1b[31m c\n");
        let all = log.behind(None);
        assert_eq!(
            (all.first, all.lines),
            (0, vec!["a".to_owned(), "b [31m c".to_owned()])
        );
        (&log).write_all(b"d\n").unwrap();
        let rest = log.behind(place(&log, 2));
        assert_eq!((rest.first, rest.lines), (2, vec!["d".to_owned()]));
        for next in [3, 9] {
            let nothing = log.behind(place(&log, next));
            assert_eq!((nothing.first, nothing.lines), (3, Vec::new()));
        }
        let other = LogPlace {
            run: Uuid::nil(),
            next: 2,
        };
        assert_eq!(log.behind(Some(other)).first, 0);
    }

    #[test]
    fn the_oldest_lines_are_forgotten_and_a_piece_tells_how_many() {
        let log = OwnLog::default();
        for number in 0..10_000 {
            (&log)
                .write_all(format!("line {number}\n").as_bytes())
                .unwrap();
        }
        let piece = log.behind(None);
        assert!(piece.first > 0 && piece.first < 10_000);
        assert_eq!(piece.lines[0], format!("line {}", piece.first));
        let bytes: usize = piece.lines.iter().map(String::len).sum();
        assert!(bytes <= PIECE_BYTES);
        assert!(log.kept.lock().bytes <= KEPT_BYTES);
        let mut known = piece.first;
        loop {
            let piece = log.behind(place(&log, known));
            if piece.lines.is_empty() {
                break;
            }
            assert_eq!(piece.first, known);
            known += piece.lines.len() as u64;
        }
        assert_eq!(known, 10_000);
    }

    #[test]
    fn a_secret_is_hidden_that_was_logged_before_it_was_known() {
        let mut text = "x".repeat(LINE_BYTES - 3);
        text.push_str("hush-hush\n");
        let log = log(&text);
        log.hide("hush");
        log.hide("hush-hush");
        log.hide("");
        let line = &log.behind(None).lines[0];
        assert!(line.ends_with("x***"), "{line}");
    }
}
