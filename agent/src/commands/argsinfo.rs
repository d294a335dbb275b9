//! What steps can be told, as conductors want it: by name, what it is for and whether it must be there.

use serde_json::{Map, Value, json};

/// Whether an argument may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
}

/// The arguments of one step.
pub(super) fn argsinfo(arguments: &[(&str, Need, &str)]) -> Map<String, Value> {
    let info = |(name, need, description): &(&str, Need, &str)| {
        let is_required = *need == Need::Required;
        let info = json!({"description": description, "required": is_required});
        ((*name).to_owned(), info)
    };
    arguments.iter().map(info).collect()
}
