//! A disk in memory that answers commands as the standards say, and breaks in the ways that a test names.

pub(super) mod ata;
pub(super) mod nvme;

use std::io;

use nix::libc;
use parking_lot::Mutex;

use super::device::{AtaCommand, CommandError, Device};
use crate::disk::passthrough::{Data, NvmeCommand};

/// How a disk is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It says that it has written, and has not.
    DropsWrites,
    /// The same of zeroes by command.
    DropsZeroes,
    NoZeroCommand,
    /// It says that it has erased itself, and has not.
    IgnoresErase,
    CryptoFormatFails,
    FormatFails,
    SanitizeFails,
    EnhancedEraseFails,
    EraseFails,
    StaysEnabled,
}

/// A disk that is shared with the test, which looks at it afterwards.
pub(super) struct Model(Mutex<State>);

pub(super) struct State {
    pub(super) bytes: Vec<u8>,
    pub(super) nvme: Option<nvme::Drive>,
    pub(super) ata: Option<ata::Drive>,
    pub(super) faults: Vec<Fault>,
    /// What it was told to do, by short names.
    pub(super) commands: Vec<String>,
}

impl State {
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn is_readable(&self) -> bool {
        self.nvme.as_ref().is_none_or(nvme::Drive::is_readable)
            && self.ata.as_ref().is_none_or(|ata| !ata.locked)
    }

    /// An erase that works leaves this.
    fn erase(&mut self, change: impl Fn(u8) -> u8) {
        if !self.has(Fault::IgnoresErase) {
            self.bytes.iter_mut().for_each(|byte| *byte = change(*byte));
        }
    }

    fn range(&mut self, offset: u64, length: usize) -> io::Result<&mut [u8]> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + length;
        self.bytes
            .get_mut(start..end)
            .ok_or(io::ErrorKind::UnexpectedEof.into())
    }
}

impl Model {
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Self {
        Self(Mutex::new(State {
            bytes,
            nvme: None,
            ata: None,
            faults: Vec::new(),
            commands: Vec::new(),
        }))
    }

    /// Looks at it or changes it.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock())
    }

    pub(super) fn fill(&self, value: u8) {
        self.with(|state| state.bytes.fill(value));
    }
}

fn unreadable() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

fn no_such_drive() -> CommandError {
    CommandError::Kernel(io::Error::from_raw_os_error(libc::ENOTTY))
}

impl Device for Model {
    fn nvme(&self, command: &NvmeCommand, data: &mut [u8]) -> Result<(), CommandError> {
        let mut state = self.0.lock();
        if state.nvme.is_none() {
            return Err(no_such_drive());
        }
        match nvme::admin(&mut state, command, data) {
            0 => Ok(()),
            status => Err(CommandError::Nvme(status)),
        }
    }

    fn ata(&self, command: &mut AtaCommand<'_>) -> Result<(), CommandError> {
        let mut state = self.0.lock();
        if state.ata.is_none() {
            return Err(no_such_drive());
        }
        let data = std::mem::replace(&mut command.data, Data::None);
        if ata::command(&mut state, command.command, data) {
            return Ok(());
        }
        // CHECK CONDITION, ABORTED COMMAND, as libata answers an aborted command.
        Err(CommandError::Ata {
            status: 2,
            sense_key: 0x0b,
            adapter: 0,
            driver: 8,
        })
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut state = self.0.lock();
        if !state.is_readable() {
            return Err(unreadable());
        }
        buffer.copy_from_slice(state.range(offset, buffer.len())?);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock();
        if !state.is_readable() {
            return Err(unreadable());
        }
        if !state.has(Fault::DropsWrites) {
            state.range(offset, bytes.len())?.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        let mut state = self.0.lock();
        if state.has(Fault::NoZeroCommand) {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        if !state.has(Fault::DropsZeroes) {
            let length = usize::try_from(length).map_err(io::Error::other)?;
            state.range(offset, length)?.fill(0);
        }
        Ok(())
    }

    fn settle(&self) -> io::Result<()> {
        Ok(())
    }
}
