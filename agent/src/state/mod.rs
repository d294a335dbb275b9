//! The files by which a restarted agent goes on: its session, its certificate, its commands.
//!
//! They live in RAM and end with the ramdisk, so nothing is synced to a disk; each is replaced whole, so a crash
//! leaves the old one or the new one.

mod session;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use session::Session;

/// The directory that the files are in; only root can read it, since the token and a private key are there.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

/// Why state could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("creating {0}")]
    Create(PathBuf, #[source] io::Error),
    #[error("reading {0}")]
    Read(PathBuf, #[source] io::Error),
    #[error("understanding {0}")]
    Parse(PathBuf, #[source] serde_json::Error),
    #[error("writing {0}")]
    Write(PathBuf, #[source] io::Error),
}

impl StateDir {
    /// Makes the directory if it is not there yet.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path);
        made.map_err(|error| StateError::Create(path.to_owned(), error))?;
        Ok(Self(path.to_owned()))
    }

    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    /// When it is there but cannot be used.
    pub fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StateError> {
        let path = self.0.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::Read(path, error)),
        };
        let value = serde_json::from_slice(&bytes);
        value
            .map(Some)
            .map_err(|error| StateError::Parse(path, error))
    }

    /// Reads a file; one that cannot be used is as good as none, and the log says so.
    #[must_use]
    pub fn load_or_forget<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.load(name).unwrap_or_else(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "kept state is lost"
            );
            None
        })
    }

    /// Forgets a file.
    pub fn remove(&self, name: &str) {
        match fs::remove_file(self.0.join(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                name,
                "forgetting state"
            ),
        }
    }

    /// Replaces a file.
    ///
    /// # Errors
    /// When there is no room.
    pub fn save<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StateError> {
        let path = self.0.join(name);
        let new = path.with_extension("new");
        let replaced = write(&new, value).and_then(|()| fs::rename(&new, &path));
        replaced.map_err(|error| {
            // Half of a file would only take the room that there was too little of.
            drop(fs::remove_file(&new));
            StateError::Write(path, error)
        })
    }
}

/// Without a copy in memory, as a config drive may be in it.
fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = io::BufWriter::new(options.open(path)?);
    serde_json::to_writer(&mut file, value)?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_saved_is_loaded_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        let state = StateDir::open(&path).unwrap();
        assert_eq!(state.load::<u32>("n.json").unwrap(), None);
        state.save("n.json", &1).unwrap();
        state.save("n.json", &2).unwrap();
        assert_eq!(
            StateDir::open(&path).unwrap().load("n.json").unwrap(),
            Some(2)
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("n.json"))), (0o700, 0o600));
    }

    #[test]
    fn a_file_that_makes_no_sense_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("n.json"), "{").unwrap();
        let state = StateDir::open(directory.path()).unwrap();
        let error = state.load::<u32>("n.json").unwrap_err().to_string();
        assert!(error.ends_with("n.json"), "{error}");
    }
}
