//! Text as TOML takes it: a path may hold whatever a file system takes.

/// A basic string. JSON's escapes are TOML's as well; the one character that only TOML wants escaped is DEL.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}
