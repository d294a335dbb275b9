//! The firmware's tables: maker, model, serial numbers, memory modules. A parser of foreign bytes.
//!
//! Whatever the bytes are, reading ends and nothing is indexed unchecked; a broken table yields what stands before
//! the break. Fields are those of the SMBIOS reference specification 3.

use std::path::Path;

/// The tables are some tens of KiB; what is longer is not read.
const MAX_BYTES: usize = 1 << 20;
const END_OF_TABLE: u8 = 127;
/// What an array of memory may be for, beside the system: video, flash, NVRAM and cache.
const OTHER_PURPOSES: std::ops::RangeInclusive<u8> = 4..=7;

/// All structures of the table.
#[derive(Debug, Default)]
pub(crate) struct Smbios(Vec<Structure>);

/// A part of the table.
#[derive(Debug)]
pub(crate) struct Structure {
    pub(crate) kind: u8,
    /// The formatted part, header included, so that offsets are those of the specification.
    fields: Vec<u8>,
    strings: Vec<String>,
}

/// What the machine says about itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) manufacturer: Option<String>,
    pub(crate) product_name: Option<String>,
    pub(crate) serial_number: Option<String>,
    pub(crate) firmware_vendor: Option<String>,
    pub(crate) firmware_version: Option<String>,
    pub(crate) firmware_date: Option<String>,
}

impl Smbios {
    /// Reads the table; a machine without one has an empty one.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_default();
        Self::parse(&bytes[..bytes.len().min(MAX_BYTES)])
    }

    pub(crate) fn parse(mut bytes: &[u8]) -> Self {
        let mut structures = Vec::new();
        while let Some((structure, rest)) = Structure::split(bytes) {
            let is_end = structure.kind == END_OF_TABLE;
            structures.push(structure);
            if is_end {
                break;
            }
            bytes = rest;
        }
        Self(structures)
    }

    /// The structures of a type, in the firmware's order.
    pub(crate) fn of_kind(&self, kind: u8) -> impl Iterator<Item = &Structure> {
        self.0
            .iter()
            .filter(move |structure| structure.kind == kind)
    }

    pub(crate) fn identity(&self) -> Identity {
        let firmware = |offset| self.of_kind(0).next()?.string(offset);
        let system = |offset| self.of_kind(1).next()?.string(offset);
        Identity {
            manufacturer: system(0x04),
            product_name: system(0x05),
            serial_number: system(0x07),
            firmware_vendor: firmware(0x04),
            firmware_version: firmware(0x05),
            firmware_date: firmware(0x08),
        }
    }

    /// The sum of all memory modules, without those of the firmware's flash and the like; `None` when none is listed.
    pub(crate) fn installed_mib(&self) -> Option<u64> {
        let is_of_others = |array: &&Structure| {
            let purpose = array.byte(0x05);
            purpose.is_some_and(|purpose| OTHER_PURPOSES.contains(&purpose))
        };
        let others = self.of_kind(16).filter(is_of_others);
        let others: Vec<u16> = others.map(Structure::handle).collect();
        let is_memory = |module: &&Structure| {
            let array = module.word(0x04);
            array.is_none_or(|array| !others.contains(&array))
        };
        let modules = self.of_kind(17).filter(is_memory);
        let sum: u64 = modules.filter_map(Structure::memory_mib).sum();
        Some(sum).filter(|sum| *sum > 0)
    }
}

/// What a field says that holds the number of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference<'a> {
    None,
    /// There is no such string.
    Dangling,
    Text(&'a str),
}

impl Structure {
    /// The first structure, and the bytes behind it.
    fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let length = usize::from(*bytes.get(1)?);
        let fields = bytes.get(..length).filter(|fields| fields.len() >= 4)?;
        let (strings, rest) = split_strings(bytes.get(length..)?)?;
        let structure = Self {
            kind: fields[0],
            fields: fields.to_vec(),
            strings,
        };
        Some((structure, rest))
    }

    /// The length of the formatted part, which tells what fields there are.
    pub(crate) fn length(&self) -> usize {
        self.fields.len()
    }

    /// By what other structures refer to this one.
    pub(crate) fn handle(&self) -> u16 {
        self.word(0x02).unwrap_or_default()
    }

    pub(crate) fn byte(&self, offset: usize) -> Option<u8> {
        self.fields.get(offset).copied()
    }

    pub(crate) fn word(&self, offset: usize) -> Option<u16> {
        let bytes = self.fields.get(offset..offset + 2)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    }

    pub(crate) fn double_word(&self, offset: usize) -> Option<u32> {
        let bytes = self.fields.get(offset..offset + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    pub(crate) fn quad_word(&self, offset: usize) -> Option<u64> {
        let bytes = self.fields.get(offset..offset + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    pub(crate) fn bytes(&self, offset: usize, count: usize) -> Option<&[u8]> {
        self.fields.get(offset..offset + count)
    }

    /// What a field that holds a string's number, counted from one, refers to; zero is no string.
    pub(crate) fn reference(&self, offset: usize) -> Option<Reference<'_>> {
        let Some(index) = usize::from(self.byte(offset)?).checked_sub(1) else {
            return Some(Reference::None);
        };
        let text = self.strings.get(index).filter(|text| !text.is_empty());
        Some(text.map_or(Reference::Dangling, |text| Reference::Text(text)))
    }

    /// The text that a field refers to, where it says anything.
    pub(crate) fn string(&self, offset: usize) -> Option<String> {
        match self.reference(offset)? {
            Reference::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Reference::None | Reference::Dangling => None,
        }
    }

    /// Of a memory module: 0 is an empty slot, 0xffff unknown, 0x7fff says that another field has the size.
    pub(crate) fn memory_mib(&self) -> Option<u64> {
        match self.word(0x0c)? {
            0 | 0xffff => None,
            0x7fff => Some(u64::from(self.double_word(0x1c)? & 0x7fff_ffff)),
            kib if kib & 0x8000 != 0 => Some(u64::from(kib & 0x7fff) / 1024),
            mib => Some(u64::from(mib)),
        }
    }
}

/// The strings end with an empty one; without any string there are two zero bytes.
fn split_strings(bytes: &[u8]) -> Option<(Vec<String>, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == [0, 0])?;
    let texts = bytes[..end].split(|byte| *byte == 0);
    let strings = texts
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    Some((strings, &bytes[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(kind: u8, fields: &[u8], strings: &[&str]) -> Vec<u8> {
        let length = u8::try_from(fields.len() + 4).unwrap();
        let mut bytes = vec![kind, length, 0, 0];
        bytes.extend_from_slice(fields);
        for text in strings {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        bytes.extend_from_slice(if strings.is_empty() { &[0, 0] } else { &[0] });
        bytes
    }

    fn module(size: u16, extended: u32) -> Vec<u8> {
        let mut fields = vec![0; 0x1c - 4 + 4];
        fields[0x08..0x0a].copy_from_slice(&size.to_le_bytes());
        fields[0x18..0x1c].copy_from_slice(&extended.to_le_bytes());
        structure(17, &fields, &[])
    }

    fn table() -> Vec<u8> {
        let mut bytes = structure(0, &[1, 2, 0, 0, 3], &["SeaBIOS", "1.16", "04/01/2014"]);
        bytes.extend(structure(
            1,
            &[1, 2, 0, 3],
            &["QEMU", "Standard PC", " S-1 "],
        ));
        bytes.extend(module(8192, 0));
        bytes.extend(module(0x7fff, 65536));
        bytes.extend(module(0x8000 | 2048, 0));
        bytes.extend(module(0, 0));
        bytes.extend(structure(127, &[], &[]));
        bytes.extend(structure(1, &[1, 1, 1, 1], &["after the end"]));
        bytes
    }

    #[test]
    fn identity_and_memory_are_read() {
        let smbios = Smbios::parse(&table());
        let text = |text: &str| Some(text.to_owned());
        let expected = Identity {
            manufacturer: text("QEMU"),
            product_name: text("Standard PC"),
            serial_number: text("S-1"),
            firmware_vendor: text("SeaBIOS"),
            firmware_version: text("1.16"),
            firmware_date: text("04/01/2014"),
        };
        assert_eq!(smbios.identity(), expected);
        assert_eq!(smbios.installed_mib(), Some(8192 + 65536 + 2));
    }

    #[test]
    fn modules_that_are_not_for_the_system_are_no_memory() {
        let array = |handle: u16, purpose: u8| {
            let mut bytes = structure(16, &[3, purpose], &[]);
            bytes[2..4].copy_from_slice(&handle.to_le_bytes());
            bytes
        };
        let module = |array: u16, mib: u16| {
            let mut bytes = module(mib, 0);
            bytes[4..6].copy_from_slice(&array.to_le_bytes());
            bytes
        };
        for (purpose, expected) in [(2, 8208), (3, 8208), (4, 8192), (5, 8192), (7, 8192)] {
            let all = [
                array(0x10, 3),
                array(0x11, purpose),
                module(0x10, 8192),
                module(0x11, 16),
            ];
            let smbios = Smbios::parse(&all.concat());
            assert_eq!(smbios.installed_mib(), Some(expected), "{purpose}");
        }
    }

    #[test]
    fn a_table_cut_anywhere_yields_what_stands_before_the_cut() {
        let table = table();
        for end in 0..table.len() {
            let smbios = Smbios::parse(&table[..end]);
            smbios.identity();
            smbios.installed_mib();
        }
        assert_eq!(Smbios::default().installed_mib(), None);
    }

    #[test]
    fn a_structure_that_claims_to_be_shorter_than_its_header_ends_the_table() {
        assert!(Smbios::parse(&[1, 0, 0, 0, 0, 0]).0.is_empty());
        assert!(Smbios::parse(&[1, 3, 0, 0, 0, 0]).0.is_empty());
    }
}
