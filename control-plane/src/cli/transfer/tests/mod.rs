//! Reading from a played Ironic, and handing records to a played Ferric.

mod outages;

use super::importer::{Importer, Incomplete};
use super::ironic::{Access, Ironic};
use super::patient::{Patience, Patient};
use super::record::{Header, Record};
use super::secrets::Secrets;
use super::sink::Sink;
use crate::cli::client::Client;
use axum::extract::Request;
use axum::{Json, Router};
use clap::Parser;
use http::StatusCode;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const HASTE: Patience = Patience {
    first: Duration::from_millis(5),
    longest: Duration::from_millis(50),
    limit: Duration::from_secs(60),
};

fn patient(address: &str) -> Patient {
    let client = Client::new(&format!("http://{address}")).unwrap();
    Patient::new(client, HASTE)
}

/// Serves what `answer` says of a path with its query; the URL.
async fn played(
    answer: impl Fn(&Request) -> (StatusCode, Value) + Clone + Send + Sync + 'static,
) -> (String, JoinSet<()>) {
    crate::tls::install_provider();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let handler = move |request: Request| {
            let (status, body) = answer(&request);
            std::future::ready((status, Json(body)))
        };
        let router = Router::new().fallback(handler);
        axum::serve(listener, router).await.unwrap();
    });
    (address.to_string(), tasks)
}

/// An Ironic that is newer than anything that is known here, with two pages of nodes.
fn ironic(request: &Request) -> (StatusCode, Value) {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|text| text.to_str().ok())
    };
    let path = request.uri().path_and_query().unwrap().as_str();
    // ann:secret
    if header("authorization") != Some("Basic YW5uOnNlY3JldA==") {
        return (
            StatusCode::UNAUTHORIZED,
            json!({"error_message": "who are you?"}),
        );
    }
    if path == "/v1" {
        return (StatusCode::OK, json!({"version": {"version": "1.999"}}));
    }
    if header("x-openstack-ironic-api-version") != Some("1.115") {
        return (StatusCode::NOT_ACCEPTABLE, json!({"error_message": path}));
    }
    let nodes = "/v1/nodes/detail?include_children=True&limit=500";
    let body = match path.strip_prefix(nodes) {
        Some("") => {
            json!({"nodes": [{"uuid": "n1", "links": [], "ports": [], "driver_info": {"password": "******"}}],
            "next": "elsewhere"})
        }
        Some("&marker=n1") => json!({"nodes": [{"uuid": "n2"}]}),
        _ => match path.split('?').next().unwrap() {
            "/v1/allocations" => {
                json!({"allocations": [{"uuid": "a1", "node_uuid": "n2", "links": []}, {"uuid": "a2", "node_uuid": null}]})
            }
            "/v1/ports/detail" => {
                json!({"ports": [{"uuid": "p1", "node_uuid": "n1"}], "next": null})
            }
            "/v1/nodes/n1/inventory" => json!({"inventory": {"cpu": {}}, "plugin_data": {}}),
            "/v1/nodes/n2/inventory" => {
                return (StatusCode::NOT_FOUND, json!({"error_message": "none"}));
            }
            other => {
                let key = other
                    .trim_end_matches("/detail")
                    .rsplit('/')
                    .next()
                    .unwrap();
                json!({key: []})
            }
        },
    };
    (StatusCode::OK, body)
}

#[derive(Parser)]
struct Only {
    #[command(flatten)]
    access: Access,
}

#[tokio::test]
async fn an_ironic_is_read_page_by_page() {
    let (address, _tasks) = played(ironic).await;
    let access = Only::parse_from(["test"]).access;
    let url = format!("http://ann:secret@{address}/v1/");
    let ironic = Ironic::open(&url, &access, HASTE).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export");
    let mut sink = Sink::file(Some(&path), true).unwrap();
    let secrets = Secrets::parse(r#"{"uuid": "n1", "driver_info": {"password": "p"}}"#).unwrap();
    ironic.read(&secrets, &mut sink).await.unwrap();
    sink.end().await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("ann") && !text.contains("secret@"), "{text}");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let header = (&lines[0]["ferric_export"], &lines[0]["secrets"]);
    assert_eq!(header, (&json!(1), &json!(true)), "a password is in it");
    let expected = [
        json!({"kind": "node", "document": {"uuid": "n1", "driver_info": {"password": "p"}}}),
        json!({"kind": "node", "document": {"uuid": "n2"}, "allocation": {"uuid": "a1", "node_uuid": "n2"}}),
        json!({"kind": "port", "document": {"uuid": "p1", "node_uuid": "n1"}}),
        json!({"kind": "inventory", "document": {"inventory": {"cpu": {}}, "plugin_data": {}, "node": "n1"}}),
        json!({"kind": "allocation", "document": {"uuid": "a2", "node_uuid": null}}),
    ];
    assert_eq!(lines[1..], expected);
    assert!(
        Sink::file(Some(&path), false).is_err(),
        "an export is never written over"
    );
    let wrong = Ironic::open(&format!("http://{address}"), &access, HASTE).await;
    assert!(wrong.is_err());
}

fn record(uuid: &str) -> Record {
    let document = json!({"uuid": uuid});
    Record::new("node", document.as_object().unwrap().clone())
}

#[tokio::test]
async fn what_was_refused_and_what_lacks_secrets_is_told_at_the_end() {
    let sent = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&sent);
    let (address, _tasks) = played(move |_| {
        *counted.lock() += 1;
        let created = json!({"kind": "node", "uuid": "n1", "outcome": "created", "missing": ["driver_info/password"]});
        let refused = json!({"kind": "node", "uuid": "n2", "outcome": "refused", "error_message": "no"});
        (StatusCode::OK, json!({"results": [created, refused]}))
    })
    .await;
    let client = patient(&address);
    let mut sink = Sink::api(Importer::new(client, false, false));
    let header = r#"{"ferric_export": 1, "source": "x"}"#;
    sink.begin(Header::parse(header).unwrap()).unwrap();
    for number in 0..201 {
        sink.take(record(&number.to_string())).await.unwrap();
    }
    let error = sink.end().await.unwrap_err();
    assert_eq!(*sent.lock(), 2, "200 records and one");
    let incomplete = error.downcast_ref::<Incomplete>().unwrap().to_string();
    assert!(
        incomplete.starts_with("2 records were refused and 2 nodes lack secrets"),
        "{incomplete}"
    );
}

#[tokio::test]
async fn one_record_that_spoils_a_request_is_found_and_refused_alone() {
    let (address, _tasks) = played(|request| {
        let length = request
            .headers()
            .get("content-length")
            .unwrap()
            .to_str()
            .unwrap();
        // The others are shorter.
        if length.parse::<usize>().unwrap() > 120 {
            return (
                StatusCode::BAD_REQUEST,
                json!({"error_message": "too long"}),
            );
        }
        let created = json!({"kind": "node", "uuid": "n", "outcome": "created"});
        (StatusCode::OK, json!({"results": [created]}))
    })
    .await;
    let client = patient(&address);
    let mut sink = Sink::api(Importer::new(client, false, true));
    for uuid in ["a", &"b".repeat(100), "c"] {
        sink.take(record(uuid)).await.unwrap();
    }
    let error = sink.end().await.unwrap_err();
    let incomplete = error.downcast_ref::<Incomplete>().unwrap().to_string();
    assert!(
        incomplete.starts_with("1 records were refused and 0 nodes"),
        "{incomplete}"
    );
}
