//! A processor, type 4: SMBIOS reference specification, 7.5.

use super::codes::{OUT_OF_SPEC, bits};
use super::families::{self, Architecture};
use super::section::Section;
use crate::inventory::smbios::Structure;

const TYPES: [&str; 6] = [
    "Other",
    "Unknown",
    "Central Processor",
    "Math Processor",
    "DSP Processor",
    "Video Processor",
];

const STATES: [&str; 8] = [
    "Unknown",
    "Enabled",
    "Disabled By User",
    "Disabled By BIOS",
    "Idle",
    OUT_OF_SPEC,
    OUT_OF_SPEC,
    "Other",
];

/// How it is plugged in, from code 1 on.
const UPGRADES: [&str; 80] = [
    "Other",
    "Unknown",
    "Daughter Board",
    "ZIF Socket",
    "Replaceable Piggy Back",
    "None",
    "LIF Socket",
    "Slot 1",
    "Slot 2",
    "370-pin Socket",
    "Slot A",
    "Slot M",
    "Socket 423",
    "Socket A (Socket 462)",
    "Socket 478",
    "Socket 754",
    "Socket 940",
    "Socket 939",
    "Socket mPGA604",
    "Socket LGA771",
    "Socket LGA775",
    "Socket S1",
    "Socket AM2",
    "Socket F (1207)",
    "Socket LGA1366",
    "Socket G34",
    "Socket AM3",
    "Socket C32",
    "Socket LGA1156",
    "Socket LGA1567",
    "Socket PGA988A",
    "Socket BGA1288",
    "Socket rPGA988B",
    "Socket BGA1023",
    "Socket BGA1224",
    "Socket BGA1155",
    "Socket LGA1356",
    "Socket LGA2011",
    "Socket FS1",
    "Socket FS2",
    "Socket FM1",
    "Socket FM2",
    "Socket LGA2011-3",
    "Socket LGA1356-3",
    "Socket LGA1150",
    "Socket BGA1168",
    "Socket BGA1234",
    "Socket BGA1364",
    "Socket AM4",
    "Socket LGA1151",
    "Socket BGA1356",
    "Socket BGA1440",
    "Socket BGA1515",
    "Socket LGA3647-1",
    "Socket SP3",
    "Socket SP3r2",
    "Socket LGA2066",
    "Socket BGA1392",
    "Socket BGA1510",
    "Socket BGA1528",
    "Socket LGA4189",
    "Socket LGA1200",
    "Socket LGA4677",
    // Of later versions of the specification than dmidecode 3.4 knows.
    "Socket LGA1700",
    "Socket BGA1744",
    "Socket BGA1781",
    "Socket BGA1211",
    "Socket BGA2422",
    "Socket LGA1211",
    "Socket LGA2422",
    "Socket LGA5773",
    "Socket BGA5773",
    "Socket AM5",
    "Socket SP5",
    "Socket SP6",
    "Socket BGA883",
    "Socket BGA1190",
    "Socket BGA4129",
    "Socket LGA4710",
    "Socket LGA7529",
];

/// Bits that CPUID's function 1 has in EDX.
const FLAGS: [&str; 32] = [
    "FPU (Floating-point unit on-chip)",
    "VME (Virtual mode extension)",
    "DE (Debugging extension)",
    "PSE (Page size extension)",
    "TSC (Time stamp counter)",
    "MSR (Model specific registers)",
    "PAE (Physical address extension)",
    "MCE (Machine check exception)",
    "CX8 (CMPXCHG8 instruction supported)",
    "APIC (On-chip APIC hardware supported)",
    "",
    "SEP (Fast system call)",
    "MTRR (Memory type range registers)",
    "PGE (Page global enable)",
    "MCA (Machine check architecture)",
    "CMOV (Conditional move instruction supported)",
    "PAT (Page attribute table)",
    "PSE-36 (36-bit page size extension)",
    "PSN (Processor serial number present and enabled)",
    "CLFSH (CLFLUSH instruction supported)",
    "",
    "DS (Debug store)",
    "ACPI (ACPI supported)",
    "MMX (MMX technology supported)",
    "FXSR (FXSAVE and FXSTOR instructions supported)",
    "SSE (Streaming SIMD extensions)",
    "SSE2 (Streaming SIMD extensions 2)",
    "SS (Self-snoop)",
    "HTT (Multi-threading)",
    "TM (Thermal monitor supported)",
    "",
    "PBE (Pending break enabled)",
];

/// From bit 2 on.
const CHARACTERISTICS: [&str; 8] = [
    "64-bit capable",
    "Multi-Core",
    "Hardware Thread",
    "Execute Protection",
    "Enhanced Virtualization",
    "Power/Performance Control",
    "128-bit Capable",
    "Arm64 SoC ID",
];
const ARM64_SOC_ID: u16 = 1 << 9;

/// The family's code stands in a word of later versions.
const SEE_FAMILY_2: u8 = 0xfe;

/// `None` where the structure ends.
pub(super) fn describe(section: &mut Section<'_>) -> Option<()> {
    let structure = section.structure;
    section.reaches(0x1a)?;
    let family = family(structure)?;
    let manufacturer = section.raw_text(0x07)?;
    let version = section.raw_text(0x10)?;
    section.text("Socket Designation", 0x04)?;
    section.code("Type", 0x05, &TYPES)?;
    section.say("Family", families::name(family, &manufacturer));
    section.say("Manufacturer", manufacturer);
    identify(section, families::architecture(family, &version))?;
    section.say("Version", version);
    section.say("Voltage", voltage(structure.byte(0x11)?));
    for (key, offset) in [
        ("External Clock", 0x12),
        ("Max Speed", 0x14),
        ("Current Speed", 0x16),
    ] {
        section.say(key, megahertz(structure.word(offset)?));
    }
    section.say("Status", status(structure.byte(0x18)?));
    section.code("Upgrade", 0x19, &UPGRADES)?;
    section.reaches(0x20)?;
    for (key, offset) in [
        ("L1 Cache Handle", 0x1a),
        ("L2 Cache Handle", 0x1c),
        ("L3 Cache Handle", 0x1e),
    ] {
        section.say(key, cache(structure.word(offset)?));
    }
    section.reaches(0x23)?;
    section.text("Serial Number", 0x20)?;
    section.text("Asset Tag", 0x21)?;
    section.text("Part Number", 0x22)?;
    section.reaches(0x28)?;
    for (key, offset, wide) in [
        ("Core Count", 0x23, 0x2a),
        ("Core Enabled", 0x24, 0x2c),
        ("Thread Count", 0x25, 0x2e),
    ] {
        count(section, key, structure.byte(offset)?, structure.word(wide));
    }
    let set = structure.word(0x26)?.into();
    section.list_or_none("Characteristics", &bits(set, 2, &CHARACTERISTICS));
    Some(())
}

fn family(structure: &Structure) -> Option<u16> {
    match (structure.byte(0x06)?, structure.word(0x28)) {
        (SEE_FAMILY_2, Some(family)) => Some(family),
        (family, _) => Some(family.into()),
    }
}

/// What the processor's own identification says.
fn identify(section: &mut Section<'_>, architecture: Option<Architecture>) -> Option<()> {
    let structure = section.structure;
    let id = structure.bytes(0x08, 8)?;
    let hex: Vec<String> = id.iter().map(|byte| format!("{byte:02X}")).collect();
    section.say("ID", hex.join(" "));
    let (signature, flags) = (structure.double_word(0x08)?, structure.double_word(0x0c)?);
    let has_soc_id = structure
        .word(0x26)
        .is_some_and(|set| set & ARM64_SOC_ID != 0);
    let Some(architecture) = architecture else {
        return Some(());
    };
    match architecture {
        Architecture::Arm => {
            let text = if has_soc_id {
                arm_chip(signature, flags)
            } else {
                arm_core(signature)
            };
            section.say("Signature", text);
            return Some(());
        }
        Architecture::Intel => section.say("Signature", intel(signature)),
        Architecture::Amd => section.say("Signature", amd(signature)),
    }
    section.list_or_none("Flags", &bits(flags.into(), 0, &FLAGS));
    Some(())
}

fn intel(signature: u32) -> String {
    let kind = signature >> 12 & 0x3;
    let family = (signature >> 20 & 0xff) + (signature >> 8 & 0xf);
    let model = (signature >> 12 & 0xf0) + (signature >> 4 & 0xf);
    let stepping = signature & 0xf;
    format!("Type {kind}, Family {family}, Model {model}, Stepping {stepping}")
}

/// The extended family and model count only with the highest family.
fn amd(signature: u32) -> String {
    let (mut family, mut model) = (signature >> 8 & 0xf, signature >> 4 & 0xf);
    if family == 0xf {
        family += signature >> 20 & 0xff;
        model += signature >> 12 & 0xf0;
    }
    format!(
        "Family {family}, Model {model}, Stepping {}",
        signature & 0xf
    )
}

fn arm_core(signature: u32) -> String {
    let (maker, variant) = (signature >> 24, signature >> 20 & 0xf);
    let (level, part) = (signature >> 16 & 0xf, signature >> 4 & 0xfff);
    let revision = signature & 0xf;
    format!(
        "Implementor 0x{maker:02x}, Variant 0x{variant:x}, Architecture {level}, Part 0x{part:03x}, Revision {revision}"
    )
}

fn arm_chip(signature: u32, revision: u32) -> String {
    let (bank, maker) = (signature >> 24 & 0x7f, signature >> 16 & 0xff);
    let chip = signature & 0xffff;
    format!(
        "JEP-106 Bank 0x{bank:02x} Manufacturer 0x{maker:02x}, SoC ID 0x{chip:04x}, SoC Revision 0x{revision:08x}"
    )
}

fn voltage(code: u8) -> String {
    if code & 0x80 != 0 {
        return format!("{:.1} V", f32::from(code & 0x7f) / 10.0);
    }
    let volts = bits(code.into(), 0, &["5.0 V", "3.3 V", "2.9 V"]);
    if volts.is_empty() {
        "Unknown".to_owned()
    } else {
        volts.join(" ")
    }
}

fn megahertz(code: u16) -> String {
    if code == 0 {
        return "Unknown".to_owned();
    }
    format!("{code} MHz")
}

fn status(code: u8) -> String {
    if code & 0x40 == 0 {
        return "Unpopulated".to_owned();
    }
    format!("Populated, {}", STATES[usize::from(code & 0x07)])
}

fn cache(handle: u16) -> String {
    if handle == 0xffff {
        return "Not Provided".to_owned();
    }
    format!("0x{handle:04X}")
}

/// What does not fit the byte is in a word of later versions; 0 is unknown.
fn count(section: &mut Section<'_>, key: &str, narrow: u8, wide: Option<u16>) {
    let count = match (narrow, wide) {
        (0, _) => return,
        (0xff, Some(wide)) => wide,
        (narrow, _) => narrow.into(),
    };
    section.say(key, count.to_string());
}
