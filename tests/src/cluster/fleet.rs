//! Many deploys that run at the same time, and how far they are.

use anyhow::{Context, ensure};
use ferric_tests::played::client::Client;
use ferric_tests::played::deploy::{Deploy, Pace, World};
use ferric_tests::played::gate::{Gate, Keeper};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Groups of machines; those of a group are held up in the middle of writing until their gate is opened.
pub(crate) const GROUPS: usize = 3;
/// Machines that are enrolled at the same time.
const ENROLLING: usize = 24;
/// From one request to the next.
const STAGGER: Duration = Duration::from_millis(80);
const LOOK: Duration = Duration::from_millis(300);
/// For whatever comes by itself, on a busy machine.
const LONG: Duration = Duration::from_secs(120);

pub(crate) struct Fleet {
    pub(crate) deploys: Vec<Arc<Deploy>>,
    keepers: Vec<Keeper>,
    operators: Client,
}

/// A node in a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) state: String,
    is_reserved: bool,
}

impl Standing {
    pub(crate) fn is_running(&self) -> bool {
        ["deploying", "wait call-back"].contains(&self.state.as_str())
    }

    fn is_over(&self) -> bool {
        self.state.ends_with("failed")
            || self.state == "error"
            || self.state == "active" && !self.is_reserved
    }
}

/// By the node's UUID.
pub(crate) type Standings = BTreeMap<String, Standing>;

impl Fleet {
    /// Machines that are enrolled and available.
    pub(crate) async fn prepare(world: &World, numbers: Range<usize>) -> anyhow::Result<Self> {
        let (gates, keepers): (Vec<_>, Vec<_>) = (0..GROUPS).map(|_| Gate::closed()).unzip();
        let length = numbers.len();
        let prepared = numbers.enumerate().map(|(place, number)| {
            // Up to 2.2 s, in each group all of them.
            let writing = Duration::from_millis(number as u64 % 12 * 200);
            let gate = gates[group(place, length)].clone();
            async move {
                let deploy = Deploy::prepare(world, number, Pace { writing, gate }).await?;
                anyhow::Ok((place, Arc::new(deploy)))
            }
        });
        let mut deploys: Vec<_> = stream::iter(prepared)
            .buffer_unordered(ENROLLING)
            .try_collect()
            .await
            .context("enrolling machines")?;
        deploys.sort_by_key(|(place, _)| *place);
        Ok(Self {
            deploys: deploys.into_iter().map(|(_, deploy)| deploy).collect(),
            keepers,
            operators: world.operators.clone(),
        })
    }

    /// Asks for all of them, one soon after the other, and returns when all are accepted.
    pub(crate) async fn ask(&self) -> anyhow::Result<()> {
        let mut asking = JoinSet::new();
        for deploy in &self.deploys {
            let deploy = deploy.clone();
            asking.spawn(async move { deploy.ask().await });
            sleep(STAGGER).await;
        }
        while let Some(asked) = asking.join_next().await {
            asked??;
        }
        Ok(())
    }

    /// Opens a group's gate, when most of its machines are in the middle of writing.
    pub(crate) async fn release(&self, group_number: usize) -> anyhow::Result<()> {
        self.write(group_number).await?;
        self.open(group_number);
        Ok(())
    }

    pub(crate) fn open(&self, group_number: usize) {
        self.keepers[group_number].open();
    }

    /// Until most machines of a group are in the middle of writing.
    pub(crate) async fn write(&self, group_number: usize) -> anyhow::Result<()> {
        let length = self.deploys.len();
        let of_group = self.deploys.iter().enumerate();
        let of_group = of_group.filter(|(place, _)| group(*place, length) == group_number);
        let of_group: Vec<_> = of_group.map(|(_, deploy)| deploy).collect();
        let begun = Instant::now();
        while of_group.iter().filter(|one| one.writes() > 0).count() * 4 < of_group.len() * 3 {
            ensure!(begun.elapsed() < LONG, "the machines do not begin to write");
            sleep(LOOK).await;
        }
        Ok(())
    }

    pub(crate) async fn standings(&self) -> anyhow::Result<Standings> {
        let list = "/v1/nodes?fields=uuid,provision_state,reservation&limit=1000";
        let page = self.operators.look(list).await?;
        let nodes = page["nodes"].as_array().context("a list of nodes")?;
        let ours = |node: &&Value| {
            self.deploys
                .iter()
                .any(|deploy| node["uuid"] == *deploy.uuid)
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let standing = |node: &Value| {
            let state = text(&node["provision_state"]);
            let is_reserved = !node["reservation"].is_null();
            (text(&node["uuid"]), Standing { state, is_reserved })
        };
        Ok(nodes.iter().filter(ours).map(standing).collect())
    }

    /// Until each has ended, well or not; those that do not are lost, and so is nothing else.
    pub(crate) async fn end(&self) -> anyhow::Result<Standings> {
        let begun = Instant::now();
        loop {
            let standings = self.standings().await?;
            if standings.values().all(Standing::is_over) || begun.elapsed() >= LONG {
                return Ok(standings);
            }
            sleep(LOOK).await;
        }
    }
}

/// The first ones of a fleet are the first group.
fn group(place: usize, length: usize) -> usize {
    place * GROUPS / length.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_one_size() {
        let sizes = [0, 1, 2].map(|number| {
            let of_group = |place: &usize| group(*place, 100) == number;
            (0..100).filter(of_group).count()
        });
        assert_eq!(sizes, [34, 33, 33]);
    }
}
