//! The writes themselves, the same for every kind.

use super::rules::{Changing, Ruled};
use super::{Plain, PlainDocument};
use crate::conductor::Conductor;
use crate::conductor::forward::Update;
use crate::conductor::node_task::TaskError;
use crate::conductor::requests::RequestError;
use ferric_model::chassis::Chassis;
use ferric_model::portgroup::Portgroup;
use ferric_model::volume::{VolumeConnector, VolumeTarget};
use ferric_store::{Expectation, Record, Revision, StoreError, Transaction};

const PURPOSE: &str = "changing what hangs on it";

/// A change with the revision that it was made to.
struct Changed<P> {
    before: P,
    revision: Revision,
    new: P,
}

impl Conductor {
    pub(in crate::conductor) async fn do_create_plain(
        &self,
        document: PlainDocument,
    ) -> Result<PlainDocument, RequestError> {
        match document {
            PlainDocument::Portgroup(plain) => self.created(plain).await.map(Portgroup::wrap),
            PlainDocument::Chassis(plain) => self.created(plain).await.map(Chassis::wrap),
            PlainDocument::VolumeConnector(plain) => {
                self.created(plain).await.map(VolumeConnector::wrap)
            }
            PlainDocument::VolumeTarget(plain) => self.created(plain).await.map(VolumeTarget::wrap),
        }
    }

    pub(in crate::conductor) async fn do_update_plain(
        &self,
        update: Update<PlainDocument>,
    ) -> Result<PlainDocument, RequestError> {
        match &update.before {
            PlainDocument::Portgroup(_) => self.changed::<Portgroup>(update).await,
            PlainDocument::Chassis(_) => self.changed::<Chassis>(update).await,
            PlainDocument::VolumeConnector(_) => self.changed::<VolumeConnector>(update).await,
            PlainDocument::VolumeTarget(_) => self.changed::<VolumeTarget>(update).await,
        }
    }

    pub(in crate::conductor) async fn do_destroy_plain(
        &self,
        document: PlainDocument,
    ) -> Result<(), RequestError> {
        match document {
            PlainDocument::Portgroup(plain) => self.destroyed(plain).await,
            PlainDocument::Chassis(plain) => self.destroy_chassis(plain).await,
            PlainDocument::VolumeConnector(plain) => self.destroyed(plain).await,
            PlainDocument::VolumeTarget(plain) => self.destroyed(plain).await,
        }
    }

    async fn created<P: Ruled>(&self, plain: P) -> Result<P, RequestError> {
        let exists = || {
            let (noun, id) = (P::NOUN, plain.id());
            RequestError::Conflict(format!("A {noun} with UUID {id} already exists."))
        };
        let absent = Expectation::Absent(plain.key());
        let transaction = Transaction::new().expect(absent).put(&plain);
        let Some(node) = plain.node() else {
            let committed = self.store().commit(transaction).await;
            committed.map_err(|error| match error {
                StoreError::Stale { .. } => exists(),
                error => of_store(error, &plain),
            })?;
            return Ok(plain);
        };
        let mut task = self.task(node, PURPOSE).await?;
        if self.store().get(&plain.key()).await?.is_some() {
            return Err(exists());
        }
        let change = task.change().beside(|_| transaction);
        let saved = task.save(change).await;
        saved.map_err(|error| of_task(error, &plain))?;
        Ok(plain)
    }

    async fn changed<P: Ruled>(
        &self,
        update: Update<PlainDocument>,
    ) -> Result<PlainDocument, RequestError> {
        let revision = update.revision();
        let (Some(before), Some(new)) = (P::unwrap(update.before), P::unwrap(update.new)) else {
            let problem = "it is of two kinds";
            return Err(RequestError::internal("reading a change", problem));
        };
        let changed = Changed {
            before,
            revision,
            new,
        };
        self.store_changed(changed).await.map(P::wrap)
    }

    async fn store_changed<P: Ruled>(&self, changed: Changed<P>) -> Result<P, RequestError> {
        let (before, mut new) = (changed.before, changed.new);
        let expected = Expectation::Revision(before.key(), changed.revision);
        let transaction = Transaction::new().expect(expected);
        let (Some(from), Some(to)) = (before.node(), new.node()) else {
            let changing = Changing {
                before: &before,
                new: &new,
                nodes: None,
            };
            let transaction = P::may_change(self, changing, transaction).await?;
            if new == before {
                return Ok(new);
            }
            new.touch(self.now());
            let committed = self.store().commit(transaction.put(&new)).await;
            committed.map_err(|error| of_store(error, &new))?;
            return Ok(new);
        };
        let mut moving = self.moving(from, to, PURPOSE).await?;
        let changing = Changing {
            before: &before,
            new: &new,
            nodes: Some((moving.from(), moving.to())),
        };
        let transaction = P::may_change(self, changing, transaction).await?;
        if new == before {
            return Ok(new);
        }
        new.touch(self.now());
        let transaction = moving
            .expected()
            .into_iter()
            .fold(transaction.put(&new), Transaction::expect);
        let change = moving.task.change().beside(|_| transaction);
        let saved = moving.task.save(change).await;
        saved.map_err(|error| of_task(error, &new))?;
        Ok(new)
    }

    async fn destroyed<P: Ruled>(&self, plain: P) -> Result<(), RequestError> {
        let Some(node) = plain.node() else {
            let problem = "it hangs on no node";
            return Err(RequestError::internal("deleting a document", problem));
        };
        let mut task = self.task(node, PURPOSE).await?;
        let (plain, record) = self.still_there(&plain).await?;
        if plain.node() != Some(node) {
            return Err(StoreError::Stale {
                key: plain.key(),
                expected: format!("one of node {node}"),
                found: "one of another node".to_owned(),
            }
            .into());
        }
        plain.may_go(self, Some(&task.node)).await?;
        let expected = Expectation::Revision(record.key.clone(), record.revision);
        let change = task
            .change()
            .beside(|transaction| transaction.expect(expected).delete(record.key));
        Ok(task.save(change).await?)
    }

    /// As it stands now; 404 when it is gone.
    pub(super) async fn still_there<P: Plain>(
        &self,
        plain: &P,
    ) -> Result<(P, Record), RequestError> {
        let found = self.store().get(&plain.key()).await?;
        let record = found.ok_or_else(|| {
            let (noun, id) = (P::NOUN, plain.id());
            RequestError::NotFound(format!("The {noun} {id} could not be found."))
        })?;
        Ok((record.decode()?, record))
    }
}

fn of_store<P: Plain>(error: StoreError, plain: &P) -> RequestError {
    match error {
        StoreError::NotUnique { field, .. } => RequestError::Conflict(plain.taken(field)),
        error => error.into(),
    }
}

fn of_task<P: Plain>(error: TaskError, plain: &P) -> RequestError {
    match error {
        TaskError::Store(error) => of_store(error, plain),
        error => error.into(),
    }
}
