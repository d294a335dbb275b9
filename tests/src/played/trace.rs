//! What the conductor did to the world, as the world saw it, and when: images asked for, commands begun.

use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Something that a conductor's request led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The image's server answered what it has.
    Image,
    /// An agent began with a command of this name.
    Command(String),
}

/// A command that came to an agent, whatever it did with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    pub at: Timestamp,
    /// Which boot of the machine's ramdisk it came to.
    pub boot: Uuid,
    pub command: String,
    pub is_write: bool,
    /// Of the conductor's ownership, if it said so.
    pub epoch: Option<u64>,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Begun,
    /// The agent had it already.
    Known,
    /// Of an older epoch than one before.
    Stale,
    /// While another one ran.
    Busy,
}

/// All of it, by machine.
#[derive(Debug, Default)]
pub struct Traces {
    seen: Mutex<BTreeMap<String, Vec<(Timestamp, Seen)>>>,
    came: Mutex<BTreeMap<String, Vec<Came>>>,
}

impl Traces {
    pub fn note(&self, machine: &str, seen: Seen) {
        let mut traces = self.seen.lock();
        let trace = traces.entry(machine.to_owned()).or_default();
        trace.push((Timestamp::now(), seen));
    }

    pub fn note_command(&self, machine: &str, came: Came) {
        let mut all = self.came.lock();
        all.entry(machine.to_owned()).or_default().push(came);
    }

    /// The commands that came to a machine's agents, in order.
    pub fn commands(&self, machine: &str) -> Vec<Came> {
        let all = self.came.lock();
        all.get(machine).cloned().unwrap_or_default()
    }

    /// Whether it was seen between two times.
    pub fn has(&self, machine: &str, seen: &Seen, from: Timestamp, until: Timestamp) -> bool {
        let traces = self.seen.lock();
        let trace = traces.get(machine).map_or(&[][..], Vec::as_slice);
        trace
            .iter()
            .any(|(at, what)| what == seen && (from..=until).contains(at))
    }
}
