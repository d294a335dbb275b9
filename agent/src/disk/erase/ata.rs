//! Disks of ATA erase themselves: SECURITY ERASE UNIT of ATA/ATAPI Command Set 3, through SG_IO by SCSI's ATA
//! PASS-THROUGH (SAT-3).
//!
//! The command needs a password, which this agent sets and the erase takes off. A disk that an earlier attempt has left
//! with one is unlocked: this agent and hdparm use 32 NULs, and hdparm before 9.51 the word NULL. Whatever fails, no
//! disk is left locked if that can be helped.

use std::time::Duration;

use ferric_agent_protocol::erase::EraseMethod;

use super::device::{AtaCommand, CommandError, Device};
use super::method::{Done, Job, MethodError};
use super::samples::{Before, Promise};
use crate::disk::passthrough::Data;

pub(super) const IDENTIFY_DEVICE: u8 = 0xec;
pub(super) const SET_PASSWORD: u8 = 0xf1;
pub(super) const UNLOCK: u8 = 0xf2;
pub(super) const ERASE_PREPARE: u8 = 0xf3;
pub(super) const ERASE_UNIT: u8 = 0xf4;
pub(super) const DISABLE_PASSWORD: u8 = 0xf6;

pub(super) const SECTOR_BYTES: usize = 512;
const QUICK: Duration = Duration::from_secs(30);
/// Beyond the time that the disk names, and where it names none.
const MARGIN: Duration = Duration::from_hours(2);
const UNKNOWN_TIME: Duration = Duration::from_hours(48);

/// What this agent sets, as hdparm does for `NULL`; the rest is NULs.
const PASSWORD: &[u8] = b"";
/// What hdparm before 9.51 set for it.
const OLD_PASSWORD: &[u8] = b"NULL";
/// Word 0 of the data of SECURITY ERASE UNIT.
pub(super) const ENHANCED: u8 = 1 << 1;

/// What IDENTIFY DEVICE says about security: word 128 and the times of words 89 and 90.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a bit of a word of the standard"
)]
struct Security {
    supported: bool,
    enabled: bool,
    locked: bool,
    frozen: bool,
    expired: bool,
    enhanced: bool,
    normal_time: Option<Duration>,
    enhanced_time: Option<Duration>,
}

/// A way to erase the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Enhanced,
    Normal,
}

/// Erases the disk; nothing where it has no security, or no direct way to it.
pub(super) fn erase(job: &Job<'_>) -> Result<Option<Done>, MethodError> {
    let security = match Security::identify(job.device) {
        Ok(security) if security.supported => security,
        Ok(_) => return Ok(None),
        Err(error) => {
            job.note(&error);
            return Ok(None);
        }
    };
    if security.frozen {
        return Err(MethodError::Frozen);
    }
    if security.enabled {
        clear_password(job, security)?;
    }
    let erased = set_password(job).and_then(|()| erase_in_modes(job, security));
    if erased.is_err() {
        release(job);
    }
    erased.map(Some)
}

/// Whether a password is why a disk cannot be read.
pub(super) fn holds_back(device: &dyn Device) -> bool {
    Security::identify(device).is_ok_and(|security| security.locked)
}

/// Takes an earlier password off. Only that tells which one it is: an unlocked disk may accept any to unlock it.
fn clear_password(job: &Job<'_>, security: Security) -> Result<(), MethodError> {
    if security.locked {
        if security.expired {
            return Err(MethodError::NoMoreAttempts);
        }
        with_each_password(job, UNLOCK, |security| !security.locked)?;
    }
    with_each_password(job, DISABLE_PASSWORD, |security| !security.enabled)
}

fn with_each_password(
    job: &Job<'_>,
    command: u8,
    has_worked: impl Fn(Security) -> bool,
) -> Result<(), MethodError> {
    for password in [PASSWORD, OLD_PASSWORD] {
        if let Err(error) = send_password(job, command, password) {
            let error = &error as &dyn std::error::Error;
            let device = job.subject.disk.name.as_str();
            tracing::info!(error, device, "a password that is not the disk's");
        }
        if has_worked(Security::identify(job.device)?) {
            return Ok(());
        }
    }
    Err(MethodError::Locked)
}

fn set_password(job: &Job<'_>) -> Result<(), MethodError> {
    let set = send_password(job, SET_PASSWORD, PASSWORD);
    set.map_err(MethodError::command("setting a password for the erase"))?;
    if Security::identify(job.device)?.enabled {
        return Ok(());
    }
    Err(MethodError::NotEnabled)
}

fn erase_in_modes(job: &Job<'_>, security: Security) -> Result<Done, MethodError> {
    let mut failed_before = Vec::new();
    if security.enhanced {
        match erase_in(job, Mode::Enhanced, security.enhanced_time) {
            Ok(done) => return Ok(done),
            Err(error) => failed_before.push(job.note(&error)),
        }
        job.check_stop()?;
        job.progress.restart();
        prepare_again(job)?;
    }
    match erase_in(job, Mode::Normal, security.normal_time) {
        Ok(done) => Ok(Done {
            failed_before,
            ..done
        }),
        Err(error) if failed_before.is_empty() => Err(error),
        Err(error) => {
            failed_before.push(job.note(&error));
            Err(MethodError::Several(failed_before.join("; ")))
        }
    }
}

/// A disk that says it has erased itself has lost its password; one that failed may have locked itself.
fn prepare_again(job: &Job<'_>) -> Result<(), MethodError> {
    let security = Security::identify(job.device)?;
    if !security.enabled {
        return set_password(job);
    }
    if security.locked {
        let unlocked = send_password(job, UNLOCK, PASSWORD);
        unlocked.map_err(MethodError::command("unlocking it again"))?;
    }
    Ok(())
}

fn erase_in(job: &Job<'_>, mode: Mode, time: Option<Duration>) -> Result<Done, MethodError> {
    let before = job.samples.mark(job.device);
    let prepared = send(job.device, ERASE_PREPARE, Data::None, QUICK);
    prepared.map_err(MethodError::command("preparing its erase"))?;
    if let Some(time) = time {
        job.progress.expect(time);
    }
    let mut data = password_data(PASSWORD);
    data[0] = mode.flag();
    let timeout = time.map_or(UNKNOWN_TIME, |time| 2 * time + MARGIN);
    let erased = send(job.device, ERASE_UNIT, Data::ToDrive(&data), timeout);
    erased.map_err(MethodError::command(mode.words()))?;
    if Security::identify(job.device)?.enabled {
        return Err(MethodError::StillEnabled);
    }
    job.progress.reached(job.subject.size);
    let samples = job.samples.check(job.device, &mode.promise(&before))?;
    Ok(Done {
        method: mode.method(),
        failed_before: Vec::new(),
        samples,
    })
}

/// Takes the password off again, so that the disk can be written and does not lock itself with its next start.
fn release(job: &Job<'_>) {
    let taken_off = Security::identify(job.device).and_then(|security| {
        if security.locked {
            let unlocked = send_password(job, UNLOCK, PASSWORD);
            unlocked.map_err(MethodError::command("unlocking it again"))?;
        }
        if security.enabled {
            let disabled = send_password(job, DISABLE_PASSWORD, PASSWORD);
            disabled.map_err(MethodError::command("taking its password off again"))?;
        }
        Ok(())
    });
    if let Err(error) = taken_off {
        job.note(&error);
    }
}

fn send_password(job: &Job<'_>, command: u8, password: &[u8]) -> Result<(), CommandError> {
    let data = password_data(password);
    send(job.device, command, Data::ToDrive(&data), QUICK)
}

/// A user's password at level high, for SECURITY SET PASSWORD and those that take it.
fn password_data(password: &[u8]) -> [u8; SECTOR_BYTES] {
    let mut data = [0; SECTOR_BYTES];
    data[2..2 + password.len()].copy_from_slice(password);
    data
}

fn send(
    device: &dyn Device,
    command: u8,
    data: Data<'_>,
    timeout: Duration,
) -> Result<(), CommandError> {
    let mut command = AtaCommand {
        command,
        data,
        timeout,
    };
    device.ata(&mut command)
}

impl Mode {
    fn flag(self) -> u8 {
        match self {
            Self::Enhanced => ENHANCED,
            Self::Normal => 0,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Enhanced => "erasing it in enhanced mode",
            Self::Normal => "erasing it in normal mode",
        }
    }

    fn method(self) -> EraseMethod {
        match self {
            Self::Enhanced => EraseMethod::AtaEraseEnhanced,
            Self::Normal => EraseMethod::AtaErase,
        }
    }

    /// Normal mode writes zeroes or ones, enhanced mode whatever the maker likes.
    fn promise(self, before: &Before) -> Promise<'_> {
        match self {
            Self::Enhanced => Promise::Altered(before),
            Self::Normal => Promise::Uniform,
        }
    }
}

impl Security {
    fn identify(device: &dyn Device) -> Result<Self, MethodError> {
        let mut data = [0; SECTOR_BYTES];
        let sent = send(device, IDENTIFY_DEVICE, Data::FromDrive(&mut data), QUICK);
        sent.map_err(MethodError::command("asking it about its security"))?;
        Ok(Self::parse(&data))
    }

    fn parse(data: &[u8; SECTOR_BYTES]) -> Self {
        let word = |number: usize| u16::from_le_bytes([data[2 * number], data[2 * number + 1]]);
        let bit = |bit: u16| word(128) & 1 << bit != 0;
        Self {
            supported: bit(0),
            enabled: bit(1),
            locked: bit(2),
            frozen: bit(3),
            expired: bit(4),
            enhanced: bit(5),
            normal_time: time(word(89)),
            enhanced_time: time(word(90)),
        }
    }
}

/// Units of two minutes, in the low byte or, where the highest bit is set, in all other bits; the largest number means
/// "longer", and 0 is no number.
fn time(word: u16) -> Option<Duration> {
    let (units, largest) = match word & 1 << 15 {
        0 => (word & 0xff, 0xff),
        _ => (word & 0x7fff, 0x7fff),
    };
    let is_known = units != 0 && units != largest;
    is_known.then(|| Duration::from_mins(2 * u64::from(units)))
}

/// The SCSI command ATA PASS-THROUGH(16) around a command of ATA.
pub(super) fn pass_through(command: &AtaCommand<'_>) -> [u8; 16] {
    const ATA_PASS_THROUGH_16: u8 = 0x85;
    // The protocol; which way the data goes, and that its length is in blocks of which the count says how many.
    let (protocol, transfer, count) = match command.data {
        Data::None => (3, 0, 0),
        Data::FromDrive(_) => (4, 0b1110, 1),
        Data::ToDrive(_) => (5, 0b0110, 1),
    };
    let mut block = [0; 16];
    block[0] = ATA_PASS_THROUGH_16;
    block[1] = protocol << 1;
    block[2] = transfer;
    block[6] = count;
    block[14] = command.command;
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_wrapped_as_sat_says() {
        let wrapped = |command, data| {
            pass_through(&AtaCommand {
                command,
                data,
                timeout: QUICK,
            })
        };
        // The bytes that hdparm sends.
        let identify = wrapped(IDENTIFY_DEVICE, Data::FromDrive(&mut []));
        assert_eq!(
            identify,
            [0x85, 0x08, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xec, 0]
        );
        let erase = wrapped(ERASE_UNIT, Data::ToDrive(&[]));
        assert_eq!(
            erase,
            [0x85, 0x0a, 0x06, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xf4, 0]
        );
        let prepare = wrapped(ERASE_PREPARE, Data::None);
        assert_eq!(
            prepare,
            [0x85, 0x06, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf3, 0]
        );
    }

    #[test]
    fn times_are_read_in_both_forms() {
        for (word, minutes) in [
            (0, None),
            (1, Some(2)),
            (254, Some(508)),
            (255, None),
            (0x8000 | 600, Some(1200)),
            (0xffff, None),
        ] {
            assert_eq!(time(word), minutes.map(Duration::from_mins), "{word:#x}");
        }
    }
}
