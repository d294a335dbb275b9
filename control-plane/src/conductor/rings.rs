//! The rings of the last few sets of conductors: one is asked for with each node that is shown, and a ring is thousands of
//! digests.

use ferric_model::conductor::ConductorRecord;
use ferric_model::hash_ring::RingSettings;
use ferric_model::hash_ring::groups::Rings;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// With and without this conductor, before and after one joins.
const KEPT: usize = 4;

/// What a ring is made of.
#[derive(Debug, PartialEq, Eq)]
struct Member {
    host: String,
    group: String,
    drivers: Vec<String>,
}

impl Member {
    fn is(&self, record: &ConductorRecord) -> bool {
        self.host == record.hostname
            && self.group == record.conductor_group
            && self.drivers == record.drivers
    }

    fn of(record: &ConductorRecord) -> Self {
        Self {
            host: record.hostname.clone(),
            group: record.conductor_group.clone(),
            drivers: record.drivers.clone(),
        }
    }
}

/// Rings by who is on them; the one used last is in front.
pub(super) struct RingCache {
    settings: RingSettings,
    made: Mutex<VecDeque<(Vec<Member>, Arc<Rings>)>>,
    alone: Mutex<Alone>,
}

/// The rings of a conductor that no other shares the store with: they change with its own record only.
#[derive(Default)]
struct Alone {
    /// How often that was written.
    writes: u64,
    rings: Option<Arc<Rings>>,
}

impl RingCache {
    pub(super) fn new(settings: RingSettings) -> Self {
        Self {
            settings,
            made: Mutex::default(),
            alone: Mutex::default(),
        }
    }

    /// The rings of one who is alone, if they are known; otherwise how often its record has been written.
    pub(super) fn known(&self) -> Result<Arc<Rings>, u64> {
        let alone = self.alone.lock();
        alone.rings.clone().ok_or(alone.writes)
    }

    /// Unless the record has been written since it was read.
    pub(super) fn keep(&self, writes: u64, rings: &Arc<Rings>) {
        let mut alone = self.alone.lock();
        if alone.writes == writes {
            alone.rings = Some(Arc::clone(rings));
        }
    }

    /// The record has been written, or may have been.
    pub(super) fn forget(&self) {
        let mut alone = self.alone.lock();
        alone.writes += 1;
        alone.rings = None;
    }

    /// The rings over these conductors.
    pub(super) fn over(&self, conductors: &[&ConductorRecord]) -> Arc<Rings> {
        let mut made = self.made.lock();
        let known = made.iter().position(|(members, _)| {
            members.len() == conductors.len()
                && members
                    .iter()
                    .zip(conductors)
                    .all(|(member, record)| member.is(record))
        });
        if let Some((members, rings)) = known.and_then(|place| made.remove(place)) {
            made.push_front((members, rings.clone()));
            return rings;
        }
        let rings = Arc::new(Rings::new(conductors.iter().copied(), self.settings));
        let members = conductors.iter().map(|record| Member::of(record)).collect();
        made.push_front((members, rings.clone()));
        made.truncate(KEPT);
        rings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::{Incarnation, NodeId};
    use jiff::Timestamp;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn conductor(hostname: &str, driver: &str) -> ConductorRecord {
        ConductorRecord {
            hostname: hostname.to_owned(),
            incarnation: Incarnation(Uuid::nil()),
            conductor_group: String::new(),
            drivers: vec![driver.to_owned()],
            interfaces: BTreeMap::new(),
            online: true,
            address: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            own_clock: None,
        }
    }

    #[test]
    fn rings_are_made_once_for_those_who_are_on_them() {
        let cache = RingCache::new(RingSettings::default());
        let (one, two) = (conductor("one", "redfish"), conductor("two", "redfish"));
        let both = cache.over(&[&one, &two]);
        let alone = cache.over(&[&one]);
        assert!(!Arc::ptr_eq(&both, &alone));
        let mut later = one.clone();
        later.updated_at = Timestamp::MAX;
        assert!(Arc::ptr_eq(&both, &cache.over(&[&later, &two])));
        assert!(Arc::ptr_eq(&alone, &cache.over(&[&one])));
        let host = alone.host("", "redfish", NodeId(Uuid::nil()));
        assert_eq!(host, Ok("one"));
    }

    #[test]
    fn one_who_offers_something_else_is_another_member() {
        let cache = RingCache::new(RingSettings::default());
        let before = cache.over(&[&conductor("one", "redfish")]);
        let after = cache.over(&[&conductor("one", "ipmi")]);
        let node = NodeId(Uuid::nil());
        assert!(before.host("", "ipmi", node).is_err());
        assert_eq!(after.host("", "ipmi", node), Ok("one"));
    }

    #[test]
    fn the_rings_of_one_alone_are_known_until_its_record_is_written() {
        let cache = RingCache::new(RingSettings::default());
        let rings = cache.over(&[&conductor("one", "redfish")]);
        let writes = cache.known().unwrap_err();
        cache.keep(writes, &rings);
        assert!(Arc::ptr_eq(&cache.known().unwrap(), &rings));
        cache.forget();
        cache.keep(writes, &rings);
        assert!(cache.known().is_err(), "what was read before is kept");
    }

    #[test]
    fn only_the_last_few_are_kept() {
        let cache = RingCache::new(RingSettings::default());
        for number in 0..10 {
            cache.over(&[&conductor(&number.to_string(), "redfish")]);
        }
        assert_eq!(cache.made.lock().len(), KEPT);
    }
}
