//! Traits of a node or a runbook, as clients give and change them: all of them at once, or one at a time.

use super::error::{ApiError, ApiResult};
use ferric_model::traits::is_trait;
use serde_json::Value;

const MOST: usize = 50;

/// What is to become of the traits that something has.
pub(super) enum TraitChange {
    Replace(Vec<String>),
    Add(String),
    Remove(String),
    Clear,
}

impl TraitChange {
    /// What they are then. `owner` is what refusals call it that has them: `node`, `runbook`.
    pub(super) fn of(self, mut traits: Vec<String>, owner: &str) -> ApiResult<Vec<String>> {
        match self {
            Self::Replace(new) => traits = new,
            Self::Add(name) => {
                if !traits.contains(&name) {
                    traits.push(name);
                }
            }
            Self::Remove(name) => {
                let before = traits.len();
                traits.retain(|known| *known != name);
                if traits.len() == before {
                    let text = format!("the {owner} has no trait {name}");
                    return Err(ApiError::not_found(text));
                }
            }
            Self::Clear => traits.clear(),
        }
        if traits.len() > MOST {
            let text = format!("a {owner} can have at most {MOST} traits");
            return Err(ApiError::invalid(text));
        }
        Ok(traits)
    }
}

/// A list of traits as a client gives it, without repetitions.
pub(super) fn given(value: Option<Value>) -> ApiResult<Vec<String>> {
    let Some(Value::Array(given)) = value else {
        return Err(ApiError::invalid("traits must be a list of texts"));
    };
    let mut traits: Vec<String> = Vec::with_capacity(given.len());
    for value in given {
        let name = value.as_str().unwrap_or_default();
        check(name)?;
        if !traits.iter().any(|known| known == name) {
            traits.push(name.to_owned());
        }
    }
    Ok(traits)
}

/// 400 for what is no trait.
pub(super) fn check(name: &str) -> ApiResult<()> {
    if is_trait(name) {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "{name:?} is not a trait: CUSTOM_ and capital letters, digits and _, or a standard trait"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trait_names() {
        for good in ["CUSTOM_A", "CUSTOM_RAID_5", "HW_CPU_X86_VMX"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "CUSTOM_", "CUSTOM_a", "FOO", "custom_A"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn changes() {
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let check = |change: TraitChange, expected: Result<&[&str], &str>| match (
            change.of(names(&["A", "B"]), "runbook"),
            expected,
        ) {
            (Ok(traits), Ok(expected)) => assert_eq!(traits, names(expected)),
            (Err(ApiError::Fault { text, .. }), Err(expected)) => assert_eq!(text, expected),
            (outcome, expected) => panic!("{outcome:?} is not {expected:?}"),
        };
        check(TraitChange::Replace(names(&["C"])), Ok(&["C"]));
        check(TraitChange::Add("C".to_owned()), Ok(&["A", "B", "C"]));
        check(TraitChange::Add("A".to_owned()), Ok(&["A", "B"]));
        check(TraitChange::Remove("A".to_owned()), Ok(&["B"]));
        let none = "the runbook has no trait C";
        check(TraitChange::Remove("C".to_owned()), Err(none));
        check(TraitChange::Clear, Ok(&[]));
        let many: Vec<String> = (0..=MOST).map(|number| number.to_string()).collect();
        let text = "a runbook can have at most 50 traits";
        check(TraitChange::Replace(many), Err(text));
    }
}
