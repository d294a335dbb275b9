//! The rounds: undisturbed deploys to measure against, deploys with a kill at a random instant of each, and deploys
//! during which conductors are killed wherever no kill has hit yet.

use super::journal::{Place, steps};
use super::place::Moment;
use super::report::{Aim, Cell, Kills, cells};
use super::site::Site;
use anyhow::Context;
use ferric_tests::played::client::Client;
use ferric_tests::played::deploy::{Deploy, KINDS, Pace, World, story};
use ferric_tests::played::gate::Gate;
use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// From one deploy's request to the next in a round that is not timed by its kill.
const STAGGER: Duration = Duration::from_millis(250);
/// Between two looks at a deploy that is aimed at.
const LOOK: Duration = Duration::from_millis(1);
/// More kills during the same few deploys would say nothing new.
const KILLS_PER_BATCH: usize = 60;

pub(crate) struct Experiment {
    pub(crate) site: Site,
    pub(crate) world: World,
    pub(crate) random: StdRng,
    pub(crate) steps: Vec<String>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) kills: Kills,
    pub(crate) kill_count: usize,
    pub(crate) files: usize,
    /// How long an undisturbed deploy takes, by kind of machine.
    usual: Vec<Duration>,
    /// By how much longer than usual those with one kill took, beyond the time without a conductor.
    pub(crate) excess: Vec<Duration>,
    pub(crate) restarts: Vec<Duration>,
    pub(crate) deploys: usize,
    /// Those in the middle of which a kill came at an instant drawn for them.
    pub(crate) hit: usize,
    /// Those that were lost, or done wrong.
    pub(crate) failures: Vec<String>,
}

impl Experiment {
    pub(crate) fn new(site: Site, world: World, seed: u64) -> Self {
        Self {
            site,
            world,
            random: StdRng::seed_from_u64(seed),
            steps: Vec::new(),
            cells: Vec::new(),
            kills: Kills::default(),
            kill_count: 0,
            files: 0,
            usual: Vec::new(),
            excess: Vec::new(),
            restarts: Vec::new(),
            deploys: 0,
            hit: 0,
            failures: Vec::new(),
        }
    }

    async fn prepare(&mut self, width: usize) -> anyhow::Result<Vec<Arc<Deploy>>> {
        let numbers = self.deploys..self.deploys + width;
        self.deploys += width;
        let prepared = numbers.map(|number| {
            // From 100 to 800 ms, each kind with all of them.
            let writing = Duration::from_millis(100 + (number / KINDS.len()) as u64 % 8 * 100);
            let gate = Gate::open();
            Deploy::prepare(&self.world, number, Pace { writing, gate })
        });
        let deploys = try_join_all(prepared).await?;
        Ok(deploys.into_iter().map(Arc::new).collect())
    }

    /// Deploys that nobody disturbs.
    pub(crate) async fn undisturbed(&mut self, width: usize) -> anyhow::Result<()> {
        let deploys = self.prepare(width).await?;
        let took = deploys
            .iter()
            .enumerate()
            .map(|(place, deploy)| async move {
                sleep(STAGGER * u32::try_from(place)?).await;
                deploy.ask().await?;
                let end = deploy.ends().await?;
                deploy.check().await?;
                anyhow::Ok((deploy.kind, deploy.took(end)))
            });
        let took = try_join_all(took).await?;
        for (number, kind) in KINDS.iter().enumerate() {
            let of_kind = took.iter().filter(|(of, _)| *of == number);
            let usual = median(of_kind.map(|(_, took)| *took).collect());
            self.usual.push(usual);
            println!("undisturbed, {kind:?}: {:.1} s", usual.as_secs_f64());
        }
        self.steps = steps(&deploys[0].events().await?);
        self.cells = cells(&self.steps);
        Ok(())
    }

    /// One conductor is killed once, at an instant of each of these deploys that was drawn for it alone: each is begun
    /// so long before.
    pub(crate) async fn at_random(&mut self, width: usize) -> anyhow::Result<()> {
        let deploys = self.prepare(width).await?;
        let ages: Vec<Duration> = deploys
            .iter()
            .map(|deploy| self.usual[deploy.kind].mul_f64(self.random.random_range(0.0..1.0)))
            .collect();
        let oldest = ages.iter().max().copied().unwrap_or_default();
        let instant = Instant::now() + oldest + Duration::from_millis(20);
        let asking = deploys.iter().zip(&ages).map(|(deploy, age)| async move {
            sleep_until(instant - *age).await;
            deploy.ask().await
        });
        let site = &mut self.site;
        let killing = async {
            sleep_until(instant).await;
            let at = site.kill()?;
            let moments: Vec<_> = deploys
                .iter()
                .map(|deploy| Moment::of(deploy, at))
                .collect();
            site.start().await?;
            anyhow::Ok((moments, Timestamp::now()))
        };
        // A request that was never accepted shows in the deploy's end.
        let (_, killed) = tokio::join!(join_all(asking), killing);
        let (moments, up) = killed?;
        let restart = since(moments[0].at, up);
        self.kill_count += 1;
        self.restarts.push(restart);
        let hit = self.count(&deploys, &moments, Aim::Random).await?;
        let ends = join_all(deploys.iter().map(|deploy| deploy.ends())).await;
        for ((deploy, end), was_hit) in deploys.iter().zip(&ends).zip(hit) {
            self.hit += usize::from(was_hit);
            if let (Ok(end), true) = (end, was_hit) {
                let usual = self.usual[deploy.kind] + restart;
                self.excess.push(deploy.took(*end).saturating_sub(usual));
            }
        }
        self.check(&deploys, ends).await
    }

    /// A few deploys, and a kill whenever one of them comes to a place that no kill has hit.
    pub(crate) async fn aimed(&mut self, width: usize, load: Load) -> anyhow::Result<()> {
        let deploys = self.prepare(width).await?;
        let mut clerk = JoinSet::new();
        if load == Load::Busy {
            clerk.spawn(keep_busy(self.site.operator.clone()));
        }
        let (tell, mut told) = mpsc::unbounded_channel();
        let target = Arc::new(Target {
            steps: self.steps.clone(),
            wanted: Mutex::new(self.kills.empty(&self.cells).into_iter().collect()),
            pid: AtomicU32::new(self.site.pid().unwrap_or(0)),
            tell,
        });
        let mut watching = JoinSet::new();
        for (place, deploy) in deploys.iter().enumerate() {
            watching.spawn(watch(deploy.clone(), target.clone()));
            let (deploy, place) = (deploy.clone(), u32::try_from(place)?);
            watching.spawn(async move {
                sleep(STAGGER * place).await;
                deploy.ask().await
            });
        }
        let mut kills = 0;
        while !watching.is_empty() {
            tokio::select! {
                biased;
                Some(at) = told.recv() => {
                    self.site.kill()?;
                    let moments: Vec<_> = deploys.iter().map(|deploy| Moment::of(deploy, at)).collect();
                    self.site.start().await?;
                    self.kill_count += 1;
                    self.count(&deploys, &moments, Aim::Aimed).await?;
                    kills += 1;
                    let left = if kills < KILLS_PER_BATCH { self.kills.empty(&self.cells) } else { Vec::new() };
                    *target.wanted.lock() = left.into_iter().collect();
                    target.pid.store(self.site.pid().unwrap_or(0), Ordering::SeqCst);
                }
                Some(ended) = watching.join_next() => ended.context("a watcher panicked")??,
            }
        }
        let ends = join_all(deploys.iter().map(|deploy| deploy.ends())).await;
        self.check(&deploys, ends).await
    }

    /// Counts what a kill hit; answers which of the deploys were not over by then.
    async fn count(
        &mut self,
        deploys: &[Arc<Deploy>],
        moments: &[Moment],
        aim: Aim,
    ) -> anyhow::Result<Vec<bool>> {
        let mut hit = Vec::with_capacity(deploys.len());
        for (deploy, moment) in deploys.iter().zip(moments) {
            let events = deploy.events().await?;
            let place = moment.place(deploy, &events, &self.steps);
            hit.push(place != Place::Over);
            // The other deploys of an aimed kill are hit where they happen to be, if they have begun.
            if place != Place::Over && (aim == Aim::Random || place != Place::NotAccepted) {
                self.kills.count(place, aim);
            }
        }
        Ok(hit)
    }

    async fn check(
        &mut self,
        deploys: &[Arc<Deploy>],
        ends: Vec<anyhow::Result<Timestamp>>,
    ) -> anyhow::Result<()> {
        for (deploy, end) in deploys.iter().zip(ends) {
            let outcome = match end {
                Ok(_) => deploy.check().await,
                Err(lost) => Err(lost.context("lost")),
            };
            if let Err(error) = outcome {
                let story = story(&deploy.events().await.unwrap_or_default());
                let failure = format!("{} ({}): {error:#}\n{story}", deploy.name, deploy.uuid);
                println!("{failure}");
                self.failures.push(failure);
            }
        }
        self.files += self.site.check_copies().await?;
        Ok(())
    }
}

/// What else the conductor has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    Idle,
    /// An operator stores large documents without a pause, so that each commit waits for one of those. On a fast disk
    /// the moments between two commits are too short to be hit otherwise.
    Busy,
}

const LARGE: usize = 400_000;

/// For ever, over kills.
async fn keep_busy(operator: Client) {
    let name = "busy";
    let node = json!({ "name": name, "driver": "fake-hardware" });
    for number in 0_u64.. {
        let notes = format!("{number}{}", "n".repeat(LARGE));
        let patch = json!([{ "op": "add", "path": "/extra/notes", "value": notes }]);
        let path = format!("/v1/nodes/{name}");
        let patched = operator
            .call(Method::PATCH, &path, Some(&patch), None)
            .await;
        match patched {
            Ok(answer) if answer.status == 404 => {
                // It may have been made by a conductor that died before it said so.
                drop(operator.post("/v1/nodes", &node).await);
            }
            Ok(_) => {}
            Err(_nobody_is_there) => sleep(STAGGER).await,
        }
    }
}

/// What is aimed at, and the conductor that is killed there.
struct Target {
    steps: Vec<String>,
    wanted: Mutex<BTreeSet<Cell>>,
    /// 0 while none runs.
    pid: AtomicU32,
    tell: mpsc::UnboundedSender<Timestamp>,
}

impl Target {
    /// SIGKILL at once if no kill has hit this place; the rest of it is done by whoever is told.
    fn look(&self, place: &Cell) {
        if !self.wanted.lock().contains(place) {
            return;
        }
        let pid = self.pid.swap(0, Ordering::SeqCst);
        if let Ok(pid) = i32::try_from(pid)
            && pid > 0
        {
            kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap_or_default();
            self.tell.send(Timestamp::now()).unwrap_or_default();
        }
    }
}

/// Looks at a deploy as often as it can, until it is over.
async fn watch(deploy: Arc<Deploy>, target: Arc<Target>) -> anyhow::Result<()> {
    let mut events: Vec<Value> = Vec::new();
    let limit = Instant::now() + Duration::from_secs(240);
    while Instant::now() < limit {
        let last = events.last().and_then(|event| event["sequence"].as_u64());
        // Nobody answers while no conductor runs.
        events.extend(
            deploy
                .events_behind(last.unwrap_or(0))
                .await
                .unwrap_or_default(),
        );
        let now = Moment::of(&deploy, Timestamp::now());
        match now.place(&deploy, &events, &target.steps) {
            Place::Over => return Ok(()),
            Place::Step(step, gap) => target.look(&(step, gap)),
            Place::NotAccepted | Place::Finishing => {}
        }
        sleep(LOOK).await;
    }
    Ok(())
}

pub(crate) fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations
        .get(durations.len() / 2)
        .copied()
        .unwrap_or_default()
}

fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
