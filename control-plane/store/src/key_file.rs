//! The file with the key of the sealed documents: 64 hexadecimal digits, readable by its owner only.
//!
//! It must survive as long as the database: nothing here replaces or changes one that exists.

use crate::open_error::OpenError;
use crate::seal::KEY_BYTES;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use uuid::Uuid;

/// A key that nobody else has.
pub(crate) fn random() -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    aws_lc_rs::rand::fill(&mut key).expect("the system gives random bytes");
    key
}

/// The key in the file, or `None` when there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<[u8; KEY_BYTES]>, OpenError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(file_error("reading", path, source)),
    };
    warn_when_others_can_read(path);
    let malformed = || OpenError::KeyMalformed {
        key: path.to_owned(),
    };
    parse(text.trim()).map(Some).ok_or_else(malformed)
}

/// Makes the file with a new key, and answers the key that is in the file then.
pub(crate) fn create(path: &Path) -> Result<[u8; KEY_BYTES], OpenError> {
    let mut text = String::new();
    for byte in random() {
        write!(text, "{byte:02x}").expect("a string takes all that is written");
    }
    text.push('\n');
    let draft = path.with_extension(format!("new-{}", Uuid::new_v4()));
    write_private(&draft, text.as_bytes()).map_err(|error| file_error("writing", &draft, error))?;
    name_draft(&draft, path)?;
    let malformed = OpenError::KeyMalformed {
        key: path.to_owned(),
    };
    read(path)?.ok_or(malformed)
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

fn parse(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(key)
}
