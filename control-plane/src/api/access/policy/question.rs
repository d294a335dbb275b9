//! What servers are asked, and what they have answered to one request: each question is asked once for it.

use super::Asked;
use super::attribute::{Attribute, Found};
use super::server::{AskError, Servers};
use crate::api::access::who::Kind;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::form_urlencoded::Serializer;

/// The rule, the object, and what is known of the caller, under the names of Ironic and oslo.policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    rule: String,
    target: Value,
    credentials: Value,
}

impl Question {
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        let caller = caller(asked);
        let mut credentials = caller.clone();
        if let Some(scope @ Value::String(_)) = caller.get("system_scope") {
            credentials.insert("system".to_owned(), scope.clone());
        }
        // In Ironic what is known of the caller counts for the object too.
        let mut target = caller;
        target.extend(object(asked));
        Self {
            rule: asked.rule.to_owned(),
            target: Value::Object(target),
            credentials: Value::Object(credentials),
        }
    }

    /// A form of three texts in JSON.
    pub(super) fn as_form(&self) -> String {
        let rule = Value::from(self.rule.as_str()).to_string();
        Serializer::new(String::new())
            .append_pair("rule", &rule)
            .append_pair("target", &self.target.to_string())
            .append_pair("credentials", &self.credentials.to_string())
            .finish()
    }

    pub(super) fn as_json(&self) -> String {
        let Self {
            rule,
            target,
            credentials,
        } = self;
        json!({"rule": rule, "target": target, "credentials": credentials}).to_string()
    }
}

fn caller(asked: &Asked<'_>) -> Map<String, Value> {
    let identity = asked.identity;
    let mut values = Map::new();
    for (name, attribute) in Attribute::NAMED {
        let value = match (attribute, attribute.of(identity)) {
            (Attribute::Roles, _) => {
                let own = identity.roles.iter().map(|role| Value::from(role.name()));
                let others = identity.other_roles.iter();
                let others = others.map(|role| Value::from(role.as_str()));
                Value::Array(own.chain(others).collect())
            }
            (Attribute::IsAdminProject | Attribute::IsPublicApi, found) => {
                Value::Bool(found == Found::Text("True"))
            }
            (_, Found::Absent) => continue,
            (_, found) => found.shown(),
        };
        values.insert(name.to_owned(), value);
    }
    if let Some(name) = asked.policy.rbac().elevated_project() {
        values.insert("config.service_project_name".to_owned(), name.into());
    }
    values
}

fn object(asked: &Asked<'_>) -> Vec<(String, Value)> {
    let target = asked.target;
    let owner = |name: &str| (name.to_owned(), Found::from(target.owner).shown());
    match target.kind {
        Kind::Nothing => Vec::new(),
        Kind::Node => {
            let lessee = Found::from(target.lessee).shown();
            vec![owner("node.owner"), ("node.lessee".to_owned(), lessee)]
        }
        Kind::Allocation => vec![owner("allocation.owner")],
        Kind::Runbook => vec![owner("runbook.owner")],
    }
}

/// What servers have answered to one request. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::api::access) struct Answers {
    memory: Arc<Mutex<Memory>>,
    /// Nobody is asked.
    is_closed: bool,
}

#[derive(Default)]
struct Memory {
    /// By address and question; `None`: there was no answer.
    known: BTreeMap<(String, String), Option<bool>>,
    /// How long was waited for all of them.
    waited: Duration,
}

impl Answers {
    /// Those that are known by now, and later by others, and no more: for where nobody may wait.
    pub(in crate::api::access) fn closed(&self) -> Self {
        Self {
            memory: Arc::clone(&self.memory),
            is_closed: true,
        }
    }

    /// What a server says; `None`: it has not said yes or no, now or before.
    pub(super) fn answer(&self, servers: &Servers, url: &str, question: &Question) -> Option<bool> {
        let key = (url.to_owned(), question.as_json());
        let waited = {
            let memory = self.memory.lock();
            match memory.known.get(&key) {
                Some(answer) => return *answer,
                None if self.is_closed => return None,
                None => memory.waited,
            }
        };
        let began = Instant::now();
        let left = servers.timeout().saturating_sub(waited);
        let answer = match left.is_zero() {
            true => Err(AskError::Late),
            false => servers.ask(url, question, left),
        };
        if let Err(error) = &answer {
            let error = error as &dyn Error;
            tracing::warn!(
                url,
                rule = question.rule,
                error,
                "a server that a rule of access asks gives no answer: access is denied"
            );
        }
        let answer = answer.ok();
        let mut memory = self.memory.lock();
        memory.waited = memory.waited.saturating_add(began.elapsed());
        memory.known.insert(key, answer);
        answer
    }
}
