//! What dmidecode prints of one structure, as keys and values.

use serde_json::{Map, Value, json};

use super::codes::OUT_OF_SPEC;
use crate::inventory::smbios::{Reference, Structure};

pub(super) const HANDLE: &str = "Handle";

pub(super) struct Section<'a> {
    pub(super) structure: &'a Structure,
    keys: Map<String, Value>,
}

impl<'a> Section<'a> {
    pub(super) fn new(structure: &'a Structure) -> Self {
        let mut section = Self {
            structure,
            keys: Map::new(),
        };
        let (handle, kind) = (structure.handle(), structure.kind);
        let length = structure.length();
        section.say(
            HANDLE,
            format!("Handle 0x{handle:04X}, DMI type {kind}, {length} bytes"),
        );
        section
    }

    pub(super) fn finish(self) -> Map<String, Value> {
        self.keys
    }

    /// `None` where the structure is shorter: firmware of earlier times ends here.
    pub(super) fn reaches(&self, length: usize) -> Option<()> {
        (self.structure.length() >= length).then_some(())
    }

    pub(super) fn say(&mut self, key: &str, value: impl Into<String>) {
        let value: String = value.into();
        self.keys.insert(key.to_owned(), json!(value.trim()));
    }

    pub(super) fn list(&mut self, key: &str, values: &[&str]) {
        self.keys.insert(key.to_owned(), json!(values));
    }

    /// A list, or `None` as text where it would be empty.
    pub(super) fn list_or_none(&mut self, key: &str, values: &[&str]) {
        if values.is_empty() {
            self.say(key, "None");
        } else {
            self.list(key, values);
        }
    }

    /// The text that a field refers to.
    pub(super) fn text(&mut self, key: &str, offset: usize) -> Option<()> {
        let text = self.raw_text(offset)?;
        self.say(key, text);
        Some(())
    }

    pub(super) fn raw_text(&self, offset: usize) -> Option<String> {
        Some(match self.structure.reference(offset)? {
            Reference::None => "Not Specified".to_owned(),
            Reference::Dangling => "<BAD INDEX>".to_owned(),
            Reference::Text(text) => text.replace(is_unprintable, "."),
        })
    }

    /// A code of one byte, in words; the first of them is that of code 1.
    pub(super) fn code(&mut self, key: &str, offset: usize, words: &[&str]) -> Option<()> {
        let index = usize::from(self.structure.byte(offset)?).checked_sub(1);
        let word = index.and_then(|index| words.get(index));
        self.say(key, *word.unwrap_or(&OUT_OF_SPEC));
        Some(())
    }
}

/// As dmidecode sees it.
fn is_unprintable(letter: char) -> bool {
    letter < ' ' || letter == '\x7f'
}
