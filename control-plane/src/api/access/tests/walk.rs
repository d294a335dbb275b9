//! The routes as the router has them, against the table of what guards them.

use super::super::routes;
use crate::api::access::rules;
use crate::api::operator_routes;
use http::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// What the router says of itself: there is no other way to list its routes.
fn methods_by_path(shown: &str) -> BTreeMap<String, Vec<Method>> {
    let shown = shown.split("fallback_router").next().unwrap();
    let (routes, paths) = shown.split_once("node: Node {").unwrap();
    let paths = paths.split("RouteId(").skip(1).map(|part| {
        let (id, rest) = part.split_once("): \"").unwrap();
        (id.to_owned(), rest.split_once('"').unwrap().0.to_owned())
    });
    let paths: BTreeMap<String, String> = paths.collect();
    let routes = routes.split("RouteId(").skip(1).map(|part| {
        let (id, rest) = part.split_once("): MethodRouter(").unwrap();
        let has = |method: &Method| {
            let field = format!("{}: ", method.as_str().to_lowercase());
            let at = rest.find(&format!(" {field}")).unwrap() + field.len() + 1;
            !rest[at..].starts_with("None")
        };
        // One handler takes every method.
        let all = rest.contains("allow_header: Skip");
        let methods: Vec<Method> = METHODS
            .into_iter()
            .filter(|method| all || has(method))
            .collect();
        (paths[id].clone(), methods)
    });
    let methods: BTreeMap<_, _> = routes.collect();
    assert_eq!(methods.len(), paths.len());
    methods
}

#[test]
fn no_route_is_without_a_rule() {
    let shown = format!("{:?}", operator_routes().1);
    let routes = methods_by_path(&shown);
    // That the reading of the above is right.
    assert_eq!(routes["/v1/nodes"], [Method::GET, Method::POST]);
    assert_eq!(routes["/v1/nodes/{node}/states/power"], [Method::PUT]);
    assert!(routes["/v1/nodes/{node}/management"].is_empty());
    assert_eq!(routes["/v1/nodes/{node}/vendor_passthru"], METHODS);
    let mut without = Vec::new();
    for (path, methods) in routes {
        for method in methods {
            if routes::guard(&method, &path).is_none() {
                without.push(format!("{method} {path}"));
            }
        }
    }
    assert!(
        without.is_empty(),
        "add a row to control-plane/src/api/access/routes.rs for {without:?}"
    );
}

/// What is free in its methods and bodies.
const UNDOCUMENTED: [(&str, &str); 4] = [
    ("*", "/v1/nodes/{}/vendor_passthru"),
    ("*", "/v1/nodes/{}/vendor_passthru/{}"),
    ("*", "/v1/drivers/{}/vendor_passthru"),
    ("*", "/v1/drivers/{}/vendor_passthru/{}"),
];

/// The other direction, that what is described is served, is a test of the document.
#[test]
fn no_route_is_undocumented() {
    let document: Value = serde_json::from_str(&crate::api::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let documented: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, operations)| {
            let methods = operations.as_object().unwrap().keys();
            methods.map(move |method| (method.to_uppercase(), routes::unnamed(path)))
        })
        .collect();
    let rows = routes::TABLE
        .iter()
        .map(|(method, path, _)| (*method, *path));
    let missing: Vec<_> = rows
        .filter(|row| !UNDOCUMENTED.contains(row))
        .filter(|(method, path)| !documented.contains(&((*method).to_owned(), (*path).to_owned())))
        .collect();
    assert!(
        missing.is_empty(),
        "add a line to control-plane/src/api/openapi/operations for {missing:?}"
    );
}

#[test]
fn the_routes_and_their_rules() {
    let mut table = String::new();
    for (method, path, guard) in routes::TABLE {
        let names: Vec<&str> = guard.rules().iter().map(|rule| rule.name).collect();
        let names = match names.is_empty() {
            true => "public".to_owned(),
            false => names.join(" or "),
        };
        writeln!(table, "{method:<6} {path:<52} {names}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn rules_have_one_name_each() {
    let mut names: Vec<&str> = rules::ALL.iter().map(|rule| rule.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
