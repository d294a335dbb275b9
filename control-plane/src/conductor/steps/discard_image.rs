//! After a failure behind a complete write the image is taken back: a disk whose deploy has failed must not boot.

use super::{Outcome, StepContext, StepError};
use crate::conductor::agent::AgentClient;
use ferric_agent_protocol::extensions::Extension;
use ferric_model::event::What;
use ferric_model::node::Object;
use ferric_model::node::agent_session::AgentSession;
use ferric_model::state::PowerState;
use serde_json::Value;
use std::time::Duration;

/// Clearing and reading back a few MiB of one disk.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) async fn discard(context: &StepContext) -> Result<Outcome, StepError> {
    if let Some(why) = nobody_to_ask(context) {
        return Ok(note(format!(
            "the image stays on the disk, which may boot: {why}"
        )));
    }
    let agent = AgentClient::of(&context.conductor, &context.node)?.within(LIMIT);
    let answer = agent.ask("standby.discard_image", Object::new()).await?;
    let taken = answer.command_result.unwrap_or_default();
    let text = match taken.get("device").and_then(Value::as_str) {
        Some(disk) => format!("the image was taken from {disk} again: it does not boot"),
        None => "the ramdisk has written no image since it was started".to_owned(),
    };
    Ok(note(text))
}

fn note(text: String) -> Outcome {
    Outcome::done().event(What::Note { text })
}

/// Why nobody can be asked. An agent that is expected to be there and is silent is another matter: that is a failure.
fn nobody_to_ask(context: &StepContext) -> Option<&'static str> {
    if context.node.power_state == Some(PowerState::Off) {
        return Some("the machine is off");
    }
    let Some(agent) = &context.node.agent else {
        return Some("the ramdisk is gone");
    };
    (!can_discard(agent)).then_some("this agent cannot take it back")
}

fn can_discard(agent: &AgentSession) -> bool {
    let name = Extension::Discard.name();
    agent.extensions.iter().any(|known| known == name)
}
