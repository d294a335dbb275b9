//! A file that is there whole or not at all: written beside its place under another name, and renamed at the end.

use anyhow::{Context, bail};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Removed when it is dropped before it is finished. Only its owner can read it.
pub(super) struct NewFile {
    path: PathBuf,
    partial: BufWriter<NamedTempFile>,
}

impl NewFile {
    /// # Errors
    /// When something is there already, or its folder cannot be written to.
    pub(super) fn begin(path: &Path) -> anyhow::Result<Self> {
        let Some(name) = path.file_name() else {
            bail!("{} is no name of a file", path.display());
        };
        if path.symlink_metadata().is_ok() {
            bail!(
                "{} is there already, and is not written over",
                path.display()
            );
        }
        let partial = tempfile::Builder::new()
            .prefix(&format!(".{}.", name.display()))
            .suffix(".partial")
            .tempfile_in(folder(path))
            .with_context(|| format!("making the new file {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            partial: BufWriter::new(partial),
        })
    }

    /// Only now is it there.
    ///
    /// # Errors
    /// When the disk is full, or somebody else has made a file of that name meanwhile.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Self { path, partial } = self;
        let doing = || format!("writing {}", path.display());
        let partial = partial.into_inner().map_err(|error| error.into_error());
        let partial = partial.with_context(doing)?;
        partial.as_file().sync_all().with_context(doing)?;
        let kept = partial.persist_noclobber(&path);
        kept.map_err(|failed| failed.error).with_context(doing)?;
        let folder = File::open(folder(&path));
        folder
            .and_then(|folder| folder.sync_all())
            .with_context(doing)
    }
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new("."))
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.partial.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.partial.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn names(folder: &Path) -> Vec<String> {
        let entries = folder.read_dir().unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn it_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export");
        let mut file = NewFile::begin(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert!(names(folder.path()).is_empty());

        let (mut file, mut other) = (
            NewFile::begin(&path).unwrap(),
            NewFile::begin(&path).unwrap(),
        );
        file.write_all(b"whole").unwrap();
        other.write_all(b"late").unwrap();
        file.finish().unwrap();
        assert!(other.finish().is_err(), "the first one stays");
        assert_eq!(names(folder.path()), ["export"]);
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let error = format!("{:#}", NewFile::begin(&path).err().unwrap());
        assert!(error.contains("there already"), "{error}");
    }
}
