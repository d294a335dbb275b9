//! The conductor's part for an agent that dials out: requests lie here until somebody takes them away.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::conductor::{Asked, Conductor, Shared, TOKEN};

/// How long a question is held.
const HOLD: Duration = Duration::from_secs(2);

/// What lies on it, and what came.
#[derive(Default)]
pub(crate) struct Desk {
    requests: Vec<Value>,
    polls: Vec<Asked>,
    /// With the id of its request in the query.
    answers: Vec<Asked>,
    /// So many of the next answers are received and said not to be.
    lost_answers: usize,
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/ferric/v1/agents/{node}/requests", post(requests))
        .route("/ferric/v1/agents/{node}/answers/{id}", post(answers))
        // Logs may come along.
        .layer(DefaultBodyLimit::disable())
}

impl Conductor {
    /// Lays down a request.
    pub(crate) fn ask(&self, request: Value) {
        self.shared.book.lock().desk.requests.push(request);
        self.shared.changed.send_replace(());
    }

    /// The next answers get lost on the way, as far as the agent can tell.
    pub(crate) fn lose_answers(&self, count: usize) {
        self.shared.book.lock().desk.lost_answers = count;
    }

    /// Takes a request away, as a conductor that has its answer, or waits for it no longer.
    pub(crate) fn take_away(&self, id: &str) {
        let mut book = self.shared.book.lock();
        book.desk.requests.retain(|request| request["id"] != id);
    }

    /// The answer with this number, counted from one, to the request.
    pub(crate) async fn answer(&self, id: &str, number: usize) -> Value {
        let what = format!("answer {number} to request {id}");
        self.until(&what, |book| {
            let answers = book.desk.answers.iter();
            let mut ours = answers.filter(|answer| answer.query["id"] == id);
            ours.nth(number - 1).map(|answer| answer.body.clone())
        })
        .await
    }

    /// How many answers to the request came.
    pub(crate) fn answers(&self, id: &str) -> usize {
        let book = self.shared.book.lock();
        let answers = book.desk.answers.iter();
        answers.filter(|answer| answer.query["id"] == id).count()
    }

    /// The question with this number, counted from one.
    pub(crate) async fn poll(&self, number: usize) -> Asked {
        self.until("a question for requests", |book| {
            book.desk.polls.get(number - 1).cloned()
        })
        .await
    }

    pub(crate) fn polls(&self) -> usize {
        self.shared.book.lock().desk.polls.len()
    }
}

fn is_ours(headers: &HeaderMap) -> bool {
    let token = headers.get("x-ferric-agent-token");
    token.is_some_and(|token| token == TOKEN)
}

async fn requests(
    State(shared): State<Shared>,
    Path(node): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let may = is_ours(&headers);
    let known: Vec<Value> = body["known"].as_array().cloned().unwrap_or_default();
    let asked = Asked {
        headers,
        query: HashMap::from([("node".to_owned(), node)]),
        body,
    };
    shared.note(|book| {
        book.desk.polls.push(asked);
        (200, Value::Null)
    });
    if !may {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut changed = shared.changed.subscribe();
    let wait = async {
        loop {
            let found = {
                let book = shared.book.lock();
                let mut requests = book.desk.requests.iter();
                requests
                    .find(|request| !known.contains(&request["id"]))
                    .cloned()
            };
            if found.is_some() {
                return found;
            }
            changed.changed().await.unwrap();
        }
    };
    let request = timeout(HOLD, wait).await.unwrap_or_default();
    Json(json!({"request": request})).into_response()
}

async fn answers(
    State(shared): State<Shared>,
    Path((_node, id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if !is_ours(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let asked = Asked {
        headers,
        query: HashMap::from([("id".to_owned(), id)]),
        body,
    };
    shared.note(|book| {
        book.desk.answers.push(asked);
        if book.desk.lost_answers > 0 {
            book.desk.lost_answers -= 1;
            return (503, json!({"error_message": {"faultstring": "lost"}}));
        }
        (200, json!({}))
    })
}
