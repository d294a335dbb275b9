//! What is looked at, and what was found: whether the process goes on, what the files say, whether the store answers.

use crate::api::call::Api;
use crate::config::Healthcheck;
use ferric_model::ids::NodeId;
use ferric_store::{Key, Table};
use std::error::Error;
use std::path::Path;
use tokio::time::timeout;
use uuid::Uuid;

/// The reason of what is good.
pub(super) const OK: &str = "OK";

/// Of one thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// [`OK`], or why the API is not up.
    pub(super) reason: &'static str,
    /// In a sentence; shown only where details are.
    pub(super) details: String,
}

impl Finding {
    /// What Ironic calls the kind of all of them.
    pub(super) const CLASS: &'static str = "HealthcheckResult";

    pub(super) fn is_good(&self) -> bool {
        self.reason == OK
    }
}

/// Of everything that the settings name, and of process and store.
pub(super) async fn all(api: &Api, settings: &Healthcheck) -> Vec<Finding> {
    let mut found = vec![of_process(api.stop.is_cancelled())];
    if let Some(file) = &settings.disable_by_file {
        found.push(of_disabling(file).await);
    }
    if !settings.enable_by_files.is_empty() {
        found.push(of_enabling(settings).await);
    }
    found.push(of_store(api, settings).await);
    found
}

fn of_process(stops: bool) -> Finding {
    let (reason, details) = match stops {
        true => ("STOPPING", "the process was told to stop"),
        false => (OK, "the process was not told to stop"),
    };
    finding(reason, details)
}

async fn of_disabling(file: &Path) -> Finding {
    let shown = file.display();
    match is_there(file).await {
        true => finding("DISABLED BY FILE", format!("Path '{shown}' was found")),
        false => finding(OK, format!("Path '{shown}' was not found")),
    }
}

async fn of_enabling(settings: &Healthcheck) -> Finding {
    for file in &settings.enable_by_files {
        if !is_there(file).await {
            let shown = file.display();
            tracing::warn!(file = %shown, "a file of healthcheck.enable_by_file_paths is missing");
            return finding("FILE PATH MISSING", format!("File path {shown} is missing"));
        }
    }
    finding(OK, "Specified file paths are available")
}

async fn of_store(api: &Api, settings: &Healthcheck) -> Finding {
    const FAILED: &str = "STORE FAILED";
    // It holds no such node: what counts is that it says so.
    let key = Key::new(Table::Node, NodeId(Uuid::nil()));
    match timeout(settings.store_timeout, api.conductor.store().get(&key)).await {
        Ok(Ok(_)) => finding(OK, "the store answers"),
        Ok(Err(error)) => {
            let error = &error as &dyn Error;
            tracing::warn!(error, "the store does not answer a health check");
            finding(
                FAILED,
                "the store answers with an error, which is in the log",
            )
        }
        Err(_elapsed) => {
            tracing::warn!("the store does not answer a health check in time");
            let limit_s = settings.store_timeout.as_secs();
            finding(
                FAILED,
                format!("the store does not answer within {limit_s} s"),
            )
        }
    }
}

fn finding(reason: &'static str, details: impl Into<String>) -> Finding {
    Finding {
        reason,
        details: details.into(),
    }
}

/// What cannot be looked at is not there.
async fn is_there(file: &Path) -> bool {
    tokio::fs::try_exists(file).await.unwrap_or(false)
}
