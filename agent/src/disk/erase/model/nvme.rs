//! A drive of NVMe as the base specification 2.0 and the NVM command set describe it, as far as erasing goes.

use super::{Fault, State};
use crate::disk::erase::nvme::{FORMAT_NVM, IDENTIFY};
use crate::disk::erase::sanitize::{GET_LOG_PAGE, SANITIZE};
use crate::disk::passthrough::NvmeCommand;

// Status codes: type in the upper byte.
const INVALID_OPCODE: u16 = 0x01;
const INVALID_FIELD: u16 = 0x02;
const INVALID_NAMESPACE: u16 = 0x0b;
const SANITIZE_FAILED: u16 = 0x1c;
const SANITIZE_IN_PROGRESS: u16 = 0x1d;
const INVALID_LOG_PAGE: u16 = 0x109;
const INVALID_FORMAT: u16 = 0x10a;
pub(in crate::disk::erase) const INTERNAL_ERROR: u16 = 0x06;

/// The number of the only namespace.
pub(in crate::disk::erase) const NAMESPACE: u32 = 3;
/// What was not written since a format reads as this, where the drive does not tell.
const UNTOLD: u8 = 0x3c;
/// How often the log page is read until a sanitize has ended.
const SANITIZE_READS: u32 = 3;

/// What Identify says, and how its sanitize is doing.
#[derive(Clone, Debug, Default)]
pub(in crate::disk::erase) struct Drive {
    pub(in crate::disk::erase) oacs: u16,
    pub(in crate::disk::erase) fna: u8,
    pub(in crate::disk::erase) sanicap: u32,
    pub(in crate::disk::erase) dlfeat: u8,
    pub(in crate::disk::erase) sanitize: Sanitize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::disk::erase) enum Sanitize {
    #[default]
    Never,
    Done,
    /// Reads of the log page until it ends.
    Running(u32),
    /// Whether failure mode may be left.
    Failed {
        unrestricted: bool,
    },
}

/// Format 17 of 18, with metadata at the end of blocks, protection of type 1 in the first bytes.
const FLBAS: u8 = 0b0011_0001;
const DPS: u8 = 0b1001;
/// The same in a Format NVM.
const SAME_LAYOUT: u32 = 1 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 12;

impl Drive {
    pub(super) fn is_readable(&self) -> bool {
        matches!(self.sanitize, Sanitize::Never | Sanitize::Done)
    }

    fn unwritten(&self) -> u8 {
        match self.dlfeat & 0b111 {
            1 => 0,
            2 => 0xff,
            _ => UNTOLD,
        }
    }

    fn fill_in(&self, cns: u32, data: &mut [u8]) {
        if cns == 1 {
            data[256..258].copy_from_slice(&self.oacs.to_le_bytes());
            data[328..332].copy_from_slice(&self.sanicap.to_le_bytes());
            data[524] = self.fna;
        } else {
            (data[25], data[26], data[29]) = (17, FLBAS, DPS);
            data[33] = self.dlfeat;
        }
    }
}

/// Does an admin command; the answer is its status.
pub(super) fn admin(state: &mut State, command: &NvmeCommand, data: &mut [u8]) -> u16 {
    let Some(drive) = state.nvme.clone() else {
        return INVALID_OPCODE;
    };
    match command.opcode {
        IDENTIFY if command.cdw10 == 0 && command.namespace != NAMESPACE => INVALID_NAMESPACE,
        IDENTIFY if command.cdw10 > 1 || data.len() != 4096 => INVALID_FIELD,
        IDENTIFY => {
            drive.fill_in(command.cdw10, data);
            0
        }
        GET_LOG_PAGE => sanitize_log(state, command, data),
        FORMAT_NVM => format(state, &drive, command),
        SANITIZE => sanitize(state, &drive, command),
        _ => INVALID_OPCODE,
    }
}

fn format(state: &mut State, drive: &Drive, command: &NvmeCommand) -> u16 {
    let ses = command.cdw10 >> 9 & 0b111;
    state.commands.push(format!("format {ses}"));
    match drive.sanitize {
        Sanitize::Running(_) => return SANITIZE_IN_PROGRESS,
        Sanitize::Failed { .. } => return SANITIZE_FAILED,
        Sanitize::Never | Sanitize::Done => {}
    }
    let knows_crypto = drive.fna & 0b100 != 0;
    match ses {
        _ if drive.oacs & 0b10 == 0 => INVALID_OPCODE,
        _ if command.namespace != NAMESPACE => INVALID_NAMESPACE,
        _ if command.cdw10 & 0x31ff != SAME_LAYOUT => INVALID_FORMAT,
        2 if !knows_crypto => INVALID_FIELD,
        2 if state.has(Fault::CryptoFormatFails) => INTERNAL_ERROR,
        1 if state.has(Fault::FormatFails) => INTERNAL_ERROR,
        1 => {
            let unwritten = drive.unwritten();
            state.erase(|_| unwritten);
            0
        }
        2 => {
            state.erase(|byte| byte ^ 0x5a);
            0
        }
        _ => INVALID_FIELD,
    }
}

fn sanitize(state: &mut State, drive: &Drive, command: &NvmeCommand) -> u16 {
    let action = command.cdw10 & 0b111;
    state.commands.push(format!("sanitize {action}"));
    let unrestricted = command.cdw10 & 1 << 3 != 0;
    let next = match (action, drive.sanitize) {
        _ if drive.sanicap & 0b111 == 0 => return INVALID_OPCODE,
        (_, Sanitize::Running(_)) => return SANITIZE_IN_PROGRESS,
        (1, Sanitize::Failed { unrestricted: true }) => Sanitize::Done,
        (1, Sanitize::Never | Sanitize::Done) => drive.sanitize,
        (1, Sanitize::Failed { .. }) => return SANITIZE_FAILED,
        _ if state.has(Fault::SanitizeFails) => Sanitize::Failed { unrestricted },
        // 16 passes are not what anybody asked for.
        (3, _) if command.cdw10 >> 4 & 0xf != 1 => return INVALID_FIELD,
        (2, _) if drive.sanicap & 0b010 != 0 => Sanitize::Running(SANITIZE_READS),
        (3, _) if drive.sanicap & 0b100 != 0 => Sanitize::Running(SANITIZE_READS),
        (4, _) if drive.sanicap & 0b001 != 0 => Sanitize::Running(SANITIZE_READS),
        _ => return INVALID_FIELD,
    };
    if next == Sanitize::Running(SANITIZE_READS) {
        let unwritten = drive.unwritten();
        match action {
            4 => state.erase(|byte| byte ^ 0x5a),
            _ => state.erase(|_| unwritten),
        }
    }
    if let Some(drive) = &mut state.nvme {
        drive.sanitize = next;
    }
    0
}

fn sanitize_log(state: &mut State, command: &NvmeCommand, data: &mut [u8]) -> u16 {
    if command.cdw10 & 0xff != 0x81 {
        return INVALID_LOG_PAGE;
    }
    let dwords = (command.cdw10 >> 16) + 1;
    if u64::from(dwords) * 4 != data.len() as u64 || command.namespace != u32::MAX {
        return INVALID_FIELD;
    }
    let Some(drive) = &mut state.nvme else {
        return INVALID_OPCODE;
    };
    let (status, progress): (u16, u16) = match drive.sanitize {
        Sanitize::Never => (0, u16::MAX),
        Sanitize::Done | Sanitize::Running(0) => (1, u16::MAX),
        Sanitize::Running(left) => {
            drive.sanitize = Sanitize::Running(left - 1);
            (2, 0x4000)
        }
        Sanitize::Failed { .. } => (3, u16::MAX),
    };
    if drive.sanitize == Sanitize::Running(0) {
        drive.sanitize = Sanitize::Done;
    }
    data[..2].copy_from_slice(&progress.to_le_bytes());
    // Above the status: passes that are done, and whether all data was ever erased.
    data[2..4].copy_from_slice(&(status | 1 << 3 | 1 << 8).to_le_bytes());
    0
}
