//! `dmi-decode`: firmware, processors and memory as the firmware's tables have them.
//!
//! Ironic's agent makes keys of the lines that the program dmidecode prints. So the keys and the words here are those
//! of dmidecode 3.4, and a list is what it prints on lines of their own. Only a text of blanks is different: it is an
//! empty text here, and an empty list there.

mod bios;
mod codes;
mod families;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod memory;
mod processor;
mod section;

use std::fs;

use ferric_agent_protocol::inspection::InspectionData;
use serde_json::{Map, Value, json};

use super::Subject;
use super::collector::{CollectError, keyed, reading};
use crate::inventory::smbios::{Smbios, Structure};
use section::Section;

const BIOS: u8 = 0;
const PROCESSOR: u8 = 4;
const MEMORY_ARRAY: u8 = 16;
const MEMORY_DEVICE: u8 = 17;

const NUMBER_OF_DEVICES: &str = "Number Of Devices";

pub(super) fn collect(subject: &Subject) -> Result<InspectionData, CollectError> {
    let path = subject.host.tree().path("sys/firmware/dmi/tables/DMI");
    let table = fs::read(&path).map_err(reading(&path))?;
    Ok(keyed("dmi", &describe(&Smbios::parse(&table))))
}

/// What dmidecode prints of a memory module or an empty slot.
pub(super) fn memory_device(structure: &Structure) -> Map<String, Value> {
    section_of(structure, memory::describe_device)
}

fn describe(table: &Smbios) -> Value {
    let all = |kind, describe: fn(&mut Section<'_>) -> Option<()>| {
        let section = |structure| section_of(structure, describe);
        table.of_kind(kind).map(section).collect::<Vec<_>>()
    };
    json!({
        "bios": all(BIOS, bios::describe).pop().unwrap_or_default(),
        "cpu": all(PROCESSOR, processor::describe),
        "memory": memory(all(MEMORY_ARRAY, memory::describe_array), &all(MEMORY_DEVICE, memory::describe_device)),
    })
}

/// What stands before the end of a structure that is too short.
fn section_of(
    structure: &Structure,
    describe: fn(&mut Section<'_>) -> Option<()>,
) -> Map<String, Value> {
    let mut section = Section::new(structure);
    describe(&mut section);
    section.finish()
}

/// The first array stands for all, with the number of the devices of all; nothing says which device is in which.
fn memory(arrays: Vec<Map<String, Value>>, devices: &[Map<String, Value>]) -> Map<String, Value> {
    let count = |array: &Map<String, Value>| {
        let count = array.get(NUMBER_OF_DEVICES)?.as_str()?;
        count.parse::<u64>().ok()
    };
    let total: u64 = arrays.iter().filter_map(count).sum();
    let mut memory = Map::new();
    if let Some(first) = arrays.into_iter().next() {
        memory = first;
        memory.shift_remove(section::HANDLE);
        memory.insert(NUMBER_OF_DEVICES.to_owned(), json!(total));
    }
    memory.insert("devices".to_owned(), json!(devices));
    memory
}

#[cfg(test)]
mod tests;
