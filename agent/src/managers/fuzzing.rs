//! What the programs of others answer, as foreign bytes.

use ferric_agent_protocol::steps::{StepKind, StepSpec};
use serde_json::{Value, json};

use super::answer::{Answer, CallError};
use super::inspection::merge;
use super::steps::{Offer, check_steps, deduplicate};
use crate::progress::Progress;

const KINDS: [StepKind; 3] = [StepKind::Clean, StepKind::Deploy, StepKind::Service];
/// Of what is shown to people.
const MAX_LETTERS: usize = 200;

/// A program's lines are an answer or an error; a result is taken as a list of steps and as a change of the inventory.
pub(crate) fn manager_answer(bytes: &[u8]) {
    let progress = Progress::default();
    let mut answer = Answer::reporting_to(Some(&progress));
    for line in bytes.split(|byte| *byte == b'\n') {
        answer.take(line);
    }
    let phase = progress.mark().map(|mark| mark.phase.chars().count());
    assert!(phase.is_none_or(|letters| letters <= MAX_LETTERS));
    match answer.finish(Ok(())) {
        Ok(value) => {
            check_list(&value);
            check_merge(value);
        }
        Err(CallError::Garbage { line, .. }) => assert!(line.chars().count() <= MAX_LETTERS),
        Err(error) => drop(error.to_string()),
    }
}

/// Of two managers that offer the same steps, one has them all.
fn check_list(value: &Value) {
    let Ok(steps) = serde_json::from_value::<Vec<StepSpec>>(value.clone()) else {
        return;
    };
    for kind in KINDS {
        if let Err(text) = check_steps(kind, &steps) {
            assert!(!text.is_empty());
            continue;
        }
        let offer = |name: &str, support| Offer {
            name: name.to_owned(),
            support,
            manager: None,
            steps: steps.clone(),
        };
        let left = deduplicate(vec![offer("generic", 1), offer("special", 2)]);
        assert!(left.len() == 2 && left[0].steps.is_empty());
        assert_eq!(left[1].steps, steps);
    }
}

/// What is changed is so after the first time (RFC 7396).
fn check_merge(patch: Value) {
    let mut once = json!({"cpu": {"count": 4}, "disks": []});
    merge(&mut once, patch.clone());
    let mut twice = once.clone();
    merge(&mut twice, patch);
    assert_eq!(once, twice);
}
