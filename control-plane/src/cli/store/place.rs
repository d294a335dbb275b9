//! Where a store is, and opening it there.

use crate::config::SettingsError;
use crate::store_place;
use anyhow::{Context, bail};
use ferric_store::postgres_store::{Missing, UrlError};
use ferric_store::upkeep::Upkeep;
use ferric_store::{DatabaseUrl, OpenError, PostgresStore, RedbStore, StoreError};
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a store is. A password in it is not shown.
#[derive(Clone)]
pub(super) enum Place {
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
    pub(super) fn checked(self, option: &'static str) -> Result<Self, SettingsError> {
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

/// A store that is not there is not made.
pub(super) async fn open_existing(place: &Place, key: &Path) -> anyhow::Result<Box<dyn Upkeep>> {
    if let Place::Directory(folder) = place
        && !store_place::file(folder).exists()
    {
        let store = folder.display().to_string();
        return Err(StoreError::from(OpenError::NotThere { store }).into());
    }
    open(place, key, Missing::Refuse).await
}

pub(super) async fn open_or_make(place: &Place, key: &Path) -> anyhow::Result<Box<dyn Upkeep>> {
    if let Place::Directory(folder) = place {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making the state directory {}", folder.display()))?;
    }
    open(place, key, Missing::Make).await
}

async fn open(place: &Place, key: &Path, missing: Missing) -> anyhow::Result<Box<dyn Upkeep>> {
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
}
