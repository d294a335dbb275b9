//! After a failure the ramdisk's logs are fetched, as long as there is a ramdisk. That they are missing is no failure.

use super::{Outcome, StepContext, chain};
use crate::conductor::agent::AgentClient;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferric_model::event::What;
use ferric_model::node::Object;
use ferric_model::state::PowerState;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// The failure is reported after this at the latest.
const LIMIT: Duration = Duration::from_secs(30);
/// Under the state directory: one archive per node, that of its last failure.
const FOLDER: &str = "ramdisk-logs";

pub(super) async fn collect(context: &StepContext) -> Outcome {
    if context.node.power_state == Some(PowerState::Off) {
        return Outcome::done().detail("the machine is off");
    }
    match tokio::time::timeout(LIMIT, fetch(context)).await {
        Ok(Ok(path)) => {
            let text = format!("the ramdisk's logs are in {}", path.display());
            Outcome::done().event(What::Note { text })
        }
        Ok(Err(problem)) => Outcome::done().detail(format!("no logs: {problem}")),
        Err(_elapsed) => Outcome::done().detail("no logs: the agent did not send them in time"),
    }
}

async fn fetch(context: &StepContext) -> Result<PathBuf, String> {
    let agent =
        AgentClient::of(&context.conductor, &context.node).map_err(|error| chain(&error))?;
    let answer = agent
        .within(LIMIT)
        .ask("log.collect_system_logs", Object::new())
        .await;
    let answer = answer
        .map_err(|error| chain(&error))?
        .command_result
        .unwrap_or_default();
    let packed = answer
        .get("system_logs")
        .and_then(Value::as_str)
        .ok_or("the agent sent none")?;
    let packed: String = packed.split_ascii_whitespace().collect();
    let archive = STANDARD.decode(packed).map_err(|error| error.to_string())?;
    let folder = context.conductor.settings().state_dir.join(FOLDER);
    let path = folder.join(format!("{}.tar.gz", context.node.uuid));
    tokio::fs::create_dir_all(&folder)
        .await
        .map_err(|error| error.to_string())?;
    tokio::fs::write(&path, archive)
        .await
        .map_err(|error| error.to_string())?;
    Ok(path)
}
