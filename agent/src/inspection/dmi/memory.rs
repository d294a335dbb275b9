//! Memory: arrays of slots, type 16, and what is in a slot, type 17. SMBIOS reference specification, 7.17 and 7.18.

use super::NUMBER_OF_DEVICES;
use super::codes::{Unit, bits_in_line, size};
use super::section::Section;
use crate::inventory::smbios::Structure;

const USES: [&str; 7] = [
    "Other",
    "Unknown",
    "System Memory",
    "Video Memory",
    "Flash Memory",
    "Non-volatile RAM",
    "Cache Memory",
];

const LOCATIONS: [&str; 10] = [
    "Other",
    "Unknown",
    "System Board Or Motherboard",
    "ISA Add-on Card",
    "EISA Add-on Card",
    "PCI Add-on Card",
    "MCA Add-on Card",
    "PCMCIA Add-on Card",
    "Proprietary Add-on Card",
    "NuBus",
];
/// The codes from 0xa0 on.
const LATER_LOCATIONS: [&str; 5] = [
    "PC-98/C20 Add-on Card",
    "PC-98/C24 Add-on Card",
    "PC-98/E Add-on Card",
    "PC-98/Local Bus Add-on Card",
    "CXL Flexbus 1.0",
];

const CORRECTIONS: [&str; 7] = [
    "Other",
    "Unknown",
    "None",
    "Parity",
    "Single-bit ECC",
    "Multi-bit ECC",
    "CRC",
];

/// The last one is of a later version than dmidecode 3.4 knows.
const FORM_FACTORS: [&str; 17] = [
    "Other",
    "Unknown",
    "SIMM",
    "SIP",
    "Chip",
    "DIP",
    "ZIP",
    "Proprietary Card",
    "DIMM",
    "TSOP",
    "Row Of Chips",
    "RIMM",
    "SODIMM",
    "SRIMM",
    "FB-DIMM",
    "Die",
    "CAMM",
];

/// The last one is of a later version than dmidecode 3.4 knows.
const TYPES: [&str; 36] = [
    "Other",
    "Unknown",
    "DRAM",
    "EDRAM",
    "VRAM",
    "SRAM",
    "RAM",
    "ROM",
    "Flash",
    "EEPROM",
    "FEPROM",
    "EPROM",
    "CDRAM",
    "3DRAM",
    "SDRAM",
    "SGRAM",
    "RDRAM",
    "DDR",
    "DDR2",
    "DDR2 FB-DIMM",
    "Reserved",
    "Reserved",
    "Reserved",
    "DDR3",
    "FBD2",
    "DDR4",
    "LPDDR",
    "LPDDR2",
    "LPDDR3",
    "LPDDR4",
    "Logical non-volatile device",
    "HBM",
    "HBM2",
    "DDR5",
    "LPDDR5",
    "HBM3",
];

/// From bit 1 on.
const DETAILS: [&str; 15] = [
    "Other",
    "Unknown",
    "Fast-paged",
    "Static Column",
    "Pseudo-static",
    "RAMBus",
    "Synchronous",
    "CMOS",
    "EDO",
    "Window DRAM",
    "Cache DRAM",
    "Non-Volatile",
    "Registered (Buffered)",
    "Unbuffered (Unregistered)",
    "LRDIMM",
];

const TECHNOLOGIES: [&str; 7] = [
    "Other",
    "Unknown",
    "DRAM",
    "NVDIMM-N",
    "NVDIMM-F",
    "NVDIMM-P",
    "Intel Optane DC persistent memory",
];

/// From bit 1 on.
const MODES: [&str; 5] = [
    "Other",
    "Unknown",
    "Volatile memory",
    "Byte-accessible persistent memory",
    "Block-accessible persistent memory",
];

/// A number that says that a later field has the value.
const SEE_EXTENDED_CAPACITY: u32 = 0x8000_0000;
const SEE_EXTENDED_SIZE: u16 = 0x7fff;
const SEE_EXTENDED_SPEED: u16 = 0xffff;

/// `None` where the structure ends.
pub(super) fn describe_array(section: &mut Section<'_>) -> Option<()> {
    let structure = section.structure;
    section.reaches(0x0f)?;
    match structure.byte(0x04)?.checked_sub(0xa0) {
        Some(index) if usize::from(index) < LATER_LOCATIONS.len() => {
            section.say("Location", LATER_LOCATIONS[usize::from(index)]);
        }
        _ => section.code("Location", 0x04, &LOCATIONS)?,
    }
    section.code("Use", 0x05, &USES)?;
    section.code("Error Correction Type", 0x06, &CORRECTIONS)?;
    section.say("Maximum Capacity", capacity(structure)?);
    section.say(
        "Error Information Handle",
        error_handle(structure.word(0x0b)?),
    );
    section.say(NUMBER_OF_DEVICES, structure.word(0x0d)?.to_string());
    Some(())
}

fn capacity(structure: &Structure) -> Option<String> {
    let kib = structure.double_word(0x07)?;
    if kib != SEE_EXTENDED_CAPACITY {
        return Some(size(kib.into(), Unit::Kib));
    }
    let bytes = structure.quad_word(0x0f);
    Some(bytes.map_or_else(unknown, |bytes| size(bytes, Unit::Bytes)))
}

/// `None` where the structure ends, and behind what an empty slot has.
pub(super) fn describe_device(section: &mut Section<'_>) -> Option<()> {
    let structure = section.structure;
    section.reaches(0x15)?;
    section.say("Array Handle", format!("0x{:04X}", structure.word(0x04)?));
    section.say(
        "Error Information Handle",
        error_handle(structure.word(0x06)?),
    );
    section.say("Total Width", width(structure.word(0x08)?));
    section.say("Data Width", width(structure.word(0x0a)?));
    let is_empty = structure.word(0x0c)? == 0;
    section.say("Size", device_size(structure)?);
    section.code("Form Factor", 0x0e, &FORM_FACTORS)?;
    section.say("Set", set(structure.byte(0x0f)?));
    section.text("Locator", 0x10)?;
    section.text("Bank Locator", 0x11)?;
    section.code("Type", 0x12, &TYPES)?;
    let details = structure.word(0x13)?.into();
    section.say("Type Detail", bits_in_line(details, 1, &DETAILS));
    if is_empty {
        return None;
    }
    section.reaches(0x17)?;
    section.say(
        "Speed",
        speed(structure.word(0x15)?, structure.double_word(0x54)),
    );
    section.reaches(0x1b)?;
    section.text("Manufacturer", 0x17)?;
    section.text("Serial Number", 0x18)?;
    section.text("Asset Tag", 0x19)?;
    section.text("Part Number", 0x1a)?;
    section.say("Rank", rank(structure.byte(0x1b)?));
    let configured = speed(structure.word(0x20)?, structure.double_word(0x58));
    section.say("Configured Memory Speed", configured);
    section.reaches(0x28)?;
    section.say("Minimum Voltage", voltage(structure.word(0x22)?));
    section.say("Maximum Voltage", voltage(structure.word(0x24)?));
    section.say("Configured Voltage", voltage(structure.word(0x26)?));
    describe_technology(section)
}

/// What the specification has known since version 3.2.
fn describe_technology(section: &mut Section<'_>) -> Option<()> {
    let structure = section.structure;
    section.reaches(0x34)?;
    section.code("Memory Technology", 0x28, &TECHNOLOGIES)?;
    let modes = structure.word(0x29)?.into();
    section.say(
        "Memory Operating Mode Capability",
        bits_in_line(modes, 1, &MODES),
    );
    section.text("Firmware Version", 0x2b)?;
    for (key, offset) in [("Module", 0x2c), ("Memory Subsystem Controller", 0x30)] {
        let (maker, product) = (structure.word(offset)?, structure.word(offset + 2)?);
        section.say(&format!("{key} Manufacturer ID"), manufacturer(maker));
        section.say(&format!("{key} Product ID"), product_id(product));
    }
    for (key, offset) in [
        ("Non-Volatile Size", 0x34),
        ("Volatile Size", 0x3c),
        ("Cache Size", 0x44),
        ("Logical Size", 0x4c),
    ] {
        section.say(key, part_size(structure.quad_word(offset)?));
    }
    Some(())
}

fn device_size(structure: &Structure) -> Option<String> {
    Some(match structure.word(0x0c)? {
        0 => "No Module Installed".to_owned(),
        0xffff => unknown(),
        SEE_EXTENDED_SIZE if structure.length() >= 0x20 => {
            extended_size(structure.double_word(0x1c)? & 0x7fff_ffff)
        }
        kib if kib & 0x8000 != 0 => size(u64::from(kib & 0x7fff), Unit::Kib),
        mib => size(mib.into(), Unit::Mib),
    })
}

/// In the largest unit that loses nothing.
fn extended_size(mib: u32) -> String {
    if mib & 0x3ff != 0 {
        format!("{mib} MB")
    } else if mib & 0xf_fc00 != 0 {
        format!("{} GB", mib >> 10)
    } else {
        format!("{} TB", mib >> 20)
    }
}

fn error_handle(handle: u16) -> String {
    match handle {
        0xfffe => "Not Provided".to_owned(),
        0xffff => "No Error".to_owned(),
        handle => format!("0x{handle:04X}"),
    }
}

fn width(bits: u16) -> String {
    match bits {
        0 | 0xffff => unknown(),
        bits => format!("{bits} bits"),
    }
}

fn set(code: u8) -> String {
    match code {
        0 => "None".to_owned(),
        0xff => unknown(),
        set => set.to_string(),
    }
}

fn speed(code: u16, extended: Option<u32>) -> String {
    let speed = match code {
        SEE_EXTENDED_SPEED => extended.unwrap_or(0),
        code => code.into(),
    };
    match speed {
        0 => unknown(),
        speed => format!("{speed} MT/s"),
    }
}

fn rank(code: u8) -> String {
    match code & 0x0f {
        0 => unknown(),
        rank => rank.to_string(),
    }
}

fn voltage(millivolts: u16) -> String {
    match millivolts {
        0 => unknown(),
        millivolts => format!("{} V", f64::from(millivolts) / 1000.0),
    }
}

/// By the list of JEDEC, JEP-106; the highest bit of the bank is its parity.
fn manufacturer(code: u16) -> String {
    match code {
        0 => unknown(),
        code => format!("Bank {}, Hex 0x{:02X}", (code & 0x7f) + 1, code >> 8),
    }
}

fn product_id(code: u16) -> String {
    match code {
        0 => unknown(),
        code => format!("0x{code:04X}"),
    }
}

fn part_size(bytes: u64) -> String {
    match bytes {
        0 => "None".to_owned(),
        u64::MAX => unknown(),
        bytes => size(bytes, Unit::Bytes),
    }
}

fn unknown() -> String {
    "Unknown".to_owned()
}
