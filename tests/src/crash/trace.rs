//! What the conductor did to the world, as the world saw it, and when: images asked for, commands begun.

use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Something that a conductor's request led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The image's server answered what it has.
    Image,
    /// An agent began with a command of this name.
    Command(String),
}

/// All of it, by machine.
#[derive(Debug, Default)]
pub(crate) struct Traces(Mutex<BTreeMap<String, Vec<(Timestamp, Seen)>>>);

impl Traces {
    pub(crate) fn note(&self, machine: &str, seen: Seen) {
        let mut traces = self.0.lock();
        let trace = traces.entry(machine.to_owned()).or_default();
        trace.push((Timestamp::now(), seen));
    }

    /// Whether it was seen between two times.
    pub(crate) fn has(
        &self,
        machine: &str,
        seen: &Seen,
        from: Timestamp,
        until: Timestamp,
    ) -> bool {
        let traces = self.0.lock();
        let trace = traces.get(machine).map_or(&[][..], Vec::as_slice);
        trace
            .iter()
            .any(|(at, what)| what == seen && (from..=until).contains(at))
    }
}
