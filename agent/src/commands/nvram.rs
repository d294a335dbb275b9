//! `clean_uefi_nvram`: boot entries of systems that are gone leave the firmware.

use std::sync::Arc;

use ferric_agent_protocol::steps::StepKind;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::argsinfo::{self, Need};
use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Params, Run, arguments, on_thread};
use super::steps::error_kind;
use crate::disk::bootloader::{self, Patterns};

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    match_patterns: Option<Vec<String>>,
}

pub(super) fn argsinfo() -> Map<String, Value> {
    let patterns = "Regular expressions; a boot entry with one of them in its device path goes.";
    argsinfo::argsinfo(&[("match_patterns", Need::Optional, patterns)])
}

/// The result is the list of the entries that are gone.
pub(super) async fn clean(run: &Run, kind: StepKind, params: Params) -> Outcome {
    let wanted: Wanted = arguments(params)?;
    let patterns = Patterns::new(wanted.match_patterns.as_deref());
    let patterns =
        patterns.map_err(|error| Failure::caused_by(ErrorKind::InvalidParams, &error))?;
    let agent = Arc::clone(&run.agent);
    let removed = on_thread(move || bootloader::remove_entries(&agent.host, &patterns)).await?;
    let removed = removed.map_err(|error| Failure::caused_by(error_kind(kind), &error))?;
    Ok(json!({"removed": removed}))
}
