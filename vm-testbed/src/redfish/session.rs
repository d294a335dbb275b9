//! The session service. A session ends by DELETE, by a BMC restart, or when nobody used it for the service's timeout.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::auth::{TOKEN_HEADER, is_user};
use super::error::{Refusal, changes, not_found, object, shown};
use super::resource::{answer, collection_body, entity_tag, healthy, link, matches, with_address};
use super::sessions::{LONGEST_TIMEOUT_S, SHORTEST_TIMEOUT_S};
use super::{Bmc, message, paths};

pub(super) fn routes() -> Router<Bmc> {
    let one = format!("{}/{{id}}", paths::SESSIONS);
    let members = format!("{}/Members", paths::SESSIONS);
    Router::new()
        .route(paths::SESSION_SERVICE, get(service).patch(change))
        .route(paths::SESSIONS, get(list).post(open))
        .route(&members, post(open))
        .route(&one, get(show).delete(close))
}

fn service_body(bmc: &Bmc) -> Value {
    let body = json!({
        "@odata.type": "#SessionService.v1_1_8.SessionService",
        "Id": "SessionService",
        "Name": "Session Service",
        "Status": healthy(),
        "ServiceEnabled": true,
        "SessionTimeout": bmc.sessions.lock().timeout_s(),
        "Sessions": link(paths::SESSIONS),
    });
    with_address(body, paths::SESSION_SERVICE)
}

async fn service(State(bmc): State<Bmc>, headers: HeaderMap) -> Response {
    answer(&headers, service_body(&bmc), "GET, HEAD, PATCH")
}

async fn change(
    State(bmc): State<Bmc>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let before = service_body(&bmc);
    if !matches(&headers, &entity_tag(&before)) {
        return Err(Refusal::changed());
    }
    let timeout_s = wanted_timeout(&changes(&body)?, &before)?;
    bmc.sessions.lock().set_timeout_s(timeout_s);
    let tag = [(header::ETAG, entity_tag(&service_body(&bmc)))];
    Ok((StatusCode::NO_CONTENT, tag).into_response())
}

fn wanted_timeout(changes: &Map<String, Value>, before: &Value) -> Result<u64, Refusal> {
    let name = "SessionTimeout";
    if let Some(other) = changes.keys().find(|other| *other != name) {
        return Err(Refusal::property(before, other));
    }
    let value = changes.get(name).unwrap_or(&Value::Null);
    let refused = |message| Refusal::bad(message, &[&shown(value), name]);
    let Some(timeout_s) = value.as_i64() else {
        return Err(refused(&message::PROPERTY_VALUE_TYPE_ERROR));
    };
    u64::try_from(timeout_s)
        .ok()
        .filter(|timeout_s| (SHORTEST_TIMEOUT_S..=LONGEST_TIMEOUT_S).contains(timeout_s))
        .ok_or_else(|| refused(&message::PROPERTY_VALUE_OUT_OF_RANGE))
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

async fn open(State(bmc): State<Bmc>, body: Bytes) -> Result<Response, Refusal> {
    let login = object(&body)?;
    let (user, password) = (text(&login, "UserName")?, text(&login, "Password")?);
    if !is_user(&bmc.machine.config().bmc, user, password) {
        return Err(Refusal::unauthorized());
    }
    let (id, token) = bmc.sessions.lock().open(user);
    let headers = [
        (header::LOCATION, address(&id)),
        (header::HeaderName::from_static(TOKEN_HEADER), token),
    ];
    let body = self::body(&id, user);
    Ok((StatusCode::CREATED, headers, Json(body)).into_response())
}

fn text<'a>(login: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    let missing = || Refusal::bad(&message::PROPERTY_MISSING, &[name]);
    let value = login.get(name).ok_or_else(missing)?;
    // What was given is not repeated: it may be a secret.
    let unfit = || Refusal::bad(&message::PROPERTY_VALUE_TYPE_ERROR, &["***", name]);
    value.as_str().ok_or_else(unfit)
}

async fn list(State(bmc): State<Bmc>, headers: HeaderMap) -> Response {
    let ids = bmc.sessions.lock().ids();
    let members: Vec<String> = ids.iter().map(|id| address(id)).collect();
    let body = collection_body("Session", &members);
    answer(
        &headers,
        with_address(body, paths::SESSIONS),
        "GET, HEAD, POST",
    )
}

async fn show(
    State(bmc): State<Bmc>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let user = bmc.sessions.lock().user_of(&id);
    match user {
        Some(user) => answer(&headers, body(&id, &user), "GET, HEAD, DELETE"),
        None => not_found(uri).await.into_response(),
    }
}

async fn close(State(bmc): State<Bmc>, Path(id): Path<String>, uri: Uri) -> Response {
    if bmc.sessions.lock().close(&id) {
        return StatusCode::NO_CONTENT.into_response();
    }
    not_found(uri).await.into_response()
}
