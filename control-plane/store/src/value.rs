//! Field values as bytes whose order is that of [`FieldValue`], each marking its own end: so index keys can be compared
//! as bytes, and a prefix finds one value and no other.

use crate::record::FieldValue;

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

/// Takes one value from the front.
pub(crate) fn decode(bytes: &mut &[u8]) -> Option<FieldValue> {
    let (kind, rest) = bytes.split_first()?;
    *bytes = rest;
    match *kind {
        NULL => Some(FieldValue::Null),
        FALSE => Some(FieldValue::Bool(false)),
        TRUE => Some(FieldValue::Bool(true)),
        INTEGER => {
            let (number, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            Some(FieldValue::Integer(i64::from_be_bytes(*number) ^ i64::MIN))
        }
        TEXT => decode_text(bytes).map(FieldValue::Text),
        _ => None,
    }
}

fn decode_text(bytes: &mut &[u8]) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if *byte == 0 {
            let (mark, rest) = bytes.split_first()?;
            *bytes = rest;
            match *mark {
                0 => return String::from_utf8(text).ok(),
                ESCAPED_ZERO => {}
                _ => return None,
            }
        }
        text.push(*byte);
    }
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
            let mut rest = bytes.as_slice();
            prop_assert_eq!(decode(&mut rest), Some(value));
            prop_assert_eq!(rest, &[7u8][..]);
        }

        #[test]
        fn foreign_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            // Whatever it says, it says it without a panic.
            drop(decode(&mut bytes.as_slice()));
        }
    }
}
