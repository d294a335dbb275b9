//! SCSI: the log pages of SAS disks, SPC-5 and SBC-4. What a disk does not have is null.

use serde::Serialize;

use super::{Drive, Health, HealthError, answered, asking};

const LOG_SENSE: u8 = 0x4d;
/// The values of now, and not those of the last reset.
const CUMULATIVE: u8 = 0x40;
/// More than any page here has.
const PAGE_BYTES: u16 = 4096;

const SUPPORTED_PAGES: u8 = 0x00;
const WRITE_ERRORS: u8 = 0x02;
const READ_ERRORS: u8 = 0x03;
const TEMPERATURE: u8 = 0x0d;
const START_STOP: u8 = 0x0e;
const SOLID_STATE: u8 = 0x11;
const BACKGROUND_SCAN: u8 = 0x15;
const INFORMATIONAL_EXCEPTIONS: u8 = 0x2f;

/// A temperature that the disk does not know.
const UNKNOWN_TEMPERATURE: u8 = 0xff;
const TOTAL_UNCORRECTED_ERRORS: u16 = 6;
const ACCUMULATED_CYCLES: u16 = 4;

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Details {
    /// Additional sense code and its qualifier of the failure that the disk expects; 0 is none.
    exception: Option<[u8; 2]>,
    uncorrected_read_errors: Option<u64>,
    uncorrected_write_errors: Option<u64>,
}

/// Pages are asked for when they are wanted, and only such as the disk lists.
struct Log<'a> {
    drive: &'a mut dyn Drive,
    pages: Vec<u8>,
}

pub(super) fn health(drive: &mut dyn Drive) -> Result<Health, HealthError> {
    let pages = read_page(drive, SUPPORTED_PAGES)?;
    let mut log = Log { drive, pages };
    let exceptions = log.parameter(INFORMATIONAL_EXCEPTIONS, 0);
    let exception = exceptions
        .as_deref()
        .and_then(|bytes| bytes.first_chunk().copied());
    let temperature = log.parameter(TEMPERATURE, 0);
    let temperature = temperature.and_then(|bytes| bytes.get(1).copied());
    let scan = log.parameter(BACKGROUND_SCAN, 0);
    let minutes = scan.and_then(|bytes| bytes.get(..4).map(big_endian));
    let wear = log.parameter(SOLID_STATE, 1);
    let cycles = log.parameter(START_STOP, ACCUMULATED_CYCLES);
    Ok(Health {
        passed: exception.map(|[code, _]| code == 0),
        temperature_c: temperature
            .filter(|celsius| *celsius != UNKNOWN_TEMPERATURE)
            .map(i32::from),
        power_on_hours: minutes.map(|minutes| minutes / 60),
        power_cycles: cycles.map(|bytes| big_endian(&bytes)),
        percentage_used: wear.and_then(|bytes| bytes.get(3).map(|used| u64::from(*used))),
        scsi: Some(Details {
            exception,
            uncorrected_read_errors: log.uncorrected(READ_ERRORS),
            uncorrected_write_errors: log.uncorrected(WRITE_ERRORS),
        }),
        ..Health::default()
    })
}

impl Log<'_> {
    fn parameter(&mut self, page: u8, code: u16) -> Option<Vec<u8>> {
        if !self.pages.contains(&page) {
            return None;
        }
        parameter(&read_page(self.drive, page).ok()?, code)
    }

    fn uncorrected(&mut self, page: u8) -> Option<u64> {
        let bytes = self.parameter(page, TOTAL_UNCORRECTED_ERRORS)?;
        Some(big_endian(&bytes))
    }
}

/// What stands behind the header of a page.
fn read_page(drive: &mut dyn Drive, page: u8) -> Result<Vec<u8>, HealthError> {
    const WHAT: &str = "a log page";
    let mut bytes = vec![0; usize::from(PAGE_BYTES)];
    let [high, low] = PAGE_BYTES.to_be_bytes();
    let command = [LOG_SENSE, 0, CUMULATIVE | page, 0, 0, 0, 0, high, low, 0];
    let end = drive.scsi(&command, &mut bytes).map_err(asking(WHAT))?;
    answered(&end, WHAT)?;
    let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    let end = (4 + length).min(bytes.len());
    Ok(bytes[4..end].to_vec())
}

/// Each parameter has its code, a byte of flags, its length, and then its bytes.
fn parameter(page: &[u8], code: u16) -> Option<Vec<u8>> {
    let mut rest = page;
    while let [high, low, _, length, tail @ ..] = rest {
        let (value, behind) = tail.split_at_checked(usize::from(*length))?;
        if u16::from_be_bytes([*high, *low]) == code {
            return Some(value.to_vec());
        }
        rest = behind;
    }
    None
}

/// The last eight bytes of a number, the highest byte first.
fn big_endian(bytes: &[u8]) -> u64 {
    let lowest_eight = &bytes[bytes.len().saturating_sub(8)..];
    lowest_eight
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
