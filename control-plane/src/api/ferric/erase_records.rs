//! `GET /ferric/v1/nodes/{node}/erase-records` and `GET /ferric/v1/erase-key`: what was done to the disks of a node, signed,
//! and the public key to check it with. An `envelope` is what `ferric verify-erase` takes as a file.

use super::newest;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes;
use crate::api::path::Path;
use crate::api::shape::shown_time;
use crate::erase_records;
use axum::Json;
use ferric_model::erasure::SignedErasure;
use ferric_store::{FieldValue, Query, Table};
use serde_json::{Value, json};

/// Of a page; a record has some 6 KiB.
const MAX_LIMIT: usize = 200;

/// In the order in which they were signed.
pub(super) async fn of_node(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    let call = newest(call);
    call.arguments.allow(&["limit", "marker"])?;
    let limit = match call.arguments.integer("limit")?.map(usize::try_from) {
        None => MAX_LIMIT,
        Some(Ok(limit)) if limit > 0 => limit.min(MAX_LIMIT),
        Some(_) => return Err(ApiError::invalid("limit must be positive")),
    };
    let marker = call.arguments.uuid("marker")?;
    let node = nodes::find::id(&call, &ident).await?;
    let query = Query {
        marker: marker.map(|marker| marker.to_string()),
        limit,
        ..Query::all(Table::EraseRecord)
    };
    let query = query.filter("node_uuid", vec![FieldValue::Text(node.to_string())]);
    let records = call.conductor().store().page(&query).await?.records;
    let last = records.last().map(|record| record.key.id.clone());
    let next = last.filter(|_| records.len() == limit);
    let shown = records
        .iter()
        .map(|record| Ok(shown(record.decode::<SignedErasure>()?)));
    let shown: Vec<Value> = shown.collect::<ApiResult<_>>()?;
    Ok(Json(json!({"erase_records": shown, "next": next})))
}

fn shown(erasure: SignedErasure) -> Value {
    json!({
        "uuid": erasure.uuid,
        "signed_at": shown_time(erasure.signed_at),
        "envelope": erase_records::file(erasure.envelope),
    })
}

/// That of the conductor that answers: each has its own.
pub(super) async fn key(call: Call) -> ApiResult<Json<Value>> {
    let call = newest(call);
    call.no_arguments()?;
    let conductor = call.conductor();
    let key = conductor.erase_key().map_err(|source| ApiError::Internal {
        doing: "reading the key of erase records".into(),
        source: source.into(),
    })?;
    let public = key.public();
    Ok(Json(json!({
        "conductor": conductor.settings().host,
        "algorithm": "ed25519",
        "keyid": public.fingerprint(),
        "public_key": public.to_pem(),
    })))
}
