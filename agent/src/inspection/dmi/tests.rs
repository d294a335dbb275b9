//! A table with what firmware writes into structures of all versions, and what dmidecode 3.4 prints of it.

use proptest::prelude::{any, proptest};
use serde_json::{Map, Value, json};

use super::*;
use crate::inspection::recorded::{Recorded, firmware_table};

const PRINTED: &str = include_str!("recorded/dmidecode.txt");

/// The blocks of one type, read as Ironic's agent does.
fn printed(kind: u8) -> Vec<Map<String, Value>> {
    let kind = format!("DMI type {kind},");
    let blocks = PRINTED.split("\n\n").filter(|block| block.contains(&kind));
    blocks.map(keys).collect()
}

fn keys(block: &str) -> Map<String, Value> {
    let mut keys = Map::new();
    let mut list = None;
    for line in block.lines().map(str::trim) {
        if let Some((key, value)) = line.split_once(':') {
            let (key, value) = (key.trim().to_owned(), value.trim());
            list = value.is_empty().then(|| key.clone());
            let value = if value.is_empty() {
                json!([])
            } else {
                json!(value)
            };
            keys.insert(key, value);
        } else if line.starts_with("Handle 0x") {
            keys.insert("Handle".to_owned(), json!(line));
        } else if let Some(key) = &list {
            keys[key].as_array_mut().unwrap().push(json!(line));
        }
    }
    keys
}

#[test]
fn all_is_told_in_the_words_of_dmidecode() {
    let found = describe(&Smbios::parse(&firmware_table()));
    assert_eq!(found["bios"], json!(printed(BIOS)[0]));
    let check = |found: &Value, printed: &[Map<String, Value>]| {
        let found = found.as_array().unwrap();
        assert!(found.len() > 10);
        assert_eq!(found.len(), printed.len());
        for (found, printed) in found.iter().zip(printed) {
            assert_eq!(found, &json!(printed));
        }
    };
    check(&found["cpu"], &printed(PROCESSOR));
    check(&found["memory"]["devices"], &printed(MEMORY_DEVICE));

    // The arrays have 16, 4 and 2 slots, and one is too short to tell.
    let mut array = printed(MEMORY_ARRAY).remove(0);
    array.shift_remove("Handle");
    array.insert(NUMBER_OF_DEVICES.to_owned(), json!(22));
    let mut memory = found["memory"].as_object().unwrap().clone();
    memory.shift_remove("devices");
    assert_eq!(json!(memory), json!(array));
}

#[test]
fn arrays_of_slots_are_told_in_the_words_of_dmidecode() {
    let table = Smbios::parse(&firmware_table());
    let arrays = table.of_kind(MEMORY_ARRAY);
    let found: Vec<_> = arrays
        .map(|array| section_of(array, memory::describe_array))
        .collect();
    assert_eq!(json!(found), json!(printed(MEMORY_ARRAY)));
}

#[test]
fn a_table_cut_anywhere_is_described_as_far_as_it_goes() {
    let table = firmware_table();
    for end in (0..table.len()).step_by(7) {
        describe(&Smbios::parse(&table[..end]));
    }
    let empty = json!({"bios": {}, "cpu": [], "memory": {"devices": []}});
    assert_eq!(describe(&Smbios::default()), empty);
}

proptest! {
    /// Damage anywhere gives other words, or an earlier end.
    #[test]
    fn a_damaged_table_never_panics(damage in proptest::collection::vec((0usize..10_000, any::<u8>()), 1..40)) {
        let mut table = firmware_table();
        for (at, value) in damage {
            let at = at % table.len();
            table[at] = value;
        }
        describe(&Smbios::parse(&table));
    }
}

#[test]
fn a_machine_without_a_table_is_told_of() {
    let error = collect(&Recorded::new(&[]).subject(&[])).unwrap_err();
    assert!(matches!(error, CollectError::Read { .. }), "{error}");
}
