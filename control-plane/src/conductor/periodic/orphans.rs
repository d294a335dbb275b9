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
        let spacing = self.spacing(conductor.settings());
        let mut taken = 0;
        loop {
            let sweep = conductor.take_over_orphans().await?;
            taken += sweep.taken;
            if sweep.taken > 0 {
                mended_in_time(conductor).await;
            }
            let departed = conductor.await_departure(sweep.gone, spacing).await?;
            if !departed || conductor.stopping() {
                return Ok(taken);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::lab::Lab;
    use ferric_model::conductor::ConductorRecord;
    use ferric_model::event::What;
    use ferric_model::ids::{Epoch, Incarnation};
    use ferric_model::node::Ownership;
    use ferric_store::{Key, Table, Transaction};
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::path::PathBuf;
    use uuid::Uuid;

    const DEADLINE: Duration = Duration::from_secs(120);

    /// A node of a conductor that is called `two` and was heard of so long ago.
    async fn owned_by_another(silent_s: u64, online: bool) -> Lab {
        let mut lab = Lab::new();
        lab.start(None).await.share();
        lab.enroll_available().await;
        belongs_to(&lab, "two", silent_s, online).await;
        lab
    }

    async fn belongs_to(lab: &Lab, host: &str, silent_s: u64, online: bool) {
        let now = lab.conductor().now();
        let heard = now - Duration::from_secs(silent_s);
        let other = ConductorRecord {
            hostname: host.to_owned(),
            incarnation: Incarnation(Uuid::from_u128(2)),
            conductor_group: String::new(),
            drivers: vec!["fake-hardware".to_owned()],
            interfaces: BTreeMap::new(),
            online,
            address: None,
            created_at: heard,
            updated_at: heard,
            own_clock: None,
        };
        let mut node = lab.node().await;
        node.ownership = Some(Ownership {
            conductor: host.to_owned(),
            incarnation: other.incarnation,
            epoch: Epoch(7),
        });
        let change = Transaction::new().put(&other).put(&node);
        lab.store.commit(change).await.unwrap();
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

    /// Its last word comes after the look for orphans and before the wait for the next one to go.
    #[tokio::test(start_paused = true)]
    async fn a_departure_between_two_looks_is_seen() {
        let lab = owned_by_another(0, true).await;
        let conductor = lab.conductor();
        let sweep = conductor.take_over_orphans().await.unwrap();
        assert_eq!((sweep.taken, sweep.gone.len()), (0, 0));
        leaves(&lab, "two").await;
        let limit = Duration::from_secs(10);
        let seen = conductor.await_departure(sweep.gone, limit).await.unwrap();
        assert!(seen, "conductor two has left");
        let sweep = conductor.take_over_orphans().await.unwrap();
        assert_eq!((sweep.taken, sweep.gone.len()), (1, 1));
        let more = conductor.await_departure(sweep.gone, limit).await.unwrap();
        assert!(!more, "it is known to be gone");
    }

    async fn leaves(lab: &Lab, host: &str) {
        let key = Key::new(Table::Conductor, host);
        let record = lab.store.get(&key).await.unwrap().expect("its record");
        let mut record: ConductorRecord = record.decode().unwrap();
        record.online = false;
        let left = Transaction::new().put(&record);
        lab.store.commit(left).await.unwrap();
    }

    /// A file that whoever reads it waits for, until this is dropped: so does a disk that hangs.
    struct HangingFile {
        path: PathBuf,
        /// As long as somebody may write to it, its end does not come.
        writer: Option<File>,
    }

    impl HangingFile {
        fn new(path: PathBuf) -> Self {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            mkfifo(&path, Mode::S_IRWXU).unwrap();
            let mut options = File::options();
            let writer = options.read(true).write(true).open(&path).unwrap();
            let writer = Some(writer);
            Self { path, writer }
        }
    }

    impl Drop for HangingFile {
        fn drop(&mut self) {
            std::fs::remove_file(&self.path).unwrap();
            drop(self.writer.take());
        }
    }

    /// While somebody waits for a disk the paused clock stands still, unless it is told to go on.
    async fn until_owned(lab: &Lab, expected: &str) {
        let start = std::time::Instant::now();
        while owner(lab).await.0 != expected {
            assert!(start.elapsed() < DEADLINE, "{expected} does not take it");
            tokio::time::advance(Duration::from_millis(500)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_keeps_nobody_from_taking_over_more() {
        let mut lab = Lab::new();
        let hosts = lab.folder.path().join("hosts");
        lab.configure(|settings| settings.boot.dnsmasq_hosts_dir = Some(hosts.clone()));
        // The first pass looks at all files.
        let _hanging = HangingFile::new(hosts.join("ironic-52:54:00:00:00:99.conf"));
        lab.start(None).await.share();
        lab.enroll_available().await;
        for host in ["two", "three"] {
            belongs_to(&lab, host, 0, true).await;
            leaves(&lab, host).await;
            until_owned(&lab, "one").await;
        }
    }
}
