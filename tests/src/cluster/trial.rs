//! The trial as a whole: the cluster, the world around it, and what was found; and how a fleet is brought to its end.

use super::findings::{Findings, Row};
use super::fleet::{Fleet, Standing, Standings};
use super::ledger::{Orders, accepted_too_late, resumed, stored_too_late, went_back};
use super::owners::Owners;
use super::site::Site;
use anyhow::ensure;
use ferric_tests::played::deploy::{Deploy, World, story};
use jiff::Timestamp;
use rand::Rng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const LOOK: Duration = Duration::from_millis(200);
/// For whatever comes by itself, on a busy machine.
const LONG: Duration = Duration::from_secs(90);

pub(crate) struct Trial {
    pub(crate) site: Site,
    pub(crate) world: World,
    pub(crate) random: StdRng,
    pub(crate) findings: Findings,
}

/// What befalls a conductor, and how long the others may take until they have its deploys.
pub(crate) struct Fault {
    pub(crate) what: String,
    pub(crate) victim: String,
    pub(crate) limit: Duration,
}

/// What there was when a fault came.
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    pub(crate) owners: Owners,
    /// Deploys in the middle of their work: name and UUID.
    pub(crate) running: Vec<(String, String)>,
}

impl Moment {
    /// Those of them that were this conductor's.
    pub(crate) fn of(&self, host: &str) -> Vec<(String, String)> {
        let is_its = |uuid: &String| {
            self.owners
                .get(uuid)
                .is_some_and(|owner| owner.conductor == host)
        };
        let its = self.running.iter().filter(|(_, uuid)| is_its(uuid));
        its.cloned().collect()
    }
}

impl Trial {
    /// A moment that was not chosen, at which machines are at different places.
    pub(crate) async fn some_time(&mut self) {
        let wait = self.random.random_range(0..1500);
        sleep(Duration::from_millis(wait)).await;
    }

    pub(crate) async fn moment(&self, fleet: &Fleet) -> anyhow::Result<Moment> {
        let standings = fleet.standings().await?;
        let owners = self.site.registry.owners().await?;
        let is_running = |deploy: &&Arc<Deploy>| {
            standings
                .get(&deploy.uuid)
                .is_some_and(Standing::is_running)
        };
        let running = fleet.deploys.iter().filter(is_running);
        Ok(Moment {
            at: Timestamp::now(),
            owners,
            running: running
                .map(|deploy| (deploy.name.clone(), deploy.uuid.clone()))
                .collect(),
        })
    }

    /// Waits until others have what was the victim's at that moment, and counts it.
    pub(crate) async fn taken_over(
        &mut self,
        fleet: &Fleet,
        moment: &Moment,
        fault: Fault,
    ) -> anyhow::Result<()> {
        let its = moment.of(&fault.victim);
        let now = self.without(&its, &fault).await?;
        let Fault {
            what,
            victim,
            limit,
        } = fault;
        self.findings.expect(!its.is_empty(), || {
            format!("{what}: {victim} had no deploys to lose")
        });
        // One that has ended meanwhile is at rest, and may go to whoever the ring says.
        let standings = fleet.standings().await?;
        for (name, uuid) in &moment.running {
            let (before, now) = (moment.owners.get(uuid), now.get(uuid));
            let still = standings.get(uuid).is_some_and(Standing::is_running);
            let was_well = before.is_some_and(|before| before.conductor != victim);
            self.findings.expect(!(still && was_well && before != now), || {
                format!("{what}: {name} was taken from a conductor that was well: {before:?}, now {now:?}")
            });
        }
        let (running, of_victim) = (moment.running.len(), its.len());
        let delays = self.delays(&its, moment, &victim);
        let slow = delays.iter().filter(|delay| **delay > limit).count();
        self.findings.expect(slow == 0, || {
            format!(
                "{what}: {slow} deploys were taken over later than {} s after",
                limit.as_secs()
            )
        });
        self.findings.row(Row {
            what,
            running,
            of_victim,
            delays,
        });
        Ok(())
    }

    /// Waits until the victim has none of these deploys any more. Answers who has what then.
    async fn without(&self, its: &[(String, String)], fault: &Fault) -> anyhow::Result<Owners> {
        let Fault { what, victim, .. } = fault;
        let begun = Instant::now();
        loop {
            let owners = self.site.registry.owners().await?;
            let has = |uuid: &String| {
                owners
                    .get(uuid)
                    .is_some_and(|owner| owner.conductor == *victim)
            };
            let left = its.iter().filter(|(_, uuid)| has(uuid)).count();
            if left == 0 {
                return Ok(owners);
            }
            ensure!(
                begun.elapsed() < LONG,
                "{what}: {left} of {} deploys are still {victim}'s after {} s",
                its.len(),
                LONG.as_secs()
            );
            sleep(LOOK).await;
        }
    }

    /// How long each of these deploys was without a conductor after that moment.
    fn delays(&self, its: &[(String, String)], moment: &Moment, victim: &str) -> Vec<Duration> {
        let delays = its.iter().filter_map(|(_, uuid)| {
            let changes = self.site.registry.changes(uuid);
            let mut changes = changes.iter();
            let change =
                changes.find(|change| change.at > moment.at && change.owner.conductor != victim)?;
            Duration::try_from(change.at.duration_since(moment.at)).ok()
        });
        delays.collect()
    }

    /// Waits for the end of all deploys and looks at each.
    pub(crate) async fn finish(&mut self, fleet: &Fleet) -> anyhow::Result<()> {
        let standings = fleet.end().await?;
        for deploy in &fleet.deploys {
            self.judge(deploy, &standings).await?;
        }
        Ok(())
    }

    async fn judge(&mut self, deploy: &Deploy, standings: &Standings) -> anyhow::Result<()> {
        let events = deploy.events().await?;
        let state = standings
            .get(&deploy.uuid)
            .map_or("gone", |standing| &standing.state);
        let mut wrong = Vec::new();
        if state == "active" {
            wrong.extend(deploy.check().await.err().map(|error| format!("{error:#}")));
        } else {
            wrong.push(format!("lost: it is {state}"));
        }
        let commands = self.world.traces.commands(&deploy.name);
        let changes = self.site.registry.changes(&deploy.uuid);
        wrong.extend(accepted_too_late(&commands, &changes));
        wrong.extend(went_back(&commands));
        wrong.extend(stored_too_late(&events));
        let findings = &mut self.findings;
        findings.deploys += 1;
        findings.resumed += resumed(&events);
        *findings.writes.entry(deploy.writes()).or_default() += 1;
        findings.orders.add(Orders::of(&commands));
        for text in &wrong {
            findings.wrong(format!("{} ({}): {text}", deploy.name, deploy.uuid));
        }
        if wrong.is_empty() {
            findings.good += 1;
        } else {
            findings.tell(&story(&events), &commands);
        }
        Ok(())
    }
}
