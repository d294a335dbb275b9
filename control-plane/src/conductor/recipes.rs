//! Deploy templates and runbooks: stored, changed and deleted on request. No node is touched, so no lock is taken: a
//! run has its own copy of the steps that it was started with.

use super::Conductor;
use super::requests::RequestError;
use ferric_model::recipe::{DeployTemplate, Runbook};
use ferric_store::{Entity, Expectation, FieldValue, Query, Record, StoreError, Transaction};
use jiff::Timestamp;

/// What the two kinds have in common.
pub trait Recipe: Entity + Clone + 'static {
    /// What it is called in sentences.
    const NOUN: &'static str;
    fn name(&self) -> &str;
    fn touch(&mut self, at: Timestamp);
}

impl Recipe for DeployTemplate {
    const NOUN: &'static str = "deploy template";

    fn name(&self) -> &str {
        &self.name
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = Some(at);
    }
}

impl Recipe for Runbook {
    const NOUN: &'static str = "runbook";

    fn name(&self) -> &str {
        &self.name
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = Some(at);
    }
}

impl Conductor {
    /// Stores a new one.
    ///
    /// # Errors
    /// Conflict when its UUID or its name is taken.
    pub async fn create_recipe<R: Recipe>(&self, recipe: R) -> Result<R, RequestError> {
        let this = self.clone();
        self.tracked(async move {
            let transaction = Transaction::new()
                .expect(Expectation::Absent(recipe.key()))
                .put(&recipe);
            this.commit_recipe(transaction, &recipe).await?;
            Ok(recipe)
        })
        .await
    }

    /// Stores a changed one, if it still stands as in `old`.
    ///
    /// # Errors
    /// Conflict when somebody was faster, or when the new name is taken.
    pub async fn update_recipe<R: Recipe>(
        &self,
        old: &Record,
        mut new: R,
    ) -> Result<R, RequestError> {
        let (this, expected) = (
            self.clone(),
            Expectation::Revision(old.key.clone(), old.revision),
        );
        self.tracked(async move {
            new.touch(this.now());
            let transaction = Transaction::new().expect(expected).put(&new);
            this.commit_recipe(transaction, &new).await?;
            Ok(new)
        })
        .await
    }

    /// Deletes it, if it still stands as in `old`.
    ///
    /// # Errors
    /// Conflict when somebody has changed it since.
    pub async fn destroy_recipe<R: Recipe>(&self, old: &Record) -> Result<(), RequestError> {
        let (this, old) = (self.clone(), old.clone());
        self.tracked(async move {
            let transaction = Transaction::new()
                .expect(Expectation::Revision(old.key.clone(), old.revision))
                .delete(old.key);
            this.store().commit(transaction).await?;
            Ok(())
        })
        .await
    }

    /// All of a kind that have one of these names, in the order of creation.
    pub(super) async fn recipes_named<R: Recipe>(
        &self,
        names: &[&str],
    ) -> Result<Vec<R>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let names = names
            .iter()
            .map(|name| FieldValue::Text((*name).to_owned()));
        let query = Query::all(R::TABLE).filter("name", names.collect());
        let page = self.store().page(&query).await?;
        page.records.iter().map(Record::decode).collect()
    }

    async fn commit_recipe<R: Recipe>(
        &self,
        transaction: Transaction,
        recipe: &R,
    ) -> Result<(), RequestError> {
        let is_new = transaction
            .expect
            .iter()
            .any(|expected| matches!(expected, Expectation::Absent(_)));
        let outcome = self.store().commit(transaction).await;
        outcome.map(drop).map_err(|error| match error {
            StoreError::Stale { .. } if is_new => RequestError::Conflict(format!(
                "A {} with UUID {} already exists.",
                R::NOUN,
                recipe.id()
            )),
            StoreError::NotUnique { .. } => RequestError::Conflict(format!(
                "A {} with name {} already exists.",
                R::NOUN,
                recipe.name()
            )),
            error => error.into(),
        })
    }
}
