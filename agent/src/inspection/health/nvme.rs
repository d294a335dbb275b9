//! NVMe: the log page SMART / Health Information of the base specification.

use serde::Serialize;

use super::{Drive, Health, HealthError, asking, little_endian};

const HEALTH_PAGE: u8 = 0x02;
const PAGE_BYTES: usize = 512;
const ZERO_CELSIUS: i32 = 273;

/// Numbers that do not fit 64 bits are the largest that does.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Details {
    /// Bits: spare too low, too hot or cold, unreliable, read only, no backup of the cache, no persistent memory.
    critical_warning: u8,
    available_spare: u8,
    available_spare_threshold: u8,
    /// In units of 512000 bytes.
    data_units_read: u64,
    data_units_written: u64,
    host_reads: u64,
    host_writes: u64,
    controller_busy_minutes: u64,
    unsafe_shutdowns: u64,
    media_errors: u64,
    error_log_entries: u64,
    warning_temperature_minutes: u64,
    critical_temperature_minutes: u64,
}

pub(super) fn health(drive: &mut dyn Drive) -> Result<Health, HealthError> {
    let mut page = [0; PAGE_BYTES];
    let asked = drive.nvme_log(HEALTH_PAGE, &mut page);
    asked.map_err(asking("its health log"))?;
    let kelvin = i32::from(u16::from_le_bytes([page[1], page[2]]));
    let wide = |offset: usize| saturated(&page[offset..offset + 16]);
    Ok(Health {
        passed: Some(page[0] == 0),
        temperature_c: (kelvin > 0).then_some(kelvin - ZERO_CELSIUS),
        power_on_hours: Some(wide(128)),
        power_cycles: Some(wide(112)),
        percentage_used: Some(page[5].into()),
        nvme: Some(Details {
            critical_warning: page[0],
            available_spare: page[3],
            available_spare_threshold: page[4],
            data_units_read: wide(32),
            data_units_written: wide(48),
            host_reads: wide(64),
            host_writes: wide(80),
            controller_busy_minutes: wide(96),
            unsafe_shutdowns: wide(144),
            media_errors: wide(160),
            error_log_entries: wide(176),
            warning_temperature_minutes: little_endian(&page[192..196]),
            critical_temperature_minutes: little_endian(&page[196..200]),
        }),
        ..Health::default()
    })
}

/// A number of 16 bytes.
fn saturated(bytes: &[u8]) -> u64 {
    let (low, high) = bytes.split_at(8);
    if high.iter().any(|byte| *byte != 0) {
        return u64::MAX;
    }
    little_endian(low)
}
