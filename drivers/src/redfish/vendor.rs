//! The vendor's methods of a Redfish BMC: who is told of its events, and how drives were emptied before there was `vmedia`.
//!
//! Subscriptions live in the BMC only; nothing of them is kept here.

use async_trait::async_trait;
use reqwest::header::LOCATION;
use serde_json::{Map, Value, json};
use url::Url;

use super::System;
use super::bmc::ROOT;
use super::exchange::Request;
use super::resource::Resource;
use super::task::path_of;
use crate::{
    BmcError, MediaDevice, Vendor, VendorError, VendorLock, VendorMethod, VendorReply, VirtualMedia,
};

const EJECT: &str = "eject_vmedia";
const CREATE: &str = "create_subscription";
const DELETE: &str = "delete_subscription";
const GET_ALL: &str = "get_all_subscriptions";
const GET: &str = "get_subscription";

pub(crate) static VENDOR_METHODS: &[VendorMethod] = &[
    VendorMethod {
        name: EJECT,
        http_methods: &["POST"],
        reply: VendorReply::Later,
        lock: VendorLock::Exclusive,
        description: "Eject a virtual media device. If no device is provided then all attached devices will be \
             ejected. Optional arguments: 'boot_device' - the boot device to eject, either 'cd', 'dvd', 'usb', or \
             'floppy'",
    },
    VendorMethod {
        name: CREATE,
        http_methods: &["POST"],
        reply: VendorReply::Body,
        lock: VendorLock::Exclusive,
        description: "Creates a subscription on a node. Required argument: a dictionary of {'Destination': \
             'destination_url'}",
    },
    VendorMethod {
        name: DELETE,
        http_methods: &["DELETE"],
        reply: VendorReply::Body,
        lock: VendorLock::Exclusive,
        description: "Delete a subscription on a node. Required argument: a dictionary of {'id': \
             'subscription_bmc_id'}",
    },
    VendorMethod {
        name: GET_ALL,
        http_methods: &["GET"],
        reply: VendorReply::Body,
        lock: VendorLock::Exclusive,
        description: "Returns all subscriptions on the node.",
    },
    VendorMethod {
        name: GET,
        http_methods: &["GET"],
        reply: VendorReply::Body,
        lock: VendorLock::Exclusive,
        description: "Get a subscription on the node. Required argument: a dictionary of {'id': \
             'subscription_bmc_id'}",
    },
];

/// What is shown of a subscription: the rest may be secret.
const SHOWN: [&str; 5] = ["Id", "Context", "Protocol", "Destination", "EventTypes"];

type Arguments = Map<String, Value>;

#[async_trait]
impl Vendor for System {
    async fn validate(&self, method: &str, arguments: &Arguments) -> Result<(), VendorError> {
        match method {
            EJECT => devices(arguments).map(drop),
            CREATE => {
                wanted(arguments)?;
                self.validate_types(arguments).await
            }
            DELETE | GET => id(arguments).map(drop),
            GET_ALL => Ok(()),
            other => Err(VendorError::Unknown(other.to_owned())),
        }
    }

    async fn call(&self, method: &str, arguments: &Arguments) -> Result<Value, VendorError> {
        match method {
            EJECT => {
                self.detach(&devices(arguments)?).await?;
                Ok(Value::Null)
            }
            CREATE => self.subscribe(&wanted(arguments)?).await,
            DELETE => {
                let (id, path) = self.subscription(arguments).await?;
                let deleted = self.bmc.send(&Request::delete(&path)).await;
                deleted.map_err(|error| not_there(error, &id))?;
                Ok(Value::Null)
            }
            GET_ALL => Ok(self.subscriptions().await?.into_body()),
            GET => {
                let (id, path) = self.subscription(arguments).await?;
                let found = self.bmc.get(&path).await;
                Ok(shown(&found.map_err(|error| not_there(error, &id))?))
            }
            other => Err(VendorError::Unknown(other.to_owned())),
        }
    }
}

impl System {
    async fn event_service(&self) -> Result<Resource, BmcError> {
        let root = self.bmc.get(ROOT).await?;
        match root.link("/EventService") {
            Some(path) => self.bmc.get(path).await,
            None => Err(self.no_events("EventService")),
        }
    }

    async fn subscriptions(&self) -> Result<Resource, BmcError> {
        let service = self.event_service().await?;
        match service.link("/Subscriptions") {
            Some(path) => self.bmc.get(path).await,
            None => Err(self.no_events("Subscriptions of its EventService")),
        }
    }

    fn no_events(&self, wanted: &str) -> BmcError {
        BmcError::NotOffered {
            address: self.bmc.name().to_owned(),
            wanted: wanted.to_owned(),
            offered: vec!["what its other resources hold".to_owned()],
        }
    }

    /// A BMC that does not say which types of events it has decides when it gets them.
    async fn validate_types(&self, arguments: &Arguments) -> Result<(), VendorError> {
        let Some(given) = arguments.get("EventTypes").filter(|given| !given.is_null()) else {
            return Ok(());
        };
        let service = self.event_service().await?;
        let offered = service.texts("/EventTypesForSubscription");
        let Some(offered) = offered.filter(|offered| !offered.is_empty()) else {
            return Ok(());
        };
        let known = |kind: &Value| {
            kind.as_str()
                .is_some_and(|kind| offered.iter().any(|one| one == kind))
        };
        if given
            .as_array()
            .is_some_and(|given| given.iter().all(known))
        {
            return Ok(());
        }
        let offered = offered.join(", ");
        Err(wrong(format!(
            "EventTypes {given} is not a valid value, allowed values {offered}"
        )))
    }

    async fn subscribe(&self, body: &Value) -> Result<Value, VendorError> {
        let collection = self.subscriptions().await?;
        let request = Request::post(&collection.path, body);
        let answer = self.bmc.send(&request).await?;
        if let Some(location) = answer.header(&LOCATION) {
            return Ok(shown(&self.bmc.get(&path_of(location)).await?));
        }
        match answer.json() {
            Some(made @ Value::Object(_)) if made.get("Id").is_some() => {
                Ok(shown(&Resource::new(&collection.path, None, made)))
            }
            _ => {
                let problem = "it does not say where the subscription is: look for it among all";
                Err(self.bmc.unusable(&request, problem).into())
            }
        }
    }

    /// The id of the subscription that is meant, and its path.
    async fn subscription(&self, arguments: &Arguments) -> Result<(String, String), VendorError> {
        let id = id(arguments)?;
        let collection = self.subscriptions().await?;
        let path = format!("{}/{id}", collection.path.trim_end_matches('/'));
        Ok((id, path))
    }
}

fn wrong(text: impl Into<String>) -> VendorError {
    VendorError::Arguments(text.into())
}

fn not_there(error: BmcError, id: &str) -> VendorError {
    match error {
        BmcError::Refused { status: 404, .. } => {
            VendorError::NotFound(format!("the BMC has no subscription {id}"))
        }
        error => error.into(),
    }
}

/// The drives that are to be emptied.
fn devices(arguments: &Arguments) -> Result<Vec<MediaDevice>, VendorError> {
    let Some(given) = arguments
        .get("boot_device")
        .filter(|given| !given.is_null())
    else {
        return Ok(MediaDevice::ALL.to_vec());
    };
    let name = given.as_str().unwrap_or_default().to_ascii_lowercase();
    match name.as_str() {
        "cd" | "dvd" => Ok(vec![MediaDevice::Cdrom]),
        "usb" | "usbstick" => Ok(vec![MediaDevice::Disk]),
        "floppy" => Ok(vec![MediaDevice::Floppy]),
        _ => Err(wrong(format!(
            "Boot device {given} is not a valid value (valid are cd, dvd, usb, floppy)"
        ))),
    }
}

/// One that stays in the collection, whatever it is.
fn id(arguments: &Arguments) -> Result<String, VendorError> {
    let id = match arguments.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => String::new(),
    };
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-_.~:".contains(sign);
    match id.as_str() {
        "" => Err(wrong("id can't be None")),
        "." | ".." => Err(wrong(format!("id {id} is none of a subscription"))),
        _ if id.chars().all(is_plain) => Ok(id),
        _ => Err(wrong(format!("id {id} is none of a subscription"))),
    }
}

/// What is asked of the BMC.
fn wanted(arguments: &Arguments) -> Result<Value, VendorError> {
    let given = |key: &str| arguments.get(key).filter(|given| !given.is_null());
    let destination = given("Destination").cloned().unwrap_or_default();
    let is_uri = |text: &str| Url::parse(text).is_ok_and(|url| url.has_host());
    if !destination.as_str().is_some_and(is_uri) {
        let text = format!("Destination {destination} is not a valid URI");
        return Err(wrong(text));
    }
    let mut body = json!({"Destination": destination});
    for (key, default) in [("Protocol", "Redfish"), ("Context", "")] {
        let value = given(key).cloned().unwrap_or_else(|| json!(default));
        if !value.is_string() {
            return Err(wrong(format!("{key} {value} is not a string")));
        }
        body[key] = value;
    }
    body["EventTypes"] = given("EventTypes")
        .cloned()
        .unwrap_or_else(|| json!(["Alert"]));
    match given("HttpHeaders") {
        None => {}
        Some(Value::Array(headers)) if headers.is_empty() => {}
        Some(headers @ Value::Array(_)) => body["HttpHeaders"] = headers.clone(),
        // What they hold is a secret.
        Some(_) => return Err(wrong("HttpHeaders is not a list of headers")),
    }
    Ok(body)
}

fn shown(subscription: &Resource) -> Value {
    let field = |name: &str| {
        let value = subscription.value(&format!("/{name}"))?;
        Some((name.to_owned(), value.clone()))
    };
    Value::Object(SHOWN.into_iter().filter_map(field).collect())
}
