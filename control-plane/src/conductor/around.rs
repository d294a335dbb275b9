//! The conductors as one of them sees them at one moment: who is alive, who is gone for good, and whose a node is then.

use super::Conductor;
use super::environment::{between, later};
use super::planted::Planted;
use super::rings::RingCache;
use ferric_model::conductor::ConductorRecord;
use ferric_model::hash_ring::groups::Rings;
use ferric_model::ids::Incarnation;
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
    /// How far its own clock is ahead of this conductor's.
    pub(super) ahead: SignedDuration,
    is_alive: bool,
    last_beat: LastBeat,
    may_be_succeeded: bool,
    /// Until others may take its nodes, if it says nothing any more.
    patience: Duration,
}

/// When a conductor was heard of last.
struct LastBeat {
    incarnation: Incarnation,
    /// The time of its own clock.
    own_clock: Option<Timestamp>,
    /// Since then, as far as others can tell.
    silence: Duration,
}

impl LastBeat {
    fn of(record: &ConductorRecord, silence: Duration) -> Self {
        Self {
            incarnation: record.incarnation,
            own_clock: record.own_clock,
            silence,
        }
    }

    /// By how much the deadlines of this node are to be put off. They are times of the clock of whoever has written them,
    /// and become times of ours, with as much left as at the last beat: so no step of a clock shortens a wait, be it this
    /// conductor's, the other one's or the store's. Where the beat does not tell of that clock, as it is of an older release or
    /// of another process than the one that had the node, there is the silence to go by.
    fn put_off(&self, node: &Node, own_now: Timestamp) -> SignedDuration {
        let owner = node.ownership.as_ref().map(|owner| owner.incarnation);
        let clock = self.own_clock.filter(|_| owner == Some(self.incarnation));
        clock.map_or_else(
            || SignedDuration::try_from(self.silence).unwrap_or(SignedDuration::MAX),
            |clock| own_now.duration_since(clock),
        )
    }
}

pub(super) struct Around {
    host: String,
    all: Vec<Seen>,
    /// By this conductor's own clock.
    own_now: Timestamp,
    /// Of who had this conductor's own name before it.
    predecessor: Option<LastBeat>,
    has_others: bool,
    rings: Arc<RingCache>,
}

impl Around {
    pub(super) fn new(
        conductor: &Conductor,
        now: Timestamp,
        records: &[Record],
    ) -> Result<Self, StoreError> {
        let own_now = conductor.now();
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
            let patience = patience(conductor, &record, silence);
            // The store's clock may have been put back meanwhile.
            let silence = silence.max(conductor.standing().watch(&record));
            all.push(Seen {
                is_alive: beats && !may_be_succeeded,
                may_be_succeeded,
                patience,
                ahead: ahead(&record, silence, own_now),
                last_beat: LastBeat::of(&record, silence),
                record,
                key,
                revision,
            });
        }
        let predecessor = conductor.standing().predecessor();
        Ok(Self {
            host: conductor.host().to_owned(),
            all,
            own_now,
            predecessor: predecessor
                .map(|record| LastBeat::of(&record, between(record.updated_at, now))),
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

    /// By how much the node's deadlines are to be put off, if this conductor may take it now: `None` if it may not.
    ///
    /// What it had under its own name before it was started is its own. Of all others' nodes it takes those that the ring
    /// gives it now, so that two who see the same take different ones. One that the ring has nobody for waits until a
    /// conductor comes that serves its group and driver.
    pub(super) fn may_take(&self, rings: &Rings, node: &Node) -> Option<SignedDuration> {
        let owner = node.ownership.as_ref().map(|owner| &owner.conductor);
        if owner == Some(&self.host) {
            let last_beat = self.predecessor.as_ref();
            let put_off = last_beat.map(|beat| beat.put_off(node, self.own_now));
            return Some(put_off.unwrap_or(SignedDuration::ZERO));
        }
        let put_off = self.orphaned_for(node)?;
        let host = rings.host(&node.conductor_group, &node.driver, node.uuid);
        let is_ours = !self.has_others || host == Ok(self.host.as_str());
        is_ours.then_some(put_off)
    }

    /// The same of a node whose conductor is another one that is gone: `None` if it is not.
    pub(super) fn orphaned_for(&self, node: &Node) -> Option<SignedDuration> {
        let owner = node.ownership.as_ref().map(|owner| &owner.conductor);
        match owner.and_then(|owner| self.named(owner)) {
            Some(seen) if !seen.may_be_succeeded => None,
            Some(seen) => Some(seen.last_beat.put_off(node, self.own_now)),
            None => Some(SignedDuration::ZERO),
        }
    }
}

/// How far its clock is ahead of this conductor's, whose time it is now. One of a release that says nothing of it is taken
/// to go by the same time.
fn ahead(record: &ConductorRecord, silence: Duration, own_now: Timestamp) -> SignedDuration {
    record.own_clock.map_or(SignedDuration::ZERO, |clock| {
        later(clock, silence).duration_since(own_now)
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::{Epoch, NodeId};
    use ferric_model::node::Ownership;
    use uuid::Uuid;

    #[test]
    fn deadlines_are_put_off_by_the_clock_that_they_were_written_by() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let incarnation = |number: u128| Incarnation(Uuid::from_u128(number));
        let beat = LastBeat {
            incarnation: incarnation(2),
            own_clock: Some(at(90_000)),
            silence: Duration::from_secs(220),
        };
        let put_off = |writer: u128| {
            let mut node = Node::new(NodeId(Uuid::nil()), "redfish", at(0));
            node.ownership = Some(Ownership {
                conductor: "two".to_owned(),
                incarnation: incarnation(writer),
                epoch: Epoch(1),
            });
            beat.put_off(&node, at(1000)).as_secs()
        };
        assert_eq!(put_off(2), -89_000);
        assert_eq!(put_off(3), 220, "the beat is of another process");
    }
}
