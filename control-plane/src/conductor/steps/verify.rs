//! Verifying by the driver's interfaces: every step is done, whatever became of those before it, and the failures are
//! told together at the end.

use super::{Outcome, StepContext, StepError, chain};
use ferric_model::event::What;
use ferric_model::run::Activity;
use ferric_model::step::Performer;
use serde_json::{Value, json};

/// The note with a sentence for each failure.
const FAILURES: &str = "verify_failures";

/// Whether the run goes on when this step fails.
pub(super) fn goes_on(context: &StepContext) -> bool {
    context.run.activity == Activity::Verify && context.step.by == Performer::Driver
}

pub(super) fn note(context: &StepContext, error: &StepError) -> Outcome {
    if matches!(error, StepError::Unknown(_)) {
        // The interface lists more than is built in, which says nothing of the machine.
        return Outcome::done().detail("not built in");
    }
    let (step, error) = (context.step.id.clone(), chain(error));
    let sentence = format!("{step}: {error}");
    Outcome::done()
        .event(What::StepFailed { step, error })
        .edit(move |_, run| {
            let failures = run.notes.entry(FAILURES.to_owned()).or_insert(json!([]));
            if let Value::Array(failures) = failures {
                failures.push(json!(sentence));
            }
        })
}

pub(super) fn conclude(context: &StepContext) -> Result<Outcome, StepError> {
    let failures = context.run.notes.get(FAILURES).and_then(Value::as_array);
    let sentences: Vec<&str> = failures
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if sentences.is_empty() {
        return Ok(Outcome::done());
    }
    Err(StepError::Problem(sentences.join("; ")))
}
