//! Memory modules, in the words of lshw as far as they are known.

use serde_json::{Map, Value};

use super::Facts;
use crate::host::Tree;
use crate::inspection::dmi;
use crate::inventory::smbios::{Smbios, Structure};

const GROUP: &str = "memory";
const MEMORY_DEVICE: u8 = 17;
const MIB: u64 = 1 << 20;

pub(super) fn add(facts: &mut Facts, tree: &Tree, smbios: &Smbios) {
    let installed = smbios.installed_mib().map(|mib| mib * MIB);
    let total = installed.or_else(|| managed_bytes(tree));
    facts.maybe(GROUP, "total", "size", total.map(|bytes| bytes.to_string()));
    let banks: Vec<&Structure> = smbios.of_kind(MEMORY_DEVICE).collect();
    for (index, device) in banks.iter().enumerate() {
        add_bank(facts, &format!("bank:{index}"), device);
    }
    if !banks.is_empty() {
        facts.add(GROUP, "banks", "count", banks.len().to_string());
    }
}

fn managed_bytes(tree: &Tree) -> Option<u64> {
    let meminfo = tree.text("proc/meminfo")?;
    let value = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = value.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

fn add_bank(facts: &mut Facts, bank: &str, device: &Structure) {
    let words = dmi::memory_device(device);
    let size = device.memory_mib().map(|mib| mib * MIB);
    let megahertz = device.word(0x15).map(u64::from);
    let megahertz = megahertz.filter(|clock| size.is_some() && !matches!(*clock, 0 | 0xffff));
    facts.maybe(GROUP, bank, "size", size.map(|bytes| bytes.to_string()));
    let hertz = megahertz.map(|clock| (clock * 1_000_000).to_string());
    facts.maybe(GROUP, bank, "clock", hertz);
    facts.add(
        GROUP,
        bank,
        "description",
        description(&words, size, megahertz),
    );
    for (attribute, offset) in [
        ("vendor", 0x17),
        ("product", 0x1a),
        ("serial", 0x18),
        ("slot", 0x10),
    ] {
        facts.maybe(GROUP, bank, attribute, device.string(offset));
    }
}

/// `DIMM DDR4 Synchronous 2933 MHz (0.3 ns)`, or `DIMM Synchronous [empty]`.
fn description(words: &Map<String, Value>, size: Option<u64>, megahertz: Option<u64>) -> String {
    let known = |key: &str| {
        let word = words.get(key)?.as_str()?;
        (!matches!(word, "Unknown" | "None" | "Other")).then(|| word.to_owned())
    };
    let mut parts: Vec<String> = ["Form Factor", "Type", "Type Detail"]
        .iter()
        .filter_map(|key| known(key))
        .collect();
    if let Some(clock) = megahertz {
        // In tenths, so that no fraction is needed; no clock here is 0.
        let tenths = (10_000 + clock / 2) / clock;
        parts.push(format!("{clock} MHz ({}.{} ns)", tenths / 10, tenths % 10));
    }
    if size.is_none() {
        parts.push("[empty]".to_owned());
    }
    parts.join(" ")
}
