//! Adopting: a machine that somebody else has deployed is taken over as it runs.
//!
//! Its power is not touched and its image is not asked for; what is checked is that it could be deployed from here.

use super::step;
use ferric_model::step::Step;

pub(super) fn steps() -> Vec<Step> {
    vec![
        step("boot", "validate", 0),
        step("deploy", "validate", 0),
        step("boot", "disk", 0),
    ]
}
