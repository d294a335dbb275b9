//! The start of a conductor: it takes over the nodes that are its own, or nobody's any more, and goes on with each from
//! its journal. Nothing is failed because a conductor died.

use super::Conductor;
use super::environment::{between, later};
use super::planted::Planted;
use super::walk::Walk;
use crate::config::seconds;
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::Epoch;
use ferric_model::node::{Node, Ownership};
use ferric_store::{Expectation, FieldValue, Query, Record, StoreError, Table, Transaction};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tracing::{error, info};

/// A node with its new owner, and what must still be so for that to be stored.
struct Taken {
    unchanged: Expectation,
    node: Node,
}

impl Taken {
    fn is_busy(&self) -> bool {
        self.node.run.is_some() || self.node.target_power_state.is_some()
    }
}

/// When each other conductor was heard of last, by name; alive ones keep their nodes.
struct Others {
    last_beats: BTreeMap<String, Timestamp>,
    alive: Vec<String>,
}

impl Conductor {
    /// Takes over what it may and resumes it. The nodes of a page share a commit: with one for each, ten thousand of them
    /// would wait for as many syncs of the disk before anybody is answered.
    pub(super) async fn take_over(&self) -> Result<(), StoreError> {
        let others = self.others().await?;
        let (mut nodes, mut resumed) = (0, 0);
        let mut walk = Walk::new(Query::all(Table::Node));
        while let Some(records) = walk.next(self.store().as_ref()).await? {
            nodes += records.len();
            resumed += self.take_over_page(&records, &others).await?;
        }
        info!(nodes, resumed, "took over");
        Ok(())
    }

    /// Takes over the nodes of conductors that are dead, and of nobody. Answers how many there were.
    ///
    /// A conductor that was only silent may still be in the middle of a call to a BMC: the longest call is waited for too.
    pub(super) async fn take_over_orphans(&self) -> Result<usize, StoreError> {
        let others = self.others().await?;
        let now = self.now();
        let limit = seconds(self.settings().conductor.beat_timeout_s)
            + ferric_drivers::Settings::default().call_timeout;
        let dead = self.conductors().await?.into_iter().filter(|record| {
            let silent = !record.online || between(record.updated_at, now) >= limit;
            record.hostname != self.host() && silent && !others.alive.contains(&record.hostname)
        });
        let dead = dead.map(|record| FieldValue::Text(record.hostname));
        let owners = dead.chain([FieldValue::Null]).collect();
        let mut walk = Walk::new(Query::all(Table::Node).filter("owned_by", owners));
        let mut taken = 0;
        while let Some(records) = walk.next(self.store().as_ref()).await? {
            self.take_over_page(&records, &others).await?;
            taken += records.len();
        }
        Ok(taken)
    }

    /// Answers how many were in the middle of something.
    async fn take_over_page(
        &self,
        records: &[Record],
        others: &Others,
    ) -> Result<usize, StoreError> {
        let mut taken = Vec::with_capacity(records.len());
        for record in records {
            match self.taken(record, others) {
                Ok(node) => taken.extend(node),
                // One node that cannot be read must not keep all others from their conductor.
                Err(StoreError::Corrupt { key, source }) => {
                    error!(%key, %source, "a node cannot be read and is left alone");
                }
                Err(error) => return Err(error),
            }
        }
        match self.store_taken(&taken).await {
            Ok(resumed) => Ok(resumed),
            // Somebody has written one of them since: that one is left to whoever it was.
            Err(StoreError::Stale { .. }) => {
                let mut resumed = 0;
                for one in taken.chunks(1) {
                    match self.store_taken(one).await {
                        Ok(one) => resumed += one,
                        Err(StoreError::Stale { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(resumed)
            }
            Err(error) => Err(error),
        }
    }

    /// Stores them in one commit, and goes on with those that were in the middle of something.
    async fn store_taken(&self, taken: &[Taken]) -> Result<usize, StoreError> {
        let mut transaction = Transaction::new();
        for one in taken {
            transaction = transaction.expect(one.unchanged.clone()).put(&one.node);
            if one.is_busy() {
                transaction = transaction.event(self.resumed(&one.node));
            }
        }
        if !taken.is_empty() {
            self.store().commit(transaction).await?;
        }
        let busy = taken.iter().filter(|one| one.is_busy());
        Ok(busy
            .map(|one| {
                self.resume_power(&one.node);
                self.nudge(one.node.uuid);
            })
            .count())
    }

    /// A store that only one process can have open proves that all others are dead, whatever they said last: a conductor
    /// that was killed and comes back under another name, as containers do, need not wait for its own silence.
    async fn others(&self) -> Result<Others, StoreError> {
        let now = self.now();
        let mut others = Others {
            last_beats: BTreeMap::new(),
            alive: Vec::new(),
        };
        for mut record in self.conductors().await? {
            let name = record.hostname.clone();
            others.last_beats.insert(name.clone(), record.updated_at);
            if name == self.host() {
                continue;
            }
            if !self.store().is_exclusive() {
                if self.is_alive(&record, now) {
                    others.alive.push(name);
                }
            } else if record.online {
                record.online = false;
                self.store().commit(Transaction::new().put(&record)).await?;
            }
        }
        Ok(others)
    }

    /// The node as it is when it is taken over; `None` when its owner is alive.
    fn taken(&self, record: &Record, others: &Others) -> Result<Option<Taken>, StoreError> {
        let node: Node = record.decode()?;
        let owner = node.ownership.clone();
        if owner
            .as_ref()
            .is_some_and(|owner| others.alive.contains(&owner.conductor))
        {
            return Ok(None);
        }
        let beat = owner
            .as_ref()
            .and_then(|owner| others.last_beats.get(&owner.conductor));
        let heard = beat.copied().unwrap_or_else(|| self.now());
        let epoch = Epoch(owner.map_or(0, |owner| owner.epoch.0).saturating_add(1));
        Ok(Some(Taken {
            unchanged: Expectation::Revision(record.key.clone(), record.revision),
            node: self.owned(node, epoch, heard),
        }))
    }

    /// Time in which nobody owned the node does not count, and the machine is given one more heartbeat to be heard. What is
    /// left of a wait is counted by the clock that set its end: this conductor's may be a day ahead of it, or behind.
    fn owned(&self, mut node: Node, epoch: Epoch, heard: Timestamp) -> Node {
        let (conductor, incarnation) = (self.host().to_owned(), self.incarnation());
        node.ownership = Some(Ownership {
            conductor,
            incarnation,
            epoch,
        });
        node.reservation = None;
        let grace = later(
            self.now(),
            seconds(self.settings().agent.heartbeat_timeout_s),
        );
        let counts = self.planted(Planted::SilenceCounts);
        let wait = node.run.as_mut().and_then(|run| run.wait.as_mut());
        if let Some(wait) = wait.filter(|_| !counts) {
            let left = |deadline| later(self.now(), between(heard, deadline));
            wait.deadline = wait.deadline.map(|deadline| left(deadline).max(grace));
        }
        node
    }

    fn resumed(&self, node: &Node) -> TimelineEvent {
        TimelineEvent {
            id: self.new_id(),
            node: node.uuid,
            at: self.now(),
            conductor: self.host().to_owned(),
            run: node.run.as_ref().map(|run| run.id),
            what: What::Resumed {
                detail: "a conductor has started and goes on from the journal".to_owned(),
            },
        }
    }
}
