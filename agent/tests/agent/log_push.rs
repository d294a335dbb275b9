//! The agent brings its log by itself: from the first line, without a command, a poll or a port; and to Ironic's
//! conductor never.

use std::collections::HashMap;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};

use crate::conductor::{Asked, Conductor, NODE, Shared, TOKEN, lookup_answer};
use crate::process::{Api, Place, serving};

/// What came.
#[derive(Default)]
pub(crate) struct LogDesk {
    pieces: Vec<Asked>,
    /// So many of the next pieces are not taken.
    refusals: usize,
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/ferric/v1/agents/{node}/log", post(take))
}

async fn take(
    State(shared): State<Shared>,
    Path(node): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let lines = body["lines"].as_array().map_or(0, Vec::len);
    let next = body["first"].as_u64().unwrap() + lines as u64;
    let asked = Asked {
        headers,
        query: HashMap::from([("node".to_owned(), node)]),
        body,
    };
    shared.note(|book| {
        book.log.pieces.push(asked);
        if book.log.refusals > 0 {
            book.log.refusals -= 1;
            return (503, json!({"error_message": {"faultstring": "not now"}}));
        }
        (200, json!({"next": next}))
    })
}

impl Conductor {
    fn refuse_pieces(&self, count: usize) {
        self.shared.book.lock().log.refusals = count;
    }

    /// The piece with this number, counted from one.
    async fn piece(&self, number: usize) -> Asked {
        self.until(&format!("piece {number} of the log"), |book| {
            book.log.pieces.get(number - 1).cloned()
        })
        .await
    }

    /// All pieces, once a line in them has this text.
    async fn pieces_until(&self, text: &str) -> Vec<Asked> {
        self.until(&format!("a line with {text:?}"), |book| {
            let has = |asked: &Asked| asked.body["lines"].to_string().contains(text);
            let pieces = &book.log.pieces;
            pieces.iter().any(has).then(|| pieces.clone())
        })
        .await
    }
}

async fn conductor(extensions: &[&str]) -> Conductor {
    let conductor = Conductor::start().await;
    let mut answer = lookup_answer(TOKEN);
    answer["config"]["ferric"] = json!({"extensions": extensions});
    conductor.answer_lookups([(200, answer)]);
    conductor
}

/// Each begins where the one before it ends, and nothing comes twice.
fn are_in_a_row(pieces: &[Asked]) -> bool {
    let mut next = 0_usize;
    pieces.iter().all(|piece| {
        let begins_there = piece.body["first"] == next;
        next += piece.body["lines"].as_array().unwrap().len();
        begins_there
    })
}

#[tokio::test]
async fn the_log_is_brought_from_its_first_line_though_nobody_asks_for_it() {
    let conductor = conductor(&["log-push"]).await;
    let place = Place::new();
    let agent = place.start(&conductor, &[]);
    let first = conductor.piece(1).await;
    assert_eq!(first.query["node"], NODE);
    assert_eq!(first.headers["x-ferric-agent-token"], TOKEN);
    assert_eq!(first.body["first"], 0);
    let lines = first.body["lines"].to_string();
    // That was logged before the node was known.
    assert!(lines.contains("ferric-agent begins"), "{lines}");
    let api = Api::of(&conductor.heartbeat(1).await);
    api.finished("standby.sync", json!({})).await;
    let pieces = conductor.pieces_until("a command succeeded").await;
    assert!(are_in_a_row(&pieces), "{pieces:#?}");
    for piece in &pieces {
        let lines = piece.body["lines"].to_string();
        assert!(!lines.contains(TOKEN), "{lines}");
        assert!(!lines.contains("DEBUG"), "{lines}");
        assert_eq!(piece.body["run"], first.body["run"]);
    }
    assert!(agent.log().contains("DEBUG"));
}

#[tokio::test]
async fn an_agent_without_a_port_brings_its_log_too() {
    let conductor = conductor(&["dial-out", "log-push"]).await;
    let place = Place::new();
    place.cmdline("ferric-dial-out=1");
    let _agent = place.start(&conductor, &[]);
    conductor.pieces_until("ferric-agent begins").await;
    let beat = conductor.heartbeat(1).await;
    assert_eq!(beat.body["callback_url"], "https://dial-out.invalid");
}

#[tokio::test]
async fn what_was_not_taken_is_brought_again() {
    let conductor = conductor(&["log-push"]).await;
    conductor.refuse_pieces(1);
    let place = Place::new();
    let agent = place.start(&conductor, &[]);
    let first = conductor.piece(1).await;
    let second = conductor.piece(2).await;
    assert_eq!(second.body["first"], 0);
    let of = |asked: &Asked| asked.body["lines"].as_array().unwrap().clone();
    assert!(of(&second).starts_with(&of(&first)), "{second:#?}");
    conductor
        .pieces_until("bringing the log to the conductor")
        .await;
    assert!(agent.log().contains("503: not now"), "{}", agent.log());
}

/// The last lines are those that say why a command failed, or the agent ended.
#[tokio::test]
async fn what_is_logged_at_the_end_is_brought_before_the_agent_ends() {
    let conductor = conductor(&["log-push"]).await;
    let place = Place::new();
    let agent = place.start(&conductor, &[]);
    let api = Api::of(&conductor.heartbeat(1).await);
    conductor.piece(1).await;
    api.finished("standby.sync", json!({})).await;
    assert!(agent.end().await.success());
    let pieces = conductor.shared.book.lock().log.pieces.clone();
    let has = |asked: &Asked| {
        asked.body["lines"]
            .to_string()
            .contains("a command succeeded")
    };
    assert!(pieces.iter().any(has), "{pieces:#?}");
}

#[tokio::test]
async fn to_a_conductor_of_ironic_no_log_is_brought() {
    let (conductor, _place, _agent, api) = serving().await;
    api.finished("flow.start_flow", json!({"flow": []})).await;
    // It comes five seconds after the first; where the log is brought it begins at once.
    conductor.heartbeat(2).await;
    assert!(conductor.shared.book.lock().log.pieces.is_empty());
}
