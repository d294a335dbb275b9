//! A check that was read, and whether it holds for a caller and an object.

use super::Asked;
use super::attribute::{Attribute, Found};
use super::pattern::Pattern;
use super::server::Address;
use crate::auth::Role;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Always,
    Never,
    Not(Box<Check>),
    All(Vec<Check>),
    Any(Vec<Check>),
    /// Another rule, by its name.
    Rule(String),
    Role(Pattern),
    Equal(Subject, Pattern),
    /// A server says whether it holds.
    Ask(Address),
}

/// What stands before the colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Caller(Attribute),
    Constant(String),
}

impl Check {
    pub(super) fn all(mut checks: Vec<Self>) -> Self {
        match (checks.len(), checks.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                checks.extend(last);
                Self::All(checks)
            }
        }
    }

    pub(super) fn any(mut checks: Vec<Self>) -> Self {
        match (checks.len(), checks.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                checks.extend(last);
                Self::Any(checks)
            }
        }
    }

    pub(super) fn holds(&self, asked: &Asked<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Not(check) => !check.holds(asked),
            Self::All(checks) => checks.iter().all(|check| check.holds(asked)),
            Self::Any(checks) => checks.iter().any(|check| check.holds(asked)),
            Self::Rule(name) => asked.policy.holds(name, asked),
            Self::Role(pattern) => {
                let name = pattern.fill(asked);
                name.is_some_and(|name| !name.lacks && asked.identity.has_named(&name.text))
            }
            Self::Equal(subject, pattern) => subject.equals(pattern, asked),
            Self::Ask(address) => asked.ask(address),
        }
    }

    /// All that it is made of, itself too.
    fn visit<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        see(self);
        match self {
            Self::Not(check) => check.visit(see),
            Self::All(checks) | Self::Any(checks) => {
                checks.iter().for_each(|check| check.visit(see));
            }
            Self::Always
            | Self::Never
            | Self::Rule(_)
            | Self::Role(_)
            | Self::Equal(..)
            | Self::Ask(_) => {}
        }
    }

    /// The rules that it refers to.
    pub(super) fn references(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.visit(&mut |check| {
            if let Self::Rule(name) = check {
                names.push(name.as_str());
            }
        });
        names
    }

    /// Whether it asks a server, leaving out the rules that it refers to.
    pub(super) fn asks(&self) -> bool {
        let mut asks = false;
        self.visit(&mut |check| asks |= matches!(check, Self::Ask(_)));
        asks
    }

    /// The constants that it compares something with.
    pub(super) fn constants(&self) -> Vec<&str> {
        let mut texts = Vec::new();
        self.visit(&mut |check| {
            if let Self::Equal(Subject::Constant(text), _) = check {
                texts.push(text.as_str());
            }
        });
        texts
    }
}

impl Subject {
    fn equals(&self, pattern: &Pattern, asked: &Asked<'_>) -> bool {
        let attribute = match self {
            Self::Constant(text) => {
                let filled = pattern.fill(asked);
                return filled.is_some_and(|filled| filled.text == *text);
            }
            Self::Caller(attribute) => *attribute,
        };
        let identity = asked.identity;
        if attribute == Attribute::Roles {
            let filled = pattern.fill(asked).filter(|filled| !filled.lacks);
            let is = |name: &str| filled.as_ref().is_some_and(|filled| filled.text == name);
            let mut own = identity.roles.iter().copied().map(Role::name);
            return own.any(is) || identity.other_roles.iter().any(|role| is(role));
        }
        match attribute.of(identity) {
            Found::Absent => false,
            // Who has no project is not the owner of what belongs to nobody, though both are `None`.
            Found::Nothing => pattern.constant() == Some("None"),
            Found::Text(value) => {
                let filled = pattern.fill(asked);
                filled.is_some_and(|filled| !filled.lacks && filled.text == value)
            }
        }
    }
}
