//! The computer system: identity, power state, and the boot override, which is the one thing that a PATCH changes.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::error::{Refusal, changes, shown};
use super::resource::{
    answer_tagged, collection, entity_tag, healthy, link, matches, with_address,
};
use super::{Bmc, View, message, paths, reset};
use crate::boot::{Duration, Mode, Override, Target};
use crate::config::Machine;
use crate::machine::{MANUFACTURER, MODEL};

const TARGETS: [Target; 4] = [Target::None, Target::Pxe, Target::Cd, Target::Hdd];
const DURATIONS: [Duration; 3] = [Duration::Disabled, Duration::Once, Duration::Continuous];
const MODES: [Mode; 2] = [Mode::Uefi, Mode::Legacy];

pub(super) fn routes(machine: &Machine) -> Router<Bmc> {
    let path = paths::system(machine);
    collection(
        paths::SYSTEMS,
        "ComputerSystem",
        std::slice::from_ref(&path),
    )
    .route(&path, get(show).patch(change))
}

fn body(view: &View<'_>) -> Value {
    let machine = view.machine;
    let at = |rest: &str| link(paths::under_system(machine, rest));
    json!({
        "@odata.id": paths::system(machine),
        "@odata.type": "#ComputerSystem.v1_20_1.ComputerSystem",
        "Id": machine.uuid,
        "Name": machine.name,
        "HostName": null,
        "SystemType": "Virtual",
        "Manufacturer": MANUFACTURER,
        "Model": MODEL,
        "SerialNumber": machine.name,
        "UUID": machine.uuid,
        "Status": healthy(),
        "PowerState": view.status.power,
        "Boot": boot(&view.status.boot),
        "ProcessorSummary": {"Count": 1, "CoreCount": machine.cpus, "LogicalProcessorCount": machine.cpus,
            "Model": "QEMU", "Status": healthy()},
        "MemorySummary": {"TotalSystemMemoryGiB": f64::from(machine.memory) / 1024.0, "Status": healthy()},
        "Processors": at("Processors"),
        "Memory": at("Memory"),
        "EthernetInterfaces": at("EthernetInterfaces"),
        "Storage": at("Storage"),
        "SimpleStorage": at("SimpleStorage"),
        "Bios": at("Bios"),
        "VirtualMedia": at("VirtualMedia"),
        "Links": {
            "Chassis": [link(paths::CHASSIS)],
            "ManagedBy": [link(paths::MANAGER)],
        },
        "Actions": {"#ComputerSystem.Reset": reset::action(machine)},
    })
}

fn boot(setting: &Override) -> Value {
    json!({
        "BootSourceOverrideEnabled": setting.enabled,
        "BootSourceOverrideEnabled@Redfish.AllowableValues": DURATIONS,
        "BootSourceOverrideTarget": setting.target,
        "BootSourceOverrideTarget@Redfish.AllowableValues": TARGETS,
        "BootSourceOverrideMode": setting.mode,
        "BootSourceOverrideMode@Redfish.AllowableValues": MODES,
    })
}

/// Only what a PATCH can change makes a new version: a machine that was switched on is not another one to a client that sets its boot device.
fn tag(view: &View<'_>) -> String {
    entity_tag(&with_address(
        boot(&view.status.boot),
        &paths::system(view.machine),
    ))
}

async fn show(State(bmc): State<Bmc>) -> Response {
    let view = bmc.view();
    // Never a 304: the power state changes without a new tag.
    answer_tagged(body(&view), &tag(&view), "GET, HEAD, PATCH")
}

async fn change(
    State(bmc): State<Bmc>,
    headers: HeaderMap,
    patch: Bytes,
) -> Result<Response, Refusal> {
    if !matches(&headers, &tag(&bmc.view())) {
        return Err(Refusal::changed());
    }
    let wanted = parse(&changes(&patch)?, &body(&bmc.view()))?;
    bmc.machine
        .change_boot(|boot| boot.change(wanted.target, wanted.enabled, wanted.mode));
    let tag = [(header::ETAG, tag(&bmc.view()))];
    Ok((StatusCode::NO_CONTENT, tag).into_response())
}

#[derive(Debug, Default)]
struct Wanted {
    target: Option<Target>,
    enabled: Option<Duration>,
    mode: Option<Mode>,
}

fn parse(patch: &Map<String, Value>, system: &Value) -> Result<Wanted, Refusal> {
    if let Some(other) = patch.keys().find(|name| *name != "Boot") {
        return Err(Refusal::property(system, other));
    }
    let boot = patch.get("Boot").unwrap_or(&Value::Null);
    let Some(boot) = boot.as_object() else {
        let message = &message::PROPERTY_VALUE_TYPE_ERROR;
        return Err(Refusal::bad(message, &[&shown(boot), "Boot"]));
    };
    if boot.is_empty() {
        return Err(Refusal::bad(&message::NO_OPERATION, &[]));
    }
    let mut wanted = Wanted::default();
    for (name, value) in boot {
        match name.as_str() {
            "BootSourceOverrideTarget" => wanted.target = Some(one_of(name, value)?),
            "BootSourceOverrideEnabled" => wanted.enabled = Some(one_of(name, value)?),
            "BootSourceOverrideMode" => wanted.mode = Some(one_of(name, value)?),
            _ => return Err(Refusal::property(&system["Boot"], name)),
        }
    }
    Ok(wanted)
}

fn one_of<T: DeserializeOwned>(name: &str, value: &Value) -> Result<T, Refusal> {
    let message = if value.is_string() {
        &message::PROPERTY_VALUE_NOT_IN_LIST
    } else {
        &message::PROPERTY_VALUE_TYPE_ERROR
    };
    serde_json::from_value(value.clone()).map_err(|_| Refusal::bad(message, &[&shown(value), name]))
}
