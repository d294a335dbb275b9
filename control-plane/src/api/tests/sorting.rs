//! Lists in the order of any field that has one.

use super::fixture::Server;
use super::nodes::patch;
use crate::api::fields::find;
use crate::api::nodes::table::NODE;
use http::StatusCode;
use serde_json::{Value, json};

/// Lists or objects, or no field of the store at all.
const UNORDERED: &[&str] = &[
    "properties",
    "driver_info",
    "extra",
    "instance_info",
    "driver_internal_info",
    "clean_step",
    "deploy_step",
    "service_step",
    "raid_config",
    "target_raid_config",
    "traits",
    "network_data",
    "conductor",
    "links",
    "ports",
    "states",
    "portgroups",
    "volume",
];

#[tokio::test]
async fn every_field_that_has_an_order_sorts() {
    let server = Server::start().await;
    server.node("a").await;
    for field in NODE {
        let path = format!("/v1/nodes?sort_key={}", field.name);
        let expected = if UNORDERED.contains(&field.name) {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        assert_eq!(server.get(&path).await.status, expected, "{path}");
    }
    assert!(UNORDERED.iter().all(|name| find(NODE, name).is_some()));
}

/// The names in the order of a query, page by page.
async fn paged(server: &Server, query: &str) -> String {
    let mut path = format!("/v1/nodes?{query}");
    let mut names = String::new();
    for _ in 0..20 {
        let page = server.get(&path).await.body;
        for node in page["nodes"].as_array().unwrap() {
            names.push_str(node["name"].as_str().unwrap());
        }
        match page["next"].as_str() {
            Some(next) => path = next.trim_start_matches("http://api").to_owned(),
            None => return names,
        }
    }
    panic!("{query} has no end: {names}");
}

#[tokio::test]
async fn what_has_no_index_is_paged_as_what_has_one() {
    let server = Server::start().await;
    for (name, description) in [
        ("a", Value::Null),
        ("b", json!("y")),
        ("c", json!("x")),
        ("d", json!("y")),
        ("e", Value::Null),
    ] {
        server.node(name).await;
        let set = json!([
            {"op": "add", "path": "/description", "value": description},
            {"op": "add", "path": "/owner", "value": description},
        ]);
        patch(&server, name, set).await;
    }
    for limit in 1..=6 {
        let check = async |query: &str, expected: &str| {
            let found = paged(&server, &format!("{query}&limit={limit}")).await;
            assert_eq!(found, expected, "{query} by {limit}");
        };
        for key in ["owner", "description"] {
            check(&format!("sort_key={key}"), "aecbd").await;
            check(&format!("sort_key={key}&sort_dir=desc"), "dbcea").await;
            check(&format!("sort_key={key}&owner=y"), "bd").await;
            check(&format!("sort_key={key}&description_contains=Y"), "bd").await;
        }
        check("sort_key=deploy_interface", "abcde").await;
    }
}
