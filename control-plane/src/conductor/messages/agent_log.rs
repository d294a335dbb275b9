//! Lines of the agent's own log, which came with a poll or were brought: kept in the timeline, some at a time.

use super::Merged;
use crate::conductor::environment::between;
use crate::conductor::node_task::{Change, NodeTask};
use crate::conductor::requests::RequestError;
use crate::erase_records::plain;
use ferric_agent_protocol::command::CommandResult;
use ferric_agent_protocol::log::{LogPiece, LogTaken, bounded};
use ferric_model::event::What;
use ferric_model::node::agent_session::{LogMark, Token};
use jiff::Timestamp;
use std::time::Duration;

/// While a command runs no two events come closer together: each is a commit, and the agent keeps the lines meanwhile.
const SPACING: Duration = Duration::from_secs(10);

/// The same for what agents bring. One that hears that its lines were left brings them again.
const SPACING_OF_BROUGHT: Duration = Duration::from_secs(1);

/// Of the logs of one boot. A timeline has 256 KiB, of which the oldest events go: what became of the node must not go for
/// the lines of a talkative agent.
const BOOT_BYTES: u64 = 64 << 10;

/// What a line takes beside its letters: quotes and a comma.
const AROUND_LINE_BYTES: usize = 3;

/// A piece that the agent has brought. The token is that of the agent that is up now, or it is the log of another boot.
pub(super) async fn merge(task: &mut NodeTask, token: &Token, piece: LogPiece) -> Merged<LogTaken> {
    let session = task.node.agent.as_ref();
    if session.and_then(|session| session.token.as_ref()) != Some(token) {
        let text = "the node has another agent by now";
        return Ok(Err(RequestError::Forbidden(text.to_owned())));
    }
    if session
        .and_then(|session| session.log.as_ref())
        .is_some_and(is_full)
    {
        // Nor is there room later: it is not brought again.
        let next = piece.first.saturating_add(piece.lines.len() as u64);
        return Ok(Ok(LogTaken { next }));
    }
    let run = piece.run;
    let change = add(task.change(), task, Some(piece), SPACING_OF_BROUGHT);
    task.save_if_changed(change).await?;
    let session = task.node.agent.as_ref();
    let mark = session.and_then(|session| session.log.as_ref());
    let mark = mark.filter(|mark| mark.run == run);
    let next = mark.map_or(0, |mark| mark.next);
    Ok(Ok(LogTaken { next }))
}

/// After the command's end there may be no other poll.
pub(super) fn spacing_of_polls(command: &CommandResult) -> Duration {
    if command.is_done() {
        Duration::ZERO
    } else {
        SPACING
    }
}

/// With the lines that are new; they go by the same commit as what else was found.
pub(super) fn add(
    change: Change,
    task: &NodeTask,
    piece: Option<LogPiece>,
    spacing: Duration,
) -> Change {
    let (Some(session), Some(piece)) = (&task.node.agent, piece) else {
        return change;
    };
    let now = task.conductor().now();
    let known = session.log.as_ref();
    if known.is_some_and(|mark| is_close(mark.at, now, spacing)) {
        return change;
    }
    let Some((what, mark)) = news(known, piece, now) else {
        return change;
    };
    change.event(what).with(|node| {
        if let Some(session) = &mut node.agent {
            session.log = Some(mark);
        }
    })
}

/// A clock that was set back keeps no lines away.
fn is_close(last: Timestamp, now: Timestamp, spacing: Duration) -> bool {
    now >= last && between(last, now) < spacing
}

fn is_full(mark: &LogMark) -> bool {
    mark.bytes >= BOOT_BYTES
}

fn news(known: Option<&LogMark>, piece: LogPiece, now: Timestamp) -> Option<(What, LogMark)> {
    if known.is_some_and(is_full) {
        return None;
    }
    let kept = known.map_or(0, |mark| mark.bytes);
    let known = known.filter(|mark| mark.run == piece.run);
    let begin = known.map_or(0, |mark| mark.next);
    let told = usize::try_from(begin.saturating_sub(piece.first)).unwrap_or(usize::MAX);
    let lines = bounded(piece.lines.into_iter().skip(told));
    let lines: Vec<String> = lines.iter().map(|line| plain(line)).collect();
    if lines.is_empty() {
        return None;
    }
    let bytes = lines.iter().map(|line| line.len() + AROUND_LINE_BYTES);
    let mark = LogMark {
        run: piece.run,
        next: begin.max(piece.first).saturating_add(lines.len() as u64),
        bytes: kept + bytes.sum::<usize>() as u64,
        at: now,
    };
    let lost = piece.first.saturating_sub(begin);
    Some((What::AgentLog { lines, lost }, mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_agent_protocol::log::{LINE_BYTES, PIECE_BYTES};
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn piece(run: u128, first: u64, lines: &[&str]) -> LogPiece {
        LogPiece {
            run: Uuid::from_u128(run),
            first,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    fn mark(run: u128, next: u64, bytes: u64) -> LogMark {
        LogMark {
            run: Uuid::from_u128(run),
            next,
            bytes,
            at: NOW,
        }
    }

    fn event(lost: u64, lines: &[&str]) -> What {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        What::AgentLog { lines, lost }
    }

    #[test]
    fn a_line_is_told_once_and_what_is_lost_is_counted() {
        let first = news(None, piece(1, 0, &["a", "b"]), NOW);
        assert_eq!(first, Some((event(0, &["a", "b"]), mark(1, 2, 8))));
        let known = mark(1, 2, 8);
        let late = news(Some(&known), piece(1, 1, &["b", "c"]), NOW);
        assert_eq!(late, Some((event(0, &["c"]), mark(1, 3, 12))));
        let later = news(Some(&known), piece(1, 7, &["h"]), NOW);
        assert_eq!(later, Some((event(5, &["h"]), mark(1, 8, 12))));
        for nothing in [piece(1, 2, &[]), piece(1, 0, &["a", "b"])] {
            assert_eq!(news(Some(&known), nothing, NOW), None);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_in_the_timeline() {
        let told = news(None, piece(1, 0, &["a\u{1b}[2J b\nc"]), NOW);
        assert_eq!(told, Some((event(0, &["a [2J b c"]), mark(1, 1, 12))));
    }

    #[test]
    fn an_agent_that_was_started_again_begins_anew() {
        let again = news(Some(&mark(1, 9, 30)), piece(2, 0, &["a"]), NOW);
        assert_eq!(again, Some((event(0, &["a"]), mark(2, 1, 34))));
    }

    #[test]
    fn an_agent_cannot_fill_the_timeline_at_once() {
        let long = "x".repeat(2 * LINE_BYTES);
        let flood = piece(1, u64::MAX - 3, &[long.as_str(); 100]);
        let (what, mark) = news(None, flood, NOW).unwrap();
        let What::AgentLog { lines, .. } = what else {
            panic!("{what:?}");
        };
        assert_eq!(lines[0].len(), LINE_BYTES);
        assert!(lines.iter().map(String::len).sum::<usize>() <= PIECE_BYTES);
        assert!(mark.next > u64::MAX - 4);
    }

    #[test]
    fn nor_can_it_by_and_by() {
        let full = mark(1, 9, BOOT_BYTES);
        for run in [1, 2] {
            assert_eq!(news(Some(&full), piece(run, 9, &["a"]), NOW), None);
        }
        let nearly = mark(1, 9, BOOT_BYTES - 1);
        let told = news(Some(&nearly), piece(1, 9, &["a"]), NOW);
        assert_eq!(told, Some((event(0, &["a"]), mark(1, 10, BOOT_BYTES + 3))));
    }

    #[test]
    fn events_keep_their_distance() {
        let after = |seconds| NOW + Duration::from_secs(seconds);
        assert!(is_close(NOW, NOW, SPACING) && is_close(NOW, after(9), SPACING));
        assert!(!is_close(NOW, after(10), SPACING));
        assert!(!is_close(after(1), NOW, SPACING), "the clock was set back");
        assert!(!is_close(NOW, NOW, Duration::ZERO), "the command has ended");
    }
}
