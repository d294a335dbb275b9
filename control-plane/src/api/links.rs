//! Links: every object has two, `self` with the version in the path and `bookmark` without.

use super::json_text::push_unquoted;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;

/// Pairs of links as JSON text, but for what each object has of its own: its id at the end of both.
pub(super) struct Pairs {
    own: Vec<u8>,
    bookmark: Vec<u8>,
}

impl Pairs {
    /// Appends the pair of one object.
    pub(super) fn push(&self, id: &str, text: &mut Vec<u8>) {
        text.extend_from_slice(&self.own);
        let begin = text.len();
        push_unquoted(id, text);
        let written = begin..text.len();
        text.extend_from_slice(&self.bookmark);
        text.extend_from_within(written);
        text.extend_from_slice(br#"","rel":"bookmark"}]"#);
    }
}

/// The pair of one object as it is written, of which nothing is put together before.
pub(super) struct Pair<'b, P> {
    base: &'b Base,
    /// Behind `v1`, or behind the host.
    path: P,
}

impl<P: fmt::Display> Serialize for Pair<'_, P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let links = [("/v1", "self"), ("", "bookmark")].map(|(root, rel)| Link {
            href: Href {
                base: self.base,
                root,
                path: &self.path,
            },
            rel,
        });
        links.serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(bound(serialize = "P: fmt::Display"))]
struct Link<'p, P> {
    href: Href<'p, P>,
    rel: &'static str,
}

struct Href<'p, P> {
    base: &'p Base,
    root: &'static str,
    path: &'p P,
}

impl<P: fmt::Display> fmt::Display for Href<'_, P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}/{}", self.base.0, self.root, self.path)
    }
}

impl<P: fmt::Display> Serialize for Href<'_, P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

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

    /// The pairs of many objects, each of which stands under `path`, which ends with a slash.
    pub(super) fn pairs(&self, path: &str) -> Pairs {
        let front = |before: &str, url: String| {
            let mut front = before.as_bytes().to_vec();
            push_unquoted(&url, &mut front);
            front
        };
        let before = r#"","rel":"self"},{"href":""#;
        Pairs {
            own: front(r#"[{"href":""#, self.url(path)),
            bookmark: front(before, format!("{}/{path}", self.0)),
        }
    }

    /// The same as `pair`, for whoever writes it at once.
    pub(super) const fn pair_of<P: fmt::Display>(&self, path: P) -> Pair<'_, P> {
        Pair { base: self, path }
    }

    /// The pair of an object or a collection.
    pub(super) fn pair(&self, path: impl fmt::Display) -> Value {
        json!([
            {"href": self.url(&path), "rel": "self"},
            {"href": format!("{}/{path}", self.0), "rel": "bookmark"},
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_of_many_is_as_one_by_itself() {
        // A client may say any host.
        for url in ["http://192.0.2.1:6385", "https://a \"b\"\\/é"] {
            let (base, mut text) = (Base::new(url), Vec::new());
            base.pairs("nodes/").push("a\tb", &mut text);
            let expected = base.pair("nodes/a\tb").to_string();
            assert_eq!(String::from_utf8(text).unwrap(), expected);
            let written = serde_json::to_string(&base.pair_of("nodes/a\tb")).unwrap();
            assert_eq!(written, expected);
        }
    }
}
