//! `ferric store copy`: everything from one store into another.

use super::output;
use super::place::{Place, open_existing, open_or_make};
use crate::config::SettingsError;
use crate::store_place;
use ferric_store::transfer;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Copy {
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

pub(super) async fn run(copy: Copy) -> anyhow::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        let Ok(place) = text.parse();
        place
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
