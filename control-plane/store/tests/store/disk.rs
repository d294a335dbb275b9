//! A disk that loses power. What was not synced may be there afterwards, or not, or in part, whatever its order was.

use parking_lot::Mutex;
use redb::StorageBackend;
use std::io;
use std::sync::Arc;

/// What a power cut leaves whole.
const SECTOR: usize = 512;

/// Random numbers from a seed (xorshift), so that a failure can be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What programs see.
    seen: Vec<u8>,
    /// What is safe.
    safe: Vec<u8>,
    unsafe_changes: Vec<Change>,
    /// Changes and syncs until the power fails; `None`: it does not.
    left: Option<usize>,
}

#[derive(Debug)]
enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

impl Disk {
    /// The power fails at the change or sync with this number, and stays off.
    pub(crate) fn fail_after(&self, changes: usize) {
        self.0.lock().left = Some(changes);
    }

    /// The disk as it is found when the power is back: of what was not safe, any sectors.
    pub(crate) fn after_power_cut(&self, dice: &mut Dice) -> Self {
        let state = self.0.lock();
        let mut found = state.safe.clone();
        let keep_all = dice.below(4) == 0;
        for change in &state.unsafe_changes {
            match change {
                Change::Length(length) => {
                    if keep_all || dice.below(2) == 0 {
                        found.resize(*length, 0);
                    }
                }
                Change::Write(offset, bytes) => {
                    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                        if keep_all || dice.below(2) == 0 {
                            put(&mut found, offset + number * SECTOR, sector);
                        }
                    }
                }
            }
        }
        Self(Arc::new(Mutex::new(State {
            seen: found.clone(),
            safe: found,
            ..State::default()
        })))
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, what: &[u8]) {
    let end = offset + what.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(what);
}

impl State {
    fn use_power(&mut self) -> io::Result<()> {
        match &mut self.left {
            None => Ok(()),
            Some(0) => Err(no_power()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

fn no_power() -> io::Error {
    io::Error::other("the power is off")
}

fn place(number: u64) -> usize {
    usize::try_from(number).expect("test disks are small")
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock();
        if state.left == Some(0) {
            return Err(no_power());
        }
        let offset = place(offset);
        let end = offset + out.len();
        let bytes = state.seen.get(offset..end);
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.0.lock();
        state.use_power()?;
        let length = place(length);
        state.seen.resize(length, 0);
        state.unsafe_changes.push(Change::Length(length));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        state.use_power()?;
        state.safe = state.seen.clone();
        state.unsafe_changes.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock();
        let offset = place(offset);
        // The write at which the power fails may still reach the disk, in part.
        let powered = state.use_power();
        state
            .unsafe_changes
            .push(Change::Write(offset, data.to_vec()));
        powered?;
        put(&mut state.seen, offset, data);
        Ok(())
    }
}
