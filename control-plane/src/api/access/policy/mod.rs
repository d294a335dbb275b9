//! The rules that hold: Ferric's own, with those of an operator's file in their place.
//!
//! The file is that of oslo.policy (`policy.yaml`), in its language. Everything in it is checked when it is read: nothing
//! that a request meets can be unknown, or refer to itself.

mod attribute;
mod check;
mod file;
mod names;
mod parse;
mod pattern;
mod question;
mod references;
mod server;
#[cfg(test)]
mod tests;
mod wrong;

pub use file::PolicyError;
pub(super) use question::Answers;

use super::rules;
use super::who::{In, Rule, Target};
use crate::auth::{Identity, Role, Scope};
use crate::config::auth::{PolicyServers, Rbac};
use file::Entry;
use question::Question;
use server::{Address, Servers};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

/// The rules of one moment.
#[derive(Debug)]
pub(in crate::api) struct Policy {
    rbac: Rbac,
    /// Those of the file, those that go by one of these, and the parts that these may refer to. A rule that does not
    /// stand here is Ferric's own.
    entries: BTreeMap<String, Entry>,
    /// What the file says to no effect.
    warnings: Vec<String>,
    /// Those that checks ask; `None`: none does, or the rules are only to be shown.
    servers: Option<Servers>,
}

/// A question that a rule answers.
pub(super) struct Asked<'a> {
    /// The rule that was asked, whichever it refers to.
    rule: &'a str,
    identity: &'a Identity,
    target: Target<'a>,
    policy: &'a Policy,
    answers: &'a Answers,
    /// Whether a server has not answered that would have to: then nothing holds, whatever else does, and `not` neither.
    lacks: Cell<bool>,
}

impl<'a> Asked<'a> {
    fn new(
        rule: &'a str,
        (identity, target): (&'a Identity, Target<'a>),
        policy: &'a Policy,
        answers: &'a Answers,
    ) -> Self {
        Self {
            rule,
            identity,
            target,
            policy,
            answers,
            lacks: Cell::new(false),
        }
    }

    /// Once nothing can hold any more, nobody else is asked.
    fn ask(&self, address: &Address) -> bool {
        if self.lacks.get() {
            return false;
        }
        let ask = |servers: &Servers| {
            let url = address.url(self)?;
            self.answers.answer(servers, &url, &Question::of(self))
        };
        let answer = self.policy.servers.as_ref().and_then(ask);
        self.lacks.set(answer.is_none());
        answer == Some(true)
    }
}

impl Policy {
    /// Without a file.
    pub(in crate::api) fn new(rbac: Rbac) -> Self {
        Self {
            rbac,
            entries: BTreeMap::new(),
            warnings: Vec::new(),
            servers: None,
        }
    }

    /// With that of an operator.
    pub(super) fn read(rbac: Rbac, path: &Path) -> Result<Self, PolicyError> {
        Self::of_text(rbac, path, &file::text(path)?)
    }

    /// The path is for errors only.
    pub(in crate::api) fn of_text(
        rbac: Rbac,
        path: &Path,
        text: &str,
    ) -> Result<Self, PolicyError> {
        let written = file::entries(path, text)?;
        let warnings = references::without_effect(&written);
        let mut entries: BTreeMap<String, Entry> = written.into_iter().collect();
        for (name, text) in names::PARTS {
            let part = || Entry {
                text: (*text).to_owned(),
                check: parse::parse(text).expect("a test reads all parts"),
            };
            entries.entry((*name).to_owned()).or_insert_with(part);
        }
        for (name, from) in names::SPLIT_OFF {
            let Some(entry) = entries.get(*from) else {
                continue;
            };
            if !entries.contains_key(*name) && entry.text != format!("rule:{name}") {
                let entry = entry.clone();
                entries.insert((*name).to_owned(), entry);
            }
        }
        references::check(&entries).map_err(|(rule, problem)| PolicyError::Rule {
            path: path.to_owned(),
            rule,
            problem,
        })?;
        Ok(Self {
            rbac,
            entries,
            warnings,
            servers: None,
        })
    }

    /// Ready to ask the servers that its checks name, if they name any.
    pub(super) fn asking(mut self, settings: &PolicyServers) -> Result<Self, PolicyError> {
        if self.entries.values().any(|entry| entry.check.asks()) {
            self.servers = Some(Servers::open(settings)?);
        }
        Ok(self)
    }

    /// Whether a rule asks a server.
    pub(super) fn asks(&self, rule: &Rule) -> bool {
        references::asks(&self.entries, rule.name)
    }

    pub(super) fn rbac(&self) -> &Rbac {
        &self.rbac
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether a rule is the file's, and not Ferric's own.
    pub(super) fn changes(&self, rule: &Rule) -> bool {
        self.entries.contains_key(rule.name)
    }

    /// May wait for a server, where the rule asks one whose answer is not known yet.
    pub(super) fn allows(
        &self,
        rule: &Rule,
        identity: &Identity,
        target: Target<'_>,
        answers: &Answers,
    ) -> bool {
        let asked = Asked::new(rule.name, (identity, target), self, answers);
        let holds = match self.entries.get(rule.name) {
            None => self.own_rule_holds(rule, &asked),
            Some(entry) => is_for(rule.name, identity) && entry.check.holds(&asked),
        };
        holds && !asked.lacks.get()
    }

    /// For a rule that only a file can have, and that lets everybody where it has none. The error says whom it lets.
    pub(super) fn check_named(
        &self,
        name: &str,
        identity: &Identity,
        target: Target<'_>,
        answers: &Answers,
    ) -> Result<(), String> {
        let Some(entry) = self.entries.get(name) else {
            return Ok(());
        };
        let asked = Asked::new(name, (identity, target), self, answers);
        let holds = is_for(name, identity) && entry.check.holds(&asked);
        match holds && !asked.lacks.get() {
            true => Ok(()),
            false => Err(entry.shown()),
        }
    }

    /// Whom a rule lets, for people.
    pub(super) fn shown(&self, rule: &Rule) -> String {
        if let Some(entry) = self.entries.get(rule.name) {
            return entry.shown();
        }
        match self.services() {
            Some(entry) if rule.lets_services() => {
                let others = rule.grants(|scope| scope != In::Services);
                format!("{others}, and {}", entry.shown())
            }
            Some(_) | None => rule.grants(|_| true),
        }
    }

    /// The constants that rules of the file compare something with.
    pub(super) fn constants(&self) -> impl Iterator<Item = &str> {
        let entries = self.entries.values();
        entries.flat_map(|entry| entry.check.constants())
    }

    fn holds(&self, name: &str, asked: &Asked<'_>) -> bool {
        if let Some(entry) = self.entries.get(name) {
            return entry.check.holds(asked);
        }
        let mut own = rules::ALL.iter();
        match own.find(|rule| rule.name == name) {
            Some(rule) => self.own_rule_holds(rule, asked),
            None => name == names::SERVICE_ROLE && self.is_service(asked),
        }
    }

    fn own_rule_holds(&self, rule: &Rule, asked: &Asked<'_>) -> bool {
        let is_service = || self.is_service(asked);
        rule.allows_by_default(asked.identity, asked.target, &self.rbac, is_service)
    }

    /// Whether the caller is a service that rules let everywhere.
    fn is_service(&self, asked: &Asked<'_>) -> bool {
        match self.services() {
            Some(entry) => entry.check.holds(asked),
            None => {
                let identity = asked.identity;
                identity.has(Role::Service)
                    && In::Services.holds(identity, asked.target, &self.rbac)
            }
        }
    }

    fn services(&self) -> Option<&Entry> {
        self.entries.get(names::SERVICE_ROLE)
    }
}

/// Whoever is of no project and not of the system has no business here, and for the system's a project has none.
fn is_for(name: &str, identity: &Identity) -> bool {
    match identity.scope {
        Scope::System => true,
        Scope::Project => identity.project.is_some() && !names::SYSTEM_ONLY.contains(&name),
    }
}
