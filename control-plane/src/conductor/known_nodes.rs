//! The nodes that were worked on last, as they are stored: a record of a known revision is not parsed again.

use super::Conductor;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::{Key, Record, Revision, StoreError, Table};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

/// Nodes of each of two generations.
const KEPT: usize = 128;
/// One whose document is larger is parsed each time: a config drive in it may have 64 MiB.
const LARGEST_BYTES: usize = 64 << 10;

impl Conductor {
    /// The node as it stands. One that was worked on last is not opened again.
    pub(super) async fn standing_node(
        &self,
        id: NodeId,
    ) -> Result<Option<(Arc<Node>, Revision)>, StoreError> {
        let (store, key) = (self.store(), Key::new(Table::Node, id));
        let Some(outline) = store.outline(&key, &[]).await? else {
            return Ok(None);
        };
        if let Some(node) = self.known_nodes().find(id, outline.revision) {
            return Ok(Some((node, outline.revision)));
        }
        let Some(record) = store.get_with(&key, &[]).await? else {
            return Ok(None);
        };
        let (node, size_bytes) = (record.decode().map(Arc::new)?, record.document.len());
        let known = self.known_nodes();
        known.keep(id, record.revision, &node, size_bytes);
        Ok(Some((node, record.revision)))
    }
}

#[derive(Default)]
pub(super) struct KnownNodes(Mutex<Generations>);

type Generation = HashMap<NodeId, (Revision, Arc<Node>)>;

#[derive(Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

impl KnownNodes {
    pub(super) fn find(&self, id: NodeId, revision: Revision) -> Option<Arc<Node>> {
        let kept = self.0.lock();
        let mut known = [&kept.young, &kept.old]
            .into_iter()
            .filter_map(|generation| generation.get(&id));
        let (_, node) = known.find(|(known, _)| *known == revision)?;
        Some(Arc::clone(node))
    }

    /// The node of this record.
    pub(super) fn read(&self, id: NodeId, record: &Record) -> Result<Arc<Node>, StoreError> {
        match self.find(id, record.revision) {
            Some(node) => Ok(node),
            None => record.decode().map(Arc::new),
        }
    }

    pub(super) fn keep(&self, id: NodeId, revision: Revision, node: &Arc<Node>, size_bytes: usize) {
        if size_bytes > LARGEST_BYTES {
            return;
        }
        let mut kept = self.0.lock();
        if kept.young.len() >= KEPT {
            kept.old = mem::take(&mut kept.young);
        }
        kept.young.insert(id, (revision, Arc::clone(node)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use uuid::Uuid;

    fn node(id: usize) -> Arc<Node> {
        let id = NodeId(Uuid::from_u128(id as u128));
        Arc::new(Node::new(id, "fake-hardware", Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn a_node_is_known_at_its_revision_only() {
        let (known, node) = (KnownNodes::default(), node(1));
        known.keep(node.uuid, Revision(3), &node, LARGEST_BYTES);
        assert!(known.find(node.uuid, Revision(3)).is_some());
        assert!(known.find(node.uuid, Revision(4)).is_none());
        known.keep(node.uuid, Revision(4), &node, 1);
        assert!(known.find(node.uuid, Revision(3)).is_none());
    }

    #[test]
    fn a_large_node_takes_no_room() {
        let (known, node) = (KnownNodes::default(), node(1));
        known.keep(node.uuid, Revision(3), &node, LARGEST_BYTES + 1);
        assert!(known.find(node.uuid, Revision(3)).is_none());
    }

    #[test]
    fn those_of_long_ago_are_forgotten() {
        let known = KnownNodes::default();
        let nodes: Vec<_> = (0..3 * KEPT).map(node).collect();
        for node in &nodes {
            known.keep(node.uuid, Revision(1), node, 1);
        }
        let is_known = |node: &&Arc<Node>| known.find(node.uuid, Revision(1)).is_some();
        assert_eq!(nodes.iter().filter(is_known).count(), 2 * KEPT);
        assert!(is_known(&&nodes[3 * KEPT - 1]) && !is_known(&&nodes[0]));
    }
}
