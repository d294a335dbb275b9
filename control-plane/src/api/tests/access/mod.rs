//! The operators' API as callers with roles meet it, and those without a password.

mod bulk;
mod held;
mod hidden;
mod history;
mod lessees;
mod nodes;
mod others;
mod policy;
mod streams;

use super::fixture::{Answer, Server};
use crate::api::{Gate, operator_router};
use crate::auth::{Authenticator, Identity, Project, Role, Scope};
use crate::config::auth::Rbac;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

const OURS: &str = "project-ours";
const THEIRS: &str = "project-theirs";

/// With this role and what it implies, in a project.
fn in_project(role: Role, id: &str) -> Identity {
    let identity = Identity {
        user: "u".to_owned(),
        project: Some(Project {
            id: id.to_owned(),
            name: Some(format!("name of {id}")),
        }),
        ..Identity::default()
    };
    identity.with_implied_roles([role])
}

fn in_system(role: Role) -> Identity {
    let scope = Scope::System;
    let identity = Identity {
        scope,
        ..Identity::default()
    };
    identity.with_implied_roles([role])
}

/// A server with nodes, and the operators' API as somebody with a token meets it.
struct World {
    server: Server,
}

impl World {
    async fn start() -> Self {
        let server = Server::start().await;
        Self { server }
    }

    /// A node with these projects, made by whoever may do everything.
    async fn node(&self, name: &str, owner: Option<&str>, lessee: Option<&str>) -> String {
        let body = json!({"driver": "fake-hardware", "name": name, "owner": owner, "lessee": lessee,
            "network_interface": "noop", "driver_info": {"rack": "one"}});
        let made = self.server.call(Method::POST, "/v1/nodes", body).await;
        assert_eq!(made.status, 201, "{}", made.fault());
        made.body["uuid"].as_str().unwrap().to_owned()
    }

    async fn as_one(&self, who: &Identity, method: Method, path: &str, body: Value) -> Answer {
        self.under(Rbac::default(), who, (method, path, body)).await
    }

    /// With other settings than the default.
    async fn under(
        &self,
        rbac: Rbac,
        who: &Identity,
        (method, path, body): (Method, &str, Value),
    ) -> Answer {
        let gate = Gate::new(Authenticator::played(who.clone()), rbac);
        let stop = self.server.stop.clone();
        let router = operator_router(
            self.server.conductor.clone(),
            Some("http://api"),
            stop,
            gate,
        );
        ask(&router, method, path, &[], body).await
    }

    async fn get(&self, who: &Identity, path: &str) -> Answer {
        self.as_one(who, Method::GET, path, Value::Null).await
    }

    /// 403 or so, and a sentence that says why.
    async fn refuses(&self, who: &Identity, call: (Method, &str, Value), status: u16, text: &str) {
        let (method, path, body) = call;
        let answer = self.as_one(who, method.clone(), path, body).await;
        let fault = answer.fault();
        assert_eq!(answer.status, status, "{method} {path}: {fault}");
        assert!(fault.contains(text), "{method} {path}: {fault}");
    }
}

async fn ask(
    router: &Router,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> Answer {
    let body = match body {
        Value::Null => Body::empty(),
        body => Body::from(body.to_string()),
    };
    let request = Request::builder().method(method).uri(path);
    let request = request.header("X-OpenStack-Ironic-API-Version", "latest");
    let with =
        |request: http::request::Builder, header: &(&str, &str)| request.header(header.0, header.1);
    let request = headers.iter().fold(request, with).body(body).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 16 << 20).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    }
}

/// The UUIDs of a list.
fn uuids(answer: &Answer, of: &str) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.fault());
    let items = answer.body[of].as_array().unwrap().iter();
    items
        .map(|item| item["uuid"].as_str().unwrap().to_owned())
        .collect()
}
