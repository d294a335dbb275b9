//! Clocks that differ or are put back: a wait is as long as it was, in whoever's hands its node comes.

use super::agent::Plan;
use super::cluster_lab::{Cluster, Member, host_among};
use super::crashes::request;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

const NAMES: [&str; 2] = ["one", "two"];
const BEAT: Duration = Duration::from_secs(10);
/// From a conductor's last beat until others take its nodes.
const LIMIT: Duration = Duration::from_secs(220);
const LOOK: Duration = Duration::from_secs(15);
const HOURS: Duration = Duration::from_secs(3 * 3600);
/// Until the wait is looked at. It is part of the time-out, which is longer.
const PAST: Duration = Duration::from_secs(120);

/// Which of the two conductors is started first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// The one that has the node.
    Host,
    /// The one that gets it.
    Heir,
}

/// A deploy that waits for a machine which boots no ramdisk.
struct Waiting {
    cluster: Cluster,
    members: BTreeMap<String, Member>,
    host: String,
    heir: String,
}

impl Waiting {
    /// The wall clock stands still in a test, and a conductor reads it once: so the one that is started later has a clock
    /// that is behind the other one's by this time.
    async fn new(first: First, apart: Duration) -> Self {
        let cluster = Cluster::new();
        cluster.lab.plan(Plan {
            broken: true,
            ..Plan::default()
        });
        let host = host_among(&NAMES, cluster.lab.machine.node);
        let heir = NAMES.into_iter().find(|name| *name != host);
        let heir = heir.expect("the other one").to_owned();
        let order = match first {
            First::Host => [&host, &heir],
            First::Heir => [&heir, &host],
        };
        let mut members = BTreeMap::new();
        members.insert(order[0].clone(), cluster.start(order[0]).await);
        sleep(apart).await;
        members.insert(order[1].clone(), cluster.start(order[1]).await);
        cluster.lab.enroll_available().await;
        cluster.owned_by(&host, BEAT + LOOK).await;
        sleep(BEAT).await;
        cluster.lab.try_to(request(Verb::Deploy)).await.unwrap();
        cluster.lab.wait_for_within(State::DeployWait, LIMIT).await;
        sleep(PAST).await;
        Self {
            cluster,
            members,
            host,
            heir,
        }
    }

    /// How much is left of the wait, as this conductor sees it. By its clock it has begun.
    async fn left(&self, name: &str) -> SignedDuration {
        let wait = self.cluster.lab.node().await.run.unwrap().wait.unwrap();
        let now = self.members[name].conductor.now();
        assert!(wait.since <= now, "{wait:?} at {now}");
        wait.deadline.unwrap().duration_since(now)
    }

    /// As much is left as was before, but for a beat and for what was not watched.
    async fn is_as_long_as(&self, before: SignedDuration, context: &str) {
        assert_eq!(self.cluster.owner().await.conductor, self.heir, "{context}");
        let (after, little) = (self.left(&self.heir).await, SignedDuration::from_secs(20));
        assert!(
            (before - little..before + little).contains(&after),
            "{context}: {before:#} were left, now {after:#} are"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_survives_its_conductor_whatever_the_clocks_show() {
    let cases = [
        (First::Host, Duration::ZERO, -86_400),
        (First::Host, Duration::ZERO, 86_400),
        (First::Host, HOURS, 0),
        (First::Heir, HOURS, 0),
        (First::Heir, HOURS, -86_400),
    ];
    for (first, apart, step) in cases {
        let context = format!("{first:?} first by {apart:?}, the database's clock put by {step} s");
        let mut waiting = Waiting::new(first, apart).await;
        let before = waiting.left(&waiting.host).await;
        waiting.cluster.server.step_clock(step);
        let gone = waiting.members.remove(&waiting.host).unwrap();
        waiting.cluster.kill(&waiting.host, gone);
        waiting.cluster.changes_hands(LIMIT * 2).await;
        waiting.is_as_long_as(before, &context).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_handed_over_ends_by_the_clock_of_who_gets_it() {
    for first in [First::Host, First::Heir] {
        let mut waiting = Waiting::new(first, HOURS).await;
        let before = waiting.left(&waiting.host).await;
        let leaving = waiting.members.get_mut(&waiting.host).unwrap();
        leaving.stop().await.unwrap();
        waiting
            .is_as_long_as(before, &format!("{first:?} first"))
            .await;
    }
}
