//! Puts into the indexes what an older conductor has written, which knows fewer of them: in a rolling upgrade lists by
//! a new field would not show it until it is written again.

use super::chore::Chore;
use crate::conductor::Conductor;
use crate::conductor::node_task::TaskError;
use crate::config::Settings;
use async_trait::async_trait;
use std::time::Duration;

const SPACING: Duration = Duration::from_secs(60);

pub(super) struct Unindexed;

#[async_trait]
impl Chore for Unindexed {
    fn purpose(&self) -> &'static str {
        "indexing what older conductors have written"
    }

    fn spacing(&self, _settings: &Settings) -> Duration {
        SPACING
    }

    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError> {
        if conductor.look_around().await?.others().next().is_none() {
            return Ok(0);
        }
        Ok(conductor.store().complete_indexes().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::lab::Lab;
    use ferric_model::conductor::ConductorRecord;
    use ferric_model::ids::Incarnation;
    use ferric_store::Transaction;
    use std::collections::BTreeMap;
    use std::sync::atomic::Ordering;
    use uuid::Uuid;

    #[tokio::test(start_paused = true)]
    async fn only_where_others_write_into_the_store_is_it_looked_at_again_and_again() {
        let mut lab = Lab::new();
        let store = lab.start(None).await;
        store.share();
        let looks = || store.completions.load(Ordering::SeqCst);
        tokio::time::sleep(SPACING * 3).await;
        assert_eq!(looks(), 0);
        let heard = lab.conductor().now();
        let other = ConductorRecord {
            hostname: "two".to_owned(),
            incarnation: Incarnation(Uuid::from_u128(2)),
            conductor_group: String::new(),
            drivers: vec!["fake-hardware".to_owned()],
            interfaces: BTreeMap::new(),
            online: true,
            address: None,
            created_at: heard,
            updated_at: heard,
            own_clock: None,
        };
        let comes = Transaction::new().put(&other);
        lab.store.commit(comes).await.unwrap();
        tokio::time::sleep(SPACING * 3).await;
        assert!(looks() >= 2);
    }
}
