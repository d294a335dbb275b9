//! Image files of this conductor: looked at whenever they are asked for, hashed once.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{OnceCell, Semaphore};

/// Files that are read at the same time. More would only take the disk from those that machines download.
const READERS: usize = 2;
/// Digests that are remembered; beyond that the oldest of the names go.
const REMEMBERED: usize = 1000;

/// Remembers digests for as long as the process lives. Cheap to clone.
#[derive(Clone)]
pub(in crate::boot) struct Files {
    digests: Arc<Mutex<BTreeMap<PathBuf, Known>>>,
    readers: Arc<Semaphore>,
}

/// A version of a file and its digest, which may be on its way.
type Known = (Version, Arc<OnceCell<String>>);

impl Default for Files {
    fn default() -> Self {
        Self {
            digests: Arc::default(),
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }
}

/// What can be said of a file without reading all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileFacts {
    pub(super) size_bytes: u64,
    /// `raw` or `qcow2`.
    pub(super) format: &'static str,
    version: Version,
}

/// Differs whenever the content may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Files {
    pub(super) async fn facts(&self, path: &Path) -> std::io::Result<FileFacts> {
        let path = path.to_owned();
        blocking(move || FileFacts::read(&path)).await
    }

    /// How many bytes the file has, and the first of them.
    pub(super) async fn beginning(
        &self,
        path: &Path,
        bytes: usize,
    ) -> std::io::Result<(u64, Vec<u8>)> {
        let path = path.to_owned();
        blocking(move || {
            let file = File::open(&path)?;
            let (size, mut read) = (file.metadata()?.len(), Vec::with_capacity(bytes));
            let limit = u64::try_from(bytes).unwrap_or(u64::MAX);
            file.take(limit).read_to_end(&mut read)?;
            Ok((size, read))
        })
        .await
    }

    /// In hexadecimal. Who asks while the file is read waits for the same reading.
    pub(super) async fn sha256(&self, path: &Path) -> std::io::Result<String> {
        let version = self.facts(path).await?.version;
        let digest = {
            let mut digests = self.digests.lock();
            if digests.get(path).is_none_or(|(known, _)| *known != version) {
                if digests.len() >= REMEMBERED {
                    digests.pop_first();
                }
                digests.insert(path.to_owned(), (version, Arc::default()));
            }
            digests[path].1.clone()
        };
        let read = || async {
            // The semaphore is never closed.
            let _permit = self.readers.acquire().await;
            let path = path.to_owned();
            blocking(move || hash(&path)).await
        };
        digest.get_or_try_init(read).await.cloned()
    }
}

impl FileFacts {
    fn read(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut magic = Vec::new();
        file.take(4).read_to_end(&mut magic)?;
        Ok(Self {
            size_bytes: metadata.len(),
            format: if magic == b"QFI\xfb" { "qcow2" } else { "raw" },
            version: Version {
                device: metadata.dev(),
                inode: metadata.ino(),
                size_bytes: metadata.len(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            },
        })
    }
}

fn hash(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => context.update(&buffer[..read]),
        }
    }
    let digest = context.finish();
    Ok(digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed by sha256sum.
    const DIGEST: &str = "71699d4ac9e99c88938fbe7c1442005a005d832deca9bb3bc51346c58c1b0a2f";
    const OTHER: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

    #[tokio::test]
    async fn a_file_is_hashed_again_only_when_it_has_changed() {
        let files = Files::default();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"QFI\xfbabc").unwrap();
        let facts = files.facts(file.path()).await.unwrap();
        assert_eq!((facts.size_bytes, facts.format), (7, "qcow2"));
        assert_eq!(files.sha256(file.path()).await.unwrap(), DIGEST);
        // Shows whether it is read: the remembered digest is another one.
        let remembered = Arc::new(OnceCell::new_with(Some("remembered".to_owned())));
        files.digests.lock().get_mut(file.path()).unwrap().1 = remembered;
        assert_eq!(files.sha256(file.path()).await.unwrap(), "remembered");
        std::fs::write(file.path(), b"a").unwrap();
        assert_eq!(files.sha256(file.path()).await.unwrap(), OTHER);
        assert_eq!(files.facts(file.path()).await.unwrap().format, "raw");
    }

    #[tokio::test]
    async fn no_more_than_so_many_digests_are_remembered() {
        let (files, folder) = (Files::default(), tempfile::tempdir().unwrap());
        for number in 0..=REMEMBERED {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, b"a").unwrap();
            assert_eq!(files.sha256(&path).await.unwrap(), OTHER);
        }
        assert_eq!(files.digests.lock().len(), REMEMBERED);
    }
}
