//! A line of an export: the header, which is the first one, or a record.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) type Object = Map<String, Value>;

/// The newest form of records that is understood here.
pub(super) const FORMAT: u64 = 1;

/// Says what follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) ferric_export: u64,
    /// Where the records are from.
    pub(super) source: String,
    /// How many there were of each kind when it began, where the source can tell.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) counts: BTreeMap<String, u64>,
    /// Whether secrets are in it.
    #[serde(default)]
    pub(super) secrets: bool,
}

/// A node, a port, ...
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) kind: String,
    pub(super) document: Object,
    /// Of a node that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) allocation: Option<Object>,
}

impl Header {
    /// # Errors
    /// When the line is no header, or one of a newer form.
    pub(super) fn parse(line: &str) -> anyhow::Result<Self> {
        let header: Self = serde_json::from_str(line)
            .context("reading line 1, which must be the header that `ferric export` writes")?;
        if header.ferric_export != FORMAT {
            bail!(
                "the file has form {}, and this program reads form {FORMAT}: import it with a ferric of its version",
                header.ferric_export
            );
        }
        Ok(header)
    }
}

impl Record {
    pub(super) fn new(kind: &str, document: Object) -> Self {
        Self {
            kind: kind.to_owned(),
            document,
            allocation: None,
        }
    }

    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.document.get(field).and_then(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_another_form_is_refused() {
        let line = r#"{"ferric_export": 1, "source": "x", "counts": {"node": 2}, "secrets": true}"#;
        let header = Header::parse(line).unwrap();
        assert_eq!((header.counts["node"], header.secrets), (2, true));
        assert_eq!(
            Header::parse(&serde_json::to_string(&header).unwrap()).unwrap(),
            header
        );
        let newer = Header::parse(r#"{"ferric_export": 2, "source": "x"}"#).unwrap_err();
        assert!(newer.to_string().contains("form 2"), "{newer}");
        assert!(Header::parse(r#"{"kind": "node"}"#).is_err());
    }
}
