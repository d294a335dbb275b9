//! A conductor's way to the store: here it dies between two writes, and here the store is away.

use crate::link::Link;
use crate::world::World;
use async_trait::async_trait;
use ferric_store::{
    EventFilter, Key, MemoryStore, Outline, Page, Query, Record, Revision, Store, StoreError,
    StoredEvent, Transaction,
};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::time::sleep;

/// A call to a database that does not answer takes so long until it is given up.
const AWAY_MS: (u64, u64) = (50, 5000);

pub(crate) struct Gate {
    world: Arc<World>,
    link: Arc<Link>,
    store: MemoryStore,
    /// Writes that are left to this life.
    fate: Mutex<Option<u64>>,
}

/// On which side of its last write a conductor dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Death {
    Before,
    After,
}

impl Gate {
    pub(crate) fn new(world: &Arc<World>, link: &Arc<Link>, fate: Option<u64>) -> Self {
        Self {
            world: world.clone(),
            link: link.clone(),
            store: world.store.clone(),
            fate: Mutex::new(fate),
        }
    }

    /// Whether the conductor dies at the write that comes now.
    fn next(&self) -> Option<Death> {
        let mut fate = self.fate.lock();
        match fate.as_mut()? {
            0 => Some(match self.world.dice.chance(0.5) {
                true => Death::Before,
                false => Death::After,
            }),
            left => {
                *left -= 1;
                None
            }
        }
    }

    async fn die(&self, death: Death) -> ! {
        let side = match death {
            Death::Before => "before",
            Death::After => "after",
        };
        self.world
            .log
            .note(&self.link, || format!("dies {side} a write"));
        self.link.cut();
        self.world.hosts[self.link.host].died.notify_one();
        std::future::pending().await
    }

    /// What every call meets.
    async fn enter(&self, doing: &'static str) -> Result<(), StoreError> {
        self.link.pass().await;
        if self.world.is_store_away(self.link.host) {
            let wait = self.world.dice.millis(AWAY_MS.0, AWAY_MS.1);
            sleep(wait).await;
            self.link.pass().await;
            return Err(away(doing));
        }
        Ok(())
    }
}

fn away(doing: &'static str) -> StoreError {
    StoreError::Away {
        doing,
        source: "the simulation's database server is away".into(),
    }
}

#[async_trait]
impl Store for Gate {
    fn is_exclusive(&self) -> bool {
        self.world.plan.exclusive
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.world.plan.exclusive {
            return Ok(None);
        }
        self.enter("asking for the time").await?;
        Ok(Some(self.world.server_clock()))
    }

    async fn commit(&self, transaction: Transaction) -> Result<Revision, StoreError> {
        let world = &self.world;
        // An answer that never comes says nothing about what was done.
        let doubtful = world.is_store_away(self.link.host) && world.dice.chance(0.1);
        if !doubtful {
            self.enter("committing").await?;
        }
        if world.fault(world.plan.faults.slow_store) {
            sleep(world.dice.millis(1, 40)).await;
            self.link.pass().await;
        }
        let death = self.next();
        if death == Some(Death::Before) {
            self.die(Death::Before).await;
        }
        let seen = world.observer.before(world, &self.link, &transaction);
        let outcome = self.store.apply(transaction);
        world.observer.after(world, &self.link, seen, &outcome);
        if death == Some(Death::After) {
            self.die(Death::After).await;
        }
        self.link.pass().await;
        if doubtful {
            return Err(away("committing"));
        }
        outcome
    }

    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.enter("reading").await?;
        self.store.get(key).await
    }

    async fn page(&self, query: &Query) -> Result<Page, StoreError> {
        self.enter("reading").await?;
        self.store.page(query).await
    }

    async fn outlines(&self, query: &Query) -> Result<Vec<Outline>, StoreError> {
        self.enter("reading").await?;
        self.store.outlines(query).await
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StoreError> {
        self.enter("reading").await?;
        self.store.events(filter).await
    }
}
