//! The virtual CD drive, shown under the manager (as older services do) and under the system (as newer ones do).

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Map, Value, json};
use url::Url;

use super::error::{Refusal, parameters, shown};
use super::resource::{collection, readable};
use super::{Bmc, View, message, paths};
use crate::config::Machine;
use crate::machine::Medium;

pub(super) fn routes(machine: &Machine) -> Router<Bmc> {
    let homes = [paths::MANAGER.to_owned(), paths::system(machine)];
    homes
        .iter()
        .fold(Router::new(), |all, home| all.merge(routes_at(home)))
}

fn routes_at(home: &str) -> Router<Bmc> {
    let path = format!("{home}/VirtualMedia/Cd");
    let own = path.clone();
    collection(
        &format!("{home}/VirtualMedia"),
        "VirtualMedia",
        std::slice::from_ref(&path),
    )
    .merge(readable(&path, move |view| body(view, &own)))
    .route(
        &format!("{path}/Actions/VirtualMedia.InsertMedia"),
        post(insert),
    )
    .route(
        &format!("{path}/Actions/VirtualMedia.EjectMedia"),
        post(eject),
    )
}

fn body(view: &View<'_>, path: &str) -> Value {
    let medium = view.status.medium.as_ref();
    json!({
        "@odata.type": "#VirtualMedia.v1_6_2.VirtualMedia",
        "Id": "Cd",
        "Name": "Virtual CD",
        "MediaTypes": ["CD", "DVD"],
        "Image": medium.map(|medium| medium.url.as_str()),
        "ImageName": medium.map(|medium| medium.name()),
        "ConnectedVia": if medium.is_some() { "URI" } else { "NotConnected" },
        "Inserted": medium.is_some(),
        "WriteProtected": true,
        "TransferMethod": "Upload",
        "Actions": {
            "#VirtualMedia.InsertMedia": {"target": format!("{path}/Actions/VirtualMedia.InsertMedia")},
            "#VirtualMedia.EjectMedia": {"target": format!("{path}/Actions/VirtualMedia.EjectMedia")},
        },
    })
}

const INSERT: &str = "VirtualMedia.InsertMedia";

async fn insert(State(bmc): State<Bmc>, body: Bytes) -> Result<StatusCode, Refusal> {
    let url = parse(&parameters(&body)?)?;
    let image = bmc.machine.fetch(&url).await.map_err(|error| {
        Refusal::bad(&message::COULD_NOT_ESTABLISH_CONNECTION, &[url.as_str()])
            .because(format!("{error:#}."))
    })?;
    let inserted = bmc.machine.insert(image).await;
    inserted.map_err(|error| Refusal::internal(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(parameters: &Map<String, Value>) -> Result<Url, Refusal> {
    for name in ["Inserted", "WriteProtected"] {
        match parameters.get(name) {
            None | Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => {
                let detail = "A medium of this drive is always inserted and write-protected.";
                let message = &message::ACTION_PARAMETER_NOT_SUPPORTED;
                return Err(Refusal::bad(message, &[name, INSERT]).because(detail));
            }
            Some(value) => return Err(type_error(name, value)),
        }
    }
    let missing = || Refusal::bad(&message::ACTION_PARAMETER_MISSING, &[INSERT, "Image"]);
    let value = parameters.get("Image").ok_or_else(missing)?;
    let image = value.as_str().ok_or_else(|| type_error("Image", value))?;
    let url = Url::parse(image).map_err(|error| format_error(image, &error.to_string()))?;
    if !Medium::SCHEMES.contains(&url.scheme()) {
        let schemes = Medium::SCHEMES.join(", ");
        return Err(format_error(
            image,
            &format!("its scheme is none of {schemes}"),
        ));
    }
    Ok(url)
}

fn type_error(name: &str, value: &Value) -> Refusal {
    let message = &message::ACTION_PARAMETER_VALUE_TYPE_ERROR;
    Refusal::bad(message, &[&shown(value), name, INSERT])
}

fn format_error(image: &str, why: &str) -> Refusal {
    let message = &message::ACTION_PARAMETER_VALUE_FORMAT_ERROR;
    Refusal::bad(message, &[image, "Image", INSERT]).because(format!("It is no URL to use: {why}."))
}

async fn eject(State(bmc): State<Bmc>) -> Result<StatusCode, Refusal> {
    bmc.machine
        .eject()
        .await
        .map_err(|error| Refusal::internal(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_inserted_is_refused_by_its_reason() {
        for (body, expected) in [
            (json!({}), "ActionParameterMissing"),
            (json!({"Image": 1}), "ActionParameterValueTypeError"),
            (json!({"Image": null}), "ActionParameterValueTypeError"),
            (
                json!({"Image": "no url"}),
                "ActionParameterValueFormatError",
            ),
            (
                json!({"Image": "nfs://host/a.iso"}),
                "ActionParameterValueFormatError",
            ),
            (
                json!({"Image": "http://host/a.iso", "Inserted": "yes"}),
                "ActionParameterValueTypeError",
            ),
            (
                json!({"Image": "http://host/a.iso", "WriteProtected": false}),
                "ActionParameterNotSupported",
            ),
        ] {
            let refusal = parse(body.as_object().unwrap()).unwrap_err();
            assert_eq!(refusal.id(), expected, "{body}");
        }
    }
}
