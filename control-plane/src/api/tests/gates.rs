//! What came with which version, in full: routes, fields, filters, verbs, and everything else.

use super::fixture::Server;
use crate::api::access::{Old, from_the_start, gated};
use crate::api::allocations::ALLOCATION;
use crate::api::conductors::CONDUCTOR;
use crate::api::fields::Field;
use crate::api::nodes::table::NODE;
use crate::api::nodes::{FILTERS, tables as nodes};
use crate::api::plain::tables as plain;
use crate::api::ports::PORT;
use crate::api::recipes::tables as recipes;
use crate::api::{gates, inspection_rules};
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use http::Method;
use serde_json::json;
use std::fmt::Write as _;

const FIELDS: [(&str, &[Field]); 13] = [
    ("node", NODE),
    ("port", PORT),
    ("portgroup", plain::PORTGROUP),
    ("chassis", plain::CHASSIS),
    ("volume connector", plain::CONNECTOR),
    ("volume target", plain::TARGET),
    ("allocation", ALLOCATION),
    ("deploy template", recipes::TEMPLATE),
    ("runbook", recipes::RUNBOOK),
    ("inspection rule", inspection_rules::TABLE),
    ("conductor", CONDUCTOR),
    ("BIOS setting", nodes::SETTING),
    ("firmware component", nodes::COMPONENT),
];

/// The states in which a verb came later than by itself.
fn later(verb: Verb) -> impl Iterator<Item = (u16, ProvisionState)> {
    let states = verb.allowed_from();
    let since = states.map(move |state| (verb.since_in(state), state));
    since.filter(move |(since, _)| *since != verb.since())
}

#[test]
fn all_that_came_with_a_version() {
    let mut shown = String::new();
    let mut line = |since: u16, what: &dyn std::fmt::Display| {
        writeln!(shown, "1.{since:<4} {what}").unwrap();
    };
    for (method, path) in from_the_start() {
        line(1, &format!("{method} {path}"));
    }
    for (method, path, since, old) in gated() {
        line(since, &format!("{method} {path}, before: {old:?}"));
    }
    for (of, table) in FIELDS {
        for field in table {
            line(field.since, &format!("{of}: {}", field.name));
        }
    }
    for (filter, since) in FILTERS {
        line(*since, &format!("{filter}= of nodes"));
    }
    for verb in Verb::ALL {
        line(verb.since(), &format!("target {verb}"));
        for (since, state) in later(*verb) {
            line(since, &format!("target {verb} in the state {state}"));
        }
    }
    for (since, what) in gates::ALL {
        line(*since, what);
    }
    insta::assert_snapshot!(shown);
}

/// There is no such object, but that is not what an old version is told.
#[tokio::test]
async fn routes_are_refused_to_older_versions_in_their_form() {
    let server = Server::start().await;
    for (method, path, since, old) in gated() {
        let path = path.replace("{}", "a");
        let ask = async |minor: u16| {
            let (version, method) = (format!("1.{minor}"), Method::try_from(method).unwrap());
            server.call_in(&version, method, &path, json!({})).await
        };
        let (status, text) = match old {
            Old::NoPath | Old::NoObject => (404, format!("it came with 1.{since}")),
            Old::Hidden => (404, "the resource could not be found".to_owned()),
            Old::NoMethod => (405, format!("The method {method} is not allowed")),
            Old::NoChange => (405, format!("API version 1.{since} or newer is needed")),
            Old::NotAcceptable => (406, format!("needs API version 1.{since} or newer")),
        };
        let (before, then) = (ask(since - 1).await, ask(since).await);
        let fault = before.fault();
        assert_eq!(before.status, status, "{method} {path}: {fault}");
        assert!(fault.contains(&text), "{method} {path}: {fault}");
        let fault = then.fault();
        assert!(!fault.contains(&text), "{method} {path}: {fault}");
    }
}

#[test]
fn the_table_is_in_the_order_of_versions() {
    assert!(gates::ALL.is_sorted_by_key(|(since, _)| *since));
}
