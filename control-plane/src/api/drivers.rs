//! `/v1/drivers`: the hardware types that live conductors serve, whichever of them is asked.

use super::arguments::missing;
use super::call::{Api, Call};
use super::conductors;
use super::error::{ApiError, ApiResult};
use super::fields::newer;
use super::path::Path;
use super::root::Resource;
use crate::api::gates::{
    DRIVER_BIOS, DRIVER_FIELDS, DRIVER_FIRMWARE, DRIVER_LINKS, DRIVER_RESCUE, DRIVER_STORAGE,
    DRIVER_TYPE,
};
use axum::routing::{any, get};
use axum::{Json, Router};
use ferric_drivers::{InterfaceKind, VendorError, logical_disk_properties, properties};
use ferric_model::conductor::{ConductorRecord, OfferedInterfaces};
use ferric_model::node::Object;
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
        .route("/v1/drivers/{driver}/vendor_passthru", any(passthru))
        .route(
            "/v1/drivers/{driver}/vendor_passthru/methods",
            get(passthru_methods),
        )
        .route(
            "/v1/drivers/{driver}/vendor_passthru/{method}",
            any(passthru_method),
        )
}

/// What live conductors have of a hardware type.
#[derive(Default)]
struct Served {
    hosts: Vec<String>,
    interfaces: BTreeMap<String, OfferedInterfaces>,
}

impl Served {
    /// Where defaults differ, the first conductor's is shown: only one can be.
    fn add(&mut self, name: &str, conductor: &ConductorRecord) {
        self.hosts.push(conductor.hostname.clone());
        for (kind, offered) in conductor.interfaces.get(name).into_iter().flatten() {
            let known = self.interfaces.entry(kind.clone()).or_default();
            for implementation in &offered.enabled {
                if !known.enabled.contains(implementation) {
                    known.enabled.push(implementation.clone());
                }
            }
            if known.default.is_none() {
                known.default.clone_from(&offered.default);
            }
        }
    }
}

async fn served(call: &Call) -> ApiResult<BTreeMap<String, Served>> {
    let mut drivers = BTreeMap::<String, Served>::new();
    for conductor in conductors::live(call).await? {
        for name in &conductor.drivers {
            let driver = drivers.entry(name.clone()).or_default();
            driver.add(name, &conductor);
        }
    }
    Ok(drivers)
}

/// Since when a driver tells of a kind of interface.
fn kind_since(kind: InterfaceKind) -> u16 {
    match kind {
        InterfaceKind::Storage => DRIVER_STORAGE,
        InterfaceKind::Rescue => DRIVER_RESCUE,
        InterfaceKind::Bios => DRIVER_BIOS,
        InterfaceKind::Firmware => DRIVER_FIRMWARE,
        InterfaceKind::Boot
        | InterfaceKind::Console
        | InterfaceKind::Deploy
        | InterfaceKind::Inspect
        | InterfaceKind::Management
        | InterfaceKind::Network
        | InterfaceKind::Power
        | InterfaceKind::Raid
        | InterfaceKind::Vendor => DRIVER_TYPE,
    }
}

async fn list(call: Call) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["type", "detail", "fields"])?;
    let detail = call.arguments.boolean("detail")?;
    let wanted = call.arguments.text("type");
    for (name, given) in [("type", wanted.is_some()), ("detail", detail.is_some())] {
        if given && call.version.0 < DRIVER_TYPE {
            return Err(newer(&format!("the argument {name}"), DRIVER_TYPE));
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
    // Classic drivers are gone for good.
    if wanted != Some("classic") {
        let whole = detail == Some(true) || fields.is_some();
        for (name, served) in served(&call).await? {
            let shown = driver(&call, &name, &served, whole);
            drivers.push(trimmed(shown, fields.as_deref())?);
        }
    }
    Ok(Json(json!({"drivers": drivers})))
}

async fn show(call: Call, Path(name): Path<String>) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["fields"])?;
    let fields = fields(&call)?;
    let (name, served) = find(&call, &name).await?;
    trimmed(driver(&call, &name, &served, true), fields.as_deref()).map(Json)
}

async fn property_list(call: Call, Path(name): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let (name, _) = find(&call, &name).await?;
    let properties = properties(&name).unwrap_or_default();
    Ok(Json(json!(properties)))
}

/// What a logical disk of a RAID configuration may say.
async fn logical_disks(call: Call, Path(name): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    find(&call, &name).await?;
    Ok(Json(json!(logical_disk_properties())))
}

/// By name, with what each is for. No driver has one that is not about a node, as none of Ironic's has.
async fn passthru_methods(call: Call, Path(name): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    find(&call, &name).await?;
    Ok(Json(json!({})))
}

async fn passthru(call: Call, Path(name): Path<String>) -> ApiResult<Json<Value>> {
    let method = call.arguments.text("method");
    let method = method.ok_or_else(|| missing("method"))?;
    find(&call, &name).await?;
    Err(match method.is_empty() {
        true => ApiError::invalid("Method not specified when calling vendor extension."),
        false => no_handler(method),
    })
}

/// The same with the method in the path.
async fn passthru_method(
    call: Call,
    Path((name, method)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    find(&call, &name).await?;
    Err(no_handler(&method))
}

fn no_handler(method: &str) -> ApiError {
    let error = VendorError::Unknown(method.to_owned());
    ApiError::invalid(error.to_string())
}

async fn find(call: &Call, name: &str) -> ApiResult<(String, Served)> {
    let mut drivers = served(call).await?;
    let known = match drivers.contains_key(name) {
        true => Some(name),
        false => call.without_suffix(name),
    };
    let found = known.and_then(|name| drivers.remove_entry(name));
    found.ok_or_else(|| {
        ApiError::not_found(format!(
            "driver or hardware type {name} could not be found, or is not enabled"
        ))
    })
}

fn fields(call: &Call) -> ApiResult<Option<Vec<String>>> {
    let fields = call.arguments.list("fields");
    if fields.is_some() && call.version.0 < DRIVER_FIELDS {
        return Err(newer("the argument fields", DRIVER_FIELDS));
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

fn driver(call: &Call, name: &str, served: &Served, whole: bool) -> Object {
    let mut shown = Object::new();
    let mut put = |key: &str, value: Value| shown.insert(key.to_owned(), value);
    put("name", Value::from(name));
    put("hosts", json!(served.hosts));
    put("links", call.base.pair(format!("drivers/{name}")));
    if call.version.0 >= DRIVER_LINKS {
        put(
            "properties",
            call.base.pair(format!("drivers/{name}/properties")),
        );
    }
    if call.version.0 >= DRIVER_TYPE {
        put("type", Value::from("dynamic"));
    }
    if whole {
        for kind in InterfaceKind::ALL {
            if kind_since(kind) <= call.version.0 {
                let offered = served.interfaces.get(kind.name());
                let default = offered.and_then(|offered| offered.default.as_deref());
                let enabled = offered.map_or(&[][..], |offered| offered.enabled.as_slice());
                put(&format!("default_{kind}_interface"), json!(default));
                put(&format!("enabled_{kind}_interfaces"), json!(enabled));
            }
        }
    }
    shown
}
