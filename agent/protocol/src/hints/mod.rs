//! Root device hints: which disk gets the operating system. Pure; the disks come from an inventory.
//!
//! A set of hints matches a disk when all of them do. `root_device` chooses one: the first disk that matches, or
//! without hints the smallest of at least 4 GiB.

mod choose;
mod expression;
mod facts;
mod matching;

use std::fmt;

use serde_json::Value;

pub use choose::{MIN_ROOT_BYTES, RootDeviceError, root_device, smallest_disk};
pub use expression::Expression;
pub use facts::DiskFacts;

/// Which attribute of a disk a hint speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attribute {
    Size,
    Model,
    Vendor,
    Serial,
    Wwn,
    WwnWithExtension,
    WwnVendorExtension,
    Name,
    Hctl,
    ByPath,
    Tran,
    Rotational,
}

impl Attribute {
    const ALL: [Self; 12] = [
        Self::Size,
        Self::Model,
        Self::Vendor,
        Self::Serial,
        Self::Wwn,
        Self::WwnWithExtension,
        Self::WwnVendorExtension,
        Self::Name,
        Self::Hctl,
        Self::ByPath,
        Self::Tran,
        Self::Rotational,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Model => "model",
            Self::Vendor => "vendor",
            Self::Serial => "serial",
            Self::Wwn => "wwn",
            Self::WwnWithExtension => "wwn_with_extension",
            Self::WwnVendorExtension => "wwn_vendor_extension",
            Self::Name => "name",
            Self::Hctl => "hctl",
            Self::ByPath => "by_path",
            Self::Tran => "tran",
            Self::Rotational => "rotational",
        }
    }
}

/// Why hints cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    /// Hints must be an object.
    #[error("root device hints must be an object such as {{\"serial\": \"S3Z1\"}}")]
    NotAnObject,
    /// A list of disks to skip must be a list.
    #[error("skip_block_devices must be a list of root device hints")]
    NotAList,
    /// Without a hint it would be every disk.
    #[error(
        "an entry of skip_block_devices has no hint, so that every disk would be skipped; leave it out, or say which disk is meant"
    )]
    EveryDisk,
    /// A volume is named by a text.
    #[error("volume_name in skip_block_devices must be a text")]
    NotAName,
    /// No disk has such an attribute.
    #[error("there is no root device hint {0:?}; there are {known}", known = known_hints())]
    Unknown(String),
    /// The value does not fit the attribute.
    #[error("the root device hint {name:?} must be {wanted}, not {value}")]
    Invalid {
        /// The hint.
        name: &'static str,
        /// What would be right.
        wanted: &'static str,
        /// What it is.
        value: String,
    },
}

fn known_hints() -> String {
    Attribute::ALL.map(Attribute::name).join(", ")
}

/// Hints that have been understood.
#[derive(Clone, Debug, PartialEq)]
pub struct RootDeviceHints(pub(crate) Vec<Hint>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Hint {
    Rotational(bool),
    Size(Expression),
    Text(Attribute, Expression),
}

impl RootDeviceHints {
    /// Understands `properties.root_device` or one entry of `skip_block_devices`.
    ///
    /// # Errors
    /// When a hint is unknown or its value does not fit.
    pub fn parse(hints: &Value) -> Result<Self, HintError> {
        let fields = hints.as_object().ok_or(HintError::NotAnObject)?;
        let parsed = fields.iter().map(|(name, value)| parse_hint(name, value));
        Ok(Self(parsed.collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for RootDeviceHints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, hint) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            match hint {
                Hint::Rotational(value) => write!(formatter, "{separator}rotational {value}")?,
                Hint::Size(expression) => write!(formatter, "{separator}size {expression} GiB")?,
                Hint::Text(attribute, expression) => {
                    write!(formatter, "{separator}{} {expression}", attribute.name())?;
                }
            }
        }
        Ok(())
    }
}

fn parse_hint(name: &str, value: &Value) -> Result<Hint, HintError> {
    let attribute = Attribute::ALL
        .into_iter()
        .find(|attribute| attribute.name() == name)
        .ok_or_else(|| HintError::Unknown(name.to_owned()))?;
    let invalid = |wanted| HintError::Invalid {
        name: attribute.name(),
        wanted,
        value: value.to_string(),
    };
    match attribute {
        Attribute::Rotational => parse_bool(value)
            .map(Hint::Rotational)
            .ok_or_else(|| invalid("true or false")),
        Attribute::Size => parse_size(value).map(Hint::Size).ok_or_else(|| {
            invalid("a positive whole number of GiB, or an operator and such numbers")
        }),
        _ => value
            .as_str()
            .and_then(Expression::of_text)
            .map(|expression| Hint::Text(attribute, expression))
            .ok_or_else(|| {
                invalid("a text that is not empty, with or without an operator before it")
            }),
    }
}

fn parse_size(value: &Value) -> Option<Expression> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Expression::of_number(&text).filter(Expression::has_positive_whole_numbers)
}

/// The spellings of a truth value that Ironic accepts.
fn parse_bool(value: &Value) -> Option<bool> {
    let text = match value {
        Value::Bool(value) => return Some(*value),
        Value::String(text) => text.trim().to_lowercase(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    match text.as_str() {
        "1" | "t" | "true" | "on" | "y" | "yes" => Some(true),
        "0" | "f" | "false" | "off" | "n" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hints_that_make_no_sense_are_refused_with_what_would() {
        let error = |hints| RootDeviceHints::parse(&hints).unwrap_err().to_string();
        assert!(
            error(json!({"colour": "red"})).starts_with("there is no root device hint \"colour\"")
        );
        assert!(error(json!({"size": 0})).contains("positive whole number"));
        assert!(error(json!({"size": "10.5"})).contains("positive whole number"));
        assert!(error(json!({"size": true})).contains("positive whole number"));
        assert!(error(json!({"serial": 12})).contains("a text"));
        assert!(error(json!({"serial": "  "})).contains("a text"));
        assert!(error(json!({"rotational": "perhaps"})).contains("true or false"));
        assert_eq!(
            RootDeviceHints::parse(&json!([])),
            Err(HintError::NotAnObject)
        );
    }

    #[test]
    fn hints_are_shown_as_they_are_understood() {
        let hints = json!({"size": ">= 100", "model": "<in> Samsung SSD", "rotational": "no", "name": "/dev/sda"});
        let shown = RootDeviceHints::parse(&hints).unwrap().to_string();
        let expected =
            "size >= 100 GiB, model <in> samsung ssd, rotational false, name s== /dev/sda";
        assert_eq!(shown, expected);
    }
}
