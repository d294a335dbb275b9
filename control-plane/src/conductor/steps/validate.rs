//! Whether an interface has what it needs, from what is stored: neither the BMC nor an image server is asked.

use super::{Outcome, StepContext, StepError};
use crate::conductor::validation;
use ferric_drivers::InterfaceKind;

pub(super) fn interface(context: &StepContext, kind: InterfaceKind) -> Result<Outcome, StepError> {
    let validation = validation::of_kind(&context.conductor, &context.node, kind);
    if validation.result == Some(false) {
        let reason = validation.reason.unwrap_or_default();
        return Err(StepError::Problem(format!(
            "the {kind} interface cannot be used: {reason}"
        )));
    }
    Ok(Outcome::done())
}
