//! Jobs on a whole store: done here where it can be opened, and else by the process that has it open.

use super::place::{Place, open_existing};
use super::{Found, must_exist, output};
use crate::store_jobs::{self, End, Job, Sink};
use crate::store_place;
use async_trait::async_trait;
use ferric_store::{OpenError, RedbStore, StoreError};
use std::io::{self, Write};

/// Said already, line by line.
#[derive(Debug, thiserror::Error)]
#[error("the store is not as it should be")]
pub(in crate::cli) struct FoundWrong;

/// Prints lines, and writes bytes into a file.
struct Local<'f> {
    file: Option<&'f mut std::fs::File>,
}

#[async_trait]
impl Sink for Local<'_> {
    async fn line(&mut self, text: &str) -> io::Result<()> {
        output::line(text);
        Ok(())
    }

    /// Blocks, where nothing else is to be done.
    async fn bytes(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(&bytes),
            None => Err(io::Error::other("there is no file for them")),
        }
    }
}

pub(super) async fn run(
    found: &Found,
    job: Job,
    file: Option<&mut std::fs::File>,
) -> anyhow::Result<()> {
    let mut sink = Local { file };
    let end = match open_existing(&found.place, &found.key()).await {
        Ok(store) => store_jobs::run(job, store.as_ref(), &mut sink).await?,
        Err(error) if is_in_use(&error) => {
            store_jobs::client::ask(&found.state_dir, job, &mut sink).await?
        }
        Err(error) => return Err(error),
    };
    match end {
        End::Fine => Ok(()),
        End::Wrong => Err(FoundWrong.into()),
    }
}

/// With the pages of the file, where nobody else has it open.
pub(super) async fn check(found: &Found) -> anyhow::Result<()> {
    if let Place::Directory(folder) = &found.place {
        let (file, key) = (store_place::file(folder), found.key());
        must_exist(&file, folder)?;
        let pages = tokio::task::spawn_blocking(move || RedbStore::check_pages(file, key)).await?;
        match pages {
            Ok(true) => output::line("the pages of the file are whole"),
            Ok(false) => {
                output::line("pages of the file were damaged, and are put right");
                run(found, Job::Check, None).await?;
                return Err(FoundWrong.into());
            }
            Err(StoreError::Open(OpenError::InUse { .. })) => {}
            Err(error) => return Err(error.into()),
        }
    }
    run(found, Job::Check, None).await
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(StoreError::Open(OpenError::InUse { .. }))
    )
}
