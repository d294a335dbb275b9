//! This conductor among the others: its record, its beat, and the hash ring that says whose a node is.

use super::Conductor;
use super::environment::between;
use crate::config::seconds;
use ferric_model::conductor::ConductorRecord;
use ferric_model::hash_ring::RingSettings;
use ferric_model::hash_ring::groups::Rings;
use ferric_model::node::Node;
use ferric_store::{Entity, Key, Query, StoreError, Table, Transaction};
use jiff::Timestamp;

/// Whether the conductor takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Here,
    Leaving,
}

impl Conductor {
    /// Says that this conductor is alive, or that it leaves.
    pub(super) async fn beat(&self, presence: Presence) -> Result<(), StoreError> {
        let now = self.now();
        let known = self
            .store()
            .get(&Key::new(ConductorRecord::TABLE, self.host()))
            .await?;
        let known: Option<ConductorRecord> = known.map(|record| record.decode()).transpose()?;
        let mut drivers: Vec<String> = self
            .enabled()
            .hardware_types()
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        drivers.sort_unstable();
        let record = ConductorRecord {
            hostname: self.host().to_owned(),
            incarnation: self.incarnation(),
            conductor_group: self.settings().conductor_group.clone(),
            drivers,
            online: presence == Presence::Here,
            address: self
                .settings()
                .cluster
                .as_ref()
                .map(|cluster| cluster.url.clone()),
            created_at: known.map_or(now, |record| record.created_at),
            updated_at: now,
        };
        self.store().commit(Transaction::new().put(&record)).await?;
        Ok(())
    }

    /// The records of all conductors, dead ones too.
    pub(super) async fn conductors(&self) -> Result<Vec<ConductorRecord>, StoreError> {
        let page = self.store().page(&Query::all(Table::Conductor)).await?;
        page.records
            .iter()
            .map(ferric_store::Record::decode)
            .collect()
    }

    /// Heard of lately enough.
    pub(super) fn is_alive(&self, record: &ConductorRecord, now: Timestamp) -> bool {
        let silence = between(record.updated_at, now);
        record.online && silence < seconds(self.settings().conductor.beat_timeout_s)
    }

    pub(super) async fn do_conductor_of(&self, node: &Node) -> Result<Option<String>, StoreError> {
        let conductors = self.conductors().await?;
        let now = self.now();
        let rings = Rings::new(
            conductors
                .iter()
                .filter(|record| self.is_alive(record, now)),
            RingSettings::default(),
        );
        let host = rings.host(&node.conductor_group, &node.driver, node.uuid);
        Ok(host.ok().map(str::to_owned))
    }
}
