//! Whose each node is, as the database has it: not what a conductor says, but what all of them go by.

use ferric_model::node::Node;
use ferric_store::{DatabaseUrl, PostgresStore, Query, Store, Table};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;

/// Who owns a node, for the how-manieth time it changed hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) conductor: String,
    pub(crate) epoch: u64,
}

/// By the node's UUID. Nodes of nobody are left out.
pub(crate) type Owners = BTreeMap<String, Owner>;

/// Reads it, and remembers when it saw what.
pub(crate) struct Registry {
    store: PostgresStore,
    changes: Mutex<BTreeMap<String, Vec<Change>>>,
}

/// From then on at the latest it was so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: Timestamp,
    pub(crate) owner: Owner,
}

impl Registry {
    pub(crate) async fn open(url: &str, key: &Path) -> anyhow::Result<Self> {
        let url: DatabaseUrl = url.parse()?;
        Ok(Self {
            store: PostgresStore::open_existing(&url, key).await?,
            changes: Mutex::default(),
        })
    }

    pub(crate) async fn owners(&self) -> anyhow::Result<Owners> {
        let page = self.store.page(&Query::all(Table::Node)).await?;
        let at = Timestamp::now();
        let mut owners = Owners::new();
        let mut changes = self.changes.lock();
        for record in page.records {
            let node: Node = record.decode()?;
            let Some(ownership) = node.ownership else {
                continue;
            };
            let owner = Owner {
                conductor: ownership.conductor,
                epoch: ownership.epoch.0,
            };
            let uuid = node.uuid.to_string();
            let known = changes.entry(uuid.clone()).or_default();
            if known.last().is_none_or(|last| last.owner != owner) {
                let owner = owner.clone();
                known.push(Change { at, owner });
            }
            owners.insert(uuid, owner);
        }
        Ok(owners)
    }

    /// How a node was seen to change hands, in order.
    pub(crate) fn changes(&self, node: &str) -> Vec<Change> {
        self.changes.lock().get(node).cloned().unwrap_or_default()
    }
}
