//! The step `inject_files`: files are put into the partitions of the deployed system, or taken out of them.
//!
//! All that is wrong with the list is found, and all that comes over the network has come, before anything is mounted.
//! Partitions are mounted in a mount namespace of one thread, which goes with it: nothing stays mounted whatever
//! happens. No path leads out of its partition, neither by `..` nor by a link.

pub(crate) mod beneath;
mod content;
mod file;
mod file_system;
mod partition;
mod template;
mod tree;

use std::path::PathBuf;

use ferric_agent_protocol::node::Node;
use serde_json::{Value, json};
use thiserror::Error;

pub use content::{ContentError, Source};
use file::{Change, InjectedFile, Target};
use file_system::FileSystem;
pub(crate) use partition::{Mounted, PLACE, nodes};
pub use template::TemplateError;

use crate::disk::{self, DiskError};
use crate::host::{Host, HostRefusal};

#[derive(Debug, Error)]
pub enum InjectError {
    #[error(transparent)]
    Refused(#[from] HostRefusal),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("the list of files cannot be used: {}", .0.join("; "))]
    Files(Vec<String>),
    #[error("getting the content of {path}")]
    Content {
        path: String,
        #[source]
        source: ContentError,
    },
    #[error("{device} has no partition {number}")]
    NoPartition { device: PathBuf, number: u32 },
    #[error("no partition of {device} has the directory /{directory}; looked at {looked_at}")]
    NotFound {
        device: PathBuf,
        directory: String,
        looked_at: String,
    },
    #[error(
        "{device} has no file system that this agent mounts; it mounts ext2, ext3, ext4, XFS, Btrfs and FAT"
    )]
    NoFileSystem { device: PathBuf },
    #[error("{action} {device}")]
    Mount {
        action: &'static str,
        device: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} leads out of its partition by a link or by ..")]
    Outside { path: String },
    #[error("{path} is there, and is no file")]
    NotAFile { path: String },
    #[error("{action} {path}")]
    File {
        action: &'static str,
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the agent has a fault")]
    Panicked,
}

impl InjectError {
    /// Whether the request is wrong, and not what was done for it.
    #[must_use]
    pub fn is_of_the_request(&self) -> bool {
        matches!(self, Self::Files(_))
    }
}

/// Puts the files of the node's `properties.inject_files` and of the argument in place.
///
/// # Errors
/// When the list makes no sense, before anything is changed; and when a file cannot be put in place, after those
/// before it were.
pub fn inject(
    host: &Host,
    node: &Node,
    ports: &[Value],
    files: Option<&Value>,
    source: &Source<'_>,
) -> Result<Value, InjectError> {
    host.permits_disks()?;
    let files = file::parse(node.properties.get("inject_files"), files)?;
    if files.is_empty() {
        tracing::info!("there are no files to inject");
        return Ok(json!({"files": []}));
    }
    let facts = json!({"node": node, "ports": ports});
    let (mut ready, mut left) = (Vec::new(), content::MAX_BYTES);
    for file in files {
        let content = match &file.change {
            Change::Delete => None,
            Change::Write(text) => {
                let content = source.get(text, &facts, left);
                let content = content.map_err(|source| InjectError::Content {
                    path: file.path.clone(),
                    source,
                })?;
                left = left.saturating_sub(content.len() as u64);
                Some(content)
            }
        };
        ready.push((file, content));
    }
    let root = PathBuf::from(disk::root_device(host, Some(node))?.name);
    let mut placed = Vec::new();
    for (file, content) in &ready {
        let device = in_namespace(|| place(host, &root, file, content.as_deref()))?;
        tracing::info!(file.path, ?device, "a file was injected");
        placed.push(json!({"path": file.path, "device": device}));
    }
    Ok(json!({"files": placed}))
}

/// Finds the partition of a file and changes it there; answers with the partition.
fn place(
    host: &Host,
    root: &std::path::Path,
    file: &InjectedFile,
    content: Option<&[u8]>,
) -> Result<PathBuf, InjectError> {
    let mounted = match &file.target {
        Target::Number(number) => Mounted::by_number(host, root, *number)?,
        Target::Device(device) => Mounted::of(host, device)?,
        Target::Found => Mounted::with_directory(host, root, &file.first_directory())?,
    };
    match content {
        Some(content) => tree::write(mounted.root(), file, content)?,
        None => tree::delete(mounted.root(), file)?,
    }
    let device = mounted.device().to_owned();
    mounted.unmount()?;
    Ok(device)
}

/// Runs on a thread with mounts of its own: they are nobody else's, and are gone when it ends.
pub(crate) fn in_namespace<T: Send, E: From<InjectError> + Send>(
    work: impl FnOnce() -> Result<T, E> + Send,
) -> Result<T, E> {
    let thread = || -> Result<T, E> {
        partition::leave_mounts()?;
        work()
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(thread);
        let joined = thread.join();
        joined.unwrap_or_else(|_| Err(InjectError::Panicked.into()))
    })
}

#[cfg(test)]
mod tests;
