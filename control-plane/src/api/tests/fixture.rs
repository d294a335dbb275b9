//! A conductor with fake hardware and a store in memory, and both routers in front of it; no socket.

use crate::api::{Gate, machine_router, operator_router};
use crate::auth::Authenticator;
use crate::boot::BootPlane;
use crate::conductor::{Conductor, HttpTransport, Parts, SystemEnvironment};
use crate::config::auth::Rbac;
use crate::config::{Overrides, Settings};
use axum::Router;
use axum::body::{Body, to_bytes};
use ferric_drivers::{Drivers, Enabled, FakeMachines};
use ferric_store::{RedbStore, Store};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(in crate::api) struct Server {
    pub(in crate::api) operator: Router,
    pub(in crate::api) machine: Router,
    pub(in crate::api) conductor: Conductor,
    pub(in crate::api) stop: CancellationToken,
    pub(super) fakes: FakeMachines,
    _folder: tempfile::TempDir,
}

/// What came back.
pub(in crate::api) struct Answer {
    pub(in crate::api) status: StatusCode,
    pub(in crate::api) headers: HeaderMap,
    pub(in crate::api) body: Value,
}

impl Answer {
    /// The sentence of a refusal, from either kind of doubly encoded body.
    pub(in crate::api) fn fault(&self) -> String {
        let inner = self.body["error_message"].as_str().unwrap_or_default();
        let inner: Value = serde_json::from_str(inner).unwrap_or_default();
        let text = inner.get("faultstring").or(inner.get("description"));
        text.and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

impl Server {
    pub(in crate::api) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(in crate::api) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        crate::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let overrides = Overrides {
            state_dir: Some(folder.path().to_owned()),
            ..Overrides::default()
        };
        let mut settings = Settings::load(None, overrides).unwrap();
        change(&mut settings);
        let settings = Arc::new(settings);
        let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().unwrap());
        let fakes = FakeMachines::default();
        let drivers = Drivers::new(ferric_drivers::Settings::default(), fakes.clone());
        let client = reqwest::Client::new();
        let boot = BootPlane::new(Arc::clone(&settings), Arc::clone(&store), client);
        let conductor = Conductor::new(Parts {
            boot: boot.clone(),
            settings,
            store,
            drivers: Arc::new(drivers),
            enabled: Enabled::default(),
            environment: Arc::new(SystemEnvironment::new()),
            transport: Arc::new(HttpTransport::default()),
        });
        conductor.start().await.unwrap();
        let stop = CancellationToken::new();
        let gate = Gate::new(Authenticator::nobody(), Rbac::default());
        Self {
            operator: operator_router(conductor.clone(), Some("http://api"), stop.clone(), gate),
            // As the process serves it, with what machines boot from.
            machine: machine_router(conductor.clone(), Some("http://machines"), stop.clone())
                .merge(crate::boot::router(boot, Arc::new(|_, _| ()))),
            conductor,
            stop,
            fakes,
            _folder: folder,
        }
    }

    /// As an operator, in the newest version.
    pub(in crate::api) async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        self.call_in("latest", method, path, body).await
    }

    pub(in crate::api) async fn call_in(
        &self,
        version: &str,
        method: Method,
        path: &str,
        body: Value,
    ) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        send(&self.operator, version, method, path, body).await
    }

    pub(in crate::api) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, Value::Null).await
    }

    /// A new node of the fake hardware; its UUID.
    pub(in crate::api) async fn node(&self, name: &str) -> String {
        let body = serde_json::json!({"driver": "fake-hardware", "name": name, "network_interface": "noop"});
        let made = self.call(Method::POST, "/v1/nodes", body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
        made.body["uuid"].as_str().unwrap().to_owned()
    }

    /// Asks for a verb and waits until the node is where it leads to.
    pub(in crate::api) async fn provision(&self, node: &str, body: Value, ends: &str) {
        let path = format!("/v1/nodes/{node}/states/provision");
        let asked = self.call(Method::PUT, &path, body).await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.fault());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let states = self.get(&format!("/v1/nodes/{node}/states")).await.body;
            if states["provision_state"] == ends && states["target_provision_state"].is_null() {
                return;
            }
            assert!(Instant::now() < deadline, "the node stays at {states}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(in crate::api) async fn send(
    router: &Router,
    version: &str,
    method: Method,
    path: &str,
    body: impl Into<Body>,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("X-OpenStack-Ironic-API-Version", version)
        .header("Content-Type", "application/json")
        .body(body.into())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 16 << 20).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    }
}
