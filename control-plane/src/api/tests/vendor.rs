//! Vendor passthru: which methods there are, what a call of each is answered, and who must wait.

use super::fixture::{Answer, PATIENCE, Server};
use super::nodes::{patch, refused};
use ferric_drivers::FakeFault;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PATH: &str = "/v1/nodes/a/vendor_passthru";

async fn post(server: &Server, rest: &str, body: Value) -> Answer {
    let path = format!("{PATH}{rest}");
    server.call(Method::POST, &path, body).await
}

/// Waits until nobody works on the node.
async fn until_free(server: &Server) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let node = server.get("/v1/nodes/a").await.body;
        if node["reservation"].is_null() {
            return node;
        }
        assert!(Instant::now() < deadline, "the node stays held: {node}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn methods_are_told_of_with_what_each_is_for() {
    let server = Server::start().await;
    server.node("a").await;
    let path = format!("{PATH}/methods");
    let methods = server.get(&path).await;
    assert_eq!(methods.status, StatusCode::OK, "{}", methods.fault());
    let methods = methods.body.as_object().unwrap().clone();
    let mut names: Vec<&String> = methods.keys().collect();
    names.sort_unstable();
    let expected = [
        "fourth_method_shared_lock",
        "log_passthrough",
        "second_method",
        "third_method_sync",
    ];
    assert_eq!(names, expected);
    let told = |http_methods: Value, asynchronous: bool, lock: bool| {
        json!([http_methods, asynchronous, false, lock])
    };
    for (name, expected) in [
        ("second_method", told(json!(["POST"]), true, true)),
        ("third_method_sync", told(json!(["POST"]), false, true)),
        (
            "fourth_method_shared_lock",
            told(json!(["POST"]), true, false),
        ),
    ] {
        let method = &methods[name];
        let keys = ["http_methods", "async", "attach", "require_exclusive_lock"];
        assert_eq!(json!(keys.map(|key| &method[key])), expected, "{name}");
        assert_eq!(method.as_object().unwrap().len(), 5, "{method}");
        assert!(method["description"].is_string(), "{method}");
    }
    // What the node's own interface has, not its driver's.
    let none = json!([{"op": "replace", "path": "/vendor_interface", "value": "no-vendor"}]);
    assert_eq!(patch(&server, "a", none).await.status, StatusCode::OK);
    assert_eq!(server.get(&path).await.body, json!({}));
    let called = post(&server, "/third_method_sync", json!({"bar": "meow"})).await;
    refused(&called, 400, "No handler for method third_method_sync");
    let nobody = server.get("/v1/nodes/nobody/vendor_passthru/methods").await;
    refused(&nobody, 404, "nobody");
}

#[tokio::test]
async fn what_a_method_says_is_answered_at_once_or_not_at_all() {
    let server = Server::start().await;
    server.node("a").await;
    let body = json!({"reason": "vendor methods do not care"});
    let maintenance = server.call(Method::PUT, "/v1/nodes/a/maintenance", body);
    assert_eq!(maintenance.await.status, StatusCode::ACCEPTED);
    for version in ["1.5", "latest"] {
        for (rest, bar, said) in [
            ("/third_method_sync", "meow", true),
            ("?method=third_method_sync", "moo", false),
        ] {
            let path = format!("{PATH}{rest}");
            let body = json!({"bar": bar});
            let answer = server.call_in(version, Method::POST, &path, body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
            assert_eq!(answer.body, json!(said));
        }
    }
    for (method, body) in [
        ("second_method", json!({"bar": "kazoo"})),
        ("fourth_method_shared_lock", json!({"bar": "moo"})),
        ("log_passthrough", json!({"whatever": ["there", "is"]})),
        ("log_passthrough", Value::Null),
    ] {
        let answer = post(&server, &format!("?method={method}"), body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.fault());
        assert_eq!(answer.body, Value::Null);
        assert!(!answer.headers.contains_key("content-type"), "{method}");
        assert_eq!(until_free(&server).await["last_error"], Value::Null);
    }
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_in_ironics_words() {
    let server = Server::start().await;
    server.node("a").await;
    let good = || json!({"bar": "meow"});
    let missing = "Parameter 'bar' not passed to method 'third_method_sync'.";
    for (rest, body, text) in [
        ("/dance", good(), "No handler for method dance"),
        ("?method=dance", json!([]), "No handler for method dance"),
        (
            "/first_method",
            good(),
            "No handler for method first_method",
        ),
        (
            "",
            good(),
            "Method not specified when calling vendor extension.",
        ),
        (
            "?method=",
            good(),
            "Method not specified when calling vendor extension.",
        ),
        ("/third_method_sync", json!({}), missing),
        ("/third_method_sync", json!({"bar": ""}), missing),
    ] {
        let answer = post(&server, rest, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{rest}");
        assert_eq!(answer.fault(), text);
    }
    for (rest, body, text) in [
        ("/second_method", json!([]), "must be a JSON object"),
        ("/second_method", json!({"bar": 1, "baz": 2}), "no 'baz'"),
        ("/second_method?bar=meow", good(), "nexpected"),
    ] {
        refused(&post(&server, rest, body).await, 400, text);
    }
    for http_method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        let expected = format!("The method second_method does not support HTTP {http_method}");
        let path = format!("{PATH}/second_method");
        let answer = server.call(http_method, &path, good()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.fault(), expected);
    }
    let nobody = "/v1/nodes/nobody/vendor_passthru/second_method";
    let nobody = server.call(Method::POST, nobody, good()).await;
    refused(&nobody, 404, "nobody");
}

#[tokio::test]
async fn a_method_that_fails_is_told_of_by_its_answer_or_by_the_node() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let machine = server.fakes.machine(&node);
    let broken = || [FakeFault::Broken("the vendor has gone".to_owned())];
    machine.fail_next(broken());
    let answer = post(&server, "/third_method_sync", json!({"bar": "meow"})).await;
    refused(&answer, 503, "the vendor has gone");
    machine.fail_next(broken());
    let answer = post(&server, "/second_method", json!({"bar": "meow"})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.fault());
    let error = until_free(&server).await["last_error"].to_string();
    let expected = format!("Could not call the vendor method second_method of node {node}: ");
    assert!(error.contains(&expected), "{error}");
    assert!(error.contains("the vendor has gone"), "{error}");
}

#[tokio::test]
async fn only_what_needs_the_node_for_itself_waits_for_others() {
    let server = Server::start_with(|settings| settings.conductor.node_lock_wait_s = 0).await;
    let node = server.node("a").await;
    let machine = server.fakes.machine(&node);
    // Long enough for the next requests to come in time.
    machine.set_delay(Duration::from_secs(3));
    let body = || json!({"bar": "meow"});
    let first = post(&server, "/second_method", body()).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.fault());
    for exclusive in ["/second_method", "/third_method_sync"] {
        let answer = post(&server, exclusive, body()).await;
        refused(&answer, 409, "(calling a vendor method)");
    }
    let shared = post(&server, "/fourth_method_shared_lock", body()).await;
    assert_eq!(shared.status, StatusCode::ACCEPTED, "{}", shared.fault());
    let methods = server.get(&format!("{PATH}/methods")).await;
    assert_eq!(methods.status, StatusCode::OK);
    machine.set_delay(Duration::ZERO);
    until_free(&server).await;
    let answer = post(&server, "/third_method_sync", body()).await;
    assert_eq!(answer.body, json!(true), "{}", answer.fault());
}

#[tokio::test]
async fn drivers_have_no_vendor_methods_of_their_own() {
    let server = Server::start().await;
    let path = |rest: &str| format!("/v1/drivers/fake-hardware/vendor_passthru{rest}");
    let methods = server.get(&path("/methods")).await;
    assert_eq!((methods.status, methods.body), (StatusCode::OK, json!({})));
    for method in [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ] {
        for rest in ["/dance", "?method=dance", "/third_method_sync"] {
            let answer = server
                .call(method.clone(), &path(rest), json!({"a": 1}))
                .await;
            let name = rest.trim_start_matches("?method=").trim_start_matches('/');
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert_eq!(answer.fault(), format!("No handler for method {name}"));
        }
        let answer = server.call(method.clone(), &path(""), Value::Null).await;
        refused(&answer, 400, "method");
        let unknown = "/v1/drivers/none/vendor_passthru?method=dance";
        let answer = server.call(method, unknown, Value::Null).await;
        refused(&answer, 404, "none");
    }
    let unknown = server.get("/v1/drivers/none/vendor_passthru/methods").await;
    refused(&unknown, 404, "none");
}
