//! Inspection rules: stored, changed and deleted on request like recipes, and gathered for an inspection.

use super::Conductor;
use super::recipes::Recipe;
use super::requests::RequestError;
use super::walk::{PAGE, Walk};
use ferric_model::inspection_rule::{InspectionRule, MAIN_PHASE, Rule};
use ferric_store::{FieldValue, Query, StoreError, Table, Transaction};
use jiff::Timestamp;

impl Recipe for InspectionRule {
    const NOUN: &'static str = "inspection rule";

    /// It has none; its description need not be unique.
    fn name(&self) -> &str {
        self.description.as_deref().unwrap_or_default()
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = Some(at);
    }
}

impl Conductor {
    /// Deletes all that are stored. Those that are built in stay.
    ///
    /// # Errors
    /// The store's.
    pub async fn destroy_inspection_rules(&self) -> Result<(), RequestError> {
        let this = self.clone();
        self.tracked(async move {
            let mut query = Query::all(Table::InspectionRule);
            query.limit = PAGE;
            loop {
                let page = this.store().outlines(&query).await?;
                if page.is_empty() {
                    return Ok(());
                }
                let keys = page.into_iter().map(|outline| outline.key);
                let transaction = keys.fold(Transaction::new(), Transaction::delete);
                this.store().commit(transaction).await?;
            }
        })
        .await
    }

    /// All that an inspection runs, stored ones before built-in ones; or which of them nobody can run.
    pub(super) async fn rules(&self) -> Result<Result<Vec<Rule>, String>, StoreError> {
        let phase = FieldValue::Text(MAIN_PHASE.to_owned());
        let query = Query::all(Table::InspectionRule).filter("phase", vec![phase]);
        let mut walk = Walk::new(query);
        let mut rules = Vec::new();
        while let Some(page) = walk.next(self.store().as_ref()).await? {
            for record in page {
                let stored: InspectionRule = record.decode()?;
                match stored.rule() {
                    Ok(rule) => rules.push(rule),
                    Err(problem) => {
                        let text =
                            format!("inspection rule {} cannot be run: {problem}", stored.uuid);
                        return Ok(Err(text));
                    }
                }
            }
        }
        for built_in in &self.settings().inspection.built_in_rules {
            match Rule::new(built_in.text()) {
                Ok(rule) => rules.push(rule),
                Err(problem) => {
                    let text = format!(
                        "built-in inspection rule {} cannot be run: {problem}",
                        built_in.id
                    );
                    return Ok(Err(text));
                }
            }
        }
        Ok(Ok(rules))
    }
}
