//! A list of Ironic's, page by page.

use crate::cli::transfer::patient::Patient;
use crate::cli::transfer::record::Object;
use anyhow::{Context, bail};
use serde_json::Value;

/// What Ironic answers at once at most is its operator's choice, so the end is where there is no next page.
const PAGE: usize = 500;

pub(super) struct Pages<'a> {
    client: &'a Patient,
    /// With the `?`, and what else the query has.
    path: &'static str,
    key: &'static str,
    marker: Option<String>,
    done: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn new(client: &'a Patient, path: &'static str, key: &'static str) -> Self {
        Self {
            client,
            path,
            key,
            marker: None,
            done: false,
        }
    }

    /// The next page; `None` at the end.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Vec<Object>>> {
        if self.done {
            return Ok(None);
        }
        let (path, key) = (self.path, self.key);
        let marker = self.marker.as_ref();
        let marker = marker.map_or_else(String::new, |marker| format!("&marker={marker}"));
        let answer = self
            .client
            .get(&format!("{path}limit={PAGE}{marker}"))
            .await;
        let mut answer = answer.with_context(|| format!("reading the {key} of the Ironic"))?;
        let has_next = answer.get("next").is_some_and(|next| !next.is_null());
        let Some(Value::Array(items)) = answer.get_mut(key).map(Value::take) else {
            bail!("the Ironic's answer has no list of {key}");
        };
        let objects = items.into_iter().map(|item| match item {
            Value::Object(object) => Ok(object),
            _ => bail!("the Ironic's list of {key} has something in it that is no object"),
        });
        let objects: Vec<Object> = objects.collect::<anyhow::Result<_>>()?;
        let last = objects.last().and_then(|last| last.get("uuid"));
        let last = last.and_then(Value::as_str).map(str::to_owned);
        self.done = !has_next || last.is_none() || last == self.marker;
        self.marker = last;
        Ok(Some(objects))
    }
}
