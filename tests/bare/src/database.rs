//! Three tables of redb, and one thread that commits what has gathered meanwhile with one sync.

use crate::routes::Samples;
use anyhow::Context;
use bytes::Bytes;
use redb::{ReadableDatabase, TableDefinition};
use std::path::Path;
use std::sync::{Arc, mpsc};
use tokio::sync::oneshot;

/// By UUID.
const NODES: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("nodes");
/// The rows of the list, in their order.
const ROWS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("rows");
/// MAC address -> UUID.
const MACS: TableDefinition<'_, &str, u128> = TableDefinition::new("macs");

/// As in Ferric, so that both have as much in memory.
const CACHE_BYTES: usize = 48 << 20;
/// Writes that share a sync, as in Ferric.
const GROUP: usize = 256;

pub(crate) struct Database {
    redb: Arc<redb::Database>,
    queue: mpsc::Sender<Write>,
}

struct Write {
    id: u128,
    document: Bytes,
    done: oneshot::Sender<()>,
}

impl Database {
    pub(crate) fn fill(path: &Path, samples: &Samples) -> anyhow::Result<Self> {
        let mut builder = redb::Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let redb = Arc::new(builder.create(path)?);
        let write = redb.begin_write()?;
        {
            let mut nodes = write.open_table(NODES)?;
            let mut rows = write.open_table(ROWS)?;
            let mut macs = write.open_table(MACS)?;
            for (number, (id, mac)) in (0..).zip(&samples.nodes) {
                nodes.insert(id, samples.node.as_ref())?;
                rows.insert(number, samples.row.as_ref())?;
                macs.insert(mac.as_str(), id)?;
            }
        }
        write.commit()?;
        let (queue, writes) = mpsc::channel();
        let writer = Arc::clone(&redb);
        std::thread::Builder::new()
            .name("bare-writer".to_owned())
            .spawn(move || write_groups(&writer, &writes))?;
        Ok(Self { redb, queue })
    }

    pub(crate) fn node(&self, id: u128) -> anyhow::Result<Option<Bytes>> {
        let read = self.redb.begin_read()?;
        let found = read.open_table(NODES)?.get(id)?;
        Ok(found.map(|document| Bytes::copy_from_slice(document.value())))
    }

    pub(crate) fn by_mac(&self, mac: &str) -> anyhow::Result<Option<u128>> {
        let read = self.redb.begin_read()?;
        let found = read.open_table(MACS)?.get(mac)?;
        Ok(found.map(|id| id.value()))
    }

    /// The rows between their commas.
    pub(crate) fn rows(&self, limit: usize) -> anyhow::Result<Vec<u8>> {
        let read = self.redb.begin_read()?;
        let rows = read.open_table(ROWS)?;
        let mut text = Vec::new();
        for row in rows.range(0..)?.take(limit) {
            let (_, row) = row?;
            if !text.is_empty() {
                text.push(b',');
            }
            text.extend_from_slice(row.value());
        }
        Ok(text)
    }

    /// Answers when it is on the disk.
    pub(crate) async fn put(&self, id: u128, document: Bytes) -> anyhow::Result<()> {
        let (done, outcome) = oneshot::channel();
        let write = Write { id, document, done };
        self.queue.send(write).context("the writer has ended")?;
        outcome.await.context("the write failed")
    }
}

fn write_groups(redb: &redb::Database, writes: &mpsc::Receiver<Write>) {
    while let Ok(first) = writes.recv() {
        let group: Vec<Write> = std::iter::once(first)
            .chain(writes.try_iter().take(GROUP - 1))
            .collect();
        // Whoever waits for a write that failed sees its channel closed.
        if commit(redb, &group).is_ok() {
            for write in group {
                // Who asked may have gone away.
                write.done.send(()).unwrap_or_default();
            }
        }
    }
}

fn commit(redb: &redb::Database, group: &[Write]) -> anyhow::Result<()> {
    let mut transaction = redb.begin_write()?;
    // As in Ferric: a file that was not closed is open again at once. It costs a second sync.
    transaction.set_quick_repair(true);
    {
        let mut nodes = transaction.open_table(NODES)?;
        for write in group {
            nodes.insert(write.id, write.document.as_ref())?;
        }
    }
    Ok(transaction.commit()?)
}
