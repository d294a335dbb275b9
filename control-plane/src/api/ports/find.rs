//! From what stands in a path to the stored port.

use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes::find::is_name;
use ferric_model::ids::PortId;
use ferric_model::port::Port;
use ferric_store::{FieldValue, Key, Query, Record, Table};

pub(super) struct Found {
    pub(super) record: Record,
    pub(super) port: Port,
}

/// By UUID or name; 404 when there is none.
pub(super) async fn port(call: &Call, ident: &str) -> ApiResult<Found> {
    let mut record = record(call, ident).await?;
    if let (None, Some(stripped)) = (&record, call.without_suffix(ident)) {
        record = self::record(call, stripped).await?;
    }
    let record = record.ok_or_else(|| not_found(ident))?;
    let port = record.decode()?;
    Ok(Found { record, port })
}

pub(super) fn not_found(ident: &str) -> ApiError {
    ApiError::not_found(format!("port {ident} could not be found"))
}

async fn record(call: &Call, ident: &str) -> ApiResult<Option<Record>> {
    let store = call.conductor().store();
    if let Ok(id) = ident.parse::<PortId>() {
        Ok(store.get(&Key::new(Table::Port, id)).await?)
    } else if is_name(ident) {
        let name = FieldValue::Text(ident.to_owned());
        let mut query = Query::all(Table::Port).filter("name", vec![name]);
        query.limit = 1;
        Ok(store.page(&query).await?.records.pop())
    } else {
        let text = format!("{ident:?} is neither a UUID nor a name");
        Err(ApiError::invalid(text))
    }
}
