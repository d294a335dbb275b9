//! The conductors as one of them sees them at one moment: who is alive, who is gone for good, and whose a node is then.

use super::Conductor;
use super::environment::between;
use super::planted::Planted;
use super::rings::RingCache;
use ferric_model::conductor::ConductorRecord;
use ferric_model::hash_ring::groups::Rings;
use ferric_model::node::Node;
use ferric_store::{Key, Record, Revision, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// One conductor.
pub(super) struct Seen {
    pub(super) record: ConductorRecord,
    pub(super) key: Key,
    /// Changes with each beat.
    pub(super) revision: Revision,
    is_alive: bool,
    /// Since its last beat, by the clock that all go by.
    silence: Duration,
    may_be_succeeded: bool,
    /// Until others may take its nodes, if it says nothing any more.
    patience: Duration,
}

pub(super) struct Around {
    host: String,
    all: Vec<Seen>,
    /// For how long this conductor's own name was nobody's.
    absence: SignedDuration,
    has_others: bool,
    rings: Arc<RingCache>,
}

impl Around {
    pub(super) fn new(
        conductor: &Conductor,
        now: Timestamp,
        records: &[Record],
    ) -> Result<Self, StoreError> {
        let mut all = Vec::with_capacity(records.len());
        for record in records {
            let (key, revision) = (record.key.clone(), record.revision);
            let record: ConductorRecord = record.decode()?;
            let silence = between(record.updated_at, now);
            let is_ours = record.hostname == conductor.host();
            let is_alone = conductor.store().is_exclusive();
            let at_once = is_alone || conductor.planted(Planted::TakenAtOnce);
            let may_be_succeeded = !is_ours && (at_once || is_gone(conductor, &record, silence));
            let beats = conductor.is_beating(&record, now);
            all.push(Seen {
                is_alive: beats && !may_be_succeeded,
                may_be_succeeded,
                patience: patience(conductor, &record, silence),
                record,
                key,
                revision,
                silence,
            });
        }
        let predecessor = conductor.standing().predecessor();
        Ok(Self {
            host: conductor.host().to_owned(),
            all,
            absence: predecessor.map_or(SignedDuration::ZERO, |beat| now.duration_since(beat)),
            has_others: !conductor.store().is_exclusive(),
            rings: conductor.inner.rings.clone(),
        })
    }

    /// The rings over those that are alive.
    pub(super) fn rings(&self) -> Arc<Rings> {
        self.rings_over(self.all.iter())
    }

    /// The rings over the others that are alive.
    pub(super) fn rings_of_others(&self) -> Arc<Rings> {
        self.rings_over(self.others())
    }

    fn rings_over<'s>(&self, seen: impl Iterator<Item = &'s Seen>) -> Arc<Rings> {
        let alive = seen.filter(|seen| seen.is_alive);
        let alive: Vec<_> = alive.map(|seen| &seen.record).collect();
        self.rings.over(&alive)
    }

    pub(super) fn others(&self) -> impl Iterator<Item = &Seen> {
        self.all
            .iter()
            .filter(|seen| seen.record.hostname != self.host)
    }

    pub(super) fn named(&self, host: &str) -> Option<&Seen> {
        self.all.iter().find(|seen| seen.record.hostname == host)
    }

    pub(super) fn alive_named(&self, host: &str) -> Option<&Seen> {
        self.named(host).filter(|seen| seen.is_alive)
    }

    pub(super) fn alive(&self) -> impl Iterator<Item = &str> {
        let alive = self.all.iter().filter(|seen| seen.is_alive);
        alive.map(|seen| seen.record.hostname.as_str())
    }

    /// Until the nodes of the next one may be taken; `None`: there is nobody else.
    pub(super) fn next_to_go(&self) -> Option<Duration> {
        let others = self.others();
        let there = others.filter(|seen| seen.record.online && !seen.may_be_succeeded);
        there.map(|seen| seen.patience).min()
    }

    /// Those whose nodes others may take.
    pub(super) fn gone(&self) -> impl Iterator<Item = &str> {
        let gone = self.all.iter().filter(|seen| seen.may_be_succeeded);
        gone.map(|seen| seen.record.hostname.as_str())
    }

    /// For how long nobody has looked after the node, if this conductor may take it now: `None` if it may not.
    ///
    /// What it had under its own name before it was started is its own. Of all others' nodes it takes those that the ring
    /// gives it now, so that two who see the same take different ones. One that the ring has nobody for waits until a
    /// conductor comes that serves its group and driver.
    pub(super) fn may_take(&self, rings: &Rings, node: &Node) -> Option<SignedDuration> {
        let owner = node.ownership.as_ref().map(|owner| &owner.conductor);
        if owner == Some(&self.host) {
            return Some(self.absence);
        }
        let silence = self.orphaned_for(node)?;
        let host = rings.host(&node.conductor_group, &node.driver, node.uuid);
        let is_ours = !self.has_others || host == Ok(self.host.as_str());
        is_ours.then_some(silence)
    }

    /// For how long another conductor, whose node it was, has been gone: `None` if none is.
    pub(super) fn orphaned_for(&self, node: &Node) -> Option<SignedDuration> {
        let owner = node.ownership.as_ref().map(|owner| &owner.conductor);
        match owner.and_then(|owner| self.named(owner)) {
            Some(seen) if !seen.may_be_succeeded => None,
            Some(seen) => {
                Some(SignedDuration::try_from(seen.silence).unwrap_or(SignedDuration::MAX))
            }
            None => Some(SignedDuration::ZERO),
        }
    }
}

/// One that leaves says so. One that is silent may only be cut off, and in the middle of a call to a BMC: it is waited for
/// until the longest call is over too. The store's clock may be stepped, and then everybody looks silent: so it must have
/// been seen to be silent as well, by somebody whose own beats were stored all that time.
fn is_gone(conductor: &Conductor, record: &ConductorRecord, silence: Duration) -> bool {
    let is_out = patience(conductor, record, silence).is_zero();
    !record.online || is_out
}

/// For how long it is still waited for.
fn patience(conductor: &Conductor, record: &ConductorRecord, silence: Duration) -> Duration {
    let (watched, unbroken) = (
        conductor.standing().watch(record),
        conductor.standing().unbroken_for(),
    );
    let beat_timeout = conductor.beat_timeout();
    let limit = beat_timeout + conductor.settings().longest_call();
    let left = |limit: Duration, past: Duration| limit.saturating_sub(past);
    left(beat_timeout, unbroken)
        .max(left(beat_timeout, watched))
        .max(left(limit, silence.max(watched)))
}
