//! The requests that are measured, answered without a look at anything but their ids.

use crate::database::Database;
use anyhow::Context;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{StatusCode, header};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// What Ferric answered, and for which nodes.
pub(crate) struct Samples {
    pub(crate) nodes: Vec<(u128, String)>,
    pub(crate) node: Bytes,
    pub(crate) row: Bytes,
    pub(crate) lookup: Bytes,
}

#[derive(Clone)]
struct Bare {
    database: Arc<Database>,
    node: Bytes,
    lookup: Bytes,
}

/// Why there is no answer: shown, since nobody but the benchmark asks.
struct Failure(anyhow::Error);

type Answer = Result<Response, Failure>;

impl Samples {
    pub(crate) fn read(folder: &std::path::Path) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).with_context(|| format!("reading {}", path.display()))
        };
        let list = String::from_utf8(read("nodes")?)?;
        let mut nodes = Vec::new();
        for line in list.lines() {
            let (id, mac) = line.split_once(' ').context("a line is UUID and MAC")?;
            nodes.push((id.parse::<Uuid>()?.as_u128(), mac.to_owned()));
        }
        Ok(Self {
            nodes,
            node: read("node.json")?.into(),
            row: read("row.json")?.into(),
            lookup: read("lookup.json")?.into(),
        })
    }
}

pub(crate) fn router(database: Arc<Database>, samples: &Samples) -> Router {
    Router::new()
        .route("/v1/nodes", get(list).post(create))
        .route("/v1/nodes/{id}", get(show).patch(update))
        .route("/v1/heartbeat/{id}", post(heartbeat))
        .route("/v1/lookup", get(lookup))
        .with_state(Bare {
            database,
            node: samples.node.clone(),
            lookup: samples.lookup.clone(),
        })
}

fn json(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (status, content_type, body.into()).into_response()
}

async fn show(State(bare): State<Bare>, Path(id): Path<Uuid>) -> Answer {
    Ok(match bare.database.node(id.as_u128())? {
        Some(document) => json(StatusCode::OK, document),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

async fn list(
    State(bare): State<Bare>,
    Query(arguments): Query<HashMap<String, String>>,
) -> Answer {
    let limit = arguments.get("limit").context("limit is missing")?;
    let rows = bare.database.rows(limit.parse()?)?;
    let mut body = Vec::with_capacity(rows.len() + 16);
    body.extend_from_slice(b"{\"nodes\":[");
    body.extend(rows);
    body.extend_from_slice(b"]}");
    Ok(json(StatusCode::OK, body))
}

async fn create(State(bare): State<Bare>, body: Bytes) -> Answer {
    drop(body);
    let id = Uuid::new_v4().as_u128();
    bare.database.put(id, bare.node.clone()).await?;
    Ok(json(StatusCode::CREATED, bare.node))
}

async fn update(State(bare): State<Bare>, Path(id): Path<Uuid>, body: Bytes) -> Answer {
    drop(body);
    let document = bare.database.node(id.as_u128())?;
    let document = document.context("no such node")?;
    bare.database.put(id.as_u128(), document.clone()).await?;
    Ok(json(StatusCode::OK, document))
}

async fn heartbeat(State(bare): State<Bare>, Path(id): Path<Uuid>, body: Bytes) -> Answer {
    drop(body);
    let document = bare.database.node(id.as_u128())?;
    let document = document.context("no such node")?;
    bare.database.put(id.as_u128(), document).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn lookup(
    State(bare): State<Bare>,
    Query(arguments): Query<HashMap<String, String>>,
) -> Answer {
    let mac = arguments.get("addresses").context("addresses is missing")?;
    let id = bare.database.by_mac(mac)?.context("no such machine")?;
    let document = bare.database.node(id)?.context("no such node")?;
    bare.database.put(id, document).await?;
    Ok(json(StatusCode::OK, bare.lookup))
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let text = format!("{:#}", self.0);
        (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
    }
}
