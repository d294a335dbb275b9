//! Against a played Glance and a played Keystone, for what the real ones are not brought to easily. Those are in the suite
//! `glance`.

mod plane;

use super::{Glance, GlanceError, serve};
use crate::auth::played::Played;
use crate::config::glance::glance_of;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, Request, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0x5be2_6c0b_03f2_4d2e_ae87_c02d_7f33_c781);

/// What it has, and what it was asked.
struct Cloud {
    record: Value,
    members: Vec<&'static str>,
    /// What it answers in the place of the record.
    broken: Option<StatusCode>,
    /// Valid tokens are those up to this number of log-ins.
    logins: usize,
    revoked: usize,
    ranges: Vec<Option<String>>,
}

type Shared = Arc<Mutex<Cloud>>;

fn record(more: &Value) -> Value {
    let mut record = json!({
        "id": ID, "name": "debian", "status": "active", "visibility": "public", "owner": "other", "size": 10,
        "disk_format": "raw", "container_format": "bare", "os_hash_algo": "sha512", "os_hash_value": "ab",
    });
    let more = more.as_object().unwrap().clone();
    record.as_object_mut().unwrap().extend(more);
    record
}

async fn login(State(cloud): State<Shared>, Json(body): Json<Value>) -> Response {
    let password = body.pointer("/auth/identity/password/user/password");
    if password != Some(&json!("secret")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut cloud = cloud.lock();
    cloud.logins += 1;
    let expires_at = (Timestamp::now() + SignedDuration::from_secs(3600)).to_string();
    let body = Json(json!({"token": {"expires_at": expires_at, "project": {"id": "ours"}}}));
    let token = [("x-subject-token", cloud.logins.to_string())];
    (StatusCode::CREATED, token, body).into_response()
}

fn is_known(cloud: &Cloud, headers: &HeaderMap) -> bool {
    let token = headers
        .get("x-auth-token")
        .and_then(|token| token.to_str().ok());
    let token: Option<usize> = token.and_then(|token| token.parse().ok());
    token.is_some_and(|token| token > cloud.revoked && token <= cloud.logins)
}

async fn image(State(cloud): State<Shared>, Path(id): Path<Uuid>, headers: HeaderMap) -> Response {
    let cloud = cloud.lock();
    match cloud.broken {
        Some(status) => status.into_response(),
        None if !is_known(&cloud, &headers) => StatusCode::UNAUTHORIZED.into_response(),
        None if id != ID => StatusCode::NOT_FOUND.into_response(),
        None => Json(cloud.record.clone()).into_response(),
    }
}

async fn member(State(cloud): State<Shared>, Path((_, project)): Path<(Uuid, String)>) -> Response {
    match cloud.lock().members.contains(&project.as_str()) {
        true => Json(json!({"member_id": project, "status": "pending"})).into_response(),
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn file(State(cloud): State<Shared>, headers: HeaderMap) -> Response {
    let mut cloud = cloud.lock();
    if !is_known(&cloud, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let range = headers.get(header::RANGE);
    let range = range.map(|range| range.to_str().unwrap().to_owned());
    cloud.ranges.push(range.clone());
    match range.as_deref() {
        None => Bytes::from_static(b"0123456789").into_response(),
        Some("bytes=4-") => {
            let part = [(header::CONTENT_RANGE, "bytes 4-9/10")];
            (StatusCode::PARTIAL_CONTENT, part, "456789").into_response()
        }
        Some(_) => StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
    }
}

/// What Swift does with a temporary URL, but for checking the signature.
async fn object(uri: http::Uri) -> StatusCode {
    let query = uri.query().unwrap_or_default();
    let (signature, expires) = query.split_once("&temp_url_expires=").unwrap_or_default();
    let is_signed = signature.len() == "temp_url_sig=".len() + 64;
    let expires: i64 = expires.parse().unwrap_or(0);
    match is_signed && expires > Timestamp::now().as_second() {
        true => StatusCode::OK,
        false => StatusCode::UNAUTHORIZED,
    }
}

/// A cloud that knows the user `ferric` by the password `secret`.
async fn cloud() -> (Played, Shared) {
    let cloud = Arc::new(Mutex::new(Cloud {
        record: record(&json!({})),
        members: Vec::new(),
        broken: None,
        logins: 0,
        revoked: 0,
        ranges: Vec::new(),
    }));
    let router = Router::new()
        .route("/v3/auth/tokens", post(login))
        .route("/v2/images/{id}", get(image))
        .route("/v2/images/{id}/members/{project}", get(member))
        .route("/v2/images/{id}/file", get(file))
        .route("/v1/AUTH_a/glance/{id}", get(object));
    let played = Played::start(router.with_state(Arc::clone(&cloud))).await;
    (played, cloud)
}

async fn start(more: &str) -> (Played, Glance, Shared) {
    let (played, cloud) = cloud().await;
    let url = &played.url;
    let text = format!(
        "url = '{url}'\nauth_url = '{url}'\nusername = 'ferric'\nproject_name = 'ours'\n{more}"
    );
    let glance = Glance::open(&glance_of(&text).unwrap()).unwrap();
    (played, glance, cloud)
}

const SECRET: &str = "password = 'secret'";

async fn problem(glance: &Glance) -> String {
    sentence(&glance.image(ID).await.unwrap_err())
}

/// The error with its sources.
fn sentence(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = sources.map(ToString::to_string).collect();
    texts.join(": ")
}

#[tokio::test]
async fn why_an_image_cannot_be_had() {
    let (played, glance, cloud) = start(SECRET).await;
    assert!(glance.image(ID).await.is_ok());
    let missing = glance.image(Uuid::nil()).await.unwrap_err();
    assert!(matches!(missing, GlanceError::NotFound(_)), "{missing:?}");
    for status in ["queued", "deactivated"] {
        cloud.lock().record = record(&json!({"status": status}));
        let text = problem(&glance).await;
        assert!(
            text.contains(&format!("is {status} in Glance, not active")),
            "{text}"
        );
    }
    cloud.lock().record = json!({"id": 5});
    assert!(problem(&glance).await.contains("not what its API says"));
    for (status, part) in [
        (StatusCode::SERVICE_UNAVAILABLE, "answers 503"),
        (StatusCode::INTERNAL_SERVER_ERROR, "answers 500"),
        (
            StatusCode::UNAUTHORIZED,
            "check the credentials in [glance]",
        ),
        (StatusCode::FORBIDDEN, "check the credentials in [glance]"),
    ] {
        cloud.lock().broken = Some(status);
        let text = problem(&glance).await;
        assert!(text.contains(part), "{text}");
    }
    let (_played, glance, _) = start("password = 'wrong'").await;
    let text = problem(&glance).await;
    assert!(
        text.contains("logging in for Glance") && text.contains("401"),
        "{text}"
    );
    let (gone, away, _) = start(SECRET).await;
    drop((gone, played));
    let text = problem(&away).await;
    assert!(text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn a_token_that_was_revoked_is_replaced() {
    let (_played, glance, cloud) = start(SECRET).await;
    glance.image(ID).await.unwrap();
    glance.image(ID).await.unwrap();
    assert_eq!(cloud.lock().logins, 1);
    cloud.lock().revoked = 1;
    glance.image(ID).await.unwrap();
    cloud.lock().revoked = 2;
    assert!(glance.download(ID, None).await.is_ok());
    assert_eq!(cloud.lock().logins, 3);
}

#[tokio::test]
async fn images_of_others_are_given_to_nobody() {
    let (_played, glance, cloud) = start(SECRET).await;
    let check = async |visibility: &str, owner: &str, members: &[&'static str], given: bool| {
        cloud.lock().record = record(&json!({"visibility": visibility, "owner": owner}));
        cloud.lock().members = members.to_vec();
        let outcome = glance.image(ID).await;
        assert_eq!(
            outcome.is_ok(),
            given,
            "{visibility} {owner} {members:?}: {outcome:?}"
        );
        if let Err(error) = outcome {
            assert!(matches!(error, GlanceError::NotOurs(_)), "{error:?}");
        }
    };
    check("public", "other", &[], true).await;
    check("community", "other", &[], true).await;
    check("private", "ours", &[], true).await;
    check("private", "other", &["ours"], false).await;
    check("shared", "ours", &[], true).await;
    check("shared", "other", &["ours"], true).await;
    check("shared", "other", &["third"], false).await;
    let (_played, glance, cloud) = start(&format!("{SECRET}\nallow_private_images = true")).await;
    cloud.lock().record = record(&json!({"visibility": "private"}));
    assert!(glance.image(ID).await.is_ok());
}

async fn fetch(glance: &Glance, method: &str, headers: &[(&str, &str)]) -> (Response, String) {
    let mut request = Request::builder().method(method).uri("/images/n/i");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap().into_parts().0;
    let (parts, body) = serve(glance, ID, &request).await.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (Response::from_parts(parts, Body::empty()), text)
}

#[tokio::test]
async fn machines_get_the_bytes_whole_and_by_range() {
    let (_played, glance, cloud) = start(SECRET).await;
    let (whole, text) = fetch(&glance, "GET", &[]).await;
    assert_eq!(
        (whole.status(), text.as_str()),
        (StatusCode::OK, "0123456789")
    );
    let etag = whole.headers()[header::ETAG].to_str().unwrap();
    assert_eq!(etag, "\"ab\"");
    let range = ("range", "bytes=4-");
    let (part, text) = fetch(&glance, "GET", &[range, ("if-range", etag)]).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(text, "456789");
    assert_eq!(part.headers()[header::CONTENT_RANGE], "bytes 4-9/10");
    let (other, text) = fetch(&glance, "GET", &[range, ("if-range", "\"old\"")]).await;
    assert_eq!(
        (other.status(), text.len()),
        (StatusCode::OK, 10),
        "a part of another image is none"
    );
    let (beyond, _) = fetch(&glance, "GET", &[("range", "bytes=99-")]).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let asked = cloud.lock().ranges.len();
    let (head, text) = fetch(&glance, "HEAD", &[]).await;
    assert_eq!((head.status(), text.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.headers()[header::CONTENT_LENGTH], "10");
    assert_eq!(
        cloud.lock().ranges.len(),
        asked,
        "nothing is fetched for it"
    );
}

#[tokio::test]
async fn a_glance_that_is_away_is_asked_again_and_an_image_that_is_gone_is_not() {
    let (_played, glance, cloud) = start(SECRET).await;
    cloud.lock().broken = Some(StatusCode::BAD_GATEWAY);
    let (away, _) = fetch(&glance, "GET", &[]).await;
    assert_eq!(away.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(away.headers().contains_key(header::RETRY_AFTER));
    cloud.lock().broken = None;
    cloud.lock().record = record(&json!({"status": "deactivated"}));
    let (gone, _) = fetch(&glance, "GET", &[]).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    cloud.lock().record = record(&json!({"visibility": "private"}));
    let (hidden, text) = fetch(&glance, "GET", &[]).await;
    assert_eq!(
        (hidden.status(), text.as_str()),
        (StatusCode::NOT_FOUND, "")
    );
}

#[tokio::test]
async fn without_credentials_no_token_is_sent() {
    async fn open(headers: HeaderMap) -> Response {
        match headers.contains_key("x-auth-token") {
            true => StatusCode::IM_A_TEAPOT.into_response(),
            false => Json(record(&json!({"visibility": "shared"}))).into_response(),
        }
    }
    let router = Router::new()
        .route("/v2/images/{id}", get(open))
        .route("/v2/images/{id}/file", get(open));
    let played = Played::start(router).await;
    let url = &played.url;
    let settings = glance_of(&format!("url = '{url}'\naccess = 'direct'")).unwrap();
    let glance = Glance::open(&settings).unwrap();
    glance.image(ID).await.unwrap();
    let direct = format!("{url}/v2/images/{ID}/file");
    assert_eq!(glance.direct_url(ID).await.unwrap(), Some(direct));
}
