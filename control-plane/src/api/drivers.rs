//! `/v1/drivers`: the hardware types that are enabled, and which live conductors serve them.

use super::call::{Api, Call};
use super::conductors;
use super::error::{ApiError, ApiResult};
use super::fields::{need, newer};
use super::path::Path;
use super::root::Resource;
use axum::routing::get;
use axum::{Json, Router};
use ferric_drivers::{InterfaceKind, logical_disk_properties, properties};
use ferric_model::node::Object;
use serde_json::{Value, json};

const RAID_SINCE: u16 = 12;
const PROPERTY_LINKS_SINCE: u16 = 14;
const TYPE_SINCE: u16 = 30;
const FIELDS_SINCE: u16 = 77;

pub(super) const RESOURCE: Resource = Resource {
    name: "drivers",
    since: 1,
    routes,
};

fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/drivers", get(list))
        .route("/v1/drivers/{driver}", get(show))
        .route("/v1/drivers/{driver}/properties", get(property_list))
        .route(
            "/v1/drivers/{driver}/raid/logical_disk_properties",
            get(logical_disks),
        )
}

/// Since when a driver tells of a kind of interface.
fn kind_since(kind: InterfaceKind) -> u16 {
    match kind {
        InterfaceKind::Storage => 33,
        InterfaceKind::Rescue => 38,
        InterfaceKind::Bios => 40,
        InterfaceKind::Firmware => 86,
        InterfaceKind::Boot
        | InterfaceKind::Console
        | InterfaceKind::Deploy
        | InterfaceKind::Inspect
        | InterfaceKind::Management
        | InterfaceKind::Network
        | InterfaceKind::Power
        | InterfaceKind::Raid
        | InterfaceKind::Vendor => TYPE_SINCE,
    }
}

async fn list(call: Call) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["type", "detail", "fields"])?;
    let detail = call.arguments.boolean("detail")?;
    let wanted = call.arguments.text("type");
    for (name, given) in [("type", wanted.is_some()), ("detail", detail.is_some())] {
        if given && call.version.0 < TYPE_SINCE {
            return Err(newer(&format!("the argument {name}"), TYPE_SINCE));
        }
    }
    if !matches!(wanted, None | Some("classic" | "dynamic")) {
        return Err(ApiError::invalid("type must be classic or dynamic"));
    }
    let fields = fields(&call)?;
    if detail == Some(true) && fields.is_some() {
        return Err(ApiError::invalid("detail and fields do not go together"));
    }
    let mut drivers = Vec::new();
    for name in call.conductor().enabled().hardware_types() {
        // Classic drivers are gone for good.
        if wanted != Some("classic") {
            let whole = detail == Some(true) || fields.is_some();
            drivers.push(trimmed(
                driver(&call, name, whole).await?,
                fields.as_deref(),
            )?);
        }
    }
    Ok(Json(json!({"drivers": drivers})))
}

async fn show(call: Call, Path(name): Path<String>) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["fields"])?;
    let fields = fields(&call)?;
    let name = enabled(&call, &name)?;
    trimmed(driver(&call, name, true).await?, fields.as_deref()).map(Json)
}

async fn property_list(call: Call, Path(name): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let name = enabled(&call, &name)?;
    let properties = properties(name).unwrap_or_default();
    Ok(Json(json!(properties)))
}

/// What a logical disk of a RAID configuration may say.
async fn logical_disks(call: Call, Path(name): Path<String>) -> ApiResult<Json<Value>> {
    need(
        call.version,
        RAID_SINCE,
        "the resource logical_disk_properties",
    )?;
    call.no_arguments()?;
    enabled(&call, &name)?;
    Ok(Json(json!(logical_disk_properties())))
}

fn enabled(call: &Call, name: &str) -> ApiResult<&'static str> {
    let known = call.conductor().enabled().hardware_types();
    let found = |name: &str| known.iter().copied().find(|known| *known == name);
    let found = found(name).or_else(|| found(call.without_suffix(name)?));
    found.ok_or_else(|| {
        ApiError::not_found(format!(
            "driver or hardware type {name} could not be found, or is not enabled"
        ))
    })
}

fn fields(call: &Call) -> ApiResult<Option<Vec<String>>> {
    let fields = call.arguments.list("fields");
    if fields.is_some() && call.version.0 < FIELDS_SINCE {
        return Err(newer("the argument fields", FIELDS_SINCE));
    }
    Ok(fields)
}

fn trimmed(mut driver: Object, fields: Option<&[String]>) -> ApiResult<Value> {
    if let Some(fields) = fields {
        if let Some(unknown) = fields.iter().find(|name| !driver.contains_key(*name)) {
            return Err(ApiError::invalid(format!(
                "{unknown} is not a field that can be asked for"
            )));
        }
        driver.retain(|name, _| name == "links" || fields.contains(name));
    }
    Ok(Value::Object(driver))
}

async fn driver(call: &Call, name: &'static str, whole: bool) -> ApiResult<Object> {
    let mut shown = Object::new();
    let mut put = |key: &str, value: Value| shown.insert(key.to_owned(), value);
    put("name", Value::from(name));
    put("hosts", json!(conductors::hosts_of(call, name).await?));
    put("links", call.base.pair(format!("drivers/{name}")));
    if call.version.0 >= PROPERTY_LINKS_SINCE {
        put(
            "properties",
            call.base.pair(format!("drivers/{name}/properties")),
        );
    }
    if call.version.0 >= TYPE_SINCE {
        put("type", Value::from("dynamic"));
    }
    if whole {
        let enabled = call.conductor().enabled();
        for kind in InterfaceKind::ALL {
            if kind_since(kind) <= call.version.0 {
                put(
                    &format!("default_{kind}_interface"),
                    json!(enabled.default_of(name, kind)),
                );
                put(
                    &format!("enabled_{kind}_interfaces"),
                    json!(enabled.listed(name, kind)),
                );
            }
        }
    }
    Ok(shown)
}
