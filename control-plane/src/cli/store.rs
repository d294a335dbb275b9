//! `ferric store`: work on a store that no conductor has open. It and `ferric cluster` are no clients of the API.

use super::output;
use crate::config::SettingsError;
use crate::store_place;
use anyhow::{Context, bail};
use ferric_store::postgres_store::{Missing, UrlError};
use ferric_store::transfer::{self, Movable};
use ferric_store::{DatabaseUrl, OpenError, PostgresStore, RedbStore, StoreError};
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Copy everything from one store into an empty one, and compare. Stop ferric before.
    Copy(Copy),
}

#[derive(Debug, clap::Args)]
struct Copy {
    /// A state directory, or a URL: postgresql://USER@HOST/DATABASE.
    #[arg(long, value_name = "DIR|URL")]
    from: Place,
    /// A state directory, or a URL. Nothing was ever written to it.
    #[arg(long, value_name = "DIR|URL")]
    to: Place,
    /// The key of the store that is copied. Default: store.key in the state directory that is named.
    #[arg(long, value_name = "FILE")]
    from_key: Option<PathBuf>,
    /// The key of the copy, made if it is missing. Default: store.key in the state directory that is named.
    #[arg(long, value_name = "FILE")]
    to_key: Option<PathBuf>,
}

/// Where a store is. A password in it is not shown.
#[derive(Clone)]
enum Place {
    Directory(PathBuf),
    Database(Box<DatabaseUrl>),
    /// Why it is neither. No error of the parser, which would quote the text.
    Neither(String),
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let place = if DatabaseUrl::is_one(text) {
            match text.parse() {
                Ok(url) => Self::Database(Box::new(url)),
                Err(error) => Self::Neither(UrlError::to_string(&error)),
            }
        } else if text.contains("://") {
            Self::Neither(
                "must be a directory, or a URL such as postgresql://USER@HOST/DATABASE".to_owned(),
            )
        } else {
            Self::Directory(PathBuf::from(text))
        };
        Ok(place)
    }
}

impl Place {
    fn checked(self, option: &'static str) -> Result<Self, SettingsError> {
        match self {
            Self::Neither(problem) => Err(SettingsError::Option { option, problem }),
            Self::Directory(_) | Self::Database(_) => Ok(self),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(formatter, "{}", path.display()),
            Self::Database(url) => write!(formatter, "{url}"),
            Self::Neither(problem) => write!(formatter, "{problem}"),
        }
    }
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Command::Copy(copy) = arguments.command;
    crate::log::start();
    let places = (copy.from.checked("--from")?, copy.to.checked("--to")?);
    let from_key = key(copy.from_key, (&places.0, &places.1), "--from-key")?;
    let to_key = key(copy.to_key, (&places.1, &places.0), "--to-key")?;
    let from = open_existing(&places.0, &from_key).await?;
    let to = open_or_make(&places.1, &to_key).await?;
    let copied = transfer::copy(from.as_ref(), to.as_ref()).await?;
    output::line(&format!(
        "{} records, {} events copied, equal",
        copied.records, copied.events
    ));
    Ok(())
}

/// The key in the store's own directory, or else in the other's.
fn key(
    named: Option<PathBuf>,
    (place, other): (&Place, &Place),
    option: &'static str,
) -> Result<PathBuf, SettingsError> {
    match (named, place, other) {
        (Some(key), _, _) => Ok(key),
        (None, Place::Directory(folder), _) | (None, _, Place::Directory(folder)) => {
            Ok(store_place::key(folder))
        }
        (None, ..) => Err(SettingsError::Option {
            option,
            problem: "is missing: between two databases both keys must be named".to_owned(),
        }),
    }
}

/// A store that is not there is not made.
async fn open_existing(place: &Place, key: &Path) -> anyhow::Result<Box<dyn Movable>> {
    if let Place::Directory(folder) = place
        && !store_place::file(folder).exists()
    {
        let store = folder.display().to_string();
        return Err(StoreError::from(OpenError::NotThere { store }).into());
    }
    open(place, key, Missing::Refuse).await
}

async fn open_or_make(place: &Place, key: &Path) -> anyhow::Result<Box<dyn Movable>> {
    if let Place::Directory(folder) = place {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making the state directory {}", folder.display()))?;
    }
    open(place, key, Missing::Make).await
}

async fn open(place: &Place, key: &Path, missing: Missing) -> anyhow::Result<Box<dyn Movable>> {
    match (place, missing) {
        (Place::Directory(folder), _) => {
            let (file, key) = (store_place::file(folder), key.to_owned());
            let opening = move || RedbStore::open_with_key(file, key);
            let store = tokio::task::spawn_blocking(opening).await??;
            Ok(Box::new(store))
        }
        (Place::Database(url), Missing::Make) => Ok(Box::new(PostgresStore::open(url, key).await?)),
        (Place::Database(url), Missing::Refuse) => {
            Ok(Box::new(PostgresStore::open_existing(url, key).await?))
        }
        (Place::Neither(problem), _) => bail!("{problem}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        let Ok(place) = text.parse();
        place
    }

    #[test]
    fn places() {
        let shown = |text: &str| format!("{:?}", place(text));
        assert_eq!(shown("/var/lib/ferric"), "/var/lib/ferric");
        assert_eq!(
            shown("postgresql://f:hunter2@db/ferric"),
            "postgresql://f@db:5432/ferric"
        );
        for text in ["mysql://f:hunter2@db/f", "postgresql://f:hunter2@db"] {
            let error = place(text).checked("--from").unwrap_err().to_string();
            assert!(error.starts_with("--from must"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_key_is_in_the_state_directory_that_is_named() {
        let directory = place("/state");
        let database = place("postgresql://f@db/ferric");
        let found = |named: Option<&str>, place, other| {
            key(named.map(PathBuf::from), (place, other), "--to-key")
                .map(|key| key.display().to_string())
                .map_err(|error| error.to_string())
        };
        let in_state = Ok("/state/store.key".to_owned());
        assert_eq!(found(None, &directory, &database), in_state);
        assert_eq!(found(None, &database, &directory), in_state);
        assert_eq!(found(Some("/k"), &database, &database), Ok("/k".to_owned()));
        let error = found(None, &database, &database).unwrap_err();
        assert!(error.contains("--to-key is missing"), "{error}");
    }
}
