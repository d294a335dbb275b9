//! Whether the API is up, as load balancers ask it: nobody is asked who they are, and nothing else is told but
//! where details are wanted.

use super::fixture::Server;
use crate::api::{Gate, operator_router};
use crate::auth::{Authenticator, Identity};
use crate::config::auth::Rbac;
use crate::config::{Healthcheck, Settings};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use ferric_model::network::Network;
use http::{Method, Request, header};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tower::ServiceExt;

fn on() -> Healthcheck {
    Healthcheck {
        detailed: false,
        disable_by_file: None,
        enable_by_files: Vec::new(),
        allowed_source_ranges: Vec::new(),
        ignore_proxied_requests: false,
        store_timeout: Duration::from_secs(30),
    }
}

async fn start(edit: impl FnOnce(&mut Healthcheck)) -> Server {
    let mut healthcheck = on();
    edit(&mut healthcheck);
    let change = |settings: &mut Settings| settings.healthcheck = Some(healthcheck);
    Server::start_with(change).await
}

/// What comes back: status, media type and body.
type Told = (u16, String, String);

async fn ask(router: &Router, request: Request<Body>) -> Told {
    let answer = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let media_type = parts.headers.get(header::CONTENT_TYPE);
    let media_type = media_type.map_or("", |value| value.to_str().unwrap());
    let body = String::from_utf8(body.to_vec()).unwrap();
    (parts.status.as_u16(), media_type.to_owned(), body)
}

async fn get(server: &Server, accept: &str) -> Told {
    let request = Request::get("/healthcheck").header(header::ACCEPT, accept);
    ask(&server.operator, request.body(Body::empty()).unwrap()).await
}

fn told(status: u16, media_type: &str, body: &str) -> Told {
    (status, media_type.to_owned(), body.to_owned())
}

fn text(status: u16, body: &str) -> Told {
    told(status, "text/plain; charset=UTF-8", body)
}

#[tokio::test]
async fn it_is_there_only_where_it_is_switched_on() {
    let server = Server::start().await;
    assert_eq!(get(&server, "*/*").await.0, 404);
    let server = start(|_| ()).await;
    assert_eq!(get(&server, "*/*").await, text(200, "OK"));
    let json = r#"{"detailed":false,"reasons":["OK"]}"#;
    assert_eq!(
        get(&server, "application/json").await,
        told(200, "application/json", json)
    );
    let (status, media_type, page) = get(&server, "text/html").await;
    assert_eq!(
        (status, media_type.as_str()),
        (200, "text/html; charset=UTF-8")
    );
    assert!(page.contains("<li>OK</li>"), "{page}");
    let head = Request::head("/healthcheck").body(Body::empty()).unwrap();
    assert_eq!(ask(&server.operator, head).await, told(204, "", ""));
    for (path, expected) in [
        ("/healthcheck/", 200),
        ("/healthcheck/a", 200),
        ("/healthchecks", 404),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(ask(&server.operator, request).await.0, expected, "{path}");
    }
    let machine = Request::get("/healthcheck").body(Body::empty()).unwrap();
    assert_eq!(
        ask(&server.machine, machine).await.0,
        404,
        "machines have none"
    );
}

#[tokio::test]
async fn nobody_is_asked_who_they_are() {
    let server = start(|_| ()).await;
    // Somebody who may do nothing.
    let gate = Gate::new(Authenticator::played(Identity::default()), Rbac::default());
    let router = operator_router(server.conductor.clone(), None, server.stop.clone(), gate);
    let check = Request::get("/healthcheck").body(Body::empty()).unwrap();
    assert_eq!(ask(&router, check).await, text(200, "OK"));
    let metrics = Request::get("/metrics").body(Body::empty()).unwrap();
    assert_eq!(ask(&router, metrics).await.0, 403);
}

#[tokio::test]
async fn files_take_it_down() {
    let folder = tempfile::tempdir().unwrap();
    let (stop, mark) = (folder.path().join("stop"), folder.path().join("mark"));
    let server = start(|healthcheck| {
        healthcheck.disable_by_file = Some(stop.clone());
        healthcheck.enable_by_files = vec![mark.clone()];
    })
    .await;
    assert_eq!(get(&server, "*/*").await, text(503, "FILE PATH MISSING"));
    std::fs::write(&mark, "").unwrap();
    assert_eq!(get(&server, "*/*").await, text(200, "OK"));
    std::fs::write(&stop, "").unwrap();
    assert_eq!(get(&server, "*/*").await, text(503, "DISABLED BY FILE"));
    let head = Request::head("/healthcheck").body(Body::empty()).unwrap();
    assert_eq!(ask(&server.operator, head).await, text(503, ""));
    std::fs::remove_file(&mark).unwrap();
    let both = r#"{"detailed":false,"reasons":["DISABLED BY FILE","FILE PATH MISSING"]}"#;
    assert_eq!(
        get(&server, "application/json").await,
        told(503, "application/json", both)
    );
}

#[tokio::test]
async fn details_are_told_where_they_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (stop, mark) = (folder.path().join("stop"), folder.path().join("mark"));
    std::fs::write(&stop, "").unwrap();
    std::fs::write(&mark, "").unwrap();
    let server = start(|healthcheck| {
        healthcheck.detailed = true;
        healthcheck.disable_by_file = Some(stop.clone());
        healthcheck.enable_by_files = vec![mark];
    })
    .await;
    let (status, media_type, body) = get(&server, "application/json").await;
    assert_eq!((status, media_type.as_str()), (503, "application/json"));
    let body: Value = serde_json::from_str(&body).unwrap();
    let finding = |reason: &str, details: &str| json!({"class": "HealthcheckResult", "reason": reason, "details": details});
    assert_eq!(
        body["reasons"],
        json!([
            finding("OK", "the process was not told to stop"),
            finding(
                "DISABLED BY FILE",
                &format!("Path '{}' was found", stop.display())
            ),
            finding("OK", "Specified file paths are available"),
            finding("OK", "the store answers"),
        ])
    );
    assert_eq!(body["detailed"], true);
    let platform = body["platform"].as_str().unwrap();
    assert!(platform.starts_with("Linux-") && platform.ends_with(std::env::consts::ARCH));
    assert!(!body["threads"].as_array().unwrap().is_empty());
    // A date and a time with six digits behind the point.
    assert_eq!(body["now"].as_str().unwrap().len(), 26);
    std::fs::remove_file(&stop).unwrap();
    let (status, _, page) = get(&server, "text/html").await;
    assert_eq!(status, 200);
    assert!(page.contains("<h2>Result of 4 checks:</h2>"), "{page}");
    assert_eq!(get(&server, "*/*").await, text(200, "OK"));
    let head = Request::head("/healthcheck").body(Body::empty()).unwrap();
    assert_eq!(ask(&server.operator, head).await, told(204, "", ""));
}

#[tokio::test]
async fn a_process_that_is_told_to_stop_is_down() {
    let server = start(|_| ()).await;
    server.stop.cancel();
    assert_eq!(get(&server, "*/*").await, text(503, "STOPPING"));
}

#[tokio::test]
async fn who_is_not_to_ask_finds_nothing() {
    let near = Network::parse("192.0.2.0/24").unwrap();
    let server = start(|healthcheck| {
        healthcheck.allowed_source_ranges = vec![near];
        healthcheck.ignore_proxied_requests = true;
    })
    .await;
    let from = |address: &str, proxied: Option<&'static str>| {
        let mut request = Request::builder().method(Method::GET).uri("/healthcheck");
        if let Some(header) = proxied {
            request = request.header(header, "192.0.2.1");
        }
        let peer = SocketAddr::new(address.parse().unwrap(), 4711);
        let request = request.extension(ConnectInfo(peer));
        request.body(Body::empty()).unwrap()
    };
    let cases = [
        (from("192.0.2.7", None), 200),
        (from("::ffff:192.0.2.7", None), 200),
        (from("198.51.100.7", None), 404),
        (from("192.0.2.7", Some("X-Forwarded-For")), 404),
        (from("192.0.2.7", Some("Forwarded")), 404),
    ];
    for (request, expected) in cases {
        let shown = format!("{request:?}");
        assert_eq!(ask(&server.operator, request).await.0, expected, "{shown}");
    }
    assert_eq!(get(&server, "*/*").await.0, 404, "nobody knows from where");
}
