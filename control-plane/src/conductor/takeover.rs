//! Taking over: at its start a conductor takes the nodes that are its own, later those of conductors that are gone, and
//! goes on with each from its journal. Nothing is failed because a conductor died.

use super::Conductor;
use super::around::Around;
use super::bulk;
use super::environment::later;
use super::limits;
use super::planted::Planted;
use super::walk::Walk;
use crate::config::seconds;
use ferric_model::event::{TimelineEvent, What};
use ferric_model::hash_ring::groups::Rings;
use ferric_model::ids::Epoch;
use ferric_model::node::{Node, Ownership};
use ferric_model::run::WaitReason;
use ferric_store::{Expectation, FieldValue, Query, Record, StoreError, Table, Transaction};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::{error, info};

/// What the store's clock may lag behind this process's while a moment is awaited. Without it the look could come too
/// early, and the next one late.
const CLOCKS_DIFFER: Duration = Duration::from_millis(100);

/// A node with its new owner, and what must still be so for that to be stored.
struct Taken {
    unchanged: Expectation,
    node: Node,
    /// Whose it was.
    before: Option<String>,
}

impl Taken {
    fn is_busy(&self) -> bool {
        self.node.run.is_some()
            || self.node.target_power_state.is_some()
            || self.node.wish.is_some()
    }
}

/// A look for nodes to take over.
pub(super) struct Sweep {
    pub(super) taken: usize,
    /// The conductors that were gone at that moment.
    pub(super) gone: BTreeSet<String>,
}

/// Who may take what, at one moment.
struct Claims {
    around: Around,
    rings: Arc<Rings>,
}

impl Conductor {
    /// Takes over what it may and resumes it. The nodes of a page share a commit: with one for each, ten thousand of them
    /// would wait for as many syncs of the disk before anybody is answered.
    pub(super) async fn take_over(&self) -> Result<(), StoreError> {
        if self.store().is_exclusive() {
            self.bury_others().await?;
        }
        let claims = self.claims().await?;
        let (mut nodes, mut resumed) = (0, 0);
        let mut walk = Walk::new(Query::all(Table::Node));
        while let Some(records) = walk.next(self.store().as_ref()).await? {
            let (taken, busy) = self.take_over_page(&records, &claims).await?;
            nodes += taken;
            resumed += busy;
        }
        info!(nodes, resumed, "took over");
        Ok(())
    }

    /// Takes over the nodes of conductors that are gone, and of nobody.
    pub(super) async fn take_over_orphans(&self) -> Result<Sweep, StoreError> {
        let claims = self.claims().await?;
        let gone: BTreeSet<String> = claims.around.gone().map(str::to_owned).collect();
        let owners = gone.iter().map(|host| FieldValue::Text(host.clone()));
        let owners = owners.chain([FieldValue::Null]).collect();
        let mut walk = Walk::new(Query::all(Table::Node).filter("owned_by", owners));
        let mut taken = 0;
        while let Some(records) = walk.next(self.store().as_ref()).await? {
            taken += self.take_over_page(&records, &claims).await?.0;
        }
        Ok(Sweep { taken, gone })
    }

    /// Waits for the moment at which the nodes of one more conductor may be taken than of those that are known to be gone,
    /// if that comes within this time: whoever only looks now and then would come late by as much. Answers whether it came.
    pub(super) async fn await_departure(
        &self,
        mut known: BTreeSet<String>,
        limit: Duration,
    ) -> Result<bool, StoreError> {
        // A little more: a moment that falls on the next pass exactly would be met by either of the two.
        let end = Instant::now() + limit + CLOCKS_DIFFER / 2;
        loop {
            let around = self.look_around().await?;
            let gone: BTreeSet<&str> = around.gone().collect();
            if gone.iter().any(|host| !known.contains(*host)) {
                return Ok(true);
            }
            // One that has come back may go once more.
            known.retain(|host| gone.contains(host.as_str()));
            let next = around.next_to_go().map(|left| Instant::now() + left);
            let Some(next) = next.filter(|next| *next < end) else {
                return Ok(false);
            };
            let stopped = self.stop_token().cancelled();
            if timeout_at(next + CLOCKS_DIFFER, stopped).await.is_ok() {
                return Ok(false);
            }
        }
    }

    async fn claims(&self) -> Result<Claims, StoreError> {
        let around = self.look_around().await?;
        let rings = around.rings();
        Ok(Claims { around, rings })
    }

    /// Answers how many it took, and how many of them were in the middle of something.
    async fn take_over_page(
        &self,
        records: &[Record],
        claims: &Claims,
    ) -> Result<(usize, usize), StoreError> {
        let mut taken = Vec::with_capacity(records.len());
        for record in records {
            match self.taken(record, claims) {
                Ok(node) => taken.extend(node),
                // One node that cannot be read must not keep all others from their conductor.
                Err(StoreError::Corrupt { key, source }) => {
                    error!(%key, %source, "a node cannot be read and is left alone");
                }
                Err(error) => return Err(error),
            }
        }
        match self.store_taken(&taken).await {
            Ok(resumed) => Ok((taken.len(), resumed)),
            // Somebody has written one of them since: that one is left to whoever it was.
            Err(StoreError::Stale { .. }) => {
                let (mut nodes, mut resumed) = (0, 0);
                for one in taken.chunks(1) {
                    match self.store_taken(one).await {
                        Ok(busy) => {
                            nodes += 1;
                            resumed += busy;
                        }
                        Err(StoreError::Stale { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok((nodes, resumed))
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
                transaction = transaction.event(self.resumed(one));
            }
        }
        if !taken.is_empty() {
            self.store().commit(transaction).await?;
        }
        let from_others = taken
            .iter()
            .filter(|one| one.before.as_deref() != Some(self.host()));
        self.figures_of_ownership().took_over(from_others.count());
        let busy = taken.iter().filter(|one| one.is_busy());
        Ok(busy
            .map(|one| {
                self.resume_power(&one.node);
                self.resume_wish(&one.node);
                self.nudge(one.node.uuid);
            })
            .count())
    }

    /// A store that only one process can have open proves that all others are dead, whatever they said last: a conductor
    /// that was killed and comes back under another name, as containers do, need not wait for its own silence.
    async fn bury_others(&self) -> Result<(), StoreError> {
        let around = self.look_around().await?;
        for seen in around.others().filter(|seen| seen.record.online) {
            let mut record = seen.record.clone();
            record.online = false;
            self.store().commit(Transaction::new().put(&record)).await?;
        }
        Ok(())
    }

    /// The node as it is when it is taken over; `None` when it is left to its owner, or to another one's successor.
    fn taken(&self, record: &Record, claims: &Claims) -> Result<Option<Taken>, StoreError> {
        let node: Node = record.decode()?;
        let put_off = claims.around.may_take(&claims.rings, &node);
        Ok(put_off.map(|put_off| self.in_our_hands(record, node, put_off)))
    }

    fn in_our_hands(&self, record: &Record, node: Node, put_off: SignedDuration) -> Taken {
        let before = node.ownership.clone();
        let owner = Ownership {
            conductor: self.host().to_owned(),
            incarnation: self.incarnation(),
            epoch: next_epoch(&node),
        };
        Taken {
            unchanged: Expectation::Revision(record.key.clone(), record.revision),
            node: self.in_new_hands(node, owner, put_off, self.now()),
            before: before.map(|owner| owner.conductor),
        }
    }

    /// Takes a node that nobody serves, because it is about to get another group or driver. The ring gives it to whom it
    /// belongs then.
    pub(super) async fn take_to_move(&self, record: &Record, new: &Node) -> Result<(), StoreError> {
        if self.store().is_exclusive() {
            return Ok(());
        }
        let node: Node = record.decode()?;
        let is_moved = (&node.conductor_group, &node.driver) != (&new.conductor_group, &new.driver);
        // Where the update would be refused, the node would stay with one that cannot work on it: not as it is, nor as it was
        // to be.
        let is_done_here = node.driver == new.driver || self.knows(&new.driver);
        if is_moved && is_done_here {
            self.take_stranded(record, node).await?;
        }
        Ok(())
    }

    /// Takes a node on which nothing is under way, whose conductor is gone and whose group and driver nobody serves: without
    /// an owner it could neither be moved nor deleted. Any other node is left where it is.
    pub(super) async fn take_stranded(
        &self,
        record: &Record,
        node: Node,
    ) -> Result<(), StoreError> {
        if self.store().is_exclusive() {
            return Ok(());
        }
        let Claims { around, rings } = self.claims().await?;
        let host = rings.host(&node.conductor_group, &node.driver, node.uuid);
        let (Err(_), Some(put_off)) = (host, around.orphaned_for(&node)) else {
            return Ok(());
        };
        let taken = self.in_our_hands(record, node, put_off);
        if taken.is_busy() {
            return Ok(());
        }
        match self.store_taken(&[taken]).await {
            // Whoever was faster is asked.
            Ok(_) | Err(StoreError::Stale { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Time in which nobody owned the node does not count, and the machine is given one more heartbeat to be heard.
    /// `put_off` turns the ends that are stored into times of the new owner's clock, by which it is `now`: it is negative where
    /// that one is behind the clock that they were written by. A whole time-out is the most that is left.
    pub(super) fn in_new_hands(
        &self,
        mut node: Node,
        owner: Ownership,
        put_off: SignedDuration,
        now: Timestamp,
    ) -> Node {
        node.ownership = Some(owner);
        node.reservation = None;
        let grace = later(now, seconds(self.settings().agent.heartbeat_timeout_s));
        let counts = self.planted(Planted::SilenceCounts);
        let activity = node.run.as_ref().map(|run| run.activity);
        let longest = activity.map_or(limits::NEVER, |activity| {
            limits::callback(self.settings(), activity)
        });
        let latest = later(now, longest).max(grace);
        let wait = node.run.as_mut().and_then(|run| run.wait.as_mut());
        if let Some(wait) = wait.filter(|_| !counts) {
            let by_bmc = matches!(wait.reason, WaitReason::Hardware { .. });
            let latest = if by_bmc { Timestamp::MAX } else { latest };
            let moved = |deadline: Timestamp| {
                let moved = deadline.checked_add(put_off).unwrap_or(Timestamp::MAX);
                moved.max(grace).min(latest)
            };
            wait.deadline = wait.deadline.map(moved);
            // How long the whole of it is says how long is listened before it ends.
            wait.since = wait.since.min(now);
        }
        if let Some(progress) = &mut node.wish_progress {
            let latest = later(now, self.wish_limit()).max(grace);
            let moved = progress.until.checked_add(put_off);
            progress.until = moved.unwrap_or(latest).max(grace).min(latest);
        }
        node
    }

    fn resumed(&self, taken: &Taken) -> TimelineEvent {
        let host = self.host();
        let detail = match taken.before.as_deref() {
            Some(before) if before != host => {
                format!("conductor {before} is gone: {host} goes on from the journal")
            }
            _ => "a conductor has started and goes on from the journal".to_owned(),
        };
        TimelineEvent {
            id: self.new_id(),
            node: taken.node.uuid,
            at: self.now(),
            conductor: host.to_owned(),
            run: taken.node.run.as_ref().map(|run| run.id),
            bulk: bulk::request_of(&taken.node),
            what: What::Resumed { detail },
        }
    }
}

/// What fences off whoever had the node until now.
pub(super) fn next_epoch(node: &Node) -> Epoch {
    let epoch = node.ownership.as_ref().map_or(0, |owner| owner.epoch.0);
    Epoch(epoch.saturating_add(1))
}
