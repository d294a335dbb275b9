//! The kernel command line, split as Ironic's agent splits it: at blanks, at the first `=`, last one wins. A value in
//! quotes may have blanks, as with the kernel; Ironic's agent knows no quotes.

use std::collections::BTreeMap;
use std::path::Path;

use super::ConfigError;
use super::catalog::PARAMETERS;
use super::options::Options;

/// Every `name=value` of the command line.
#[derive(Debug, Default)]
pub(super) struct KernelParameters(BTreeMap<String, String>);

impl KernelParameters {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    pub(super) fn parse(text: &str) -> Self {
        let mut parameters = BTreeMap::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (pair, behind) = next_pair(rest);
            if let Some((name, value)) = pair {
                parameters.insert(name.to_owned(), value.to_owned());
            }
            rest = behind.trim_start();
        }
        Self(parameters)
    }

    /// Takes over what others say; they win.
    pub(super) fn merge(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, by name.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Sets the options that the parameters stand for, and tells of those that nobody knows.
    pub(super) fn apply(&self, options: &mut Options) {
        for (name, value) in &self.0 {
            match PARAMETERS.iter().find(|(parameter, _)| parameter == name) {
                Some((_, option)) => options.set(option, value),
                None if name.starts_with("ipa-") || name.starts_with("ferric-") => {
                    tracing::warn!(
                        parameter = name,
                        "the kernel command line has an unknown parameter"
                    );
                }
                None => {}
            }
        }
    }
}

/// The token that the text begins with, at its first `=`, and what comes behind it.
fn next_pair(text: &str) -> (Option<(&str, &str)>, &str) {
    if let Some((token, behind)) = quoted(text) {
        return (token.split_once('='), behind);
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (token, behind) = text.split_at(end);
    let Some((name, value)) = token.split_once('=') else {
        return (None, behind);
    };
    match quoted(&text[name.len() + 1..]) {
        Some((value, behind)) => (Some((name, value)), behind),
        None => (Some((name, value)), behind),
    }
}

/// What stands between a quote at the beginning and the next one that ends a token, and what comes behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let ends_token = |at: &usize| {
        let next = inner[at + 1..].chars().next();
        next.is_none_or(char::is_whitespace)
    };
    let mut quotes = inner.match_indices('"').map(|(at, _)| at);
    let end = quotes.find(ends_token)?;
    Some((&inner[..end], &inner[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let parameters = KernelParameters::parse(text);
        let found: Vec<(&str, &str)> = parameters
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn tokens_are_split_as_ironics_agent_splits_them() {
        check(
            "quiet ipa-api-url=http://a?x=1 ipa-debug=0\tipa-debug=1\n",
            &[("ipa-api-url", "http://a?x=1"), ("ipa-debug", "1")],
        );
        check(" = a= =b", &[("", "b"), ("a", "")]);
        check("", &[]);
    }

    #[test]
    fn quotes_keep_a_value_together() {
        check(r#"a="b c" d=e"#, &[("a", "b c"), ("d", "e")]);
        check(r#""a=b c" d=e"#, &[("a", "b c"), ("d", "e")]);
        check(r#"a="" b="c""#, &[("a", ""), ("b", "c")]);
        // A quote without its fellow is a letter.
        check(r#"a="b c=d"#, &[("a", "\"b"), ("c", "d")]);
        check(r#"a=b"c d"e"#, &[("a", "b\"c")]);
        check("a=\"ä ö\" b=ü", &[("a", "ä ö"), ("b", "ü")]);
    }

    proptest! {
        /// Nothing is lost or made up: a name is what stands before a `=` somewhere.
        #[test]
        fn any_text_is_split(text in "[a\"= \\tä\\n]{0,40}|\\PC{0,40}") {
            for (name, value) in KernelParameters::parse(&text).0 {
                let pair = format!("{name}=");
                prop_assert!(text.contains(&pair) && text.contains(&value), "{name} {value}");
            }
        }
    }

    #[test]
    fn what_is_merged_wins() {
        let mut parameters = KernelParameters::parse("a=1 b=2");
        parameters.merge(KernelParameters::parse("b=3 c=4"));
        let get = |name| parameters.get(name);
        assert_eq!(
            (get("a"), get("b"), get("c")),
            (Some("1"), Some("3"), Some("4"))
        );
    }
}
