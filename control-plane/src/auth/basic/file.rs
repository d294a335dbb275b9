//! The file of users, as Apache's `htpasswd -B` writes it, read again whenever it is another one than before.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("reading http_basic_auth_user_file {}", .path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the password of {user:?} in {} is not hashed with bcrypt: use `htpasswd -B`", .path.display())]
    NotBcrypt { path: PathBuf, user: String },
}

/// What is checked in place of a user that there is not: a hash of bytes that nobody has.
const NOBODYS: &str = "$2y$05$1OIDQbxMj8x0nm7OBYvRTeMEMmWIJg6w7nd4KnkSzfcMRUyWLVZX.";

const PREFIXES: [&str; 3] = ["$2y$", "$2a$", "$2b$"];

pub(super) struct UserFile {
    path: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    hashes: HashMap<String, String>,
    /// A hash that costs as much as those of the file.
    decoy: String,
    /// Of the file that was tried last, usable or not.
    stamp: Option<Stamp>,
}

/// What tells whether a file is another one than before: inode, time of change, size.
type Stamp = (u64, i64, i64, u64);

pub(super) struct Line {
    pub(super) hash: String,
    /// Otherwise it is a decoy's, which fits no password.
    pub(super) is_user: bool,
}

impl UserFile {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let stamp = stamp(path);
        let current = Mutex::new(Current::new(read(path)?, stamp));
        let path = path.to_owned();
        Ok(Self { path, current })
    }

    /// One look at a small local file for each request: cheaper than a request by far.
    pub(super) fn hash_of(&self, user: &str) -> Line {
        let mut current = self.current.lock();
        let stamp = stamp(&self.path);
        if stamp != current.stamp {
            match read(&self.path) {
                Ok(hashes) => *current = Current::new(hashes, stamp),
                Err(error) => {
                    // As it cannot be known who was taken out of it, nobody is left in.
                    *current = Current::new(HashMap::new(), stamp);
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the file of users has changed, and nobody is let in");
                }
            }
        }
        match current.hashes.get(user) {
            Some(hash) => Line {
                hash: hash.clone(),
                is_user: true,
            },
            None => Line {
                hash: current.decoy.clone(),
                is_user: false,
            },
        }
    }
}

impl Current {
    fn new(hashes: HashMap<String, String>, stamp: Option<Stamp>) -> Self {
        let cost = hashes.values().filter_map(|hash| hash.get(4..6)).max();
        let decoy = format!("$2y${}{}", cost.unwrap_or("05"), &NOBODYS[6..]);
        Self {
            hashes,
            decoy,
            stamp,
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.ino(), found.ctime(), found.ctime_nsec(), found.size()))
}

/// The first line of a user counts; lines without a colon are none.
fn read(path: &Path) -> Result<HashMap<String, String>, FileError> {
    let text = std::fs::read_to_string(path).map_err(|source| FileError::Read {
        path: path.to_owned(),
        source,
    })?;
    let mut hashes = HashMap::new();
    for line in text.lines() {
        let Some((user, hash)) = line.trim().split_once(':') else {
            continue;
        };
        if !PREFIXES.iter().any(|prefix| hash.starts_with(prefix)) {
            return Err(FileError::NotBcrypt {
                path: path.to_owned(),
                user: user.to_owned(),
            });
        }
        let hash = || hash.to_owned();
        hashes.entry(user.to_owned()).or_insert_with(hash);
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<HashMap<String, String>, FileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    #[test]
    fn only_bcrypt_is_taken() {
        let found = parse("a:$2y$05$x\n\n  b:$2b$05$y  \nnonsense\na:$2a$05$z\n").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found["a"], "$2y$05$x");
        for other in ["$apr1$r31....$x", "{SHA}x", "plain", "$6$x"] {
            let error = parse(&format!("a:$2y$05$x\nbob:{other}\n")).unwrap_err();
            let error = error.to_string();
            assert!(
                error.contains("\"bob\"") && error.contains("htpasswd -B"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_decoy_costs_what_the_users_cost() {
        assert_eq!(bcrypt::verify("x", NOBODYS).ok(), Some(false));
        let hashes = HashMap::from([("a".to_owned(), bcrypt::hash("x", 6).unwrap())]);
        let decoy = Current::new(hashes, None).decoy;
        assert!(decoy.starts_with("$2y$06$"), "{decoy}");
        assert_eq!(bcrypt::verify("x", &decoy).ok(), Some(false));
    }
}
