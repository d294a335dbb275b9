//! What stands behind the colon of a check: a text in which `%(NAME)s` stands for what the object or the caller has.

use super::Asked;
use super::attribute::{Found, Key};
use super::wrong::Wrong;
use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Key(Key),
}

/// A pattern with everything put in.
pub(super) struct Filled {
    /// `None` stands in it for what there is not, as in Ironic.
    pub(super) text: String,
    /// Whether it does so anywhere.
    pub(super) lacks: bool,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let format = || Wrong::Format(text.to_owned());
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('%') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            if let Some(after) = after.strip_prefix('%') {
                parts.push(Part::Text("%".to_owned()));
                rest = after;
                continue;
            }
            let after = after.strip_prefix('(').ok_or_else(format)?;
            let (name, after) = after.split_once(')').ok_or_else(format)?;
            let key = Key::from_name(name).ok_or_else(|| Wrong::Key(name.to_owned()))?;
            parts.push(Part::Key(key));
            rest = after.strip_prefix('s').ok_or_else(format)?;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// `None`: the object is none that has what the pattern names.
    pub(super) fn fill(&self, asked: &Asked<'_>) -> Option<Filled> {
        self.fill_by(asked, |value| Some(Cow::Borrowed(value)))
    }

    /// The same for a URL, of which each value stays in the place that it is put into.
    pub(super) fn fill_encoded(&self, asked: &Asked<'_>) -> Option<String> {
        self.fill_by(asked, encoded).map(|filled| filled.text)
    }

    fn fill_by(
        &self,
        asked: &Asked<'_>,
        written: impl Fn(&str) -> Option<Cow<'_, str>>,
    ) -> Option<Filled> {
        let (mut text, mut lacks) = (String::new(), false);
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Key(key) => match key.of(asked) {
                    Found::Absent => return None,
                    Found::Nothing => {
                        text.push_str("None");
                        lacks = true;
                    }
                    Found::Text(value) => text.push_str(&written(value)?),
                },
            }
        }
        Some(Filled { text, lacks })
    }

    /// The text, where nothing is put in.
    pub(super) fn constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// As a part of a path or a query (RFC 3986, 2.3). `None`: it would lead to another place, however it is written.
fn encoded(value: &str) -> Option<Cow<'_, str>> {
    if [".", ".."].contains(&value) {
        return None;
    }
    let mut encoded = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            let digits = [byte >> 4, byte & 0xf]
                .map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            encoded.extend(digits);
        }
    }
    Some(Cow::Owned(encoded))
}
