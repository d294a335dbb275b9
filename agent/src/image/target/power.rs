//! Lets a test cut the power, refuse a write or panic at a write of its choice, and see what was written.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// What happens at the chosen write; half of it is on the disk then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing that comes after it reaches the disk.
    Cut,
    /// The disk refuses this one.
    Refuse,
    /// The program fails.
    Panic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Write { offset: u64, bytes: usize },
    Flush,
}

#[derive(Debug, Default)]
pub(crate) struct Power {
    fault: Cell<Option<(usize, Fault)>>,
    done: RefCell<Vec<Done>>,
}

impl Power {
    /// Counts writes from now on, and fails at the one with this number.
    pub(crate) fn fail_at(&self, write: usize, fault: Fault) {
        self.fault.set(Some((write, fault)));
        self.done.borrow_mut().clear();
    }

    pub(crate) fn done(&self) -> Vec<Done> {
        self.done.borrow().clone()
    }

    fn writes(&self) -> usize {
        let is_write = |done: &&Done| matches!(done, Done::Write { .. });
        self.done.borrow().iter().filter(is_write).count()
    }

    pub(super) fn before_write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let number = self.writes();
        self.done.borrow_mut().push(Done::Write {
            offset,
            bytes: bytes.len(),
        });
        let Some((at, fault)) = self.fault.get() else {
            return Ok(());
        };
        if number == at {
            file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            assert_ne!(fault, Fault::Panic, "as the test wants it");
        }
        if number == at || (number > at && fault == Fault::Cut) {
            return Err(io::Error::other("as the test wants it"));
        }
        Ok(())
    }

    pub(super) fn before_flush(&self) -> io::Result<()> {
        self.done.borrow_mut().push(Done::Flush);
        match self.fault.get() {
            Some((at, Fault::Cut)) if self.writes() > at => {
                Err(io::Error::other("as the test wants it"))
            }
            _ => Ok(()),
        }
    }
}
