//! Hands the ramdisk over to a user: the agent is told the hash of the password, and is not heard of again.

use super::{Outcome, StepContext, StepError};
use crate::conductor::agent::AgentClient;
use crate::conductor::flows::RESCUE_PASSWORD_HASH;
use ferric_agent_protocol::params::FinalizeRescue;
use ferric_model::node::NetworkBoot;
use ferric_model::step::StepId;
use serde_json::Value;

/// Whether an agent that has done this step answers nobody any more.
pub(in crate::conductor) fn silences_the_agent(step: &StepId) -> bool {
    step.interface == "rescue" && step.step == "finalize_rescue"
}

pub(super) async fn finalize(context: &StepContext) -> Result<Outcome, StepError> {
    let hash = context.run.notes.get(RESCUE_PASSWORD_HASH);
    let hash = hash.and_then(Value::as_str).ok_or_else(|| {
        StepError::Problem("the rescue password is not known any more: rescue again".to_owned())
    })?;
    let agent = AgentClient::of(&context.conductor, &context.node)?;
    let arguments = FinalizeRescue {
        rescue_password: hash.to_owned(),
        hashed: true,
    };
    let Ok(Value::Object(arguments)) = serde_json::to_value(arguments) else {
        unreachable!("a struct is written as an object");
    };
    agent.ask("rescue.finalize_rescue", arguments).await?;
    Ok(Outcome::done().edit(|node, run| {
        node.agent = None;
        // It keeps its network, and boots the ramdisk no more.
        node.network_boot = NetworkBoot::LocalDisk;
        run.notes.shift_remove(RESCUE_PASSWORD_HASH);
    }))
}
