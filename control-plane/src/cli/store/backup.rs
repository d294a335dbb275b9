//! `ferric store backup` and `restore`. A backup has its name when it is whole, and never takes the place of a file.

use super::place::{Place, open_or_make};
use super::{Found, Where, jobs, output};
use crate::config::SettingsError;
use crate::store_jobs::Job;
use crate::store_place;
use anyhow::{Context, bail};
use ferric_store::upkeep;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    #[command(flatten)]
    place: Where,
    /// The file to make. It must not exist yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    #[command(flatten)]
    place: Where,
    /// The store.key of the time of the backup; put into the state directory, where one is missing. Default: the one there.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The backup.
    file: PathBuf,
}

pub(super) async fn backup(backup: Backup) -> anyhow::Result<()> {
    let found = backup.place.find()?;
    let out = &backup.out;
    if out.exists() {
        return Err(exists(out).into());
    }
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = out.with_file_name(name);
    let written = write(&found, &part, out).await;
    if written.is_err() {
        // A file that is not whole is worth nothing, and the error says what happened.
        fs::remove_file(&part).unwrap_or_default();
    }
    written
}

async fn write(found: &Found, part: &Path, out: &Path) -> anyhow::Result<()> {
    let doing = || format!("writing {}", part.display());
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(part)
        .with_context(doing)?;
    jobs::run(found, Job::Backup, Some(&mut file)).await?;
    file.sync_all().with_context(doing)?;
    fs::hard_link(part, out).with_context(|| format!("making {}", out.display()))?;
    fs::remove_file(part).with_context(doing)?;
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.with_context(doing)?;
    let length = fs::metadata(out).with_context(doing)?.len();
    output::line(&format!(
        "{}: {length} bytes; without {} of today nobody can read it",
        out.display(),
        found.key().display()
    ));
    Ok(())
}

fn exists(out: &Path) -> SettingsError {
    SettingsError::Option {
        option: "--out",
        problem: format!("{} is there already", out.display()),
    }
}

pub(super) async fn restore(restore: Restore) -> anyhow::Result<()> {
    let found = restore.place.find()?;
    let own = found.key();
    if let Place::Directory(folder) = &found.place
        && store_place::file(folder).exists()
    {
        bail!(
            "{} is not empty: a backup is restored into a store that nothing was ever written to",
            folder.display()
        );
    }
    fs::create_dir_all(&found.state_dir)
        .with_context(|| format!("making the state directory {}", found.state_dir.display()))?;
    if !own.exists() {
        let Some(key) = &restore.key else {
            bail!(
                "{} is missing: put the store.key of the time of the backup there, or name it with --key; it is in no backup",
                own.display()
            );
        };
        let keys = fs::read(key).with_context(|| format!("reading {}", key.display()))?;
        upkeep::put_key(&own, &keys)?;
    }
    let key = restore.key.unwrap_or(own.clone());
    let store = open_or_make(&found.place, &own).await?;
    let restored = upkeep::restore(&restore.file, &key, store.as_ref()).await;
    drop(store);
    let restored = match restored {
        Ok(restored) => restored,
        Err(error) => {
            // It was made for this, and holds nothing whole.
            if let Place::Directory(folder) = &found.place {
                fs::remove_file(store_place::file(folder)).unwrap_or_default();
            }
            return Err(error.into());
        }
    };
    output::line(&format!(
        "{} records, {} events restored",
        restored.records, restored.events
    ));
    Ok(())
}
