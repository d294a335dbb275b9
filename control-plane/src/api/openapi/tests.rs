//! The document says what the router does, and is the one that is checked in.

use super::*;
use crate::api::tests::fixture::{Server, send};
use http::{Method, StatusCode, header};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

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

fn documented(operation: &Operation) -> BTreeSet<&'static str> {
    let sets = operation.query.iter();
    sets.flat_map(|set| set.names()).collect()
}

/// Asked for with all names that any operation takes, one says which of them it does not know.
#[tokio::test]
async fn an_operation_takes_the_arguments_that_it_documents_and_no_others() {
    let server = Server::start().await;
    server.node("a").await;
    let names: BTreeSet<&str> = operations::all().flat_map(documented).collect();
    let query: String = names
        .iter()
        .map(|name| match name.ends_with("uuid") {
            true => format!("&{name}={}", Uuid::nil()),
            false => format!("&{name}=1"),
        })
        .collect();
    let mut checked = 0;
    for operation in operations::all() {
        let path = operation.path.replace("{node}", "a");
        let path = path.replace("{driver}", "fake-hardware");
        let method = operation.method.to_uppercase().parse::<Method>().unwrap();
        let body = match operation.method {
            "get" | "delete" => "",
            "patch" => "[]",
            _ => "{}",
        };
        let asked = format!("{path}?zz=1{query}");
        let answer = send(&server.operator, "latest", method, &asked, body).await;
        let fault = answer.fault();
        // Some look at their body or for their object first, and some at no argument.
        let Some(unknown) = fault.strip_prefix("unexpected arguments: ") else {
            continue;
        };
        let unknown: BTreeSet<&str> = unknown.split(", ").collect();
        assert!(unknown.contains("zz"), "{fault}");
        let taken: BTreeSet<&str> = names.difference(&unknown).copied().collect();
        let (method, path) = (operation.method, operation.path);
        assert_eq!(taken, documented(operation), "{method} {path}");
        checked += 1;
    }
    assert!(checked > 100, "only {checked}");
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
