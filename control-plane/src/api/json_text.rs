//! Answers that are written as JSON text where they are made: a list of a thousand objects is no tree of values first.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;

/// A body that is JSON already.
pub(super) struct JsonText(pub(super) Vec<u8>);

impl IntoResponse for JsonText {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], self.0).into_response()
    }
}

/// Appends the value as JSON.
pub(super) fn push(value: &(impl Serialize + ?Sized), text: &mut Vec<u8>) {
    serde_json::to_writer(text, value)
        .expect("memory takes all, and the keys of our own types are texts");
}

/// Appends what stands between the quotes of a text.
pub(super) fn push_unquoted(part: &str, text: &mut Vec<u8>) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if part.as_bytes().iter().all(is_plain) {
        text.extend_from_slice(part.as_bytes());
        return;
    }
    let begin = text.len();
    push(part, text);
    text.pop();
    text.remove(begin);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_text_is_escaped_as_the_whole_is() {
        for part in [
            "",
            "rack-1/node 2",
            "a \"b\"",
            "a\\b",
            "line\nline",
            "\u{7f}é",
        ] {
            let (mut whole, mut parts) = (Vec::new(), b"\"".to_vec());
            push(&format!("{part}{part}"), &mut whole);
            push_unquoted(part, &mut parts);
            push_unquoted(part, &mut parts);
            parts.push(b'"');
            assert_eq!(parts, whole, "{part:?}");
        }
    }
}
