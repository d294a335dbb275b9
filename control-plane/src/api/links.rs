//! Links: every object has two, `self` with the version in the path and `bookmark` without.

use serde_json::{Value, json};
use std::fmt;

/// Scheme, host and port under which the client reached us, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base(String);

impl Base {
    pub(super) fn new(url: &str) -> Self {
        Self(url.trim_end_matches('/').to_owned())
    }

    /// `{base}/v1/{path}`.
    pub(super) fn url(&self, path: impl fmt::Display) -> String {
        format!("{}/v1/{path}", self.0)
    }

    /// The pair of an object or a collection.
    pub(super) fn pair(&self, path: impl fmt::Display) -> Value {
        json!([
            {"href": self.url(&path), "rel": "self"},
            {"href": format!("{}/{path}", self.0), "rel": "bookmark"},
        ])
    }
}
