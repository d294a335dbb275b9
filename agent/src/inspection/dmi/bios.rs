//! The firmware itself, type 0: SMBIOS reference specification, 7.1.

use super::codes::{OUT_OF_SPEC, Unit, bits, size};
use super::section::Section;

/// From bit 4 on.
const CHARACTERISTICS: [&str; 28] = [
    "ISA is supported",
    "MCA is supported",
    "EISA is supported",
    "PCI is supported",
    "PC Card (PCMCIA) is supported",
    "PNP is supported",
    "APM is supported",
    "BIOS is upgradeable",
    "BIOS shadowing is allowed",
    "VLB is supported",
    "ESCD support is available",
    "Boot from CD is supported",
    "Selectable boot is supported",
    "BIOS ROM is socketed",
    "Boot from PC Card (PCMCIA) is supported",
    "EDD is supported",
    "Japanese floppy for NEC 9800 1.2 MB is supported (int 13h)",
    "Japanese floppy for Toshiba 1.2 MB is supported (int 13h)",
    "5.25\"/360 kB floppy services are supported (int 13h)",
    "5.25\"/1.2 MB floppy services are supported (int 13h)",
    "3.5\"/720 kB floppy services are supported (int 13h)",
    "3.5\"/2.88 MB floppy services are supported (int 13h)",
    "Print screen service is supported (int 5h)",
    "8042 keyboard services are supported (int 9h)",
    "Serial services are supported (int 14h)",
    "Printer services are supported (int 17h)",
    "CGA/mono video services are supported (int 10h)",
    "NEC PC-98",
];
const NOT_SUPPORTED: u64 = 1 << 3;

const EXTENSION_1: [&str; 8] = [
    "ACPI is supported",
    "USB legacy is supported",
    "AGP is supported",
    "I2O boot is supported",
    "LS-120 boot is supported",
    "ATAPI Zip drive boot is supported",
    "IEEE 1394 boot is supported",
    "Smart battery is supported",
];

const EXTENSION_2: [&str; 7] = [
    "BIOS boot specification is supported",
    "Function key-initiated network boot is supported",
    "Targeted content distribution is supported",
    "UEFI is supported",
    "System is a virtual machine",
    "Manufacturing mode is supported",
    "Manufacturing mode is enabled",
];

/// `None` where the structure ends.
pub(super) fn describe(section: &mut Section<'_>) -> Option<()> {
    let structure = section.structure;
    section.reaches(0x12)?;
    section.text("Vendor", 0x04)?;
    section.text("Version", 0x05)?;
    section.text("Release Date", 0x08)?;
    // UEFI has no segment in the first mebibyte.
    let segment = u32::from(structure.word(0x06)?);
    if segment != 0 {
        section.say("Address", format!("0x{segment:04X}0"));
        section.say("Runtime Size", runtime_size((0x1_0000 - segment) << 4));
    }
    section.say(
        "ROM Size",
        rom_size(structure.byte(0x09)?, structure.word(0x18)),
    );
    section.list("Characteristics", &characteristics(section)?);
    section.reaches(0x18)?;
    for (key, offset) in [("BIOS Revision", 0x14), ("Firmware Revision", 0x16)] {
        let (major, minor) = (structure.byte(offset)?, structure.byte(offset + 1)?);
        if major != 0xff && minor != 0xff {
            section.say(key, format!("{major}.{minor}"));
        }
    }
    Some(())
}

fn characteristics(section: &Section<'_>) -> Option<Vec<&'static str>> {
    let structure = section.structure;
    let base = structure.quad_word(0x0a)?;
    let mut all = if base & NOT_SUPPORTED == 0 {
        bits(base, 4, &CHARACTERISTICS)
    } else {
        vec!["BIOS characteristics not supported"]
    };
    for (offset, words) in [(0x12, &EXTENSION_1[..]), (0x13, &EXTENSION_2[..])] {
        let set = structure.byte(offset).unwrap_or(0);
        all.extend(bits(set.into(), 0, words));
    }
    Some(all)
}

fn runtime_size(bytes: u32) -> String {
    if bytes & 0x3ff == 0 {
        format!("{} kB", bytes >> 10)
    } else {
        format!("{bytes} bytes")
    }
}

/// What does not fit the byte is in a word of later versions.
fn rom_size(code: u8, extended: Option<u16>) -> String {
    match (code, extended) {
        (0xff, None) => size(16, Unit::Mib),
        (0xff, Some(extended)) => {
            let unit = match extended >> 14 {
                0 => "MB",
                1 => "GB",
                _ => OUT_OF_SPEC,
            };
            format!("{} {unit}", extended & 0x3fff)
        }
        (code, _) => {
            let kib = (u32::from(code) + 1) << 6;
            if kib & 0x3ff == 0 {
                format!("{} MB", kib >> 10)
            } else {
                format!("{kib} kB")
            }
        }
    }
}
