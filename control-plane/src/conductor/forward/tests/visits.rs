//! An agent may come to any conductor: it is the owner of its node that asks it, and keeps what it has logged.

use super::fixture::{Cell, NODE};
use crate::conductor::requests::RequestError;
use crate::conductor::{AgentCall, Verb};
use ferric_agent_protocol::dial_out::{CALLBACK_URL, DialOutAnswer, Method};
use ferric_agent_protocol::log::{LogPiece, LogTaken};
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
async fn a_log_that_is_brought_to_another_conductor_is_kept_by_the_owner() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    cell.edit(|node| {
        node.agent = Some(AgentSession {
            token: Some(Token("secret".to_owned())),
            extensions: vec!["log-push".to_owned()],
            ..AgentSession::default()
        });
    })
    .await;
    let visited = &two.conductor;
    visited.admit_logging_agent(NODE, "secret").await.unwrap();
    let refused = visited.admit_agent(NODE, "secret").await;
    assert!(matches!(refused, Err(RequestError::Forbidden(_))));
    let piece = LogPiece {
        run: uuid::Uuid::from_u128(5),
        first: 0,
        lines: vec!["a".to_owned(), "b".to_owned()],
    };
    let token = Token("secret".to_owned());
    let taken = visited.take_agents_log(NODE, token, piece).await.unwrap();
    assert_eq!(taken, LogTaken { next: 2 });
    let mark = cell.node().await.agent.unwrap().log.unwrap();
    assert_eq!(mark.next, 2);
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
