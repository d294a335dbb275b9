//! Hands records to a Ferric, many at a time, and says what became of them.

use super::patient::Patient;
use super::record::{Header, Record};
use crate::cli::client::{ClientError, fault};
use crate::cli::output::{line, progress};
use anyhow::Context;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PATH: &str = "/ferric/v1/import";
/// Records, and bytes of them, that one request has at most.
const MOST: usize = 200;
const MOST_BYTES: usize = 4 << 20;
/// How often a record is sent again whose node has nobody, for a moment, who could take it.
const ATTEMPTS: u32 = 5;

/// Not all is as it should be: the lines above say what.
#[derive(Debug, thiserror::Error)]
#[error(
    "{refused} records were refused and {secretless} nodes lack secrets: see to that and import again; what is there is left alone"
)]
pub(in crate::cli) struct Incomplete {
    refused: u64,
    secretless: usize,
}

pub(super) struct Importer {
    client: Patient,
    force: bool,
    json: bool,
    header: Option<Header>,
    batch: Vec<Record>,
    bytes: usize,
    /// By kind and outcome.
    tally: BTreeMap<(String, String), u64>,
    /// Nodes that want for these.
    secretless: Vec<(String, Vec<String>)>,
}

/// What the API says of a record.
#[derive(Deserialize)]
struct Outcome {
    kind: String,
    uuid: Value,
    outcome: String,
    #[serde(default)]
    missing: Vec<String>,
    error_message: Option<String>,
}

impl Importer {
    pub(super) fn new(client: Patient, force: bool, json: bool) -> Self {
        Self {
            client,
            force,
            json,
            header: None,
            batch: Vec::new(),
            bytes: 0,
            tally: BTreeMap::new(),
            secretless: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, header: Header) {
        self.header = Some(header);
    }

    pub(super) async fn take(&mut self, record: Record) -> anyhow::Result<()> {
        self.bytes += serde_json::to_string(&record).map_or(0, |text| text.len());
        self.batch.push(record);
        if self.batch.len() >= MOST || self.bytes >= MOST_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        match self.send(&batch).await {
            // One of them is in no form that the request could have.
            Err(ClientError::Refused { .. }) if batch.len() > 1 => {
                for record in &batch {
                    self.send_one(record).await?;
                }
            }
            Err(ClientError::Refused { message, .. }) if batch.len() == 1 => {
                self.refused(&batch[0], &message);
            }
            answer => self.note(answer?)?,
        }
        if !self.json {
            let done: u64 = self.tally.values().sum();
            progress(&format!("{done} records"));
        }
        Ok(())
    }

    async fn send_one(&mut self, record: &Record) -> anyhow::Result<()> {
        match self.send(std::slice::from_ref(record)).await {
            Err(ClientError::Refused { message, .. }) => {
                self.refused(record, &message);
                Ok(())
            }
            answer => self.note(answer?),
        }
    }

    /// Records whose node nobody could take for a moment, as when it changes hands, are sent again.
    async fn send(&self, batch: &[Record]) -> Result<Value, ClientError> {
        let mut answer = self.post(&batch.iter().collect::<Vec<_>>()).await?;
        for attempt in 1..ATTEMPTS {
            let busy = busy(&answer);
            if busy.is_empty() {
                break;
            }
            self.client.pause(attempt).await;
            let again: Vec<&Record> = busy.iter().filter_map(|place| batch.get(*place)).collect();
            let mut outcomes = self.post(&again).await?;
            let outcomes = outcomes.get_mut("results").and_then(Value::as_array_mut);
            for (place, outcome) in busy.into_iter().zip(outcomes.into_iter().flatten()) {
                answer["results"][place] = outcome.take();
            }
        }
        Ok(answer)
    }

    async fn post(&self, batch: &[&Record]) -> Result<Value, ClientError> {
        if batch.is_empty() {
            return Ok(json!({"results": []}));
        }
        let body = json!({"records": batch, "force": self.force});
        self.client.send(Method::POST, PATH, Some(&body)).await
    }

    /// The request itself was refused.
    fn refused(&mut self, record: &Record, message: &str) {
        let outcome = Outcome {
            kind: record.kind.clone(),
            uuid: record.document.get("uuid").cloned().unwrap_or_default(),
            outcome: "refused".to_owned(),
            missing: Vec::new(),
            error_message: None,
        };
        if self.json {
            let shown = json!({"kind": outcome.kind, "uuid": outcome.uuid, "outcome": outcome.outcome, "error_message": message});
            line(&shown.to_string());
        } else {
            self.say(&outcome, Some(message));
        }
        self.count(outcome);
    }

    fn note(&mut self, mut answer: Value) -> anyhow::Result<()> {
        let results = answer["results"].take();
        let Value::Array(results) = results else {
            anyhow::bail!("the API does not say what became of the records: is it a Ferric?");
        };
        for result in results {
            if self.json {
                line(&result.to_string());
            }
            let outcome: Outcome =
                serde_json::from_value(result).context("reading what became of a record")?;
            let message = outcome.error_message.as_ref();
            let message = message.map(|text| {
                fault(&json!({"error_message": text}).to_string()).unwrap_or_else(|| text.clone())
            });
            if !self.json {
                self.say(&outcome, message.as_deref());
            }
            self.count(outcome);
        }
        Ok(())
    }

    fn say(&self, outcome: &Outcome, message: Option<&str>) {
        let (kind, uuid) = (&outcome.kind, outcome.uuid.as_str().unwrap_or("-"));
        if let Some(message) = message {
            line(&format!("refused: {kind} {uuid}: {message}"));
        }
        if !outcome.missing.is_empty() {
            let missing = outcome.missing.join(", ");
            line(&format!("without its secrets: node {uuid} lacks {missing}"));
        }
    }

    fn count(&mut self, outcome: Outcome) {
        if !outcome.missing.is_empty() {
            let uuid = outcome.uuid.as_str().unwrap_or("-").to_owned();
            self.secretless.push((uuid, outcome.missing));
        }
        *self
            .tally
            .entry((outcome.kind, outcome.outcome))
            .or_default() += 1;
    }

    /// # Errors
    /// [`Incomplete`] when records were refused, or nodes lack secrets.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        self.flush().await?;
        let of = |outcome: &str| -> u64 {
            let counts = self.tally.iter().filter(|((_, of), _)| of == outcome);
            counts.map(|(_, count)| count).sum()
        };
        let refused = of("refused");
        if self.json {
            let mut counts = serde_json::Map::new();
            for ((kind, outcome), count) in &self.tally {
                let of_kind = counts.entry(kind.clone()).or_insert_with(|| json!({}));
                of_kind[outcome] = json!(count);
            }
            line(&json!({"counts": counts, "secretless": self.secretless.len()}).to_string());
        } else {
            self.summary(refused);
        }
        if refused == 0 && self.secretless.is_empty() {
            return Ok(());
        }
        let secretless = self.secretless.len();
        Err(Incomplete {
            refused,
            secretless,
        }
        .into())
    }

    fn summary(&self, refused: u64) {
        for ((kind, outcome), count) in &self.tally {
            line(&format!("{kind:17} {count:7} {outcome}"));
        }
        let counts = self.header.iter().flat_map(|header| &header.counts);
        for (kind, expected) in counts {
            let came = self.tally.iter().filter(|((of, _), _)| of == kind);
            let came: u64 = came.map(|(_, count)| count).sum();
            if came != *expected {
                line(&format!(
                    "the header tells of {expected} of {kind}, and {came} came"
                ));
            }
        }
        if refused == 0 && self.secretless.is_empty() {
            line("all is there, as it was");
        }
    }
}

/// The places of those that may be taken in a moment.
fn busy(answer: &Value) -> Vec<usize> {
    let results = answer["results"].as_array().into_iter().flatten();
    let busy = results
        .enumerate()
        .filter(|(_, result)| result["status"] == StatusCode::SERVICE_UNAVAILABLE.as_u16());
    busy.map(|(place, _)| place).collect()
}
