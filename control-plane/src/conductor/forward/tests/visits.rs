//! An agent that opens no port may come to any conductor: it is the owner of its node that asks it.

use super::fixture::{Cell, NODE};
use crate::conductor::requests::RequestError;
use crate::conductor::{AgentCall, Verb};
use ferric_agent_protocol::dial_out::{CALLBACK_URL, DialOutAnswer, Method};
use ferric_model::node::agent_session::{AgentSession, Token};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinSet;

fn call() -> AgentCall {
    AgentCall {
        node: NODE,
        verb: Verb::Get,
        url: format!("{CALLBACK_URL}/v1/commands/"),
        query: vec![("agent_token", "secret".to_owned())],
        headers: Vec::new(),
        body: None,
        certificate: None,
        timeout: Duration::from_secs(30),
    }
}

#[tokio::test]
async fn what_the_owner_asks_is_fetched_and_answered_at_another_conductor() {
    let cell = Cell::new();
    let (one, two) = cell.pair().await;
    cell.edit(|node| {
        node.agent = Some(AgentSession {
            token: Some(Token("secret".to_owned())),
            extensions: vec!["dial-out".to_owned()],
            ..AgentSession::default()
        });
    })
    .await;
    two.conductor.admit_agent(NODE, "secret").await.unwrap();
    let (owner, mut asked) = (one.conductor.clone(), JoinSet::new());
    asked.spawn(async move { owner.send_to_agent(call()).await });

    let token = Token("secret".to_owned());
    let fetched = two.conductor.fetch_for_agent(NODE, token, Vec::new());
    let request = fetched.await.unwrap().expect("a request");
    assert_eq!(request.method, Method::Get);
    assert_eq!(request.path, "/v1/commands/");
    assert!(request.query.is_empty(), "the token stays here");
    let answer = DialOutAnswer {
        status: 200,
        body: "{\"commands\": []}".to_owned(),
    };
    let (visited, id) = (&two.conductor, request.id);
    let brought = visited.take_agents_answer(NODE, id, answer.clone());
    brought.await.unwrap();
    let outcome = asked.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(
        (outcome.status, outcome.body),
        (200, json!({"commands": []}))
    );
    let again = visited.take_agents_answer(NODE, id, answer).await;
    assert!(matches!(again, Err(RequestError::NotFound(_))), "{again:?}");
}
