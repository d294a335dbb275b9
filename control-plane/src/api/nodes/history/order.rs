//! In which order a history is shown: as it was written, or by what its lines show.

use super::Line;
use crate::api::arguments::Arguments;
use crate::api::error::{ApiError, ApiResult};
use crate::api::links::Base;
use crate::api::version::ApiVersion;
use serde_json::Value;

/// Those that a line shows, at every version.
const KEYS: &[&str] = &[
    "uuid",
    "created_at",
    "severity",
    "event",
    "event_type",
    "conductor",
    "user",
    "project",
    "state",
    "target_provision_state",
    "duration_seconds",
];
/// Columns of Ironic's that tell nothing more than the order in which the lines were written.
const ALIKE: &[&str] = &["id", "node_id", "updated_at", "version"];

pub(super) struct Order<'a> {
    key: Option<&'a str>,
    descending: bool,
}

impl<'a> Order<'a> {
    pub(super) fn parse(arguments: &'a Arguments) -> ApiResult<Self> {
        let descending = match arguments.text("sort_dir") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(other) => {
                return Err(ApiError::invalid(format!(
                    "sort_dir must be asc or desc, not {other:?}"
                )));
            }
        };
        let key = arguments
            .text("sort_key")
            .filter(|key| !ALIKE.contains(key));
        if let Some(key) = key.filter(|key| !KEYS.contains(key)) {
            return Err(ApiError::invalid(format!(
                "{key} is not a field to sort by"
            )));
        }
        Ok(Self { key, descending })
    }

    /// Null comes before every value, and lines that are alike as they were written.
    pub(super) fn sorted(&self, mut lines: Vec<Line>, base: &Base) -> Vec<Line> {
        if let Some(key) = self.key {
            let shown =
                |(event, entry): &Line| entry.show(event, base, Some(ApiVersion::MAX))[key].take();
            lines.sort_by_cached_key(|line| Place::of(shown(line)));
        }
        if self.descending {
            lines.reverse();
        }
        lines
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Null,
    Number(i64),
    Text(String),
}

impl Place {
    fn of(value: Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            Value::Number(number) => Self::Number(number.as_i64().unwrap_or_default()),
            _ => Self::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Story;
    use super::*;
    use ferric_model::event::{TimelineEvent, What};
    use ferric_model::ids::NodeId;
    use ferric_model::state::ProvisionState as State;
    use jiff::Timestamp;
    use uuid::Uuid;

    /// Three lines: an error of the BMC, a change, and the same change an hour later.
    fn lines() -> Vec<Line> {
        let moved = |to| What::StateChanged {
            from: State::Enroll,
            to,
            target: None,
            error: None,
            cause: None,
            asked_by: None,
        };
        let error = "no answer".to_owned();
        let what = [
            (1, What::BmcError { error }),
            (2, moved(State::Verifying)),
            (3602, moved(State::Manageable)),
        ];
        let mut story = Story::default();
        let line = |(at, what): (u32, What)| {
            let event = TimelineEvent {
                id: Uuid::from_u128(10 - u128::from(at.min(9))),
                node: NodeId(Uuid::nil()),
                at: Timestamp::from_second(i64::from(at)).unwrap(),
                conductor: "one".to_owned(),
                run: None,
                bulk: None,
                what,
            };
            let entry = story.entry(&event).unwrap();
            (event, entry)
        };
        what.into_iter().map(line).collect()
    }

    fn check(query: &str, expected: &[i64]) {
        let arguments = Arguments::read(Some(query)).unwrap();
        let order = Order::parse(&arguments).unwrap();
        let lines = order.sorted(lines(), &Base::new("http://api"));
        let found: Vec<i64> = lines
            .iter()
            .map(|(event, _)| event.at.as_second())
            .collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn lines_are_sorted_by_what_they_show() {
        for query in ["", "sort_key=id", "sort_key=created_at", "sort_dir=asc"] {
            check(query, &[1, 2, 3602]);
        }
        check("sort_dir=desc", &[3602, 2, 1]);
        check("sort_key=created_at&sort_dir=desc", &[3602, 2, 1]);
        check("sort_key=uuid", &[3602, 2, 1]);
        check("sort_key=severity", &[1, 2, 3602]);
        check("sort_key=event_type", &[1, 2, 3602]);
        check("sort_key=state", &[1, 3602, 2]);
        check("sort_key=duration_seconds&sort_dir=desc", &[3602, 2, 1]);
        check("sort_key=project&sort_dir=desc", &[3602, 2, 1]);
    }

    #[test]
    fn what_lines_do_not_show_is_no_order() {
        for query in ["sort_key=nonsense", "sort_key=", "sort_dir=up"] {
            let arguments = Arguments::read(Some(query)).unwrap();
            assert!(Order::parse(&arguments).is_err(), "{query}");
        }
    }
}
