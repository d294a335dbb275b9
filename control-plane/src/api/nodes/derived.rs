//! Fields that are stored under no name of the wire: views of the run, the agent's session and the interfaces.

use crate::api::masking::{MASK, masked};
use crate::api::shape::shown_time;
use crate::conductor::ABORT_AFTER;
use ferric_model::node::agent_session::AgentSession;
use ferric_model::node::{Node, Object};
use ferric_model::run::{Activity, Run};
use ferric_model::step::Step;
use serde_json::{Value, json};

/// Which of the three kinds of step list a run shows as: `deploy`, `clean` or `service`.
fn kind(activity: Activity) -> Option<&'static str> {
    match activity {
        Activity::Deploy | Activity::Rebuild => Some("deploy"),
        Activity::Clean | Activity::ManualClean => Some("clean"),
        Activity::Service => Some("service"),
        Activity::Verify
        | Activity::Inspect
        | Activity::Delete
        | Activity::Adopt
        | Activity::Rescue
        | Activity::Unrescue => None,
    }
}

/// `clean_step`, `deploy_step` and `service_step`: the step in hand, `{}` when there is none of that kind.
pub(super) fn current_step(node: &Node, of: &str) -> Value {
    let run = node
        .run
        .as_ref()
        .filter(|run| kind(run.activity) == Some(of));
    let Some((run, current)) = run.and_then(|run| Some((run, run.step()?))) else {
        return json!({});
    };
    let mut shown = step(current);
    if run.notes.contains_key(ABORT_AFTER) {
        shown["abort_after"] = json!(true);
    }
    shown
}

fn step(step: &Step) -> Value {
    let mut shown = json!({
        "interface": step.id.interface,
        "step": step.id.step,
        "priority": step.priority,
        "abortable": step.abortable,
    });
    if !step.args.is_empty() {
        shown["args"] = Value::Object(masked(&step.args));
    }
    shown
}

/// What Ironic keeps in one object, put together from where it is kept here; secrets are masked.
pub(super) fn driver_internal_info(
    internal: &Object,
    agent: Option<&AgentSession>,
    run: Option<&Run>,
) -> Object {
    let mut info = masked(internal);
    if let Some(agent) = agent {
        info.extend(agent_info(agent));
    }
    if let Some(run) = run
        && let Some(kind) = kind(run.activity)
    {
        let steps = run.steps.iter().map(step).collect();
        info.insert(format!("{kind}_steps"), Value::Array(steps));
        info.insert(format!("{kind}_step_index"), json!(run.index));
    }
    info
}

fn agent_info(agent: &AgentSession) -> Object {
    let mut info = Object::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            info.insert(key.to_owned(), value);
        }
    };
    put("agent_url", agent.url.clone().map(Value::from));
    put("agent_version", agent.version.clone().map(Value::from));
    put(
        "agent_last_heartbeat",
        agent
            .last_heartbeat
            .map(|time| Value::from(shown_time(time))),
    );
    put(
        "agent_secret_token",
        agent.token.as_ref().map(|_| Value::from(MASK)),
    );
    info
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ferric_model::ids::NodeId;
    use ferric_model::node::agent_session::Token;
    use jiff::Timestamp;
    use uuid::Uuid;

    pub(in crate::api::nodes) fn node(activity: Activity) -> Node {
        let mut node = Node::new(NodeId(Uuid::nil()), "fake-hardware", Timestamp::UNIX_EPOCH);
        let run = json!({
            "id": Uuid::nil(),
            "activity": activity,
            "goal": "active",
            "started_at": Timestamp::UNIX_EPOCH,
            "steps": [{
                "interface": "deploy",
                "step": "write_image",
                "priority": 80,
                "args": {"image": "x", "auth_token": "t"},
                "by": "agent",
                "abortable": false,
                "recovery": "ask_agent",
            }],
            "index": 0,
            "phase": "ready",
            "wait": null,
            "agent_steps_known": false,
            "agent_step_version": null,
            "notes": {},
        });
        node.run = Some(serde_json::from_value(run).unwrap());
        node
    }

    #[test]
    fn the_step_in_hand_is_shown_under_its_own_kind() {
        let node = node(Activity::Rebuild);
        let expected = json!({
            "interface": "deploy", "step": "write_image", "priority": 80, "abortable": false,
            "args": {"image": "x", "auth_token": "******"},
        });
        assert_eq!(current_step(&node, "deploy"), expected);
        assert_eq!(current_step(&node, "clean"), json!({}));
        assert_eq!(current_step(&node, "service"), json!({}));
    }

    #[test]
    fn an_abort_that_waits_for_its_step_is_seen() {
        let mut node = node(Activity::Service);
        assert_eq!(current_step(&node, "service").get("abort_after"), None);
        let run = node.run.as_mut().unwrap();
        run.notes.insert(ABORT_AFTER.to_owned(), json!(true));
        assert_eq!(current_step(&node, "service")["abort_after"], true);
    }

    #[test]
    fn internal_info_is_put_together_and_masked() {
        let mut node = node(Activity::Clean);
        node.internal_info
            .insert("is_whole_disk_image".to_owned(), json!(true));
        node.agent = Some(AgentSession {
            token: Some(Token("very secret".to_owned())),
            url: Some("https://192.0.2.1:9999".to_owned()),
            last_heartbeat: Some(Timestamp::UNIX_EPOCH),
            ..AgentSession::default()
        });
        let (agent, run) = (node.agent.as_ref(), node.run.as_ref());
        let info = driver_internal_info(&node.internal_info, agent, run);
        assert_eq!(info["agent_secret_token"], "******");
        assert_eq!(info["agent_url"], "https://192.0.2.1:9999");
        assert_eq!(info["agent_last_heartbeat"], "1970-01-01T00:00:00+00:00");
        assert_eq!(info["clean_step_index"], 0);
        assert_eq!(info["clean_steps"].as_array().unwrap().len(), 1);
        assert_eq!(info["is_whole_disk_image"], true);
        assert!(!info.contains_key("agent_version"));
    }
}
