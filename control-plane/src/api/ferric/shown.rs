//! An event as clients see it: the names of the model, and of a transfer also when it will have ended.

use crate::api::shape::shown_time;
use ferric_model::event::{TimelineEvent, What};
use ferric_store::StoredEvent;
use jiff::SignedDuration;
use serde_json::Value;

/// With the number by which a stream goes on behind it.
pub(super) fn stored(stored: &StoredEvent) -> Value {
    let mut shown = event(&stored.event);
    shown["sequence"] = Value::from(stored.sequence);
    shown
}

/// One that is kept nowhere.
pub(super) fn live(event: &TimelineEvent) -> Value {
    let mut shown = self::event(event);
    shown["live"] = Value::from(true);
    shown
}

fn event(event: &TimelineEvent) -> Value {
    let mut shown = serde_json::to_value(event).unwrap_or_default();
    shown["at"] = Value::from(shown_time(event.at));
    if let Some(seconds) = seconds_left(&event.what) {
        shown["seconds_left"] = Value::from(seconds);
        let left = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let end = event.at.checked_add(left).ok().map(shown_time);
        shown["estimated_end"] = Value::from(end);
    }
    shown
}

/// At the rate so far; `None` where nothing can be told.
fn seconds_left(what: &What) -> Option<u64> {
    let What::Progress {
        bytes_done,
        bytes_total: Some(total),
        bytes_per_second,
        ..
    } = what
    else {
        return None;
    };
    let left = total.saturating_sub(*bytes_done);
    if *bytes_per_second == 0 {
        return None;
    }
    Some(left.div_ceil(*bytes_per_second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::NodeId;
    use ferric_model::step::StepId;
    use jiff::Timestamp;
    use uuid::Uuid;

    fn shown(what: What) -> Value {
        event(&TimelineEvent {
            id: Uuid::nil(),
            node: NodeId(Uuid::nil()),
            at: Timestamp::UNIX_EPOCH,
            conductor: "one".to_owned(),
            run: None,
            bulk: None,
            what,
        })
    }

    fn progress(bytes_total: Option<u64>, bytes_per_second: u64) -> Value {
        shown(What::Progress {
            step: StepId::new("deploy", "write_image"),
            phase: "writing".to_owned(),
            bytes_done: 400,
            bytes_total,
            bytes_per_second,
        })
    }

    #[test]
    fn an_agents_log_is_shown_by_its_lines() {
        let lines = vec!["a".to_owned(), "b".to_owned()];
        let shown = shown(What::AgentLog { lines, lost: 3 });
        assert_eq!(shown["event"], "agent_log");
        assert_eq!(shown["lines"], serde_json::json!(["a", "b"]));
        assert_eq!(shown["lost"], 3);
    }

    #[test]
    fn the_end_of_a_transfer_follows_from_its_rate() {
        let shown = progress(Some(1000), 7);
        assert_eq!(shown["seconds_left"], 86);
        assert_eq!(shown["estimated_end"], "1970-01-01T00:01:26+00:00");
        for unknown in [progress(None, 7), progress(Some(1000), 0)] {
            assert_eq!(unknown.get("estimated_end"), None);
        }
        let shown = progress(Some(u64::MAX), 1);
        assert_eq!(shown["estimated_end"], Value::Null, "beyond all time");
    }
}
