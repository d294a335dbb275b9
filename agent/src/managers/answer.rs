//! What a program answers: lines of JSON, the last of them its result or its error.

use serde::Deserialize;
use serde_json::Value;

use super::process::ProcessError;
use crate::progress::Progress;

/// Of a text that is quoted in an error or shown as a phase.
const MAX_QUOTE: usize = 200;
/// Of what it says of its failure.
const MAX_ERROR: usize = 4000;
/// An answer is shown within others, and whoever reads those gives up at 128 levels: with one such answer no list of
/// the commands could be read any more.
const MAX_LEVELS: usize = 64;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("it wrote {line:?}, which is no line of the protocol")]
    Garbage {
        line: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("it answered twice")]
    Twice,
    #[error("its answer has more than {} levels", MAX_LEVELS)]
    TooDeep,
    #[error("it ended without an answer")]
    NoAnswer,
    #[error("{0}")]
    Refused(String),
    #[error("its answer makes no sense")]
    Form(#[source] serde_json::Error),
    #[error("its answer makes no sense: {0}")]
    Content(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Progress(Mark),
    Result(Value),
    Error(String),
}

/// How far it is; what it does not say stays as it was.
#[derive(Deserialize)]
struct Mark {
    phase: Option<String>,
    bytes_total: Option<u64>,
    bytes_written: Option<u64>,
}

/// The lines of one call.
#[derive(Default)]
pub(super) struct Answer<'a> {
    progress: Option<&'a Progress>,
    outcome: Option<Result<Value, String>>,
    broken: Option<CallError>,
}

impl<'a> Answer<'a> {
    pub(super) fn reporting_to(progress: Option<&'a Progress>) -> Self {
        Self {
            progress,
            ..Self::default()
        }
    }

    /// Takes a line. After one that makes no sense the program may go on: what it does must not stop half-way.
    pub(super) fn take(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() || self.broken.is_some() {
            return;
        }
        match serde_json::from_slice(line) {
            Err(source) => {
                let line = quote(&String::from_utf8_lossy(line));
                self.broken = Some(CallError::Garbage { line, source });
            }
            Ok(_) if self.outcome.is_some() => self.broken = Some(CallError::Twice),
            Ok(Line::Progress(mark)) => self.report(&mark),
            Ok(Line::Result(value)) if levels(&value) > MAX_LEVELS => {
                self.broken = Some(CallError::TooDeep);
            }
            Ok(Line::Result(value)) => self.outcome = Some(Ok(value)),
            Ok(Line::Error(text)) => self.outcome = Some(Err(start(&text, MAX_ERROR))),
        }
    }

    fn report(&self, mark: &Mark) {
        let Some(progress) = self.progress else {
            return;
        };
        if let Some(phase) = &mark.phase {
            progress.phase(&quote(phase));
        }
        if let Some(bytes) = mark.bytes_total {
            progress.total(bytes);
        }
        if let Some(bytes) = mark.bytes_written {
            progress.reached(bytes);
        }
    }

    /// The result, once the program has ended. What it says itself is worth more than its exit status.
    pub(super) fn finish(self, ended: Result<(), ProcessError>) -> Result<Value, CallError> {
        let has_failed = matches!(
            ended,
            Err(ProcessError::Failed { .. } | ProcessError::FailedSilently(_))
        );
        match (ended, self.broken, self.outcome) {
            (_, None, Some(Err(text))) if has_failed => Err(CallError::Refused(text)),
            (Err(error), _, _) => Err(error.into()),
            (Ok(()), Some(broken), _) => Err(broken),
            (Ok(()), None, Some(Err(text))) => Err(CallError::Refused(text)),
            (Ok(()), None, Some(Ok(value))) => Ok(value),
            (Ok(()), None, None) => Err(CallError::NoAnswer),
        }
    }
}

fn quote(text: &str) -> String {
    start(text, MAX_QUOTE)
}

fn start(text: &str, letters: usize) -> String {
    text.chars().take(letters).collect()
}

/// How deep it is nested; what was parsed is bounded.
fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(lines: &[&str]) -> Result<Value, String> {
        let mut answer = Answer::default();
        lines.iter().for_each(|line| answer.take(line.as_bytes()));
        answer.finish(Ok(())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_last_line_is_the_answer() {
        let lines = [r#"{"progress": {}}"#, "", r#"{"result": [1]}"#, "\n"];
        assert_eq!(answer(&lines), Ok(json!([1])));
        assert_eq!(answer(&[r#"{"result": null}"#]), Ok(Value::Null));
        let refused = answer(&[r#"{"error": "no such fan"}"#]);
        assert_eq!(refused, Err("no such fan".to_owned()));
        let nothing = answer(&[r#"{"progress": {}}"#]);
        assert_eq!(nothing, Err("it ended without an answer".to_owned()));
    }

    #[test]
    fn lines_that_are_not_of_the_protocol_fail_a_call_that_has_a_result() {
        for line in [
            "Flashing...",
            "{}",
            "[]",
            r#"{"result": 1, "error": "both"}"#,
            r#"{"progress": 3}"#,
            r#"{"error": 3}"#,
            "\u{0}",
        ] {
            let error = answer(&[line, r#"{"result": 1}"#]).unwrap_err();
            assert!(error.ends_with("is no line of the protocol"), "{error}");
        }
        let twice = answer(&[r#"{"result": 1}"#, r#"{"result": 2}"#]);
        assert_eq!(twice, Err("it answered twice".to_owned()));
        let after = answer(&[r#"{"result": 1}"#, r#"{"progress": {}}"#]);
        assert_eq!(after, Err("it answered twice".to_owned()));
    }

    #[test]
    fn an_answer_that_would_spoil_lists_is_none() {
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            answer(&[&format!("{{\"result\": {open}{close}}}")])
        };
        assert!(nested(MAX_LEVELS).is_ok());
        let expected = Err("its answer has more than 64 levels".to_owned());
        assert_eq!(nested(MAX_LEVELS + 1), expected);
        let objects = format!("{}1{}", "{\"a\":".repeat(65), "}".repeat(65));
        let objects = answer(&[&format!("{{\"result\": {objects}}}")]);
        assert_eq!(objects, expected);
        let long = "x".repeat(1 << 19);
        let error = answer(&[&format!("{{\"error\": \"{long}\"}}")]).unwrap_err();
        assert_eq!(error.len(), MAX_ERROR);
    }

    #[test]
    fn progress_is_passed_on() {
        let progress = Progress::default();
        let mut answer = Answer::reporting_to(Some(&progress));
        answer.take(br#"{"progress": {"phase": "flashing", "bytes_total": 100}}"#);
        answer.take(br#"{"progress": {"bytes_written": 60, "fans": 2}}"#);
        let mark = progress.mark().unwrap();
        assert_eq!((mark.phase.as_str(), mark.bytes_written), ("flashing", 60));
        assert_eq!(mark.bytes_total, Some(100));
    }
}
