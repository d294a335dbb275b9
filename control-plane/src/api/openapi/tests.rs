//! The document says what the router does, and is the one that is checked in.

use super::*;
use crate::api::tests::fixture::{Server, send};
use http::{Method, StatusCode, header};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn the_document_that_is_checked_in_is_this_one() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let checked_in = std::fs::read_to_string(file).unwrap();
    assert!(
        checked_in == text(),
        "docs/openapi.json is old: write it anew with `ferric openapi > docs/openapi.json`"
    );
}

/// What HEAD is refused with says which methods a path has.
#[tokio::test]
async fn every_operation_is_served_and_no_method_is_left_out() {
    let mut documented: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for operation in operations::all() {
        let methods = documented.entry(operation.path).or_default();
        let is_new = methods.insert(operation.method.to_uppercase());
        assert!(
            is_new,
            "{} {} stands twice",
            operation.method, operation.path
        );
    }
    let server = Server::start().await;
    for (path, methods) in documented {
        if ["/", "/v1"].contains(&path) {
            continue; // Discovery answers HEAD.
        }
        let answer = send(&server.operator, "latest", Method::HEAD, path, "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = answer.headers[header::ALLOW].to_str().unwrap();
        let allowed: BTreeSet<String> = allowed.split(',').map(str::to_owned).collect();
        assert_eq!(allowed, methods, "{path}");
    }
}

/// What is wrong with a value is told of by the value; a name that is not known is told of as such.
#[tokio::test]
async fn every_parameter_is_known_to_its_operation() {
    let server = Server::start().await;
    let mut checked = 0;
    for operation in operations::all().filter(|operation| operation.method == "get") {
        let path = operation.path.replace("{driver}", "fake-hardware");
        if path.contains('{') {
            continue;
        }
        for name in operation.query.iter().flat_map(|set| set.names()) {
            let asked = format!("{path}?{name}=1");
            let answer = send(&server.operator, "latest", Method::GET, &asked, "").await;
            let text = answer.body.to_string();
            assert!(!text.contains("nexpected"), "{asked}: {text}");
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked}");
    let unknown = server.get("/v1/nodes?zz=1").await;
    assert!(unknown.body.to_string().contains("nexpected"));
}

#[tokio::test]
async fn it_is_served() {
    let server = Server::start().await;
    let answer = server.get("/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, document());
    let node = &answer.body["components"]["schemas"]["Node"]["properties"];
    assert_eq!(node["uuid"]["format"], "uuid");
}

/// Each reference leads somewhere.
#[test]
fn nothing_is_named_that_is_not_there() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                found.extend(
                    object
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let (document, mut found) = (document(), BTreeSet::new());
    references(&document, &mut found);
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}
