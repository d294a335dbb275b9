//! Where records go: into a file, to standard output, or into a Ferric.

use super::importer::Importer;
use super::new_file::NewFile;
use super::record::{Header, Record};
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(super) enum Sink {
    File(Box<NewFile>),
    Output(BufWriter<File>),
    Api(Box<Importer>),
}

impl Sink {
    pub(super) fn api(importer: Importer) -> Self {
        Self::Api(Box::new(importer))
    }

    /// A new file for its owner only, or standard output.
    ///
    /// # Errors
    /// When the file is there; when secrets would go into a file that others can read.
    pub(super) fn file(path: Option<&Path>, is_secret: bool) -> anyhow::Result<Self> {
        if let Some(path) = path {
            return Ok(Self::File(Box::new(NewFile::begin(path)?)));
        }
        let stdout = std::io::stdout().as_fd().try_clone_to_owned();
        let stdout = File::from(stdout.context("opening standard output")?);
        if is_secret {
            check_private(&stdout)?;
        }
        Ok(Self::Output(BufWriter::new(stdout)))
    }

    pub(super) fn begin(&mut self, header: Header) -> anyhow::Result<()> {
        match self {
            Self::File(file) => line(file, &header),
            Self::Output(output) => line(output, &header),
            Self::Api(importer) => {
                importer.begin(header);
                Ok(())
            }
        }
    }

    pub(super) async fn take(&mut self, record: Record) -> anyhow::Result<()> {
        match self {
            Self::File(file) => line(file, &record),
            Self::Output(output) => line(output, &record),
            Self::Api(importer) => importer.take(record).await,
        }
    }

    /// # Errors
    /// When the last lines cannot be written; [`super::Incomplete`] when not all is as it should be in the Ferric.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        match self {
            Self::File(file) => file.finish(),
            Self::Output(mut output) => output.flush().context("writing the export"),
            Self::Api(importer) => importer.end().await,
        }
    }
}

fn line(file: &mut impl Write, value: &impl serde::Serialize) -> anyhow::Result<()> {
    let doing = "writing the export";
    serde_json::to_writer(&mut *file, value).context(doing)?;
    file.write_all(b"\n").context(doing)
}

/// A pipe is whoever's who reads it.
fn check_private(file: &File) -> anyhow::Result<()> {
    let found = file.metadata().context("looking at standard output")?;
    if found.is_file() && found.permissions().mode() & 0o077 != 0 {
        bail!(
            "standard output is a file that others may read: use --output FILE, which makes one for its owner only"
        );
    }
    Ok(())
}
