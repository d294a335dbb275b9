//! What a step takes, and whether it is given that. Pure: the API refuses with the same sentences as the conductor.

use serde_json::{Map, Value};

use crate::{RaidConfig, RaidConfigError};

/// Whether a step can do without an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// No.
    Required,
    /// Yes.
    Optional,
}

/// An argument of a step, or a key of an object within one.
#[derive(Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it means, for the operator.
    pub description: &'static str,
    /// Whether it must be there.
    pub need: Need,
    /// What its value must be.
    pub kind: ArgumentType,
}

/// What an argument's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentType {
    /// true or false.
    Boolean,
    /// A whole number, 0 or more.
    Integer,
    /// A text that is not empty.
    Text,
    /// A text, a number or a boolean: the value of a firmware setting.
    Scalar,
    /// A non-empty list of objects with these keys and no others.
    Objects(&'static [Argument]),
    /// A RAID configuration as `target_raid_config` takes it.
    RaidConfig,
}

impl ArgumentType {
    /// What the value must be, to follow "must be".
    fn expected(self) -> &'static str {
        match self {
            ArgumentType::Boolean => "true or false",
            ArgumentType::Integer => "a whole number, 0 or more",
            ArgumentType::Text => "a text that is not empty",
            ArgumentType::Scalar => "a text, a number, true or false",
            ArgumentType::Objects(_) => "a list of at least one object",
            ArgumentType::RaidConfig => "a RAID configuration",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            ArgumentType::Boolean => value.is_boolean(),
            ArgumentType::Integer => value.is_u64(),
            ArgumentType::Text => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            ArgumentType::Scalar => value.is_string() || value.is_number() || value.is_boolean(),
            ArgumentType::Objects(_) => value.as_array().is_some_and(|list| !list.is_empty()),
            ArgumentType::RaidConfig => value.is_object(),
        }
    }
}

/// Why a step cannot be given these arguments. All of them are the caller's fault (400).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// One that it needs is not there.
    #[error("{subject} needs the argument '{argument}': {description}")]
    Missing {
        /// The step, or the part of an argument.
        subject: String,
        /// The argument.
        argument: &'static str,
        /// What it means.
        description: &'static str,
    },
    /// One that it does not know.
    #[error("{subject} does not take the argument '{argument}'; it takes: {}", known_names(.known))]
    Unexpected {
        /// The step, or the part of an argument.
        subject: String,
        /// The argument.
        argument: String,
        /// What there is; empty for a step without arguments.
        known: Vec<&'static str>,
    },
    /// One of the wrong kind.
    #[error("{argument} of {subject} must be {expected}, not {found}")]
    WrongType {
        /// The step, or the part of an argument.
        subject: String,
        /// The argument.
        argument: String,
        /// What it must be.
        expected: &'static str,
        /// What it is, as JSON, cut short.
        found: String,
    },
    /// A RAID configuration that is none.
    #[error("{argument} of {subject}: {problem}")]
    RaidConfig {
        /// The step.
        subject: String,
        /// The argument.
        argument: &'static str,
        /// What is wrong with it.
        problem: RaidConfigError,
    },
}

fn known_names(known: &[&str]) -> String {
    match known {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

/// Whether `given` is what a step takes; `subject` names the step in the refusal, such as `bios.apply_configuration`.
pub fn check_arguments(
    subject: &str,
    declared: &[Argument],
    given: &Map<String, Value>,
) -> Result<(), ArgumentError> {
    let known = || declared.iter().map(|argument| argument.name);
    if let Some(name) = given
        .keys()
        .find(|name| !known().any(|known| known == *name))
    {
        return Err(ArgumentError::Unexpected {
            subject: subject.to_owned(),
            argument: name.clone(),
            known: known().collect(),
        });
    }
    for argument in declared {
        match given.get(argument.name) {
            Some(value) => check_value(subject, argument, value)?,
            None if argument.need == Need::Optional => {}
            None => {
                return Err(ArgumentError::Missing {
                    subject: subject.to_owned(),
                    argument: argument.name,
                    description: argument.description,
                });
            }
        }
    }
    Ok(())
}

fn check_value(subject: &str, argument: &Argument, value: &Value) -> Result<(), ArgumentError> {
    if !argument.kind.fits(value) {
        return Err(wrong_type(
            subject,
            argument.name,
            argument.kind.expected(),
            value,
        ));
    }
    match (argument.kind, value) {
        (ArgumentType::Objects(keys), Value::Array(list)) => {
            for (place, item) in list.iter().enumerate() {
                let name = format!("{}[{place}]", argument.name);
                let Some(object) = item.as_object() else {
                    return Err(wrong_type(subject, &name, "an object", item));
                };
                check_arguments(&format!("{name} of {subject}"), keys, object)?;
            }
            Ok(())
        }
        (ArgumentType::RaidConfig, _) => {
            RaidConfig::parse(value)
                .map(drop)
                .map_err(|problem| ArgumentError::RaidConfig {
                    subject: subject.to_owned(),
                    argument: argument.name,
                    problem,
                })
        }
        _ => Ok(()),
    }
}

/// How much of a wrong value is told again.
const FOUND_CHARS: usize = 60;

fn wrong_type(
    subject: &str,
    argument: &str,
    expected: &'static str,
    value: &Value,
) -> ArgumentError {
    ArgumentError::WrongType {
        subject: subject.to_owned(),
        argument: argument.to_owned(),
        expected,
        found: value.to_string().chars().take(FOUND_CHARS).collect(),
    }
}
