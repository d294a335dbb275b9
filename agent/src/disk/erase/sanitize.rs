//! Sanitize of NVMe: it runs in the drive, of which the log page 81h tells how far it is, and no power cut ends it.
//!
//! It reaches all namespaces of a drive. One that fails leaves a drive that refuses everything else; it is asked for in
//! such a way that the drive can be taken out of that.

use std::time::{Duration, Instant};

use super::device::{CommandError, Device};
use super::method::{Job, MethodError};
use crate::disk::passthrough::NvmeCommand;

pub(super) const GET_LOG_PAGE: u8 = 0x02;
pub(super) const SANITIZE: u8 = 0x84;
pub(super) const LOG_BYTES: usize = 512;
const SANITIZE_LOG: u32 = 0x81;
const ALL_NAMESPACES: u32 = u32::MAX;
/// The command itself only begins it.
const QUICK: Duration = Duration::from_mins(2);
/// Disks with platters take long.
const LIMIT_HOURS: u64 = 72;

/// SANACT.
const EXIT_FAILURE_MODE: u32 = 1;
/// AUSE: where it fails, the drive may be used again by exiting failure mode.
const UNRESTRICTED: u32 = 1 << 3;
/// OWPASS: one pass; 0 would mean 16.
const ONE_PASS: u32 = 1 << 4;

/// The ways in which a drive sanitises itself: SANICAP of Identify Controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Actions {
    pub(super) crypto: bool,
    pub(super) block: bool,
    pub(super) overwrite: bool,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Block,
    Overwrite,
    Crypto,
}

/// How a drive's last sanitize is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Never,
    Done,
    Running,
    Failed,
    Unknown(u16),
}

/// The first words of the log page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Log {
    /// Of 65536.
    progress: u16,
    status: Status,
}

impl Actions {
    pub(super) fn parse(capabilities: u32) -> Self {
        let bit = |bit: u32| capabilities & 1 << bit != 0;
        Self {
            crypto: bit(0),
            block: bit(1),
            overwrite: bit(2),
        }
    }

    pub(super) fn any(self) -> bool {
        self.crypto || self.block || self.overwrite
    }
}

impl Action {
    fn number(self) -> u32 {
        match self {
            Self::Block => 2,
            Self::Overwrite => 3 | ONE_PASS,
            Self::Crypto => 4,
        }
    }
}

/// Sanitises the drive and waits for the end.
pub(super) fn run(job: &Job<'_>, action: Action) -> Result<(), MethodError> {
    order(job, action.number() | UNRESTRICTED)
        .map_err(MethodError::command("telling it to sanitise itself"))?;
    match wait(job)? {
        Status::Done => Ok(()),
        status => {
            if status == Status::Failed {
                exit_failure_mode(job);
            }
            Err(MethodError::Sanitize(status.number()))
        }
    }
}

/// Waits for the end of a sanitize that an earlier attempt has begun: until then the drive refuses everything. One that
/// failed is no reason to give up, as what follows may do.
pub(super) fn end_earlier(job: &Job<'_>) -> Result<(), MethodError> {
    if wait(job)? == Status::Failed {
        exit_failure_mode(job);
    }
    Ok(())
}

/// Whether a sanitize, one that runs or one that failed, is why a drive cannot be read.
pub(super) fn holds_back(device: &dyn Device) -> bool {
    Log::read(device).is_ok_and(|log| matches!(log.status, Status::Running | Status::Failed))
}

fn exit_failure_mode(job: &Job<'_>) {
    if let Err(error) = order(job, EXIT_FAILURE_MODE) {
        let error = &error as &dyn std::error::Error;
        let device = job.subject.disk.name.as_str();
        tracing::warn!(
            error,
            device,
            "a drive whose sanitize failed cannot be used"
        );
    }
}

fn order(job: &Job<'_>, cdw10: u32) -> Result<(), CommandError> {
    let command = NvmeCommand {
        opcode: SANITIZE,
        namespace: 0,
        cdw10,
        // The pattern of an overwrite: zeroes.
        cdw11: 0,
        timeout: QUICK,
    };
    job.device.nvme(&command, &mut [])
}

fn wait(job: &Job<'_>) -> Result<Status, MethodError> {
    let deadline = Instant::now() + Duration::from_hours(LIMIT_HOURS);
    loop {
        let log = Log::read(job.device)?;
        if log.status != Status::Running {
            return Ok(log.status);
        }
        let done = (u128::from(job.subject.size) * u128::from(log.progress)) >> 16;
        job.progress
            .reached(u64::try_from(done).unwrap_or(u64::MAX));
        if Instant::now() >= deadline {
            return Err(MethodError::TooLong(LIMIT_HOURS));
        }
        // The drive goes on with it, and the next attempt will find it so.
        if !job.stop.pause(job.poll) {
            return Err(MethodError::Stopped);
        }
    }
}

impl Log {
    fn read(device: &dyn Device) -> Result<Self, MethodError> {
        let mut data = vec![0; LOG_BYTES];
        let dwords = u32::try_from(LOG_BYTES / 4 - 1).unwrap_or(0);
        let command = NvmeCommand {
            opcode: GET_LOG_PAGE,
            namespace: ALL_NAMESPACES,
            cdw10: SANITIZE_LOG | dwords << 16,
            cdw11: 0,
            timeout: QUICK,
        };
        let sent = device.nvme(&command, &mut data);
        sent.map_err(MethodError::command("asking it how far its sanitising is"))?;
        let word = |at: usize| u16::from_le_bytes([data[at], data[at + 1]]);
        Ok(Self {
            progress: word(0),
            status: Status::of(word(2)),
        })
    }
}

impl Status {
    /// The low three bits of SSTAT.
    fn of(word: u16) -> Self {
        match word & 0b111 {
            0 => Self::Never,
            // 4: blocks were deallocated although that was not asked for.
            1 | 4 => Self::Done,
            2 => Self::Running,
            3 => Self::Failed,
            other => Self::Unknown(other),
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::Never => 0,
            Self::Done => 1,
            Self::Running => 2,
            Self::Failed => 3,
            Self::Unknown(other) => other,
        }
    }
}
