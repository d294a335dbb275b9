//! A disk with the security feature set of ATA/ATAPI Command Set 3: its states SEC1 to SEC6, and what each command does
//! in them.

use super::{Fault, State};
use crate::disk::erase::ata::{
    DISABLE_PASSWORD, ENHANCED, ERASE_PREPARE, ERASE_UNIT, IDENTIFY_DEVICE, SECTOR_BYTES,
    SET_PASSWORD, UNLOCK,
};
use crate::disk::passthrough::Data;

/// Wrong passwords that a locked disk takes before it wants to be switched off.
const ATTEMPTS: u8 = 5;

#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the states of the standard are made of these"
)]
pub(in crate::disk::erase) struct Drive {
    pub(in crate::disk::erase) supported: bool,
    pub(in crate::disk::erase) enhanced: bool,
    pub(in crate::disk::erase) frozen: bool,
    pub(in crate::disk::erase) locked: bool,
    /// The password of a disk whose security is enabled, without its NULs.
    pub(in crate::disk::erase) password: Option<Vec<u8>>,
    pub(in crate::disk::erase) attempts_left: u8,
    pub(in crate::disk::erase) prepared: bool,
}

impl Default for Drive {
    fn default() -> Self {
        Self {
            supported: true,
            enhanced: true,
            frozen: false,
            locked: false,
            password: None,
            attempts_left: ATTEMPTS,
            prepared: false,
        }
    }
}

impl Drive {
    fn identify(&self, data: &mut [u8]) {
        let bits = [
            self.supported,
            self.password.is_some(),
            self.locked,
            self.frozen,
            self.attempts_left == 0,
            self.enhanced,
        ];
        let word = |bits: &[bool]| {
            let values = bits.iter().enumerate();
            values.fold(0_u16, |word, (at, bit)| word | u16::from(*bit) << at)
        };
        data[256..258].copy_from_slice(&word(&bits).to_le_bytes());
        // Two minutes in normal mode; the time of the other one is not told.
        data[178] = 1;
    }

    fn is_password(&self, data: &[u8; SECTOR_BYTES]) -> bool {
        let mut password = self.password.clone().unwrap_or_default();
        password.resize(32, 0);
        data[2..34] == password
    }

    /// An attempt at unlocking; wrong ones count while the disk is locked.
    fn unlock(&mut self, data: &[u8; SECTOR_BYTES]) -> bool {
        if !self.locked {
            return self.password.is_some();
        }
        if self.attempts_left == 0 {
            return false;
        }
        if self.is_password(data) {
            self.locked = false;
            return true;
        }
        self.attempts_left -= 1;
        false
    }
}

fn name(command: u8) -> &'static str {
    match command {
        SET_PASSWORD => "set",
        UNLOCK => "unlock",
        ERASE_PREPARE => "prepare",
        ERASE_UNIT => "erase",
        DISABLE_PASSWORD => "disable",
        _ => "other",
    }
}

/// Does a command; whether it did, or aborted it.
pub(super) fn command(state: &mut State, command: u8, data: Data<'_>) -> bool {
    let Some(mut drive) = state.ata.clone() else {
        return false;
    };
    if command == IDENTIFY_DEVICE {
        if let Data::FromDrive(data) = data {
            drive.identify(data);
        }
        return true;
    }
    let data = match data {
        Data::ToDrive(data) => data.try_into().unwrap_or([0; SECTOR_BYTES]),
        Data::None | Data::FromDrive(_) => [0; SECTOR_BYTES],
    };
    let is_enhanced = data[0] & ENHANCED != 0 && command == ERASE_UNIT;
    let mode = if is_enhanced { " enhanced" } else { "" };
    state.commands.push(format!("{}{mode}", name(command)));
    let was_prepared = std::mem::take(&mut drive.prepared);
    let done = match command {
        _ if !drive.supported || drive.frozen => false,
        SET_PASSWORD if drive.locked => false,
        SET_PASSWORD => {
            let password = data[2..34].split(|byte| *byte == 0).next();
            drive.password = password.map(<[u8]>::to_vec);
            true
        }
        UNLOCK => drive.unlock(&data),
        DISABLE_PASSWORD if drive.locked || !drive.is_password(&data) => false,
        DISABLE_PASSWORD => {
            drive.password = None;
            true
        }
        ERASE_PREPARE => {
            drive.prepared = true;
            true
        }
        ERASE_UNIT => {
            was_prepared && drive.is_password(&data) && erase(state, &mut drive, is_enhanced)
        }
        _ => false,
    };
    state.ata = Some(drive);
    done
}

fn erase(state: &mut State, drive: &mut Drive, is_enhanced: bool) -> bool {
    if drive.password.is_none() || is_enhanced && !drive.enhanced {
        return false;
    }
    let fault = if is_enhanced {
        Fault::EnhancedEraseFails
    } else {
        Fault::EraseFails
    };
    if state.has(fault) {
        // Many disks lock themselves where an erase fails.
        drive.locked = true;
        return false;
    }
    if is_enhanced {
        state.erase(|byte| byte ^ 0x5a);
    } else {
        state.erase(|_| 0);
    }
    if !state.has(Fault::StaysEnabled) {
        drive.password = None;
    }
    drive.locked = false;
    true
}
