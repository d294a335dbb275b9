//! Streams of events, whose callers lose what let them in while they follow.

use super::{OURS, THEIRS, World, in_project};
use crate::api::{Gate, operator_router};
use crate::auth::{Authenticator, Role};
use crate::config::auth::{Rbac, Strategy};
use axum::Router;
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use http::{Method, Request};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

const TIMELINE: &str = "/ferric/v1/nodes/own/timeline";
/// ann:secret
const ANN: (&str, &str) = ("authorization", "Basic YW5uOnNlY3JldA==");

fn router(world: &World, authenticator: Authenticator) -> Router {
    let gate = Gate::new(authenticator, Rbac::default());
    let server = &world.server;
    operator_router(server.conductor.clone(), None, server.stop.clone(), gate)
}

/// Follows until the first event, which is that the node was enrolled.
async fn follow(router: &Router, header: (&str, &str)) -> BodyDataStream {
    let request = Request::get(TIMELINE)
        .header("accept", "text/event-stream")
        .header(header.0, header.1);
    let request = request.body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut stream = response.into_body().into_data_stream();
    let first = stream.next().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("enrolled"));
    stream
}

/// All that comes until the end.
async fn rest(stream: BodyDataStream) -> String {
    let parts = stream.map(|part| String::from_utf8_lossy(&part.unwrap()).into_owned());
    timeout(Duration::from_secs(60), parts.collect())
        .await
        .expect("the stream ends")
}

#[tokio::test]
async fn a_stream_ends_when_the_node_becomes_another_projects() {
    let world = World::start().await;
    world.node("own", Some(OURS), None).await;
    let reader = Authenticator::played(in_project(Role::Reader, OURS));
    let stream = follow(&router(&world, reader), ("x", "y")).await;
    let patch = json!([{"op": "replace", "path": "/owner", "value": THEIRS}]);
    let patched = world
        .server
        .call(Method::PATCH, "/v1/nodes/own", patch)
        .await;
    assert_eq!(patched.status, 200, "{}", patched.fault());
    let manage = json!({"target": "manage"});
    world.server.provision("own", manage, "manageable").await;
    let told = rest(stream).await;
    assert!(!told.contains("state_changed"), "{told}");
}

#[tokio::test]
async fn a_stream_ends_when_its_caller_is_not_known_any_more() {
    let world = World::start().await;
    world.node("own", None, None).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = format!("ann:{}\n", bcrypt::hash("secret", 4).unwrap());
    std::fs::write(file.path(), line).unwrap();
    let user_file = file.path().to_owned();
    let basic = Authenticator::new(&Strategy::HttpBasic { user_file }).unwrap();
    let router = router(&world, basic);
    let stream = follow(&router, ANN).await;
    std::fs::write(file.path(), "").unwrap();
    rest(stream).await;
    let again = super::ask(&router, Method::GET, TIMELINE, &[ANN], Value::Null).await;
    assert_eq!(again.status, 401);
}
