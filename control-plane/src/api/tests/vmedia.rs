//! Virtual media: what is attached is shown, what fails is told, and what each version has.

use super::fixture::{PATIENCE, Server};
use super::nodes::{patch, refused};
use ferric_drivers::FakeFault;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const MEDIA: &str = "/v1/nodes/a/vmedia";
const IMAGE: &str = "https://images/a.iso";

async fn images(server: &Server) -> Vec<Value> {
    let answer = server.get(MEDIA).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
    let slots = answer.body.as_array().unwrap().clone();
    slots
        .into_iter()
        .map(|slot| slot["image"].clone())
        .collect()
}

/// Waits until the drives (USB stick, CD, floppy disk) hold these.
async fn until_images(server: &Server, wanted: [Option<&str>; 3]) {
    let wanted: Vec<_> = wanted.iter().map(|image| json!(image)).collect();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = images(server).await;
        if found == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "the drives stay at {found:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn attach(server: &Server, device: &str) {
    let body = json!({"device_type": device, "image_url": IMAGE, "image_download_source": "http"});
    let answer = server.call(Method::POST, MEDIA, body).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.fault());
}

async fn detach(server: &Server, query: &str) {
    let path = format!("{MEDIA}{query}");
    let answer = server.call(Method::DELETE, &path, Value::Null).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.fault());
}

#[tokio::test]
async fn what_is_attached_is_shown_until_it_is_detached() {
    let server = Server::start().await;
    server.node("a").await;
    let empty = server.get(MEDIA).await.body;
    let cd = json!({"media_types": ["CD", "DVD"], "inserted": false, "image": null});
    assert_eq!(empty[1], cd);
    attach(&server, "cdrom").await;
    until_images(&server, [None, Some(IMAGE), None]).await;
    attach(&server, "disk").await;
    attach(&server, "floppy").await;
    until_images(&server, [Some(IMAGE); 3]).await;
    assert_eq!(server.get(MEDIA).await.body[2]["inserted"], true);
    detach(&server, "?device_types=cdrom,floppy").await;
    until_images(&server, [Some(IMAGE), None, None]).await;
    detach(&server, "").await;
    until_images(&server, [None; 3]).await;
}

#[tokio::test]
async fn what_fails_is_the_nodes_last_error_until_the_next_one() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let machine = server.fakes.machine(&node);
    machine.fail_next([FakeFault::Broken("the drive is stuck".to_owned())]);
    attach(&server, "cdrom").await;
    let deadline = Instant::now() + PATIENCE;
    let error = loop {
        let states = server.get("/v1/nodes/a/states").await.body;
        if let Some(error) = states["last_error"].as_str() {
            break error.to_owned();
        }
        assert!(Instant::now() < deadline, "no error came");
        sleep(Duration::from_millis(20)).await;
    };
    let expected = format!("Could not attach device cdrom to node {node}: ");
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.contains("the drive is stuck"), "{error}");
    let history = server.get("/v1/nodes/a/history").await.body;
    let told = history["history"].as_array().unwrap().iter();
    assert!(told.clone().any(|entry| entry["event"] == json!(error)));
    attach(&server, "cdrom").await;
    until_images(&server, [None, Some(IMAGE), None]).await;
    let states = server.get("/v1/nodes/a/states").await.body;
    assert_eq!(states["last_error"], Value::Null);
}

#[tokio::test]
async fn whoever_comes_while_it_is_done_is_told_so() {
    let server = Server::start_with(|settings| settings.conductor.node_lock_wait_s = 0).await;
    let node = server.node("a").await;
    let machine = server.fakes.machine(&node);
    // Long enough for the next request to come in time.
    machine.set_delay(Duration::from_secs(3));
    attach(&server, "cdrom").await;
    let answer = server.call(Method::DELETE, MEDIA, Value::Null).await;
    refused(&answer, 409, "attaching virtual media");
    machine.set_delay(Duration::ZERO);
    until_images(&server, [None, Some(IMAGE), None]).await;
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_at_once() {
    let server = Server::start().await;
    server.node("a").await;
    let body = json!({"device_type": "cdrom", "image_url": IMAGE});
    let cases = [
        (json!({"device_type": "tape", "image_url": IMAGE}), "tape"),
        (
            json!({"device_type": "cdrom", "image_url": "a.iso"}),
            "URL scheme",
        ),
        (json!({"device_type": "cdrom"}), "image_url is missing"),
        (json!([]), "object"),
    ];
    for (body, text) in cases {
        let answer = server.call(Method::POST, MEDIA, body).await;
        refused(&answer, 400, text);
    }
    let path = format!("{MEDIA}?device_types=cdrom,tape,pxe");
    let answer = server.call(Method::DELETE, &path, Value::Null).await;
    refused(
        &answer,
        400,
        "Invalid device type(s) tape, pxe (valid are disk, cdrom, floppy)",
    );
    let missing = server.call(Method::POST, "/v1/nodes/b/vmedia", body.clone());
    refused(&missing.await, 404, "b");
    for (method, body) in [
        (Method::POST, body.clone()),
        (Method::DELETE, Value::Null),
        (Method::GET, Value::Null),
    ] {
        let old = if method == Method::GET {
            "1.92"
        } else {
            "1.88"
        };
        let answer = server.call_in(old, method.clone(), MEDIA, body.clone());
        refused(
            &answer.await,
            404,
            if method == Method::GET {
                "1.93"
            } else {
                "1.89"
            },
        );
        let none = json!([{"op": "replace", "path": "/management_interface", "value": "noop"}]);
        assert_eq!(patch(&server, "a", none).await.status, StatusCode::OK);
        let answer = server.call(method, MEDIA, body).await;
        refused(&answer, 400, "does not support virtual media");
        let again = json!([{"op": "replace", "path": "/management_interface", "value": "fake"}]);
        assert_eq!(patch(&server, "a", again).await.status, StatusCode::OK);
    }
    assert_eq!(
        images(&server).await,
        [Value::Null, Value::Null, Value::Null]
    );
}
