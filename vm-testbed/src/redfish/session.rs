//! The session service. A session ends by DELETE, by a BMC restart, or when nobody used it for half an hour.

use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::auth::{TOKEN_HEADER, is_user};
use super::error::{Refusal, not_found};
use super::resource::{healthy, link, readable, with_address};
use super::{Bmc, paths};

const IDLE_LIMIT: Duration = Duration::from_secs(1800);
/// Real BMCs have a small number of sessions too; the oldest makes room, so that a leaking client locks nobody out.
const MOST_SESSIONS: usize = 32;

#[derive(Default)]
pub(super) struct Sessions(Vec<Session>);

struct Session {
    id: String,
    token: String,
    user: String,
    used: Instant,
}

impl Sessions {
    pub(super) fn open(&mut self, user: &str) -> (String, String) {
        self.expire();
        if self.0.len() >= MOST_SESSIONS {
            self.0.remove(0);
        }
        let (id, token) = (
            Uuid::new_v4().simple().to_string(),
            Uuid::new_v4().simple().to_string(),
        );
        self.0.push(Session {
            id: id.clone(),
            token: token.clone(),
            user: user.to_owned(),
            used: Instant::now(),
        });
        (id, token)
    }

    pub(super) fn touch(&mut self, token: &str) -> bool {
        self.expire();
        let found = self.0.iter_mut().find(|session| session.token == token);
        found.map(|session| session.used = Instant::now()).is_some()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn close(&mut self, id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|session| session.id != id);
        self.0.len() < before
    }

    fn expire(&mut self) {
        self.0.retain(|session| session.used.elapsed() < IDLE_LIMIT);
    }
}

pub(super) fn routes() -> Router<Bmc> {
    readable(paths::SESSION_SERVICE, |_| service())
        .route(paths::SESSIONS, get(list).post(open))
        .route(
            &format!("{}/{{id}}", paths::SESSIONS),
            get(show).delete(close),
        )
}

fn service() -> Value {
    json!({
        "@odata.type": "#SessionService.v1_1_8.SessionService",
        "Id": "SessionService",
        "Name": "Session Service",
        "Status": healthy(),
        "ServiceEnabled": true,
        "SessionTimeout": IDLE_LIMIT.as_secs(),
        "Sessions": link(paths::SESSIONS),
    })
}

fn body(id: &str, user: &str) -> Value {
    let body = json!({
        "@odata.type": "#Session.v1_3_0.Session",
        "Id": id,
        "Name": "User Session",
        "UserName": user,
    });
    with_address(body, &address(id))
}

fn address(id: &str) -> String {
    format!("{}/{id}", paths::SESSIONS)
}

#[derive(Deserialize)]
struct Login {
    #[serde(rename = "UserName")]
    user: String,
    #[serde(rename = "Password")]
    password: String,
}

async fn open(
    State(bmc): State<Bmc>,
    login: Result<Json<Login>, axum::extract::rejection::JsonRejection>,
) -> Response {
    let Ok(Json(login)) = login else {
        return Refusal::bad("PropertyMissing", "UserName and Password are required.")
            .into_response();
    };
    if !is_user(&bmc.machine.config().bmc, &login.user, &login.password) {
        return Refusal::unauthorized().into_response();
    }
    let (id, token) = bmc.sessions.lock().open(&login.user);
    let headers = [
        (header::LOCATION, address(&id)),
        (header::HeaderName::from_static(TOKEN_HEADER), token),
    ];
    (StatusCode::CREATED, headers, Json(body(&id, &login.user))).into_response()
}

async fn list(State(bmc): State<Bmc>) -> Json<Value> {
    let members: Vec<Value> = bmc
        .sessions
        .lock()
        .0
        .iter()
        .map(|session| link(address(&session.id)))
        .collect();
    let body = json!({
        "@odata.type": "#SessionCollection.SessionCollection",
        "Name": "Session Collection",
        "Members@odata.count": members.len(),
        "Members": members,
    });
    Json(with_address(body, paths::SESSIONS))
}

async fn show(State(bmc): State<Bmc>, Path(id): Path<String>, uri: axum::http::Uri) -> Response {
    let user = bmc
        .sessions
        .lock()
        .0
        .iter()
        .find(|session| session.id == id)
        .map(|session| session.user.clone());
    match user {
        Some(user) => Json(body(&id, &user)).into_response(),
        None => not_found(uri).await.into_response(),
    }
}

async fn close(State(bmc): State<Bmc>, Path(id): Path<String>, uri: axum::http::Uri) -> Response {
    if bmc.sessions.lock().close(&id) {
        return StatusCode::NO_CONTENT.into_response();
    }
    not_found(uri).await.into_response()
}
