//! `POST /ferric/v1/nodes/bulk`: one action on up to a thousand nodes, with a result for each, as if each had been asked
//! for by itself; and `/ferric/v1/bulk`, where the results can be asked for later.
//!
//! What a single request would be refused for is refused at once. The rest is stored before the answer, and is carried out
//! whether the client is still there or not.

mod accept;
mod request;
mod show;

use super::newest;
use crate::api::access::{Target, rules};
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use crate::conductor::Acceptance;
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_model::bulk::{BulkRequest, BulkState};
use ferric_model::ids::BulkRequestId;
use ferric_store::{FieldValue, Key, Query, SortOrder, Table};
use http::StatusCode;
use request::Request;
use serde_json::{Value, json};
use show::Part;

/// Items of a page, and requests of a list.
const MAX_LIMIT: usize = 1000;

pub(super) async fn bulk(call: Call, JsonObject(body): JsonObject) -> ApiResult<Response> {
    let call = newest(call);
    call.no_arguments()?;
    let request = Request::parse(body)?;
    let wait = request.wait;
    let id = match known(&call, &request).await? {
        Some(id) => id,
        None => stored(&call, request).await?,
    };
    let conductor = call.conductor();
    let settles = conductor.bulk_request_settles(id, wait);
    // A client is not kept waiting by a server that ends.
    if let Some(settled) = call.api.stop.run_until_cancelled(settles).await {
        settled?;
    }
    let found = read(&call, id)
        .await?
        .ok_or_else(|| ApiError::not_found(format!("bulk request {id} is over, and forgotten")))?;
    let (shown, counts) = show::with_items(&call, &found, &Part::whole()).await?;
    let status = match counts.of(BulkState::Queued) {
        0 => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    Ok((status, Json(shown)).into_response())
}

/// The request, if the client has sent it before.
async fn known(call: &Call, request: &Request) -> ApiResult<Option<BulkRequestId>> {
    let Some(id) = request.id else {
        return Ok(None);
    };
    let Some(known) = read(call, id).await? else {
        return Ok(None);
    };
    let asked = (
        call.access.project().map(str::to_owned),
        call.access.party(),
    );
    if known.digest != request.digest || (known.owner, known.by) != asked {
        return Err(ApiError::conflict(format!(
            "{id} is the id of another bulk request: choose another one"
        )));
    }
    Ok(Some(id))
}

async fn stored(call: &Call, request: Request) -> ApiResult<BulkRequestId> {
    let conductor = call.conductor();
    let mut new = conductor.new_bulk_request(request.id, request.action);
    new.owner = call.access.project().map(str::to_owned);
    new.by = call.access.party();
    new.digest.clone_from(&request.digest);
    let (request, id) = (&request, new.id);
    let items = accept::items(call, request, &mut new).await?;
    match conductor.accept_bulk_request(new, items).await? {
        Acceptance::Stored => Ok(id),
        // The same client sent it twice at the same time.
        Acceptance::Known => known(call, request).await?.ok_or_else(|| {
            ApiError::conflict("the bulk request has been stored in between: send it again")
        }),
    }
}

/// `GET /ferric/v1/bulk/{request}`, with `limit`, `after` and `state`.
pub(super) async fn one(call: Call, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let call = newest(call);
    call.arguments.allow(&["limit", "after", "state"])?;
    let request = find(&call, &id).await?;
    let state: Option<BulkState> = match call.arguments.text("state") {
        None => None,
        Some(name) => Some(name.parse().map_err(|_| {
            let names: Vec<_> = BulkState::ALL.iter().map(|state| state.name()).collect();
            let names = names.join(", ");
            ApiError::invalid(format!("state must be one of {names}, not {name:?}"))
        })?),
    };
    let after = call.arguments.integer("after")?.map(u32::try_from);
    let after = after
        .transpose()
        .map_err(|_| ApiError::invalid("after must be the number of an item"))?;
    let part = Part {
        limit: limit(&call)?,
        after,
        state,
    };
    Ok(Json(show::with_items(&call, &request, &part).await?.0))
}

/// `GET /ferric/v1/bulk`, the newest first, with `limit` and `marker`.
pub(super) async fn all(call: Call) -> ApiResult<Json<Value>> {
    let call = newest(call);
    call.arguments.allow(&["limit", "marker"])?;
    let limit = limit(&call)?;
    let mut query = Query {
        order: SortOrder::Descending,
        marker: call.arguments.text("marker").map(str::to_owned),
        limit,
        ..Query::all(Table::BulkRequest)
    };
    if let Some(project) = call.access.project_of_list() {
        query = query.filter("owner", vec![FieldValue::Text(project.to_owned())]);
    }
    let records = call.conductor().store().page(&query).await?.records;
    let last = records.last().map(|record| record.key.id.clone());
    let next = last.filter(|_| records.len() == limit);
    let requests = records
        .iter()
        .map(|record| Ok(show::request(&record.decode()?)));
    let requests: Vec<Value> = requests.collect::<ApiResult<_>>()?;
    Ok(Json(json!({"requests": requests, "next": next})))
}

/// `POST /ferric/v1/bulk/{request}/cancel`: what has not begun never will.
pub(super) async fn cancel(call: Call, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let call = newest(call);
    call.no_arguments()?;
    let request = find(&call, &id).await?;
    let owner = Target::of_bulk_request(request.owner.as_deref());
    call.access.check(&rules::FERRIC_BULK_CANCEL, owner)?;
    let cancelled = call.conductor().cancel_bulk_request(request.id).await?;
    Ok(Json(json!({"id": request.id, "cancelled": cancelled})))
}

/// 404 for those of other projects too.
async fn find(call: &Call, id: &str) -> ApiResult<BulkRequest> {
    let found = match id.parse() {
        Ok(id) => read(call, id).await?,
        Err(_) => None,
    };
    let owner = found.as_ref().and_then(|request| request.owner.as_deref());
    let sees = call
        .access
        .check(&rules::FERRIC_BULK_GET, Target::of_bulk_request(owner));
    found
        .filter(|_| sees.is_ok())
        .ok_or_else(|| ApiError::not_found(format!("bulk request {id} could not be found")))
}

async fn read(call: &Call, id: BulkRequestId) -> ApiResult<Option<BulkRequest>> {
    let key = Key::new(Table::BulkRequest, id);
    let record = call.conductor().store().get(&key).await?;
    let request = record.map(|record| record.decode()).transpose();
    Ok(request?)
}

fn limit(call: &Call) -> ApiResult<usize> {
    match call.arguments.integer("limit")?.map(usize::try_from) {
        None => Ok(MAX_LIMIT),
        Some(Ok(limit)) if limit > 0 => Ok(limit.min(MAX_LIMIT)),
        Some(_) => Err(ApiError::invalid("limit must be positive")),
    }
}
