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
            PlainDocument::Chassis(plain) => self.destroyed(plain).await,
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
        let node = plain.node();
        let holder = self.holder(node, PURPOSE).await?;
        let (plain, gone) = self.going(&plain).await?;
        if let (Some(expected), Some(found)) = (node, plain.node())
            && expected != found
        {
            return Err(StoreError::Stale {
                key: plain.key(),
                expected: format!("one of node {expected}"),
                found: format!("one of node {found}"),
            }
            .into());
        }
        if let Some(node) = holder.node() {
            plain.may_go(node)?;
        }
        let committed = holder.commit(self, gone).await;
        committed.map_err(|error| not_gone(error, &plain))
    }

    /// As it stands now, and the transaction with which it goes.
    async fn going<P: Ruled>(&self, plain: &P) -> Result<(P, Transaction), RequestError> {
        let (plain, record) = self.still_there(plain).await?;
        let unchanged = Expectation::Revision(record.key.clone(), record.revision);
        let transaction = [unchanged]
            .into_iter()
            .chain(plain.unused())
            .fold(Transaction::new(), Transaction::expect)
            .delete(record.key);
        Ok((plain, transaction))
    }

    /// As it stands now; 404 when it is gone.
    async fn still_there<P: Plain>(&self, plain: &P) -> Result<(P, Record), RequestError> {
        let found = self.store().get(&plain.key()).await?;
        let record = found.ok_or_else(|| {
            let (noun, id) = (P::NOUN, plain.id());
            RequestError::NotFound(format!("The {noun} {id} could not be found."))
        })?;
        Ok((record.decode()?, record))
    }
}

/// Why it was not deleted.
fn not_gone<P: Ruled>(error: TaskError, plain: &P) -> RequestError {
    match (error, P::USERS) {
        (TaskError::Store(StoreError::NoRoom { .. }), Some(users)) => {
            RequestError::Invalid(format!(
                "Cannot complete the requested action because {} {} contains {}.",
                P::NOUN,
                plain.id(),
                users.noun
            ))
        }
        (error, _) => error.into(),
    }
}

fn of_store<P: Plain>(error: StoreError, plain: &P) -> RequestError {
    match error {
        StoreError::NotUnique { field, .. } => RequestError::Conflict(plain.taken(field)),
        // Somebody has put something into it since it was looked at.
        StoreError::NoRoom { .. } => RequestError::Conflict(format!(
            "The {} {} has been changed in between: read it again",
            P::NOUN,
            plain.id()
        )),
        error => error.into(),
    }
}

fn of_task<P: Plain>(error: TaskError, plain: &P) -> RequestError {
    match error {
        TaskError::Store(error) => of_store(error, plain),
        error => error.into(),
    }
}
