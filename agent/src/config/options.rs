//! Options by name, as text, and the few types that their values have.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;

/// More than anybody waits, and little enough to be added to the time of today.
const MOST: Duration = Duration::from_secs(100 * 366 * 86400);

/// What was written, by the names of Ironic's agent; those of a section have its name and a dot before them.
#[derive(Debug, Default)]
pub(super) struct Options {
    written: BTreeMap<String, String>,
    read: Mutex<BTreeSet<String>>,
}

/// A value that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("the option {name} must be {wanted}, not {value:?}")]
pub struct OptionError {
    pub name: &'static str,
    pub wanted: &'static str,
    pub value: String,
}

impl Options {
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.written.insert(name.to_owned(), value.to_owned());
    }

    /// What was written, for another try with more.
    pub(super) fn copy(&self) -> Self {
        Self {
            written: self.written.clone(),
            read: Mutex::default(),
        }
    }

    pub(super) fn set_in(&mut self, section: &str, name: &str, value: &str) {
        match (section, name) {
            ("DEFAULT", name) => self.set(name, value),
            // The old names of two options.
            ("ssl", "cert_file") => self.set("tls_cert_file", value),
            ("ssl", "key_file") => self.set("tls_key_file", value),
            (section, name) => self.set(&format!("{section}.{name}"), value),
        }
    }

    /// The text of an option; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.read.lock().insert(name.to_owned());
        self.written
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// Whether anybody has asked for it.
    #[cfg(test)]
    pub(super) fn is_read(&self, name: &str) -> bool {
        self.read.lock().contains(name)
    }

    /// The names of what was written and nobody has asked for.
    pub(super) fn unread(&self) -> Vec<String> {
        let read = self.read.lock();
        let names = self.written.keys();
        names
            .filter(|name| !read.contains(*name))
            .cloned()
            .collect()
    }

    pub(super) fn list(&self, name: &str) -> Option<Vec<String>> {
        let items = self.text(name)?.split([',', '\n']).map(str::trim);
        Some(
            items
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    pub(super) fn flag(&self, name: &'static str, default: bool) -> Result<bool, OptionError> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        match text.to_lowercase().as_str() {
            "1" | "t" | "true" | "on" | "y" | "yes" => Ok(true),
            "0" | "f" | "false" | "off" | "n" | "no" => Ok(false),
            _ => Err(invalid(name, "true or false", text)),
        }
    }

    pub(super) fn number<T: std::str::FromStr>(
        &self,
        name: &'static str,
        default: T,
    ) -> Result<T, OptionError> {
        match self.text(name) {
            Some(text) => text
                .parse()
                .map_err(|_| invalid(name, "a number that fits", text)),
            None => Ok(default),
        }
    }

    /// Seconds, with or without a fraction.
    pub(super) fn seconds(
        &self,
        name: &'static str,
        default: u64,
    ) -> Result<Duration, OptionError> {
        let Some(text) = self.text(name) else {
            return Ok(Duration::from_secs(default));
        };
        let seconds = text.parse().ok();
        seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|time| *time <= MOST)
            .ok_or_else(|| invalid(name, "a number of seconds", text))
    }

    /// A value that has a parser of its own.
    pub(super) fn parsed<T>(
        &self,
        name: &'static str,
        wanted: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, OptionError> {
        match self.text(name) {
            Some(text) => parse(text)
                .map(Some)
                .ok_or_else(|| invalid(name, wanted, text)),
            None => Ok(None),
        }
    }
}

fn invalid(name: &'static str, wanted: &'static str, value: &str) -> OptionError {
    OptionError {
        name,
        wanted,
        value: value.to_owned(),
    }
}
