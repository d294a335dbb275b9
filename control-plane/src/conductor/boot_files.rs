//! The boot files on this conductor's own disk, brought to what the store says: those of the nodes that it has are there,
//! those of nodes that it has lost, and of nodes that are gone, are not.
//!
//! One function does it after a start, a takeover and a handover, and again and again: it takes no input but the store
//! and the folders. Two conductors may share the folders: each touches what it has written itself, and what is its now.

use super::Conductor;
use super::steps::chain;
use super::walk::Walk;
use crate::boot::{BootError, BootFile};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_store::{FieldValue, Key, Query, Record, Revision, StoreError, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{error, warn};

/// Between two looks at all files. What changes hands is seen at once, from the store's index.
const WHOLE: Duration = Duration::from_secs(600);
/// A host that dnsmasq has to forget is ignored for so long before its file goes: a deletion goes unnoticed.
const REST: Duration = Duration::from_secs(60);
/// Nodes whose ports are read at once.
const BATCH: usize = 200;
const PURPOSE: &str = "making its boot files";

/// What the last pass left. In memory only: the first pass looks at all files.
#[derive(Default)]
pub(super) struct BootFiles(tokio::sync::Mutex<Known>);

#[derive(Default)]
struct Known {
    nodes: BTreeMap<NodeId, Files>,
    /// Hosts that are ignored until their files go, and since when.
    resting: BTreeMap<PathBuf, Instant>,
    whole_since: Option<Instant>,
}

/// Those of a node that this conductor has, or had.
#[derive(Default)]
struct Files {
    /// As the node stood when they were as they should be. A node that went and came back has changed: another conductor
    /// may have written its files meanwhile.
    at: Option<Revision>,
    paths: BTreeSet<PathBuf>,
}

/// The ports of a node.
#[derive(Default)]
struct Ports {
    read: Vec<Port>,
    /// The files of those that cannot be read: they stay as they are.
    left: Vec<PathBuf>,
}

/// Conductors that are there; what others have left behind is anybody's to clear away.
struct Alive(BTreeSet<String>);

impl Alive {
    fn may_retire(&self, host: &str, file: &BootFile) -> bool {
        file.mark.conductor == host || !self.0.contains(&file.mark.conductor)
    }
}

impl Conductor {
    /// Answers how many files were written or removed.
    pub(super) async fn mend_boot_files(&self) -> Result<usize, BootError> {
        if !self.boot().has_local_files() {
            return Ok(0);
        }
        let mut known = self.boot_files().0.lock().await;
        let own = self.own_nodes().await?;
        let around = self.look_around().await?;
        let alive = Alive(around.alive().map(str::to_owned).collect());
        let is_due = |since: Instant| since.elapsed() >= WHOLE;
        if known.whole_since.is_none_or(is_due) {
            known.nodes = self.look_at_all(&own, &alive).await?;
            known.whole_since = Some(Instant::now());
        }
        let is_settled = |node, at| {
            known
                .nodes
                .get(node)
                .is_some_and(|files| files.at == Some(at))
        };
        let changed = own.iter().filter(|(node, at)| !is_settled(*node, **at));
        let lost = known.nodes.keys().filter(|node| !own.contains_key(node));
        let suspects: Vec<NodeId> = changed.map(|(node, _)| node).chain(lost).copied().collect();
        let mut done = 0;
        for node in suspects {
            let at = own.get(&node).copied();
            match self.settle((node, at), &alive, &mut known).await {
                Ok(files) => done += files,
                Err(error) => {
                    warn!(%node, error = chain(&error), "its boot files could not be made");
                    known.nodes.entry(node).or_default().at = None;
                }
            }
        }
        Ok(done)
    }

    async fn own_nodes(&self) -> Result<BTreeMap<NodeId, Revision>, StoreError> {
        let ours = FieldValue::Text(self.host().to_owned());
        let query = Query::all(Table::Node).filter("owned_by", vec![ours]);
        let (mut nodes, mut walk) = (BTreeMap::new(), Walk::new(query));
        while let Some(outlines) = walk.next_outlines(self.store().as_ref()).await? {
            for outline in outlines {
                if let Ok(node) = outline.key.id.parse() {
                    nodes.insert(node, outline.revision);
                }
            }
        }
        Ok(nodes)
    }

    /// Own nodes with their files, whoever wrote them, and other nodes with those that must go.
    async fn look_at_all(
        &self,
        own: &BTreeMap<NodeId, Revision>,
        alive: &Alive,
    ) -> Result<BTreeMap<NodeId, Files>, BootError> {
        let mut found = BTreeMap::<NodeId, Vec<BootFile>>::new();
        for file in self.boot().found_files().await? {
            if own.contains_key(&file.mark.node) || alive.may_retire(self.host(), &file) {
                found.entry(file.mark.node).or_default().push(file);
            }
        }
        let right = self.right_among(own, &found).await?;
        let mut nodes = BTreeMap::new();
        for (node, files) in found {
            let paths = files.into_iter().map(|file| file.path).collect();
            nodes.insert(node, Files { at: None, paths });
        }
        for node in right {
            nodes.entry(node).or_default().at = own.get(&node).copied();
        }
        Ok(nodes)
    }

    /// Own nodes whose files are what they should be, as far as can be seen without their locks.
    async fn right_among(
        &self,
        own: &BTreeMap<NodeId, Revision>,
        found: &BTreeMap<NodeId, Vec<BootFile>>,
    ) -> Result<Vec<NodeId>, BootError> {
        let (own, none) = (own.keys().copied().collect::<Vec<_>>(), Vec::new());
        let mut right = Vec::new();
        for batch in own.chunks(BATCH) {
            let mut ports = self.ports_of_each(batch).await?;
            for node in self.nodes_among(batch).await? {
                let (node, dhcp) = (node.uuid, node.dhcp());
                let ports = ports.remove(&node).unwrap_or_default();
                let files = self.boot().local_files(node, dhcp, &ports.read);
                let found = found.get(&node).unwrap_or(&none);
                let is_known = |file: &BootFile| {
                    files.wanted.contains(file)
                        || files.allowed.contains(&file.path)
                        || ports.left.contains(&file.path)
                };
                if files.wanted.iter().all(|file| found.contains(file))
                    && found.iter().all(is_known)
                {
                    right.push(node);
                }
            }
        }
        Ok(right)
    }

    async fn ports_of_each(&self, nodes: &[NodeId]) -> Result<BTreeMap<NodeId, Ports>, StoreError> {
        let query = Query::all(Table::Port).filter("node_uuid", ids(nodes));
        let mut ports = BTreeMap::<NodeId, Ports>::new();
        for record in self.store().page(&query).await?.records {
            match record.decode::<Port>() {
                Ok(port) => ports.entry(port.node_uuid).or_default().read.push(port),
                // One that cannot be read must not keep all others from their files.
                Err(error) => {
                    error!(error = chain(&error), "a port is left alone");
                    let (node, address) = (text(&record, "node_uuid"), text(&record, "address"));
                    let Ok(node) = node.parse() else { continue };
                    let paths = self.boot().paths_of(&record.key.id, address);
                    ports.entry(node).or_default().left.extend(paths);
                }
            }
        }
        Ok(ports)
    }

    async fn nodes_among(&self, nodes: &[NodeId]) -> Result<Vec<Node>, StoreError> {
        let query = Query::all(Table::Node).filter("uuid", ids(nodes));
        let records = self.store().page(&query).await?.records;
        // One that cannot be read must not keep all others from their files.
        Ok(records
            .iter()
            .filter_map(|record| record.decode().ok())
            .collect())
    }

    /// Brings the files of one node to what the store says now, under its lock: a step that writes the same files holds
    /// it too. Where somebody works on the node the next pass does it.
    async fn settle(
        &self,
        (id, at): (NodeId, Option<Revision>),
        alive: &Alive,
        known: &mut Known,
    ) -> Result<usize, BootError> {
        let Ok(_lock) = self.locks().acquire(id, PURPOSE) else {
            known.nodes.entry(id).or_default().at = None;
            return Ok(0);
        };
        let record = self.store().get(&Key::new(Table::Node, id)).await?;
        let node: Option<Node> = record.map(|record| record.decode()).transpose()?;
        let owner = node.as_ref().and_then(|node| node.ownership.as_ref());
        let is_ours = owner.is_some_and(|owner| owner.incarnation == self.incarnation());
        let (mut done, mut kept) = (0, BTreeSet::new());
        if let Some(node) = node.as_ref().filter(|_| is_ours) {
            let ports = self.ports_of_each(&[id]).await?.remove(&id);
            let ports = ports.unwrap_or_default();
            let files = self.boot().local_files(id, node.dhcp(), &ports.read);
            kept.extend(files.wanted.iter().map(|file| file.path.clone()));
            kept.extend(files.allowed.into_iter().chain(ports.left));
            done += self.boot().write_files(files.wanted).await?;
        }
        let before = known.nodes.get(&id).map(|files| files.paths.clone());
        let stale: BTreeSet<PathBuf> = before
            .unwrap_or_default()
            .difference(&kept)
            .cloned()
            .collect();
        known.resting.retain(|path, _| !kept.contains(path));
        // Another process may have this one's name by now: then its files are that one's.
        let others = owner
            .filter(|_| !is_ours)
            .map(|owner| owner.conductor.as_str());
        let mut is_open = false;
        for path in stale {
            let file = self.boot().found_file(path.clone()).await;
            // The port may be another node's by now, and the file with it.
            let ours =
                file.filter(|file| file.mark.node == id && others != Some(&file.mark.conductor));
            let Some(file) = ours.filter(|file| alive.may_retire(self.host(), file)) else {
                known.resting.remove(&path);
                continue;
            };
            done += usize::from(self.retire(file, &mut known.resting).await?);
            if known.resting.contains_key(&path) {
                kept.insert(path);
                is_open = true;
            }
        }
        let at = at.filter(|_| !is_open);
        if at.is_none() && kept.is_empty() {
            known.nodes.remove(&id);
        } else {
            known.nodes.insert(id, Files { at, paths: kept });
        }
        Ok(done)
    }

    /// Answers whether anything was done. What is still to be removed rests.
    async fn retire(
        &self,
        file: BootFile,
        resting: &mut BTreeMap<PathBuf, Instant>,
    ) -> Result<bool, BootError> {
        let path = file.path.clone();
        if self.boot().retire_file(file.clone()).await? {
            if file.is_host() {
                resting.insert(path, Instant::now());
            }
            return Ok(true);
        }
        // One that was ignored before this process began: nobody knows for how long.
        let since = *resting.entry(path.clone()).or_insert_with(Instant::now);
        if since.elapsed() < REST {
            return Ok(false);
        }
        self.boot().remove_file(file).await?;
        resting.remove(&path);
        Ok(true)
    }
}

fn text<'r>(record: &'r Record, field: &str) -> &'r str {
    let mut fields = record.fields.iter();
    match fields.find(|(name, _)| *name == field) {
        Some((_, FieldValue::Text(text))) => text,
        _ => "",
    }
}

fn ids(nodes: &[NodeId]) -> Vec<FieldValue> {
    let ids = nodes.iter().map(|node| FieldValue::Text(node.to_string()));
    ids.collect()
}
