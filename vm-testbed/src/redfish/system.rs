//! The computer system: identity, power state, and the boot override, which is the one thing that a PATCH changes.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::error::Refusal;
use super::resource::{answer, collection, entity_tag, healthy, link, matches, with_address};
use super::{Bmc, View, paths, reset};
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

async fn show(State(bmc): State<Bmc>, headers: HeaderMap) -> Response {
    let view = bmc.view();
    // No 304 here: the power state changes without a new tag.
    drop(headers);
    let tag = tag(&view);
    answer(&HeaderMap::new(), body(&view), &tag)
}

async fn change(
    State(bmc): State<Bmc>,
    headers: HeaderMap,
    patch: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Response {
    if !matches(&headers, &tag(&bmc.view())) {
        let message = "The resource has changed since the given entity tag.";
        return Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            message,
        )
        .into_response();
    }
    let Ok(Json(patch)) = patch else {
        return Refusal::bad("MalformedJSON", "The body is not a JSON object.").into_response();
    };
    match parse(&patch) {
        Err(refusal) => refusal.into_response(),
        Ok(wanted) => {
            bmc.machine
                .change_boot(|boot| boot.change(wanted.target, wanted.enabled, wanted.mode));
            (StatusCode::NO_CONTENT, [(header::ETAG, tag(&bmc.view()))]).into_response()
        }
    }
}

#[derive(Debug, Default)]
struct Wanted {
    target: Option<Target>,
    enabled: Option<Duration>,
    mode: Option<Mode>,
}

fn parse(patch: &Map<String, Value>) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::default();
    for (name, value) in patch {
        let (true, Some(boot)) = (name == "Boot", value.as_object()) else {
            return Err(Refusal::bad(
                "PropertyNotWritable",
                format!("The property {name} can not be written."),
            ));
        };
        for (name, value) in boot {
            match name.as_str() {
                "BootSourceOverrideTarget" => wanted.target = Some(one_of(name, value)?),
                "BootSourceOverrideEnabled" => wanted.enabled = Some(one_of(name, value)?),
                "BootSourceOverrideMode" => wanted.mode = Some(one_of(name, value)?),
                _ => {
                    let message = format!("The property Boot/{name} can not be written.");
                    return Err(Refusal::bad("PropertyNotWritable", message));
                }
            }
        }
    }
    Ok(wanted)
}

fn one_of<T: DeserializeOwned>(name: &str, value: &Value) -> Result<T, Refusal> {
    serde_json::from_value(value.clone()).map_err(|_| {
        let message = format!(
            "The value {value} of the property {name} is not in the list of acceptable values."
        );
        Refusal::bad("PropertyValueNotInList", message)
    })
}
