//! The file with the keys of the sealed documents, readable by its owner only: 64 hexadecimal digits a line. The key that
//! seals stands alone on its line; behind others stands what they are.
//!
//! It must survive as long as the database: no key is taken from a file that exists.

use crate::open_error::OpenError;
use crate::seal::{KEY_BYTES, KeyId};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use uuid::Uuid;

type Secret = [u8; KEY_BYTES];

/// What a key is that does not seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Will seal when the key is changed next: until then it is handed to all who share the database.
    Next,
    /// Has sealed what is being sealed anew.
    Old,
    /// Has sealed nothing that is in the store, but perhaps a backup.
    Retired,
}

impl Role {
    const ALL: [Self; 3] = [Self::Next, Self::Old, Self::Retired];

    const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Old => "old",
            Self::Retired => "retired",
        }
    }
}

/// What stands in a key file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeyFile {
    sealing: Secret,
    others: Vec<(Secret, Role)>,
}

impl KeyFile {
    pub(crate) fn of(key: Secret) -> Self {
        Self {
            sealing: key,
            others: Vec::new(),
        }
    }

    /// The one that seals first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Secret> {
        let others = self.others.iter().map(|(key, _)| key);
        std::iter::once(&self.sealing).chain(others)
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.others.iter().any(|(_, has)| *has == role)
    }

    /// With a key for the next change, if there is none yet.
    #[must_use]
    pub(crate) fn prepared(mut self) -> Self {
        if !self.has(Role::Next) {
            self.others.push((self.another(), Role::Next));
        }
        self
    }

    /// The next key seals, and the one that did is old.
    #[must_use]
    pub(crate) fn rotated(self) -> Self {
        let mut changed = self.prepared();
        let next = changed
            .others
            .iter_mut()
            .find(|(_, role)| *role == Role::Next);
        if let Some(next) = next {
            *next = (std::mem::replace(&mut changed.sealing, next.0), Role::Old);
        }
        changed
    }

    /// Nothing in the store needs the old keys any more.
    #[must_use]
    pub(crate) fn retired(mut self) -> Self {
        for (_, role) in &mut self.others {
            if *role == Role::Old {
                *role = Role::Retired;
            }
        }
        self
    }

    /// Of keys with the same id one could not be found.
    fn another(&self) -> Secret {
        loop {
            let key = random();
            if self.all().all(|known| KeyId::of(known) != KeyId::of(&key)) {
                return key;
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (mut sealing, mut others) = (None, Vec::new());
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split_whitespace();
            let key = key(words.next()?)?;
            match (words.next(), words.next()) {
                (None, _) if sealing.is_none() => sealing = Some(key),
                (Some(word), None) => {
                    let role = Role::ALL.into_iter().find(|role| role.name() == word)?;
                    others.push((key, role));
                }
                _ => return None,
            }
        }
        sealing.map(|sealing| Self { sealing, others })
    }

    fn text(&self) -> String {
        let mut text = hexadecimal(&self.sealing);
        text.push('\n');
        for (key, role) in &self.others {
            writeln!(text, "{} {}", hexadecimal(key), role.name())
                .expect("a string takes all that is written");
        }
        text
    }
}

/// A key that nobody else has.
pub(crate) fn random() -> Secret {
    let mut key = [0; KEY_BYTES];
    aws_lc_rs::rand::fill(&mut key).expect("the system gives random bytes");
    key
}

/// The keys in the file, or `None` when there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<KeyFile>, OpenError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(file_error("reading", path, source)),
    };
    warn_when_others_can_read(path);
    let malformed = || OpenError::KeyMalformed {
        key: path.to_owned(),
    };
    KeyFile::parse(&text).map(Some).ok_or_else(malformed)
}

/// Makes the file with a new key, and answers what is in the file then.
pub(crate) fn create(path: &Path) -> Result<KeyFile, OpenError> {
    let draft = draft(path, &KeyFile::of(random()))?;
    name_draft(&draft, path)?;
    let malformed = OpenError::KeyMalformed {
        key: path.to_owned(),
    };
    read(path)?.ok_or(malformed)
}

/// In one go: whoever reads finds either what was there or what is to be there.
pub(crate) fn replace(path: &Path, keys: &KeyFile) -> Result<(), OpenError> {
    let draft = draft(path, keys)?;
    File::open(&draft)
        .and_then(|file| file.sync_all())
        .map_err(|error| file_error("syncing", &draft, error))?;
    fs::rename(&draft, path).map_err(|error| file_error("replacing", path, error))?;
    sync_directory(path)
}

fn draft(path: &Path, keys: &KeyFile) -> Result<std::path::PathBuf, OpenError> {
    let draft = path.with_extension(format!("new-{}", Uuid::new_v4()));
    write_private(&draft, keys.text().as_bytes())
        .map_err(|error| file_error("writing", &draft, error))?;
    Ok(draft)
}

/// Gives a finished file its name. A file that has the name already stays: somebody else was faster.
pub(crate) fn name_draft(draft: &Path, path: &Path) -> Result<(), OpenError> {
    File::open(draft)
        .and_then(|file| file.sync_all())
        .map_err(|error| file_error("syncing", draft, error))?;
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(file_error("making", path, error));
        }
        Ok(()) | Err(_) => {}
    }
    fs::remove_file(draft).map_err(|error| file_error("removing", draft, error))?;
    sync_directory(path)
}

/// Makes names in the directory of this file durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), OpenError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| file_error("syncing", directory, error))
}

pub(crate) fn file_error(doing: &'static str, path: &Path, source: io::Error) -> OpenError {
    OpenError::File {
        doing,
        path: path.to_owned(),
        source,
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)
}

/// Only a warning: where keys are mounted into a container, their mode is not ours to choose.
fn warn_when_others_can_read(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), mode = format!("{:o}", mode & 0o777), "others than the owner can read the key file");
    }
}

fn key(text: &str) -> Option<Secret> {
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(key)
}

fn hexadecimal(key: &Secret) -> String {
    let mut text = String::with_capacity(2 * KEY_BYTES);
    for byte in key {
        write!(text, "{byte:02x}").expect("a string takes all that is written");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_change_and_none_is_lost() {
        let first = KeyFile::of([1; KEY_BYTES]);
        let prepared = first.clone().prepared();
        assert!(prepared.has(Role::Next) && prepared.sealing == first.sealing);
        let rotated = prepared.clone().rotated();
        assert!(rotated.has(Role::Old) && !rotated.has(Role::Next));
        assert!(
            rotated.sealing == prepared.others[0].0,
            "the one that was handed out"
        );
        let retired = rotated.retired();
        assert!(retired.others == [(first.sealing, Role::Retired)]);
        let again = retired.rotated().retired();
        assert_eq!(again.all().count(), 3);
        for keys in [first, prepared, again] {
            assert!(KeyFile::parse(&keys.text()).is_some_and(|read| read == keys));
        }
    }

    #[test]
    fn other_files_are_refused() {
        let key = "ab".repeat(KEY_BYTES);
        assert!(KeyFile::parse(&key).is_some());
        for text in [
            String::new(),
            "ab".repeat(31),
            format!("{key} old\n"),
            format!("{key}\n{key}\n"),
            format!("{key}\n{key} new\n"),
            format!("{key}\n{key} old of mine\n"),
            format!("{key}\nx{} old\n", &key[1..]),
        ] {
            assert!(KeyFile::parse(&text).is_none(), "{text}");
        }
    }
}
