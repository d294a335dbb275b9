//! What every path answers alike: versions, headers, error bodies, limits, forms of a path.

use super::fixture::{Server, send};
use super::ironic;
use http::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn the_answer_names_the_versions_and_the_request() {
    let server = Server::start().await;
    let answer = server.get("/v1/nodes").await;
    let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-openstack-ironic-api-minimum-version"), "1.1");
    assert_eq!(header("x-openstack-ironic-api-maximum-version"), "1.115");
    assert_eq!(header("x-openstack-ironic-api-version"), "1.115");
    assert!(header("x-openstack-request-id").starts_with("req-"));
    assert_eq!(
        header("openstack-request-id"),
        header("x-openstack-request-id")
    );
}

#[tokio::test]
async fn a_version_that_is_not_served_is_406_with_the_range() {
    let server = Server::start().await;
    for version in ["1.116", "2.1", "soon"] {
        let answer = server
            .call_in(version, Method::GET, "/v1/nodes", Value::Null)
            .await;
        assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE);
        assert_eq!(
            answer.headers["x-openstack-ironic-api-maximum-version"],
            "1.115"
        );
        assert!(
            !answer
                .headers
                .contains_key("x-openstack-ironic-api-version")
        );
        let inner: Value =
            serde_json::from_str(answer.body["error_message"].as_str().unwrap()).unwrap();
        assert_eq!(inner["code"], 406);
        assert_eq!(inner["title"], "Not Acceptable");
    }
}

#[tokio::test]
async fn paths_are_taken_in_every_form_that_ironic_takes() {
    let server = Server::start().await;
    let check = async |method: Method, path: &str, expected: u16| {
        let answer = server.call(method.clone(), path, Value::Null).await;
        assert_eq!(
            answer.status.as_u16(),
            expected,
            "{method} {path}: {}",
            answer.body
        );
    };
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/nodes",
        "/v1/nodes/",
        "/nodes",
        "/nodes/",
        "/nodes/detail?limit=1",
    ] {
        check(Method::GET, path, 200).await;
    }
    check(Method::HEAD, "/v1", 200).await;
    check(Method::HEAD, "/v1/nodes", 405).await;
    check(Method::HEAD, "/v1/bogus", 404).await;
    check(Method::TRACE, "/v1/nodes", 405).await;
    check(Method::OPTIONS, "/v1/nodes", 200).await;
    check(Method::PUT, "/v1/nodes", 405).await;
    check(Method::PUT, "/v1", 405).await;
    check(Method::GET, "/v1/bogus", 404).await;
    check(Method::GET, "/bogus", 404).await;
    check(Method::GET, "/v1/nodes?bogus=1", 400).await;
    check(Method::GET, "/v1/nodes/a%20b", 400).await;
}

#[tokio::test]
async fn old_versions_may_put_json_behind_a_path() {
    let server = Server::start().await;
    let a = server.node("a").await;
    let whole = server.node("a.json").await;
    let get = async |version: &str, path: &str| {
        let answer = server.call_in(version, Method::GET, path, Value::Null);
        answer.await
    };
    for path in [
        "/v1/nodes.json",
        "/v1/nodes/detail.json",
        "/nodes/a/states.json",
    ] {
        assert_eq!(get("1.90", path).await.status, StatusCode::OK, "{path}");
        assert_eq!(get("1.91", path).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(get("1.90", "/v1/nodes/a.json").await.body["uuid"], whole);
    let by_uuid = format!("/v1/nodes/{a}.json");
    assert_eq!(get("1.90", &by_uuid).await.body["uuid"], a);
    assert_eq!(get("1.91", &by_uuid).await.status, StatusCode::NOT_FOUND);
    let driver = get("1.90", "/v1/drivers/fake-hardware.json").await;
    assert_eq!(driver.status, StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_read_in_a_path_is_refused_in_the_common_form() {
    let server = Server::start().await;
    server.node("d1").await;
    for (path, status) in [
        ("/v1/nodes/%ff", 400),
        ("/v1/drivers/%ff/properties", 400),
        ("/v1/nodes/d1/history/zzz", 404),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert!(!answer.fault().is_empty(), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_router_speaks_as_pecan_does() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let management = format!("/v1/nodes/{node}/management");
    let vendor = format!("/v1/nodes/{node}/vendor_passthru");
    let missing = "The resource could not be found.";
    let put = "The method PUT is not allowed for this resource.";
    let get = "The method GET is not allowed for this resource.";
    for (method, path, code, description) in [
        (Method::GET, "/v1/bogus", 404, missing),
        (Method::PUT, "/v1/nodes", 405, put),
        (Method::GET, &management, 405, get),
    ] {
        let answer = server.call(method, path, Value::Null).await;
        let inner = answer.body["error_message"].as_str().unwrap();
        let inner: Value = serde_json::from_str(inner).unwrap();
        assert_eq!(inner["code"], code);
        assert_eq!(inner["description"], description);
        assert_eq!(answer.headers.contains_key("allow"), code == 405);
    }
    let vendor = server.get(&vendor).await;
    assert_eq!(vendor.status, StatusCode::BAD_REQUEST);
    assert!(vendor.fault().contains("Method not specified"));
    let head = server.call(Method::HEAD, "/v1/nodes", Value::Null).await;
    assert_eq!(head.headers["allow"], "GET,POST");
    assert!(head.fault().contains("HEAD"), "{}", head.fault());
    let allow = server.call(Method::PUT, "/v1/nodes", Value::Null).await;
    assert!(allow.headers["allow"].to_str().unwrap().contains("POST"));
}

#[tokio::test]
async fn bodies_are_bounded_and_parsed_with_care() {
    let server = Server::start().await;
    let post = async |body: String| {
        send(&server.operator, "latest", Method::POST, "/v1/nodes", body).await
    };
    let large = post(format!("\"{}\"", "x".repeat(1 << 20))).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(large.body["faultcode"], "Client");
    let deep = post("[".repeat(26) + &"]".repeat(26)).await;
    assert_eq!(deep.status, StatusCode::BAD_REQUEST);
    assert!(deep.body["faultstring"].is_string(), "{}", deep.body);
    let malformed = post("{".to_owned()).await;
    assert_eq!(malformed.status, StatusCode::BAD_REQUEST);
    assert!(malformed.fault().contains("not JSON"));
    let list = post("[]".to_owned()).await;
    assert_eq!(list.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_linked_to_is_there() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let node = server.get(&format!("/v1/nodes/{node}")).await.body;
    let mut links = vec!["http://api/v1/heartbeat/a".to_owned()];
    for object in [&server.get("/v1").await.body, &node] {
        for (name, pair) in object.as_object().unwrap() {
            if name != "heartbeat"
                && let Some(link) = pair[0]["href"].as_str()
            {
                links.push(link.to_owned());
            }
        }
    }
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        let path = link.strip_prefix("http://api").unwrap();
        let answer = server.get(path).await;
        let known = [200, 400, 405].contains(&answer.status.as_u16());
        assert!(known, "{path}: {}", answer.status);
    }
    let empty = server.get("/v1/nodes/a/volume/targets?detail=true").await;
    assert_eq!(empty.body, json!({"targets": []}));
    let unknown = server.get("/v1/nodes/nobody/portgroups").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn discovery_has_the_resources_of_each_version() {
    let server = Server::start().await;
    for minor in 1..=115 {
        let answer = server
            .call_in(&format!("1.{minor}"), Method::GET, "/v1", Value::Null)
            .await;
        let shown = answer.body.as_object().unwrap();
        let shown = shown.keys().map(String::as_str);
        ironic::check_keys("v1", minor, |_| shown.collect());
    }
    let root = server.get("/").await.body;
    let version = json!({
        "id": "v1",
        "links": [{"href": "http://api/v1/", "rel": "self"}],
        "status": "CURRENT",
        "min_version": "1.1",
        "version": "1.115",
    });
    assert_eq!(root["default_version"], version);
    assert_eq!(root["versions"], json!([version]));
}

#[tokio::test]
async fn drivers_conductors_and_states_have_the_keys_of_ironic() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let states = format!("/v1/nodes/{node}/states");
    let host = server.get("/v1/conductors").await.body["conductors"][0]["hostname"]
        .as_str()
        .unwrap()
        .to_owned();
    let conductor = format!("/v1/conductors/{host}");
    let pages = [
        ("driver", "/v1/drivers/fake-hardware", 1),
        ("states", states.as_str(), 1),
        ("conductor", conductor.as_str(), 49),
    ];
    for (what, path, since) in pages {
        for minor in since..=115 {
            let answer = server
                .call_in(&format!("1.{minor}"), Method::GET, path, Value::Null)
                .await;
            let shown = answer.body.as_object().unwrap();
            ironic::check_keys(what, minor, |_| shown.keys().map(String::as_str).collect());
        }
    }
    let old = server
        .call_in("1.48", Method::GET, "/v1/conductors", Value::Null)
        .await;
    assert_eq!(old.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn lists_are_as_long_as_the_settings_let_them_be() {
    let server = Server::start_with(|settings| settings.max_limit = 1).await;
    let node = server.node("a").await;
    server.node("b").await;
    server
        .provision(&node, json!({"target": "manage"}), "manageable")
        .await;
    let history = format!("/v1/nodes/{node}/history");
    for (path, list) in [("/v1/nodes", "nodes"), (history.as_str(), "history")] {
        for query in ["", "?limit=1000"] {
            let page = server.get(&format!("{path}{query}")).await.body;
            assert_eq!(page[list].as_array().unwrap().len(), 1, "{page}");
            let next = page["next"].as_str().unwrap();
            assert!(next.contains("limit=1&"), "{next}");
        }
    }
}
