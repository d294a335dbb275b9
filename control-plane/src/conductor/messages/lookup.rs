//! A ramdisk asks which node it runs on, and is given its token.
//!
//! Until a heartbeat has carried the token, each lookup gets a fresh one: an answer may have been lost. After that it is
//! masked, so that nobody else on the network can become the agent.

use super::Merged;
use crate::conductor::node_task::{NodeTask, TaskError};
use crate::conductor::requests::{LookupAnswer, LookupRequest, RequestError, TokenUse};
use crate::conductor::steps::is_fast_track_enabled;
use ferric_agent_protocol::extensions::Extensions;
use ferric_agent_protocol::headers::HIDDEN_TOKEN;
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_model::node::agent_session::{AgentSession, Token};
use std::net::IpAddr;

pub(super) async fn merge(task: &mut NodeTask, request: LookupRequest) -> Merged<LookupAnswer> {
    let (state, settings) = (task.node.provision_state, task.conductor().settings());
    let expects_one = !settings.restrict_lookup
        || state.allows_lookup()
        || (state.allows_lookup_on_fast_track() && is_fast_track_enabled(settings, &task.node));
    if !expects_one {
        return Ok(Err(RequestError::NotFound(
            "no node with these addresses expects a ramdisk".to_owned(),
        )));
    }
    let asker = Asker {
        extensions: request.extensions,
        token: request.token,
        from: request.from,
    };
    Ok(Ok(answer(task, asker).await?))
}

/// Who asks, by lookup or with its inspection data.
pub(in crate::conductor) struct Asker {
    pub(in crate::conductor) extensions: Extensions,
    pub(in crate::conductor) token: TokenUse,
    pub(in crate::conductor) from: Option<IpAddr>,
}

/// Stores the lookup and what it changes, and answers it.
pub(in crate::conductor) async fn answer(
    task: &mut NodeTask,
    asker: Asker,
) -> Result<LookupAnswer, TaskError> {
    let extensions = asker.extensions.common(&Extensions::all());
    let address = asker.from.map_or_else(
        || "an unknown address".to_owned(),
        |address| address.to_string(),
    );
    let change = task.change().event(What::Lookup { address });
    if task
        .node
        .agent
        .as_ref()
        .is_some_and(|session| session.token_confirmed)
    {
        // Either somebody else asks, who must not learn the token, or the machine has booted again without a trace at
        // the boot plane. Which of them it is shows when the agent is asked for its commands.
        let change =
            change.with(|node| count(node.agent.get_or_insert_with(AgentSession::default)));
        task.save(change).await?;
        return Ok(reply(
            task,
            Some(HIDDEN_TOKEN.to_owned()),
            Extensions::default(),
        ));
    }
    let token = (asker.token == TokenUse::Known).then(|| task.conductor().new_token());
    let stored = token.clone().map(Token);
    let names = names(&extensions);
    let change = change.with(|node| {
        let session = node.agent.get_or_insert_with(AgentSession::default);
        count(session);
        // An answer without a token must not take away the one that the agent has.
        session.token = stored.or(session.token.take());
        session.extensions = names;
    });
    task.save(change).await?;
    Ok(reply(task, token, extensions))
}

fn count(session: &mut AgentSession) {
    session.lookups = session.lookups.saturating_add(1);
}

fn names(extensions: &Extensions) -> Vec<String> {
    let names = extensions.names().into_iter();
    names.map(str::to_owned).collect()
}

fn reply(task: &NodeTask, token: Option<String>, extensions: Extensions) -> LookupAnswer {
    let heartbeat_timeout_s = task.conductor().settings().agent.heartbeat_timeout_s;
    LookupAnswer {
        node: shown(&task.node),
        token,
        extensions,
        heartbeat_timeout_s,
    }
}

/// The node without what no ramdisk may see.
fn shown(node: &Node) -> Node {
    let mut node = node.clone();
    node.instance_info
        .shift_remove(crate::conductor::config_drive::KEY);
    node.driver_info.clear();
    node
}
