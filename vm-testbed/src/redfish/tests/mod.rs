//! The service as a client sees it, on a machine with a real QEMU.

mod access;
mod protocol;
mod system;
mod tree;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::machine::tests::{HALT, Living};

const BASIC: &str = "Basic YWRtaW46cGFzc3dvcmQ=";
const SYSTEM: &str = "/redfish/v1/Systems/6f1b8a52-0f5e-4a52-9a0e-000000000001";

struct Client {
    bmc: Bmc,
    living: Living,
}

impl Client {
    async fn new() -> Client {
        let living = Living::with_guest(HALT).await;
        Client {
            bmc: Bmc::new(living.machine.clone()),
            living,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            None => request.body(Body::empty()),
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
        };
        self.bmc.router().oneshot(request.unwrap()).await.unwrap()
    }

    /// A POST with a body as it is, and without saying what it is.
    async fn post_text(&self, path: &str, body: &'static str) -> Response {
        let request = Request::post(path)
            .header("authorization", BASIC)
            .body(Body::from(body));
        self.bmc.router().oneshot(request.unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let response = self
            .send(Method::GET, path, &[("authorization", BASIC)], None)
            .await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        body_of(response).await
    }

    async fn status(&self, method: Method, path: &str, body: Value) -> u16 {
        self.send(method, path, &[("authorization", BASIC)], Some(body))
            .await
            .status()
            .as_u16()
    }
}

async fn message_id(response: Response) -> String {
    let id = &body_of(response).await["error"]["@Message.ExtendedInfo"][0]["MessageId"];
    let id = id.as_str().unwrap_or_default();
    id.trim_start_matches("Base.1.18.").to_owned()
}

async fn body_of(response: Response) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_medium_is_shown_in_both_places() {
    let client = Client::new().await;
    let homes = [paths::MANAGER, SYSTEM].map(|home| format!("{home}/VirtualMedia/Cd"));
    let image = client.living.directory().join("boot.iso");
    std::fs::write(&image, vec![0; 4096]).unwrap();
    let url = format!("file://{}", image.display());
    let insert = format!("{}/Actions/VirtualMedia.InsertMedia", homes[0]);
    for bad in [
        json!({}),
        json!({"Image": "no url"}),
        json!({"Image": url, "WriteProtected": false}),
    ] {
        assert_eq!(
            client.status(Method::POST, &insert, bad.clone()).await,
            400,
            "{bad}"
        );
    }
    assert_eq!(
        client
            .status(Method::POST, &insert, json!({"Image": url}))
            .await,
        204
    );
    for home in &homes {
        let drive = client.get(home).await;
        let shown =
            ["Inserted", "Image", "ImageName", "ConnectedVia"].map(|key| drive[key].clone());
        assert_eq!(
            shown,
            [json!(true), json!(url), json!("boot.iso"), json!("URI")],
            "{home}"
        );
    }
    let eject = format!("{}/Actions/VirtualMedia.EjectMedia", homes[1]);
    assert_eq!(client.status(Method::POST, &eject, json!({})).await, 204);
    assert_eq!(client.get(&homes[0]).await["Inserted"], json!(false));
}

#[tokio::test]
async fn faults_come_before_everything_else_and_go_again() {
    let client = Client::new().await;
    client.bmc.set_fault(Fault {
        latency_ms: 0,
        status: Some(503),
    });
    assert_eq!(client.status(Method::GET, SYSTEM, json!(null)).await, 503);
    client.bmc.set_fault(Fault {
        latency_ms: 50,
        status: None,
    });
    let before = std::time::Instant::now();
    client.get(SYSTEM).await;
    assert!(before.elapsed().as_millis() >= 50);
    client.bmc.set_fault(Fault::default());
    client.get(SYSTEM).await;
}
