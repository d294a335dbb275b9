//! Against a played Keystone, for what the real one is not brought to easily. The real one is in the suite `auth`.

use super::Keystone;
use crate::auth::played::Played;
use crate::auth::{Caller, Identity, Refusal, Role, Scope};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Default)]
struct Counts {
    logins: usize,
    validations: usize,
    /// The next validation finds our own token ended.
    own_ends: bool,
    broken: bool,
}

type Shared = Arc<Mutex<Counts>>;

fn expires(in_s: i64) -> String {
    (Timestamp::now() + SignedDuration::from_secs(in_s)).to_string()
}

fn shown(subject: &str, query: &str) -> Option<Value> {
    let token = |roles: &[&str], more: Value| {
        let roles: Vec<Value> = roles
            .iter()
            .map(|name| json!({"id": name, "name": name}))
            .collect();
        let mut token = json!({"user": {"id": subject, "name": "n", "domain": {"id": "default"}},
            "expires_at": expires(600), "roles": roles});
        let object = token.as_object_mut().unwrap();
        object.extend(more.as_object().unwrap().clone());
        json!({"token": token})
    };
    let project = json!({"project": {"id": "p", "name": "demo", "domain": {"id": "default"}}});
    match subject {
        "system" => Some(token(
            &["admin", "member", "reader"],
            json!({"system": {"all": true}}),
        )),
        "project" => Some(token(&["member", "reader", "heat_stack_owner"], project)),
        "service" => Some(token(&["service"], project)),
        "ended" if query.contains("allow_expired=1") => {
            let mut ended = token(&["reader"], project);
            ended["token"]["expires_at"] = json!(expires(-60));
            Some(ended)
        }
        _ => None,
    }
}

async fn validate(State(counts): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    let mut counts = counts.lock();
    counts.validations += 1;
    if counts.broken {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if std::mem::take(&mut counts.own_ends) || headers["x-auth-token"] != "ours" {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let subject = headers["x-subject-token"].to_str().unwrap();
    match shown(subject, uri.query().unwrap_or_default()) {
        Some(body) => Json(body).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn login(State(counts): State<Shared>, Json(body): Json<Value>) -> Response {
    counts.lock().logins += 1;
    let password = body.pointer("/auth/identity/password/user/password");
    if password != Some(&json!("secret")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let body = Json(json!({"token": {"expires_at": expires(3600)}}));
    (StatusCode::CREATED, [("x-subject-token", "ours")], body).into_response()
}

async fn start(password: &str) -> (Played, Keystone, Shared) {
    let counts = Shared::default();
    let routes = get(validate).post(login);
    let router = Router::new().route("/v3/auth/tokens", routes);
    let played = Played::start(router.with_state(Arc::clone(&counts))).await;
    let text = format!(
        "url = '{}'\nusername = 'ferric'\npassword = '{password}'\nproject_name = 'service'",
        played.url
    );
    let settings = crate::config::auth::keystone_of(&text);
    (played, Keystone::open(&settings).unwrap(), counts)
}

async fn ask(keystone: &Keystone, user: &str, service: Option<&str>) -> Result<Identity, Refusal> {
    let header = |name, value| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    let service = service.map(|token| header("x-service-token", token));
    let headers = [header("x-auth-token", user)].into_iter().chain(service);
    match keystone.caller(&headers.collect()).await? {
        Caller::Known(identity) => Ok(identity),
        Caller::Trusted { .. } => panic!("whoever has a token has roles"),
    }
}

#[tokio::test]
async fn who_has_a_token_is_known_by_it() {
    let (played, keystone, counts) = start("secret").await;
    for _ in 0..3 {
        let system = ask(&keystone, "system", None).await.unwrap();
        assert_eq!((system.scope, system.project_id()), (Scope::System, None));
        assert!(system.has(Role::Admin) && !system.has(Role::Manager));
    }
    let project = ask(&keystone, "project", None).await.unwrap();
    assert_eq!(
        (project.scope, project.project_id()),
        (Scope::Project, Some("p"))
    );
    for _ in 0..3 {
        let refusal = ask(&keystone, "nonsense", None).await.unwrap_err();
        let challenge = format!("Keystone uri=\"{}\"", played.url);
        assert!(
            matches!(&refusal, Refusal::Unknown { challenge: shown, .. } if *shown == challenge)
        );
    }
    let none = keystone.caller(&HeaderMap::new()).await;
    assert!(matches!(none, Err(Refusal::Unknown { .. })), "{none:?}");
    let counts = counts.lock();
    assert_eq!(
        (counts.logins, counts.validations),
        (1, 3),
        "answers are remembered"
    );
}

#[tokio::test]
async fn a_service_lets_an_ended_token_finish() {
    let (_played, keystone, _) = start("secret").await;
    assert!(ask(&keystone, "ended", None).await.is_err());
    assert!(
        ask(&keystone, "ended", Some("project")).await.is_err(),
        "no service"
    );
    assert!(ask(&keystone, "ended", Some("nonsense")).await.is_err());
    let user = ask(&keystone, "ended", Some("service")).await.unwrap();
    assert_eq!(user.user, "ended");
    assert!(
        ask(&keystone, "ended", None).await.is_err(),
        "nor afterwards"
    );
}

#[tokio::test]
async fn our_own_token_is_renewed_and_a_broken_keystone_is_503() {
    let (_played, keystone, counts) = start("secret").await;
    counts.lock().own_ends = true;
    assert!(ask(&keystone, "project", None).await.is_ok());
    assert_eq!(counts.lock().logins, 2);
    counts.lock().broken = true;
    assert!(ask(&keystone, "project", None).await.is_ok(), "from memory");
    let away = ask(&keystone, "system", None).await;
    assert!(matches!(away, Err(Refusal::Unavailable(_))), "{away:?}");
    counts.lock().broken = false;
    assert!(
        ask(&keystone, "system", None).await.is_ok(),
        "no failure is remembered"
    );
    let (_played, unknown, _) = start("wrong").await;
    let refused = ask(&unknown, "project", None).await;
    assert!(
        matches!(refused, Err(Refusal::Unavailable(_))),
        "{refused:?}"
    );
}
