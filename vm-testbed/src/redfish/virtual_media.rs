//! The virtual CD drive, shown under the manager (as older services do) and under the system (as newer ones do).

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::error::Refusal;
use super::resource::{collection, readable};
use super::{Bmc, View, paths};
use crate::config::Machine;

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

#[derive(Deserialize)]
struct Insert {
    #[serde(rename = "Image")]
    image: Option<String>,
    #[serde(rename = "Inserted", default = "yes")]
    inserted: bool,
    #[serde(rename = "WriteProtected", default = "yes")]
    write_protected: bool,
}

fn yes() -> bool {
    true
}

async fn insert(
    State(bmc): State<Bmc>,
    body: Result<Json<Insert>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    let Json(body) = body.map_err(|error| Refusal::bad("MalformedJSON", error.body_text()))?;
    let url = parse(&body)?;
    // A client that hangs up in the middle drops this, which leaves at most a fetched file that the next start removes.
    bmc.machine.insert(&url).await.map_err(|error| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "InsertFailed",
            format!("The image was not inserted: {error:#}."),
        )
    })?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(body: &Insert) -> Result<Url, Refusal> {
    let Some(image) = &body.image else {
        return Err(Refusal::bad(
            "ActionParameterMissing",
            "The action needs the parameter Image.",
        ));
    };
    if !body.inserted || !body.write_protected {
        let message = "A medium of this drive is always inserted and write-protected.";
        return Err(Refusal::bad("ActionParameterNotSupported", message));
    }
    Url::parse(image).map_err(|error| {
        Refusal::bad(
            "ActionParameterValueFormatError",
            format!("The image {image:?} is not a URL: {error}."),
        )
    })
}

async fn eject(State(bmc): State<Bmc>) -> Result<StatusCode, Refusal> {
    bmc.machine
        .eject()
        .await
        .map_err(|error| Refusal::internal(&error))?;
    Ok(StatusCode::NO_CONTENT)
}
