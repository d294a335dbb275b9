//! Checks that ask a server, against a played one.

mod answers;
mod questions;
mod tls;

use super::{ann, of_text};
use crate::api::access::policy::{Answers, Policy};
use crate::api::access::rules;
use crate::api::access::who::Target;
use crate::auth::played::Played;
use crate::config::auth::PolicyServers;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri, header};
use parking_lot::Mutex;
use std::sync::Arc;

/// What it was asked: path and query, content type, body.
type Asked = (String, String, String);

/// What it answers is its path's.
struct Server {
    played: Played,
    heard: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    async fn start() -> Self {
        let heard = Arc::<Mutex<Vec<Asked>>>::default();
        let router = Router::new().fallback(hear).with_state(Arc::clone(&heard));
        let played = Played::start(router).await;
        Self { played, heard }
    }

    /// A check that asks it.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.played.url)
    }

    /// The paths that it was asked at, since this was asked last.
    fn paths(&self) -> Vec<String> {
        let heard = std::mem::take(&mut *self.heard.lock());
        heard.into_iter().map(|(path, ..)| path).collect()
    }
}

async fn hear(
    State(heard): State<Arc<Mutex<Vec<Asked>>>>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let content_type = headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    heard.lock().push((uri.to_string(), content_type, body));
    let text = match uri.path() {
        "/quoted" => "\"True\"".to_owned(),
        "/no" => "False".to_owned(),
        "/lower" => "true".to_owned(),
        "/line" => "True\n".to_owned(),
        "/long" => "True".repeat(2000),
        "/broken" => return (StatusCode::INTERNAL_SERVER_ERROR, "True").into_response(),
        "/elsewhere" => return (StatusCode::FOUND, [(header::LOCATION, "/yes")]).into_response(),
        "/silent" => std::future::pending().await,
        _ => "True".to_owned(),
    };
    text.into_response()
}

/// That of a file whose rule for the power of nodes is this one.
fn policy(check: &str, servers: &PolicyServers) -> Policy {
    let text = format!("'baremetal:node:set_power_state': {check:?}");
    of_text(&text).asking(servers).unwrap()
}

/// Whether Ann may switch a node of this owner under such a rule.
fn lets(check: &str, owner: &str) -> bool {
    let policy = policy(check, &PolicyServers::default());
    may_switch(&policy, owner, &Answers::default())
}

fn may_switch(policy: &Policy, owner: &str, answers: &Answers) -> bool {
    let node = Target::of_projects(Some(owner), None);
    policy.allows(&rules::NODE_SET_POWER, &ann(), node, answers)
}
