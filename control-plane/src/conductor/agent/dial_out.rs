//! The way to agents that open no port, beside that to all others: by the mailbox of their node.

use super::client::has;
use super::mailbox::Mailboxes;
use super::transport::{AgentAnswer, AgentCall, AgentTransport, TransportError, Verb};
use crate::conductor::environment::Environment;
use async_trait::async_trait;
use ferric_agent_protocol::dial_out::{CALLBACK_URL, DialOutAnswer, DialOutRequest, Method};
use ferric_agent_protocol::extensions::Extension;
use ferric_agent_protocol::headers::TOKEN_QUERY;
use ferric_model::node::agent_session::{AgentSession, Token};
use serde_json::Value;
use std::sync::Arc;

/// Whether the agent has said at its lookup that it opens no port, and was told that this is known here.
pub(in crate::conductor) fn dials_out(session: &AgentSession) -> bool {
    has(session, Extension::DialOut)
}

/// Whether the agent brings its log by itself.
pub(in crate::conductor) fn brings_log(session: &AgentSession) -> bool {
    has(session, Extension::LogPush)
}

/// Sends each call the way that its address says.
pub(in crate::conductor) struct BothWays {
    direct: Arc<dyn AgentTransport>,
    mailboxes: Mailboxes,
    /// Has the ids of requests.
    environment: Arc<dyn Environment>,
}

impl BothWays {
    pub(in crate::conductor) fn new(
        direct: Arc<dyn AgentTransport>,
        mailboxes: Mailboxes,
        environment: Arc<dyn Environment>,
    ) -> Self {
        Self {
            direct,
            mailboxes,
            environment,
        }
    }
}

#[async_trait]
impl AgentTransport for BothWays {
    async fn send(&self, call: AgentCall) -> Result<AgentAnswer, TransportError> {
        let Some(path) = call.url.strip_prefix(CALLBACK_URL).map(str::to_owned) else {
            return self.direct.send(call).await;
        };
        let (node, token, limit) = (call.node, token(&call), call.timeout);
        let request = request(call, path, self.environment.id());
        let answer = self.mailboxes.ask(node, token, request, limit).await?;
        read(&answer)
    }
}

/// Whose agent is meant: that of this boot, and none that was booted since.
fn token(call: &AgentCall) -> Token {
    let mut query = call.query.iter();
    let token = query.find(|(key, _)| *key == TOKEN_QUERY);
    Token(token.map(|(_, token)| token.clone()).unwrap_or_default())
}

/// Without the token, which the agent shows when it comes.
fn request(call: AgentCall, path: String, id: uuid::Uuid) -> DialOutRequest {
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    let query = call.query.into_iter();
    DialOutRequest {
        id,
        method: match call.verb {
            Verb::Get => Method::Get,
            Verb::Post => Method::Post,
        },
        path,
        query: query
            .filter(|(key, _)| *key != TOKEN_QUERY)
            .map(owned)
            .collect(),
        headers: call.headers.into_iter().map(owned).collect(),
        body: call.body.map(|body| body.to_string()),
    }
}

fn read(answer: &DialOutAnswer) -> Result<AgentAnswer, TransportError> {
    let body = if answer.body.is_empty() {
        Ok(Value::Null)
    } else {
        serde_json::from_str(&answer.body)
    };
    Ok(AgentAnswer {
        status: answer.status,
        body: body.map_err(TransportError::NotJson)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::SystemEnvironment;
    use ferric_model::ids::NodeId;
    use serde_json::json;
    use std::time::Duration;
    use uuid::Uuid;

    const NODE: NodeId = NodeId(Uuid::from_u128(1));

    /// Answers with the address that it was sent to.
    struct Direct;

    #[async_trait]
    impl AgentTransport for Direct {
        async fn send(&self, call: AgentCall) -> Result<AgentAnswer, TransportError> {
            Ok(AgentAnswer {
                status: 299,
                body: json!(call.url),
            })
        }
    }

    fn call(url: &str) -> AgentCall {
        AgentCall {
            node: NODE,
            verb: Verb::Post,
            url: url.to_owned(),
            query: vec![
                (TOKEN_QUERY, "very-secret".to_owned()),
                ("wait", "false".to_owned()),
            ],
            headers: vec![("X-Ferric-Epoch", "7".to_owned())],
            body: Some(json!({"name": "a.b"})),
            certificate: None,
            timeout: Duration::from_secs(10),
        }
    }

    fn ways() -> BothWays {
        let environment = Arc::new(SystemEnvironment::new());
        BothWays::new(Arc::new(Direct), Mailboxes::default(), environment)
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_with_an_address_is_called() {
        let url = "https://192.0.2.9:9999/v1/commands/";
        let answer = ways().send(call(url)).await.unwrap();
        assert_eq!((answer.status, answer.body), (299, json!(url)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_without_one_finds_the_call_in_its_mailbox() {
        let ways = ways();
        let brought = async |body: &str| {
            let token = Token("very-secret".to_owned());
            let taking = ways
                .mailboxes
                .take(NODE, &token, &[], Duration::from_secs(1));
            let request = taking.await.unwrap();
            let answer = DialOutAnswer {
                status: 409,
                body: body.to_owned(),
            };
            ways.mailboxes.bring(NODE, request.id, answer).unwrap();
            request
        };
        let url = format!("{CALLBACK_URL}/v1/commands/");
        let (answer, request) = tokio::join!(ways.send(call(&url)), brought("{\"a\":1}"));
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.body), (409, json!({"a": 1})));
        let mut wire = serde_json::to_value(&*request).unwrap();
        wire.as_object_mut().unwrap().shift_remove("id");
        let expected = json!({
            "method": "POST", "path": "/v1/commands/", "query": [["wait", "false"]],
            "headers": [["X-Ferric-Epoch", "7"]], "body": "{\"name\":\"a.b\"}",
        });
        assert_eq!(wire, expected);
        let (broken, _) = tokio::join!(ways.send(call(&url)), brought("<html>"));
        assert!(matches!(broken, Err(TransportError::NotJson(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_does_not_come_is_one_that_does_not_answer() {
        let url = format!("{CALLBACK_URL}/v1/commands/");
        let error = ways().send(call(&url)).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(
            text,
            "the agent, which opens no port, did not come for it in time"
        );
    }
}
