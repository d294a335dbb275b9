//! Field values as bytes whose order is that of [`FieldValue`], each marking its own end: so index keys can be compared
//! as bytes, and a prefix finds one value and no other.

use crate::record::{FieldValue, ValueRef};
use memchr::memchr;
use std::borrow::Cow;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INTEGER: u8 = 3;
const TEXT: u8 = 4;

/// A zero byte inside a text is followed by this; the end of a text is a zero byte followed by a zero byte.
const ESCAPED_ZERO: u8 = 0xff;

/// Appends the value.
pub(crate) fn encode(value: &FieldValue, bytes: &mut Vec<u8>) {
    match value {
        FieldValue::Null => bytes.push(NULL),
        FieldValue::Bool(false) => bytes.push(FALSE),
        FieldValue::Bool(true) => bytes.push(TRUE),
        FieldValue::Integer(number) => {
            bytes.push(INTEGER);
            // With the sign bit turned over, negative numbers come before the others.
            bytes.extend((number ^ i64::MIN).to_be_bytes());
        }
        FieldValue::Text(text) => {
            bytes.push(TEXT);
            for byte in text.bytes() {
                bytes.push(byte);
                if byte == 0 {
                    bytes.push(ESCAPED_ZERO);
                }
            }
            bytes.extend([0, 0]);
        }
    }
}

/// The sealed fields of a record as they are sealed, one behind the other; `None`: there is nothing to seal.
pub(crate) fn encode_sealed(values: &[FieldValue]) -> Option<Vec<u8>> {
    if values.iter().all(|value| *value == FieldValue::Null) {
        return None;
    }
    let mut bytes = Vec::new();
    for value in values {
        encode(value, &mut bytes);
    }
    Some(bytes)
}

/// Takes one value from the front.
pub(crate) fn decode(bytes: &mut &[u8]) -> Option<FieldValue> {
    decode_ref(bytes).map(FieldValue::from)
}

/// The same as it lies there.
pub(crate) fn decode_ref<'b>(bytes: &mut &'b [u8]) -> Option<ValueRef<'b>> {
    let (kind, rest) = bytes.split_first()?;
    *bytes = rest;
    match *kind {
        NULL => Some(ValueRef::Null),
        FALSE => Some(ValueRef::Bool(false)),
        TRUE => Some(ValueRef::Bool(true)),
        INTEGER => {
            let (number, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            Some(ValueRef::Integer(i64::from_be_bytes(*number) ^ i64::MIN))
        }
        TEXT => decode_text(bytes).map(ValueRef::Text),
        _ => None,
    }
}

fn decode_text<'b>(bytes: &mut &'b [u8]) -> Option<Cow<'b, str>> {
    let (first, mut end) = piece(bytes)?;
    if end == PieceEnd::Text {
        return std::str::from_utf8(first).ok().map(Cow::Borrowed);
    }
    let mut text = first.to_vec();
    while end == PieceEnd::Zero {
        text.push(0);
        let (next, ends) = piece(bytes)?;
        text.extend_from_slice(next);
        end = ends;
    }
    String::from_utf8(text).ok().map(Cow::Owned)
}

/// Takes one value from the front without reading it.
pub(crate) fn skip(bytes: &mut &[u8]) -> Option<()> {
    let (kind, rest) = bytes.split_first()?;
    *bytes = rest;
    match *kind {
        NULL | FALSE | TRUE => Some(()),
        INTEGER => {
            let (_, rest) = bytes.split_first_chunk::<8>()?;
            *bytes = rest;
            Some(())
        }
        TEXT => {
            while piece(bytes)?.1 == PieceEnd::Zero {}
            Some(())
        }
        _ => None,
    }
}

/// What a piece of a text ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PieceEnd {
    /// A zero byte of the text.
    Zero,
    Text,
}

/// Takes the front of a text up to its next zero byte.
fn piece<'b>(bytes: &mut &'b [u8]) -> Option<(&'b [u8], PieceEnd)> {
    let zero = memchr(0, bytes)?;
    let end = match *bytes.get(zero + 1)? {
        0 => PieceEnd::Text,
        ESCAPED_ZERO => PieceEnd::Zero,
        _ => return None,
    };
    let piece = &bytes[..zero];
    *bytes = &bytes[zero + 2..];
    Some((piece, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(value: &FieldValue) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(value, &mut bytes);
        bytes
    }

    fn any_value() -> impl Strategy<Value = FieldValue> {
        prop_oneof![
            Just(FieldValue::Null),
            any::<bool>().prop_map(FieldValue::Bool),
            any::<i64>().prop_map(FieldValue::Integer),
            "[\u{0}-\u{2}a-cé\u{ff}]{0,4}".prop_map(FieldValue::Text),
        ]
    }

    proptest! {
        #[test]
        fn bytes_sort_as_values(left in any_value(), right in any_value()) {
            prop_assert_eq!(encoded(&left).cmp(&encoded(&right)), left.cmp(&right));
        }

        #[test]
        fn no_value_is_the_prefix_of_another(left in any_value(), right in any_value()) {
            prop_assert_eq!(encoded(&left).starts_with(&encoded(&right)), left == right);
        }

        #[test]
        fn what_was_encoded_comes_back(value in any_value()) {
            let mut bytes = encoded(&value);
            bytes.push(7);
            let (mut read, mut skipped) = (bytes.as_slice(), bytes.as_slice());
            prop_assert_eq!(decode(&mut read), Some(value));
            prop_assert_eq!(read, &[7u8][..]);
            prop_assert_eq!(skip(&mut skipped), Some(()));
            prop_assert_eq!(skipped, &[7u8][..]);
        }

        #[test]
        fn foreign_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            // Whatever it says, it says it without a panic.
            let (mut read, mut skipped) = (bytes.as_slice(), bytes.as_slice());
            if decode(&mut read).is_some() {
                prop_assert_eq!(skip(&mut skipped), Some(()));
                prop_assert_eq!(read, skipped);
            }
        }
    }
}
