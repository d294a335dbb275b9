//! An object of a document, read as it lies there: its keys and values in their order, borrowed.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Cannot be read from a text with escaped keys.
pub(super) struct Pairs<'d, V>(pub(super) Vec<(&'d str, V)>);

impl<V: Copy> Pairs<'_, V> {
    pub(super) fn value(&self, key: &str) -> Option<V> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(known, _)| *known == key)
            .map(|(_, value)| *value)
    }
}

impl<'d, 'de: 'd, V: Deserialize<'de>> Deserialize<'de> for Pairs<'d, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfObject(PhantomData))
    }
}

struct OfObject<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for OfObject<V> {
    type Value = Pairs<'de, V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object whose keys are not escaped")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_in_its_order() {
        let read = |text| serde_json::from_str::<Pairs<'_, u8>>(text);
        let pairs = read(r#"{"b": 1, "a": 2}"#).unwrap();
        assert_eq!(pairs.0, [("b", 1), ("a", 2)]);
        assert_eq!((pairs.value("a"), pairs.value("c")), (Some(2), None));
        for other in [r#"{"b\n": 1}"#, "[]", r#"{"b": -1}"#] {
            assert!(read(other).is_err(), "{other}");
        }
    }
}
