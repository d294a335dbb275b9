//! This conductor among the others: its record, its beat, and the hash ring that says whose a node is.

use super::Conductor;
use super::around::Around;
use super::environment::between;
use ferric_drivers::{Enabled, InterfaceKind};
use ferric_model::conductor::{ConductorRecord, OfferedByDriver, OfferedInterfaces};
use ferric_model::hash_ring::groups::Rings;
use ferric_store::{Entity, Expectation, Key, Query, Revision, StoreError, Table, Transaction};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// How often a beat is begun again because somebody wrote the record in between.
const ATTEMPTS: u32 = 3;

/// Whether the conductor takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It takes its name from whoever had it.
    Arriving,
    Here,
    Leaving,
}

/// Why a beat was not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum BeatError {
    #[error("another conductor has registered under this one's name since")]
    Replaced,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Conductor {
    /// Says that this conductor is alive, or that it leaves.
    pub(super) async fn beat(&self, presence: Presence) -> Result<(), BeatError> {
        let outcome = self.try_beat(presence).await;
        self.inner.rings.forget();
        match outcome {
            Ok(sent) => {
                self.fence().stored(sent);
                self.standing().stored(sent, self.beat_timeout());
                Ok(())
            }
            Err(error) => {
                match &error {
                    BeatError::Replaced => self.fence().close(),
                    BeatError::Store(_) => self.standing().broken(),
                }
                Err(error)
            }
        }
    }

    /// Answers when it was sent. The record is changed only as it was read: a beat that comes late, after another process
    /// took the name, changes nothing.
    async fn try_beat(&self, presence: Presence) -> Result<Instant, BeatError> {
        let mut attempt = 1;
        loop {
            let sent = Instant::now();
            let now = self.read_clock().await?;
            let known = self.own_record().await?;
            let unchanged = known.as_ref().map_or_else(
                || Expectation::Absent(self.own_key()),
                |(_, revision)| Expectation::Revision(self.own_key(), *revision),
            );
            let known = known.map(|(record, _)| record);
            if let Some(other) = &known
                && other.incarnation != self.incarnation()
            {
                if presence != Presence::Arriving {
                    return Err(BeatError::Replaced);
                }
                self.standing().succeed(other);
            }
            let record = self.record(presence, known.as_ref(), now);
            let written = Transaction::new().expect(unchanged).put(&record);
            match self.store().commit(written).await {
                Ok(_) => return Ok(sent),
                Err(StoreError::Stale { .. }) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn record(
        &self,
        presence: Presence,
        known: Option<&ConductorRecord>,
        now: Timestamp,
    ) -> ConductorRecord {
        let types = self.enabled().hardware_types();
        let mut drivers: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
        drivers.sort_unstable();
        ConductorRecord {
            hostname: self.host().to_owned(),
            incarnation: self.incarnation(),
            conductor_group: self.settings().conductor_group.clone(),
            drivers,
            interfaces: offered(self.enabled()),
            online: presence != Presence::Leaving,
            address: self
                .settings()
                .cluster
                .as_ref()
                .map(|cluster| cluster.url.clone()),
            created_at: known.map_or(now, |record| record.created_at),
            updated_at: now,
            own_clock: Some(self.now()),
        }
    }

    fn own_key(&self) -> Key {
        Key::new(ConductorRecord::TABLE, self.host())
    }

    async fn own_record(&self) -> Result<Option<(ConductorRecord, Revision)>, StoreError> {
        let known = self.store().get(&self.own_key()).await?;
        let decoded = known.map(|record| Ok((record.decode()?, record.revision)));
        decoded.transpose()
    }

    /// The time by which beats are stamped and judged, asked of the store.
    pub(super) async fn read_clock(&self) -> Result<Timestamp, StoreError> {
        if self.store().is_exclusive() {
            return Ok(self.now());
        }
        let Some(now) = self.store().clock().await? else {
            return Ok(self.now());
        };
        self.standing().note_clock(now);
        Ok(now)
    }

    /// All conductors as they are at this moment, dead ones too.
    pub(super) async fn look_around(&self) -> Result<Around, StoreError> {
        let looked = async {
            let now = self.read_clock().await?;
            let page = self.store().page(&Query::all(Table::Conductor)).await?;
            Around::new(self, now, &page.records)
        };
        let around = looked.await;
        if around.is_err() {
            self.standing().broken();
        }
        around
    }

    /// Heard of lately enough, by the clock that all go by.
    pub(crate) fn is_alive(&self, record: &ConductorRecord) -> bool {
        self.is_beating(record, self.cluster_time())
    }

    /// Whoever reads a store of its own is there, also while a full disk takes no beat of it.
    pub(super) fn is_beating(&self, record: &ConductorRecord, now: Timestamp) -> bool {
        let is_self = self.store().is_exclusive() && record.hostname == self.host();
        let silence = between(record.updated_at, now);
        record.online && (is_self || silence < self.beat_timeout())
    }

    /// Asked for with each node that is shown: whoever is alone need not read the store for it.
    pub(super) async fn do_rings(&self) -> Result<Arc<Rings>, StoreError> {
        let cache = &self.inner.rings;
        let writes = match self.store().is_exclusive().then(|| cache.known()) {
            Some(Ok(rings)) => return Ok(rings),
            Some(Err(writes)) => Some(writes),
            None => None,
        };
        let page = self.store().page(&Query::all(Table::Conductor)).await?;
        let around = Around::new(self, self.cluster_time(), &page.records)?;
        let rings = around.rings();
        if let Some(writes) = writes {
            cache.keep(writes, &rings);
        }
        Ok(rings)
    }
}

/// For the record: what each hardware type tells of here.
fn offered(enabled: &Enabled) -> OfferedByDriver {
    let mut by_driver = OfferedByDriver::new();
    for name in enabled.hardware_types() {
        let of_kind = |kind: InterfaceKind| OfferedInterfaces {
            enabled: enabled
                .listed(name, kind)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            default: enabled.default_of(name, kind).map(str::to_owned),
        };
        let kinds: BTreeMap<_, _> = InterfaceKind::ALL
            .into_iter()
            .map(|kind| (kind.name().to_owned(), of_kind(kind)))
            .collect();
        by_driver.insert((*name).to_owned(), kinds);
    }
    by_driver
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::lab::Lab;

    #[tokio::test(start_paused = true)]
    async fn on_a_store_of_its_own_a_conductor_is_there_without_a_beat() {
        let mut lab = Lab::new();
        let store = lab.start(None).await;
        lab.enroll_available().await;
        let (conductor, node) = (lab.conductor(), lab.node().await);
        let (mut record, _) = conductor.own_record().await.unwrap().unwrap();
        record.updated_at -= conductor.beat_timeout();
        let late = Transaction::new().put(&record);
        lab.store.commit(late).await.unwrap();
        let host = async || conductor.conductor_of(&node).await.unwrap();
        assert_eq!(host().await.as_deref(), Some("one"));
        store.share();
        assert_eq!(host().await, None, "others would take it for dead");
    }
}
