//! A ramdisk's sign of life: proves that it has the token, says where it listens, and pins its certificate.

use super::Merged;
use crate::conductor::agent::dials_out;
use crate::conductor::node_task::NodeTask;
use crate::conductor::requests::{HeartbeatRequest, RequestError};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use ferric_agent_protocol::dial_out::CALLBACK_URL;
use ferric_agent_protocol::heartbeat::Heartbeat;
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_model::node::agent_session::AgentSession;

pub(super) async fn merge(task: &mut NodeTask, request: HeartbeatRequest) -> Merged<()> {
    let beat = request.heartbeat;
    let require_tls = task.conductor().settings().agent.require_tls;
    if let Err(refusal) = check(&task.node, &beat, require_tls) {
        return Ok(Err(refusal));
    }
    let now = task.conductor().now();
    let mut change = task.change();
    let what = What::Heartbeat {
        version: beat.agent_version.clone(),
    };
    let session = task.node.agent.as_ref();
    if session.is_some_and(|session| session.token_confirmed) {
        let run = task.node.run.as_ref().map(|run| run.id);
        task.conductor().tell_live(task.id(), run, what);
    } else {
        change = change.event(what);
    }
    let change = change.with(|node| {
        let session = node.agent.get_or_insert_with(AgentSession::default);
        if !session.token_confirmed {
            // Lookups until now were this boot's; one more will mean another boot.
            session.lookups = 1;
        }
        session.token_confirmed = true;
        session.url = Some(beat.callback_url);
        session.version = beat.agent_version;
        session.certificate = beat.agent_verify_ca.or(session.certificate.take());
        session.last_heartbeat = Some(now);
    });
    task.save(change).await?;
    Ok(Ok(()))
}

fn check(node: &Node, beat: &Heartbeat, require_tls: bool) -> Result<(), RequestError> {
    let invalid = |text: &str| Err(RequestError::Invalid(text.to_owned()));
    let session = node.agent.as_ref();
    let token = session.and_then(|session| session.token.as_ref());
    let given = beat.agent_token.as_deref().unwrap_or_default();
    let same = token
        .is_some_and(|token| verify_slices_are_equal(token.0.as_bytes(), given.as_bytes()).is_ok());
    if !same {
        return invalid("Invalid or missing agent token received.");
    }
    if beat.agent_status.is_none() && beat.agent_version.as_deref().unwrap_or_default().is_empty() {
        return invalid("agent_version is missing");
    }
    if require_tls && !beat.callback_url.starts_with("https://") {
        return invalid("callback_url must be an https URL");
    }
    let opens_no_port = beat.callback_url == CALLBACK_URL;
    if opens_no_port && !session.is_some_and(dials_out) {
        return invalid(
            "callback_url says that the agent dials out, which it has not offered at its lookup",
        );
    }
    if require_tls
        && !opens_no_port
        && beat.agent_verify_ca.is_none()
        && session.is_none_or(|session| session.certificate.is_none())
    {
        return invalid(
            "agent_verify_ca is missing: without its certificate the agent cannot be told from another one",
        );
    }
    let Some(known) = session.filter(|session| session.token_confirmed) else {
        return Ok(());
    };
    if known
        .url
        .as_ref()
        .is_some_and(|url| *url != beat.callback_url)
    {
        return invalid("callback_url differs from that of the first heartbeat");
    }
    if beat.agent_verify_ca.is_some() && known.certificate != beat.agent_verify_ca {
        return invalid("agent_verify_ca differs from that of the first heartbeat");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::NodeId;
    use ferric_model::node::agent_session::Token;

    fn node(confirmed: bool) -> Node {
        let mut node = Node::new(
            NodeId(uuid::Uuid::nil()),
            "redfish",
            jiff::Timestamp::UNIX_EPOCH,
        );
        node.agent = Some(AgentSession {
            token: Some(Token("secret".to_owned())),
            token_confirmed: confirmed,
            url: confirmed.then(|| "https://192.0.2.1:9999".to_owned()),
            certificate: confirmed.then(|| "PEM".to_owned()),
            ..AgentSession::default()
        });
        node
    }

    fn beat() -> Heartbeat {
        Heartbeat {
            callback_url: "https://192.0.2.1:9999".to_owned(),
            agent_token: Some("secret".to_owned()),
            agent_version: Some("1".to_owned()),
            agent_verify_ca: Some("PEM".to_owned()),
            ..Heartbeat::default()
        }
    }

    fn refused(node: &Node, beat: &Heartbeat) -> String {
        check(node, beat, true)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn only_the_agent_itself_is_believed() {
        for confirmed in [false, true] {
            assert_eq!(refused(&node(confirmed), &beat()), "");
        }
        let wrong = Heartbeat {
            agent_token: Some("guess".to_owned()),
            ..beat()
        };
        assert!(refused(&node(true), &wrong).contains("token"));
        let nobody = Node::new(
            NodeId(uuid::Uuid::nil()),
            "redfish",
            jiff::Timestamp::UNIX_EPOCH,
        );
        assert!(
            refused(
                &nobody,
                &Heartbeat {
                    agent_token: None,
                    ..beat()
                }
            )
            .contains("token")
        );
        let elsewhere = Heartbeat {
            callback_url: "https://192.0.2.2:9999".to_owned(),
            ..beat()
        };
        assert!(refused(&node(true), &elsewhere).contains("callback_url differs"));
        let other = Heartbeat {
            agent_verify_ca: Some("OTHER".to_owned()),
            ..beat()
        };
        assert!(refused(&node(true), &other).contains("agent_verify_ca differs"));
    }

    #[test]
    fn an_agent_without_a_port_is_believed_where_that_was_agreed_on() {
        let dials = Heartbeat {
            callback_url: CALLBACK_URL.to_owned(),
            agent_verify_ca: None,
            ..beat()
        };
        let refusal = refused(&node(false), &dials);
        assert!(refusal.contains("has not offered"), "{refusal}");
        let mut agreed = node(false);
        let session = agreed.agent.as_mut().unwrap();
        session.extensions.push("dial-out".to_owned());
        assert_eq!(refused(&agreed, &dials), "");
        let guess = Heartbeat {
            agent_token: Some("guess".to_owned()),
            ..dials
        };
        assert!(refused(&agreed, &guess).contains("token"));
        assert_eq!(
            refused(&agreed, &beat()),
            "",
            "it may have one all the same"
        );
    }

    #[test]
    fn a_first_heartbeat_must_be_complete() {
        let plain = Heartbeat {
            callback_url: "http://192.0.2.1:9999".to_owned(),
            ..beat()
        };
        assert!(refused(&node(false), &plain).contains("https"));
        let old = Heartbeat {
            agent_version: None,
            ..beat()
        };
        assert!(refused(&node(false), &old).contains("agent_version"));
        let unpinned = Heartbeat {
            agent_verify_ca: None,
            ..beat()
        };
        assert!(refused(&node(false), &unpinned).contains("agent_verify_ca"));
    }
}
