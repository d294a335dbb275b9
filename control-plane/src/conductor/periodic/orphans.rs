//! Takes over nodes whose conductor is dead, and those that nobody owns.

use super::boot_files::mended_in_time;
use super::chore::Chore;
use crate::conductor::Conductor;
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use std::time::Duration;

pub(super) struct Orphans;

#[async_trait]
impl Chore for Orphans {
    fn purpose(&self) -> &'static str {
        "taking over orphaned nodes"
    }

    fn spacing(&self, settings: &Settings) -> Duration {
        seconds(settings.conductor.orphan_check_interval_s)
    }

    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError> {
        let mut taken = taken_over(conductor).await?;
        let spacing = self.spacing(conductor.settings());
        if conductor.await_departure(spacing).await? {
            taken += taken_over(conductor).await?;
        }
        Ok(taken)
    }
}

async fn taken_over(conductor: &Conductor) -> Result<usize, TaskError> {
    let taken = conductor.take_over_orphans().await?;
    if taken > 0 {
        mended_in_time(conductor).await;
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::lab::Lab;
    use ferric_model::conductor::ConductorRecord;
    use ferric_model::event::What;
    use ferric_model::ids::{Epoch, Incarnation};
    use ferric_model::node::Ownership;
    use ferric_store::Transaction;
    use uuid::Uuid;

    /// A node of a conductor that is called `two` and was heard of so long ago.
    async fn owned_by_another(silent_s: u64, online: bool) -> Lab {
        let mut lab = Lab::new();
        lab.start(None).await.share();
        lab.enroll_available().await;
        let now = lab.conductor().now();
        let heard = now - Duration::from_secs(silent_s);
        let other = ConductorRecord {
            hostname: "two".to_owned(),
            incarnation: Incarnation(Uuid::from_u128(2)),
            conductor_group: String::new(),
            drivers: vec!["fake-hardware".to_owned()],
            online,
            address: None,
            created_at: heard,
            updated_at: heard,
        };
        let mut node = lab.node().await;
        node.ownership = Some(Ownership {
            conductor: "two".to_owned(),
            incarnation: other.incarnation,
            epoch: Epoch(7),
        });
        let change = Transaction::new().put(&other).put(&node);
        lab.store.commit(change).await.unwrap();
        lab
    }

    async fn owner(lab: &Lab) -> (String, Epoch) {
        let owner = lab.node().await.ownership.unwrap();
        (owner.conductor, owner.epoch)
    }

    async fn check(silent_s: u64, online: bool, watched_s: u64, expected: (&str, u64)) {
        let lab = owned_by_another(silent_s, online).await;
        let conductor = lab.conductor();
        conductor.look_around().await.unwrap();
        tokio::time::sleep(Duration::from_secs(watched_s)).await;
        conductor.take_over_orphans().await.unwrap();
        let (conductor, epoch) = owner(&lab).await;
        assert_eq!(
            (conductor.as_str(), epoch.0),
            expected,
            "silent for {silent_s} s, watched for {watched_s} s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nodes_of_a_dead_conductor_are_taken_over_and_fenced() {
        // The beat's time-out is 120 s, and the longest call takes 100 s.
        check(0, true, 218, ("two", 7)).await;
        check(0, true, 240, ("one", 8)).await;
        check(10, false, 0, ("one", 8)).await;
        // Whoever has just come has not seen yet that another one is silent.
        check(1000, true, 110, ("two", 7)).await;
        check(1000, true, 130, ("one", 8)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_takes_them_over_by_itself() {
        let lab = owned_by_another(0, true).await;
        // At the very moment, whenever the passes come.
        tokio::time::sleep(Duration::from_secs(221)).await;
        assert_eq!(owner(&lab).await.0, "one");
        let resumed = |what: &What| matches!(what, What::Resumed { .. });
        assert!(!lab.events().await.iter().any(resumed), "it was idle");
    }
}
