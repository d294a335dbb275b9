//! The file of an operator's rules, in YAML (JSON is YAML too): a map from names of rules to checks.

use super::check::Check;
use super::parse::{parse, single};
use super::wrong::Wrong;
use serde_norway::Value;
use std::path::{Path, PathBuf};

/// Of the file.
const LARGEST_BYTES: u64 = 1 << 20;

/// A rule as it is written, and as it is understood.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) check: Check,
}

impl Entry {
    /// Whom it lets, for people.
    pub(super) fn shown(&self) -> String {
        let means = match self.text.as_str() {
            "" => ", which is everybody",
            _ => "",
        };
        format!("whoever fulfils {:?}{means}, of the policy file", self.text)
    }
}

/// Why a file of rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("reading the policy file {path} (auth.policy_file)", path = path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the policy file {path} is larger than {limit} bytes", path = path.display(), limit = LARGEST_BYTES)]
    TooLarge { path: PathBuf },
    #[error("the policy file {path} is not valid YAML", path = path.display())]
    Yaml {
        path: PathBuf,
        #[source]
        source: Box<serde_norway::Error>,
    },
    #[error(
        "the policy file {path} must be a map from names of rules to checks, as \"baremetal:node:get\": \"role:reader\"",
        path = path.display()
    )]
    NoMap { path: PathBuf },
    #[error("the policy file {path}, rule {rule:?}: {problem}", path = path.display())]
    Rule {
        path: PathBuf,
        rule: String,
        problem: String,
    },
    #[error("reading {path} ({option}), for the servers that rules ask", path = path.display())]
    Pem {
        option: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} (auth.remote_ssl_ca_crt_file) has no certificates in PEM", path = path.display())]
    NoCertificates { path: PathBuf },
    #[error(
        "{path} (auth.remote_ssl_client_crt_file) and its key must be a certificate and a private key in PEM",
        path = path.display()
    )]
    Identity {
        path: PathBuf,
        #[source]
        source: reqwest::Error,
    },
    #[error("making an HTTP client for the servers that rules ask")]
    Client(#[source] reqwest::Error),
}

pub(super) fn text(path: &Path) -> Result<String, PolicyError> {
    let read = |source| PolicyError::Read {
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).map_err(read)?.len() > LARGEST_BYTES {
        let path = path.to_owned();
        return Err(PolicyError::TooLarge { path });
    }
    std::fs::read_to_string(path).map_err(read)
}

/// All rules of the file, each for itself. An empty file has none.
pub(super) fn entries(path: &Path, text: &str) -> Result<Vec<(String, Entry)>, PolicyError> {
    let map = match serde_norway::from_str(text) {
        Ok(Value::Mapping(map)) => map,
        Ok(Value::Null) => return Ok(Vec::new()),
        Ok(_) => {
            let path = path.to_owned();
            return Err(PolicyError::NoMap { path });
        }
        Err(source) => {
            return Err(PolicyError::Yaml {
                path: path.to_owned(),
                source: Box::new(source),
            });
        }
    };
    let entries = map.into_iter().map(|(name, value)| {
        let Value::String(rule) = name else {
            let path = path.to_owned();
            return Err(PolicyError::NoMap { path });
        };
        match entry(&value) {
            Ok(entry) => Ok((rule, entry)),
            Err(problem) => Err(PolicyError::Rule {
                path: path.to_owned(),
                rule,
                problem: problem.to_string(),
            }),
        }
    });
    entries.collect()
}

fn entry(value: &Value) -> Result<Entry, Wrong> {
    match value {
        Value::String(text) => Ok(Entry {
            text: text.clone(),
            check: parse(text)?,
        }),
        Value::Sequence(items) => list(items),
        other => Err(not_text(other)),
    }
}

/// The old form: one of the items must hold, and of an item that is a list all of it. An empty list is for everybody.
fn list(items: &[Value]) -> Result<Entry, Wrong> {
    let (mut texts, mut checks) = (Vec::new(), Vec::new());
    for item in items {
        let parts: &[Value] = match item {
            Value::String(_) => std::slice::from_ref(item),
            Value::Sequence(parts) if parts.is_empty() => continue,
            Value::Sequence(parts) => parts,
            other => return Err(not_text(other)),
        };
        let words = parts
            .iter()
            .map(|part| part.as_str().ok_or_else(|| not_text(part)));
        let words = words.collect::<Result<Vec<&str>, Wrong>>()?;
        let all = words.iter().map(|word| single(word));
        checks.push(Check::all(all.collect::<Result<_, Wrong>>()?));
        texts.push(match words.as_slice() {
            [only] => (*only).to_owned(),
            several => format!("({})", several.join(" and ")),
        });
    }
    Ok(match (items.is_empty(), checks.is_empty()) {
        (true, _) => Entry {
            text: "@".to_owned(),
            check: Check::Always,
        },
        (false, true) => Entry {
            text: "!".to_owned(),
            check: Check::Never,
        },
        (false, false) => Entry {
            text: texts.join(" or "),
            check: Check::any(checks),
        },
    })
}

fn not_text(value: &Value) -> Wrong {
    let kind = match value {
        Value::Null => "nothing: write \"\" or \"@\" for everybody, \"!\" for nobody",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Sequence(_) => "a list in a list in a list",
        Value::Mapping(_) => "a map",
        Value::Tagged(_) => "a tag of YAML, as ! without quotes is one",
    };
    Wrong::NotText(kind.to_owned())
}
