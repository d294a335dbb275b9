//! `[inspection]`: what is done with what a ramdisk found. The names are Ironic's.

use super::{SettingsError, built_in_rules};
use ferric_model::inspection_rule::{MaskSecrets, Operation, RuleText};
use std::fmt;
use std::path::PathBuf;

/// As it is written.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    built_in_rules: Option<PathBuf>,
    mask_secrets: MaskSecrets,
}

/// Checked, with the rules read.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Rules that no API shows or changes.
    pub built_in_rules: Vec<BuiltInRule>,
    /// Whether rules are given the secrets in what they look at.
    pub mask_secrets: MaskSecrets,
}

/// A rule from a file: its id is whatever the file calls it.
#[derive(Clone, PartialEq)]
pub struct BuiltInRule {
    pub id: String,
    pub description: Option<String>,
    pub priority: i64,
    pub sensitive: bool,
    pub conditions: Vec<Operation>,
    pub actions: Vec<Operation>,
}

/// Without what it does, which may hold a password.
impl fmt::Debug for BuiltInRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BuiltInRule({})", self.id)
    }
}

impl BuiltInRule {
    pub fn text(&self) -> RuleText<'_> {
        RuleText {
            id: &self.id,
            description: self.description.as_deref(),
            priority: self.priority,
            sensitive: self.sensitive,
            conditions: &self.conditions,
            actions: &self.actions,
        }
    }
}

impl Default for Section {
    fn default() -> Self {
        Self {
            built_in_rules: None,
            mask_secrets: MaskSecrets::Always,
        }
    }
}

impl Section {
    pub(super) fn check(self) -> Result<Inspection, SettingsError> {
        let rules = self.built_in_rules.as_deref();
        Ok(Inspection {
            built_in_rules: rules
                .map(built_in_rules::read)
                .transpose()?
                .unwrap_or_default(),
            mask_secrets: self.mask_secrets,
        })
    }
}
