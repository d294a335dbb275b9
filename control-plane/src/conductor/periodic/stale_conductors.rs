//! Forgets conductors that have been dead for long and own nothing any more.

use super::chore::Chore;
use crate::conductor::Conductor;
use crate::conductor::environment::between;
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_model::conductor::ConductorRecord;
use ferric_store::{Entity, Expectation, FieldValue, Query, StoreError, Table, Transaction};
use std::time::Duration;

/// More than these are left to the next pass.
const BATCH: usize = 50;

pub(super) struct StaleConductors;

#[async_trait]
impl Chore for StaleConductors {
    fn purpose(&self) -> &'static str {
        "forgetting stale conductors"
    }

    fn spacing(&self, settings: &Settings) -> Duration {
        seconds(settings.conductor.conductor_cleanup_interval_s)
    }

    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError> {
        let page = conductor
            .store()
            .page(&Query::all(Table::Conductor))
            .await?;
        let mut forgotten = 0;
        for record in page.records {
            let known: ConductorRecord = record.decode()?;
            if forgotten == BATCH || !is_stale(conductor, &known) || owns(conductor, &known).await?
            {
                continue;
            }
            let gone = Transaction::new()
                .expect(Expectation::Revision(record.key, record.revision))
                .delete(known.key());
            match conductor.store().commit(gone).await {
                Ok(_) => forgotten += 1,
                // It has come back.
                Err(StoreError::Stale { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(forgotten)
    }
}

fn is_stale(conductor: &Conductor, known: &ConductorRecord) -> bool {
    let limit = seconds(conductor.settings().conductor.conductor_cleanup_timeout_s);
    known.hostname != conductor.host()
        && between(known.updated_at, conductor.cluster_time()) > limit
}

async fn owns(conductor: &Conductor, known: &ConductorRecord) -> Result<bool, StoreError> {
    let name = FieldValue::Text(known.hostname.clone());
    let mut query = Query::all(Table::Node).filter("owned_by", vec![name]);
    query.limit = 1;
    Ok(!conductor.store().outlines(&query).await?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::lab::Lab;
    use ferric_model::ids::Incarnation;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    const DAY: u64 = 86_400;

    #[tokio::test(start_paused = true)]
    async fn whoever_is_dead_for_two_weeks_and_owns_nothing_is_forgotten() {
        let mut lab = Lab::new();
        lab.start(None).await.share();
        lab.enroll_available().await;
        let now = lab.conductor().now();
        let other = |hostname: &str, days: u64| ConductorRecord {
            hostname: hostname.to_owned(),
            incarnation: Incarnation(Uuid::from_u128(2)),
            conductor_group: String::new(),
            drivers: Vec::new(),
            interfaces: BTreeMap::new(),
            online: false,
            address: None,
            created_at: now - Duration::from_secs(days * DAY),
            updated_at: now - Duration::from_secs(days * DAY),
            own_clock: None,
        };
        let mut node = lab.node().await;
        node.ownership.as_mut().unwrap().conductor = "owner".to_owned();
        let change = Transaction::new()
            .put(&node)
            .put(&other("lately", 13))
            .put(&other("long-ago", 15))
            .put(&other("owner", 15));
        lab.store.commit(change).await.unwrap();
        assert_eq!(StaleConductors.pass(&lab.conductor()).await.unwrap(), 1);
        let left = lab.store.page(&Query::all(Table::Conductor)).await.unwrap();
        let mut left: Vec<_> = left.records.into_iter().map(|known| known.key.id).collect();
        left.sort_unstable();
        assert_eq!(left, ["lately", "one", "owner"]);
    }
}
