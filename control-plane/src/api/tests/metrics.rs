//! The figures that Prometheus reads.

use super::fixture::Server;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

async fn scrape(server: &Server) -> String {
    // As Prometheus asks: without a header of Ironic's.
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = server.operator.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn value(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

#[tokio::test]
async fn nodes_and_periodic_jobs_are_counted() {
    let server = Server::start_with(|settings| {
        settings.conductor.sensor_data_interval_s = 1;
        settings.conductor.sensor_data_for_undeployed_nodes = true;
    })
    .await;
    let node = server.node("a").await;
    for name in ["b", "c"] {
        server.node(name).await;
    }
    server
        .provision("a", json!({"target": "manage"}), "manageable")
        .await;
    let text = scrape(&server).await;
    let nodes = |state: &str| {
        let name = format!("ferric_nodes{{provision_state=\"{state}\",maintenance=\"false\"}}");
        value(&text, &name)
    };
    assert_eq!(nodes("enroll"), Some(2.0), "{text}");
    assert_eq!(nodes("manageable"), Some(1.0), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    for (name, expected) in [
        ("ferric_ownership_nodes", 3.0),
        ("ferric_ownership_taken_over_total", 0.0),
        ("ferric_ownership_handed_over_total", 0.0),
        ("ferric_forward_calls_total", 0.0),
        ("ferric_forward_answered_total", 0.0),
        ("ferric_forward_call_seconds_total", 0.0),
    ] {
        assert_eq!(value(&text, name), Some(expected), "{name}: {text}");
    }

    let stop = CancellationToken::new();
    let (conductor, until) = (server.conductor.clone(), stop.clone());
    let mut running = JoinSet::new();
    running.spawn(async move { conductor.run(until).await });
    let passes = "ferric_periodic_passes_total{job=\"comparing its power state\"}";
    let text = loop {
        let text = scrape(&server).await;
        if value(&text, passes).is_some_and(|passes| passes >= 1.0) {
            break text;
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert!(value(&text, "ferric_power_sync_nodes").is_some(), "{text}");
    let sensor = format!("{{node=\"{node}\",sensor=\"fake/inlet\"}}");
    for (name, expected) in [("temperature_celsius", 20.0), ("healthy", 1.0)] {
        let name = format!("ferric_sensor_{name}{sensor}");
        loop {
            let text = scrape(&server).await;
            if let Some(found) = value(&text, &name) {
                assert_eq!(found, expected);
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
    stop.cancel();
    running.join_next().await.unwrap().unwrap().unwrap();
    let machines = Request::get("/metrics").body(Body::empty()).unwrap();
    let refused = server.machine.clone().oneshot(machines).await.unwrap();
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
}
