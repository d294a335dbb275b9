//! Drives of NVMe erase themselves: Format NVM and Sanitize, by the NVM Express base specification 2.0.
//!
//! As Ironic's agent does, formatting comes first, and by destroying the key where the drive can; sanitising follows
//! where it does not format. What a drive may do to other namespaces counts: those that must be kept forbid it.

use std::sync::Arc;
use std::time::Duration;

use ferric_agent_protocol::erase::EraseMethod;
use parking_lot::Mutex;

use super::method::{Done, Job, MethodError};
use super::samples::{Before, Promise};
use super::sanitize;
use crate::disk::passthrough::NvmeCommand;

pub(super) const IDENTIFY: u8 = 0x06;
pub(super) const FORMAT_NVM: u8 = 0x80;
const CNS_NAMESPACE: u32 = 0;
const CNS_CONTROLLER: u32 = 1;
const IDENTIFY_BYTES: usize = 4096;
const QUICK: Duration = Duration::from_mins(1);
/// Some drives write all they have; one that is given up is reset in the middle of it.
const FORMAT_TIME: Duration = Duration::from_hours(24);
/// SES, the secure erase settings of Format NVM.
const USER_DATA_ERASE: u32 = 1;
const CRYPTO_ERASE: u32 = 2;

/// A namespace among those of its drive.
#[derive(Clone, Debug, Default)]
pub(super) struct Namespace {
    pub(super) id: u32,
    /// The names of others on the drive that are not erased, too.
    pub(super) kept: Vec<String>,
    /// Held while one of the drive's namespaces is erased: commands that reach all of them exclude each other.
    pub(super) turn: Arc<Mutex<()>>,
}

/// Which of a drive's ways to erase itself are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ways {
    All,
    /// Those that take moments on most drives.
    Format,
}

/// What Identify Controller says about erasing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Controller {
    formats: bool,
    /// Formatting one namespace erases all.
    format_is_wide: bool,
    destroys_key: bool,
    sanitize: sanitize::Actions,
}

/// What Identify Namespace says about its blocks; a format keeps it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    /// The bits of Format NVM that stand for it.
    format: u32,
    unwritten: Unwritten,
}

/// What blocks read as that were never written, or not since a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unwritten {
    Zeroes,
    Ones,
    Unknown,
}

/// Erases the drive, or this namespace of it, in the first way that works.
pub(super) fn erase(job: &Job<'_>, namespace: &Namespace, ways: Ways) -> Result<Done, MethodError> {
    let _turn = namespace.turn.lock();
    let controller = Controller::identify(job)?;
    let layout = Layout::identify(job, namespace)?;
    if controller.sanitize.any() {
        sanitize::end_earlier(job)?;
    }
    let possible = controller.methods(ways);
    let (permitted, refused): (Vec<_>, Vec<_>) = possible
        .into_iter()
        .partition(|method| namespace.kept.is_empty() || !controller.is_wide(*method));
    let mut failed: Vec<String> = Vec::new();
    for method in permitted {
        job.check_stop()?;
        match attempt(job, namespace, layout, method) {
            Ok(done) => {
                return Ok(Done {
                    failed_before: failed,
                    ..done
                });
            }
            Err(MethodError::Stopped) => return Err(MethodError::Stopped),
            Err(error) => failed.push(job.note(&error)),
        }
    }
    if !failed.is_empty() {
        return Err(MethodError::Several(failed.join("; ")));
    }
    if refused.is_empty() {
        return Err(MethodError::NoCommand);
    }
    let kept = namespace.kept.join(", ");
    Err(MethodError::Shared { kept })
}

fn attempt(
    job: &Job<'_>,
    namespace: &Namespace,
    layout: Layout,
    method: EraseMethod,
) -> Result<Done, MethodError> {
    let before = job.samples.mark(job.device);
    match method {
        EraseMethod::NvmeFormatCrypto => format(job, namespace, layout, CRYPTO_ERASE)?,
        EraseMethod::NvmeFormat => format(job, namespace, layout, USER_DATA_ERASE)?,
        EraseMethod::NvmeSanitizeCrypto => sanitize::run(job, sanitize::Action::Crypto)?,
        EraseMethod::NvmeSanitizeBlock => sanitize::run(job, sanitize::Action::Block)?,
        _ => sanitize::run(job, sanitize::Action::Overwrite)?,
    }
    job.progress.reached(job.subject.size);
    let samples = job
        .samples
        .check(job.device, &layout.promise(method, &before))?;
    Ok(Done {
        method,
        failed_before: Vec::new(),
        samples,
    })
}

fn format(
    job: &Job<'_>,
    namespace: &Namespace,
    layout: Layout,
    secure_erase: u32,
) -> Result<(), MethodError> {
    let command = NvmeCommand {
        opcode: FORMAT_NVM,
        namespace: namespace.id,
        cdw10: layout.format | secure_erase << 9,
        cdw11: 0,
        timeout: FORMAT_TIME,
    };
    let sent = job.device.nvme(&command, &mut []);
    sent.map_err(MethodError::command(match secure_erase {
        CRYPTO_ERASE => "formatting it with a new key",
        _ => "formatting it",
    }))
}

fn identify(job: &Job<'_>, cns: u32, namespace: u32) -> Result<Vec<u8>, MethodError> {
    let mut data = vec![0; IDENTIFY_BYTES];
    let command = NvmeCommand {
        opcode: IDENTIFY,
        namespace,
        cdw10: cns,
        cdw11: 0,
        timeout: QUICK,
    };
    let sent = job.device.nvme(&command, &mut data);
    sent.map_err(MethodError::command("asking it what it can do"))?;
    Ok(data)
}

impl Controller {
    fn identify(job: &Job<'_>) -> Result<Self, MethodError> {
        Self::parse(&identify(job, CNS_CONTROLLER, 0)?)
            .ok_or(MethodError::Senseless("Identify Controller"))
    }

    fn parse(data: &[u8]) -> Option<Self> {
        let oacs = u16::from_le_bytes(bytes(data, 256)?);
        let capabilities = u32::from_le_bytes(bytes(data, 328)?);
        let [fna] = bytes(data, 524)?;
        Some(Self {
            formats: oacs & 1 << 1 != 0,
            // Bit 0 is about every format of a namespace, bit 1 about those that erase.
            format_is_wide: fna & 0b11 != 0,
            destroys_key: fna & 1 << 2 != 0,
            sanitize: sanitize::Actions::parse(capabilities),
        })
    }

    /// By preference.
    fn methods(self, ways: Ways) -> Vec<EraseMethod> {
        let sanitizes = ways == Ways::All;
        let all = [
            (
                self.formats && self.destroys_key,
                EraseMethod::NvmeFormatCrypto,
            ),
            (self.formats, EraseMethod::NvmeFormat),
            (
                sanitizes && self.sanitize.block,
                EraseMethod::NvmeSanitizeBlock,
            ),
            (
                sanitizes && self.sanitize.crypto,
                EraseMethod::NvmeSanitizeCrypto,
            ),
            (
                sanitizes && self.sanitize.overwrite,
                EraseMethod::NvmeSanitizeOverwrite,
            ),
        ];
        let known = all.into_iter().filter(|(can, _)| *can);
        known.map(|(_, method)| method).collect()
    }

    fn is_wide(self, method: EraseMethod) -> bool {
        match method {
            EraseMethod::NvmeFormatCrypto | EraseMethod::NvmeFormat => self.format_is_wide,
            // Sanitize knows no namespaces.
            _ => true,
        }
    }
}

impl Layout {
    fn identify(job: &Job<'_>, namespace: &Namespace) -> Result<Self, MethodError> {
        Self::parse(&identify(job, CNS_NAMESPACE, namespace.id)?)
            .ok_or(MethodError::Senseless("Identify Namespace"))
    }

    fn parse(data: &[u8]) -> Option<Self> {
        let [format_count, flbas] = bytes(data, 25)?;
        let [protection] = bytes(data, 29)?;
        let [deallocated] = bytes(data, 33)?;
        let (flbas, protection) = (u32::from(flbas), u32::from(protection));
        // The upper two bits of the format's number count only where there are more than 16 formats.
        let upper = if format_count > 15 {
            flbas >> 5 & 0b11
        } else {
            0
        };
        Some(Self {
            format: flbas & 0b1111
                | (flbas >> 4 & 1) << 4
                | (protection & 0b111) << 5
                | (protection >> 3 & 1) << 8
                | upper << 12,
            unwritten: match deallocated & 0b111 {
                1 => Unwritten::Zeroes,
                2 => Unwritten::Ones,
                _ => Unwritten::Unknown,
            },
        })
    }

    /// The specification leaves open what blocks hold after a format that erases: a drive that encrypts may destroy the
    /// key only. What they read as is known where the drive says so for blocks that were not written.
    fn promise(self, method: EraseMethod, before: &Before) -> Promise<'_> {
        match (method, self.unwritten) {
            (EraseMethod::NvmeFormatCrypto | EraseMethod::NvmeSanitizeCrypto, _)
            | (_, Unwritten::Unknown) => Promise::Altered(before),
            (_, Unwritten::Zeroes) => Promise::Zeroes,
            (_, Unwritten::Ones) => Promise::Ones,
        }
    }
}

/// Bytes at a position; none where the data ends before.
fn bytes<const COUNT: usize>(data: &[u8], at: usize) -> Option<[u8; COUNT]> {
    data.get(at..)?.first_chunk().copied()
}
