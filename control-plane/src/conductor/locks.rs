//! The lock of a visit to a node: a guard in memory. Holding it is the right to write the node.
//!
//! It is no stored lock: who owns a node is stored with its epoch, and the store refuses another's writes.

use ferric_model::ids::NodeId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The locks of this process, by node.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeLocks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    held: Mutex<BTreeMap<NodeId, &'static str>>,
    released: Notify,
}

/// Somebody else holds the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeLocked {
    /// What it is held for.
    pub(super) purpose: &'static str,
}

/// The right to write a node, until it is dropped.
#[derive(Debug)]
pub(super) struct NodeLock {
    node: NodeId,
    locks: NodeLocks,
}

impl NodeLocks {
    /// The lock, if it is free.
    pub(super) fn acquire(
        &self,
        node: NodeId,
        purpose: &'static str,
    ) -> Result<NodeLock, NodeLocked> {
        let mut held = self.0.held.lock();
        if let Some(purpose) = held.get(&node) {
            return Err(NodeLocked { purpose });
        }
        held.insert(node, purpose);
        let locks = self.clone();
        Ok(NodeLock { node, locks })
    }

    /// A lock that keeps nobody out, for a fault that is planted.
    pub(super) fn disregard(node: NodeId) -> NodeLock {
        let locks = Self::default();
        NodeLock { node, locks }
    }

    /// Whether somebody works on the node at this moment.
    pub(super) fn is_held(&self, node: NodeId) -> bool {
        self.0.held.lock().contains_key(&node)
    }

    /// What the node is held for at this moment.
    pub(super) fn purpose(&self, node: NodeId) -> Option<&'static str> {
        self.0.held.lock().get(&node).copied()
    }

    /// The lock as soon as it is free.
    pub(super) async fn wait(&self, node: NodeId, purpose: &'static str) -> NodeLock {
        loop {
            // Listening begins before the look, so that a release in between is not missed.
            let released = self.0.released.notified();
            if let Ok(lock) = self.acquire(node, purpose) {
                return lock;
            }
            released.await;
        }
    }

    /// The lock, if it gets free in time.
    pub(super) async fn wait_for(
        &self,
        node: NodeId,
        purpose: &'static str,
        limit: Duration,
    ) -> Result<NodeLock, NodeLocked> {
        match tokio::time::timeout(limit, self.wait(node, purpose)).await {
            Ok(lock) => Ok(lock),
            Err(_elapsed) => self.acquire(node, purpose),
        }
    }

    fn release(&self, node: NodeId) {
        self.0.held.lock().remove(&node);
        self.0.released.notify_waiters();
    }
}

impl NodeLock {
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// Says what the node is held for, once that is known.
    pub(super) fn set_purpose(&self, purpose: &'static str) {
        self.locks.0.held.lock().insert(self.node, purpose);
    }
}

impl Drop for NodeLock {
    fn drop(&mut self) {
        self.locks.release(self.node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NODE: NodeId = NodeId(Uuid::nil());

    #[test]
    fn a_second_asker_learns_what_the_first_one_does() {
        let locks = NodeLocks::default();
        let lock = locks.acquire(NODE, "deploying").unwrap();
        let refused = locks.acquire(NODE, "updating").unwrap_err();
        assert_eq!(refused.purpose, "deploying");
        assert!(locks.is_held(NODE));
        drop(lock);
        assert!(!locks.is_held(NODE));
        locks.acquire(NODE, "updating").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_release_or_the_limit() {
        let locks = NodeLocks::default();
        let lock = locks.acquire(NODE, "deploying").unwrap();
        let limit = Duration::from_secs(3);
        assert!(locks.wait_for(NODE, "updating", limit).await.is_err());
        let release = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(lock);
        };
        let (second, ()) = tokio::join!(locks.wait_for(NODE, "updating", limit), release);
        assert!(second.is_ok());
    }
}
