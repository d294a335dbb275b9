//! From what stands in a path to the stored allocation.

use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes::find::is_name;
use ferric_model::allocation::Allocation;
use ferric_model::ids::{AllocationId, NodeId};
use ferric_store::{FieldValue, Key, Query, Record, Table};

/// By UUID or name; 404 when there is none.
pub(super) async fn allocation(call: &Call, ident: &str) -> ApiResult<(Record, Allocation)> {
    if ident.parse::<AllocationId>().is_err() && !is_name(ident) {
        return Err(ApiError::invalid(format!(
            "Expected a logical name or UUID but received {ident}."
        )));
    }
    let mut found = lookup(call, ident).await?;
    if let (None, Some(stripped)) = (&found, call.without_suffix(ident)) {
        found = lookup(call, stripped).await?;
    }
    let record = found.ok_or_else(|| not_found(ident))?;
    let allocation = record.decode()?;
    Ok((record, allocation))
}

/// That of a node.
pub(super) async fn of_node(call: &Call, node: NodeId) -> ApiResult<Option<Allocation>> {
    let found = by(call, "node_uuid", &node.to_string()).await?;
    Ok(found.map(|record| record.decode()).transpose()?)
}

pub(super) fn not_found(ident: &str) -> ApiError {
    ApiError::not_found(format!("Allocation {ident} could not be found."))
}

async fn lookup(call: &Call, ident: &str) -> ApiResult<Option<Record>> {
    match ident.parse::<AllocationId>() {
        Ok(id) => {
            let key = Key::new(Table::Allocation, id);
            Ok(call.conductor().store().get(&key).await?)
        }
        Err(_) => by(call, "name", ident).await,
    }
}

async fn by(call: &Call, field: &str, value: &str) -> ApiResult<Option<Record>> {
    let value = FieldValue::Text(value.to_owned());
    let mut query = Query::all(Table::Allocation).filter(field, vec![value]);
    query.limit = 1;
    Ok(call.conductor().store().page(&query).await?.records.pop())
}
