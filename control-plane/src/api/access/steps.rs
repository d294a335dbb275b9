//! Rules for single steps, which only a file has: `baremetal:step:execute:INTERFACE.STEP`. A step that has none is for
//! whoever may have steps done at all.

use super::{Access, Target};
use crate::api::error::{ApiError, ApiResult};
use crate::auth::Caller;

/// What the names of such rules begin with.
pub(super) const STEP: &str = "baremetal:step:execute:";

impl Access {
    /// 403 for the first of these, an interface and a step of it, that a rule keeps from the caller.
    pub(in crate::api) fn check_steps<'a>(
        &self,
        steps: impl IntoIterator<Item = (&'a str, &'a str)>,
        target: Target<'_>,
    ) -> ApiResult<()> {
        let Caller::Known(identity) = &self.0.caller else {
            return Ok(());
        };
        for (interface, step) in steps {
            let rule = format!("{STEP}{interface}.{step}");
            let answers = &self.0.answers;
            let policy = &self.0.policy;
            if let Err(others) = policy.check_named(&rule, identity, target, answers) {
                let text = format!("access is denied: {rule} is for {others}");
                return Err(ApiError::forbidden(text));
            }
        }
        Ok(())
    }
}
