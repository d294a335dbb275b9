//! ATA: SMART, by ATA PASS-THROUGH (16) of the SCSI / ATA Translation. Attributes are the makers' own, but all of them
//! use the layout that was in the standard once.

use serde::Serialize;

use super::attributes::name;
use super::{Drive, Health, HealthError, answered, asking, little_endian};

const PASS_THROUGH_16: u8 = 0x85;
/// Protocols of the pass-through, shifted to their place.
const NON_DATA: u8 = 3 << 1;
const PIO_DATA_IN: u8 = 4 << 1;
/// One block, counted in the field for that, from the disk.
const ONE_BLOCK_IN: u8 = 0x0e;
/// The registers are wanted although nothing is wrong.
const CHECK_CONDITION: u8 = 0x20;

const IDENTIFY_DEVICE: u8 = 0xec;
const SMART: u8 = 0xb0;
const READ_DATA: u8 = 0xd0;
const READ_THRESHOLDS: u8 = 0xd1;
const RETURN_STATUS: u8 = 0xda;
/// What SMART must find in the registers, and what it leaves there when the disk is well, or is not.
const SMART_WELL: [u8; 2] = [0x4f, 0xc2];
const SMART_FAILING: [u8; 2] = [0xf4, 0x2c];

const BLOCK_BYTES: usize = 512;
const ATTRIBUTES: usize = 30;
const ATTRIBUTE_BYTES: usize = 12;

const POWER_ON_HOURS: u8 = 9;
const POWER_CYCLES: u8 = 12;
const TEMPERATURES: [u8; 2] = [194, 190];

type Block = [u8; BLOCK_BYTES];

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Details {
    attributes: Vec<Attribute>,
}

/// A value of 100 or 200 is as good as new; at the threshold the disk is failing, or as old as it should get.
#[derive(Debug, PartialEq, Serialize)]
struct Attribute {
    id: u8,
    /// As smartctl calls it; null for those that each maker uses in his own way.
    name: Option<&'static str>,
    value: u8,
    worst: u8,
    threshold: Option<u8>,
    /// Whether reaching the threshold means that the disk fails soon, and not merely that it is old.
    is_critical: bool,
    raw: u64,
}

impl Attribute {
    fn is_failing(&self) -> bool {
        let reached = |threshold| threshold > 0 && self.value <= threshold;
        self.is_critical && self.threshold.is_some_and(reached)
    }
}

pub(super) fn health(drive: &mut dyn Drive) -> Result<Health, HealthError> {
    let identity = read(drive, "its identity", IDENTIFY_DEVICE, 0)?;
    check_smart(&identity)?;
    let data = checked(read(drive, "SMART data", SMART, READ_DATA)?, "SMART data")?;
    // Newer disks need not have them.
    let thresholds = read(drive, "thresholds", SMART, READ_THRESHOLDS).ok();
    let attributes = attributes(&data, thresholds.as_ref());
    let raw = |id| {
        let found = attributes.iter().find(|attribute| attribute.id == id);
        found.map(|attribute| attribute.raw)
    };
    // Some adapters lose the registers; then the attributes must do.
    let is_well = status(drive).unwrap_or_else(|| !attributes.iter().any(Attribute::is_failing));
    Ok(Health {
        passed: Some(is_well),
        temperature_c: TEMPERATURES.into_iter().find_map(raw).map(celsius),
        // Some makers count something else in the upper half.
        power_on_hours: raw(POWER_ON_HOURS).map(|hours| hours & 0xffff_ffff),
        power_cycles: raw(POWER_CYCLES),
        ata: Some(Details { attributes }),
        ..Health::default()
    })
}

fn read(
    drive: &mut dyn Drive,
    what: &'static str,
    command: u8,
    feature: u8,
) -> Result<Block, HealthError> {
    let mut block = [0; BLOCK_BYTES];
    let command = pass_through(command, feature, PIO_DATA_IN, ONE_BLOCK_IN);
    let end = drive.scsi(&command, &mut block).map_err(asking(what))?;
    answered(&end, what)?;
    Ok(block)
}

fn pass_through(command: u8, feature: u8, protocol: u8, flags: u8) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0] = PASS_THROUGH_16;
    bytes[1] = protocol;
    bytes[2] = flags;
    bytes[4] = feature;
    bytes[6] = u8::from(protocol == PIO_DATA_IN);
    if command == SMART {
        [bytes[10], bytes[12]] = SMART_WELL;
    }
    bytes[14] = command;
    bytes
}

/// Turning SMART on would change the disk, so that is left to others.
fn check_smart(identity: &Block) -> Result<(), HealthError> {
    let word = |index: usize| u16::from_le_bytes([identity[2 * index], identity[2 * index + 1]]);
    let is_valid = word(83) >> 14 == 1;
    match (is_valid && word(82) & 1 == 1, word(85) & 1 == 1) {
        (false, _) => Err(HealthError::NoSmart),
        (true, false) => Err(HealthError::SmartOff),
        (true, true) => Ok(()),
    }
}

/// All bytes of a block add up to 0.
fn checked(block: Block, what: &'static str) -> Result<Block, HealthError> {
    let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if sum == 0 {
        Ok(block)
    } else {
        Err(HealthError::Checksum { what })
    }
}

fn attributes(data: &Block, thresholds: Option<&Block>) -> Vec<Attribute> {
    let entries = |block: &Block| -> Vec<[u8; ATTRIBUTE_BYTES]> {
        let (entries, _) = block[2..].as_chunks::<ATTRIBUTE_BYTES>();
        entries.iter().take(ATTRIBUTES).copied().collect()
    };
    let thresholds = thresholds.map(entries).unwrap_or_default();
    let used = entries(data).into_iter().filter(|entry| entry[0] != 0);
    used.map(|entry| {
        let threshold = thresholds.iter().find(|other| other[0] == entry[0]);
        Attribute {
            id: entry[0],
            name: name(entry[0]),
            value: entry[3],
            worst: entry[4],
            threshold: threshold.map(|threshold| threshold[1]),
            is_critical: entry[1] & 1 == 1,
            raw: little_endian(&entry[5..11]),
        }
    })
    .collect()
}

/// `None` where the answer got lost on its way.
fn status(drive: &mut dyn Drive) -> Option<bool> {
    let command = pass_through(SMART, RETURN_STATUS, NON_DATA, CHECK_CONDITION);
    let reply = drive.scsi(&command, &mut []).ok()?;
    match registers(&reply.sense)? {
        SMART_WELL => Some(true),
        SMART_FAILING => Some(false),
        _ => None,
    }
}

/// The two registers that SMART answers in, from sense data of either form.
fn registers(sense: &[u8]) -> Option<[u8; 2]> {
    const ATA_STATUS_RETURN: u8 = 0x09;
    match sense.first()? & 0x7f {
        0x70 => Some([*sense.get(10)?, *sense.get(11)?]),
        0x72 => {
            let mut rest = sense.get(8..)?;
            while let [kind, length, ..] = *rest {
                let end = 2 + usize::from(length);
                if kind == ATA_STATUS_RETURN {
                    return Some([*rest.get(9)?, *rest.get(11)?]);
                }
                rest = rest.get(end..)?;
            }
            None
        }
        _ => None,
    }
}

/// The lowest byte is the temperature now, a signed one; above it there may be the extremes.
fn celsius(raw: u64) -> i32 {
    let [lowest, ..] = raw.to_le_bytes();
    lowest.cast_signed().into()
}
