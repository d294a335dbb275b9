//! `ferric store`: work on a store as a whole. The only part of the command line that is no client of the API: it opens the
//! store, or asks the `ferric serve` that has it open.

mod backup;
mod copy;
mod jobs;
mod place;

use super::output;
use crate::config::{Overrides, Settings, SettingsError};
use crate::store_jobs::Job;
use crate::store_place;
use ferric_store::RedbStore;
use ferric_store::upkeep;
pub(super) use jobs::FoundWrong;
use place::Place;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write all of the store into one file, sealed as it is. While ferric runs, or not.
    Backup(backup::Backup),
    /// Put a backup into an empty state directory or database. Needs the store.key of its time, which is in no backup.
    Restore(backup::Restore),
    /// Look whether everything can be read and is found. While ferric runs, or not.
    Check(Where),
    /// Make the file of the embedded store smaller. Stop ferric before.
    Compact(Where),
    /// Seal everything by a new key. While ferric runs, or not; what was interrupted goes on.
    RotateKey(RotateKey),
    /// Copy everything from one store into an empty one, and compare. Stop ferric before.
    Copy(copy::Copy),
}

#[derive(Debug, clap::Args)]
struct RotateKey {
    #[command(flatten)]
    place: Where,
    /// Only put the new key into store.key, so that it can be copied to all conductors of a database before.
    #[arg(long)]
    prepare: bool,
}

/// Which store.
#[derive(Debug, clap::Args)]
struct Where {
    /// The configuration file of `ferric serve`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The state directory: the store and its key, or the key alone.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// A database instead of the file in the state directory: postgresql://USER@HOST/DATABASE.
    #[arg(long, value_name = "URL")]
    store: Option<Place>,
}

/// A store, and the directory with its key.
struct Found {
    state_dir: PathBuf,
    place: Place,
}

impl Where {
    fn find(self) -> Result<Found, SettingsError> {
        let overrides = Overrides {
            state_dir: self.state,
            ..Overrides::default()
        };
        let settings = Settings::load(self.config.as_deref(), overrides)?;
        let state_dir = settings.state_dir;
        let place = match (self.store, settings.store) {
            (Some(place), _) => place.checked("--store")?,
            (None, Some(url)) => Place::Database(Box::new(url)),
            (None, None) => Place::Directory(state_dir.clone()),
        };
        Ok(Found { state_dir, place })
    }
}

impl Found {
    fn key(&self) -> PathBuf {
        store_place::key(&self.state_dir)
    }
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    crate::log::start();
    match arguments.command {
        Command::Backup(backup) => backup::backup(backup).await,
        Command::Restore(restore) => backup::restore(restore).await,
        Command::Check(place) => jobs::check(&place.find()?).await,
        Command::Compact(place) => compact(&place.find()?).await,
        Command::RotateKey(rotate) => rotate_key(rotate).await,
        Command::Copy(copy) => copy::run(copy).await,
    }
}

async fn rotate_key(rotate: RotateKey) -> anyhow::Result<()> {
    let found = rotate.place.find()?;
    let key = found.key();
    if rotate.prepare {
        upkeep::prepare_key(&key)?;
        output::line(&format!(
            "{} holds the next key: copy it to all conductors, then rotate",
            key.display()
        ));
        return Ok(());
    }
    jobs::run(&found, Job::RotateKey, None).await?;
    output::line(&format!(
        "back up {}: backups from now on need it; the old key stays in it for those that are older",
        key.display()
    ));
    Ok(())
}

async fn compact(found: &Found) -> anyhow::Result<()> {
    let Place::Directory(folder) = &found.place else {
        return Err(SettingsError::Option {
            option: "--store",
            problem: "must not be given: a database server keeps its own files small".to_owned(),
        }
        .into());
    };
    let (file, key) = (store_place::file(folder), found.key());
    must_exist(&file, folder)?;
    let compacting = move || RedbStore::compact(file, key);
    let (before, after) = tokio::task::spawn_blocking(compacting).await??;
    output::line(&format!("{before} bytes before, {after} bytes after"));
    Ok(())
}

/// A store that is not there is not made.
fn must_exist(file: &Path, folder: &Path) -> Result<(), ferric_store::StoreError> {
    if file.exists() {
        return Ok(());
    }
    let store = folder.display().to_string();
    Err(ferric_store::OpenError::NotThere { store }.into())
}
