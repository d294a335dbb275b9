//! `POST /v1/events`: what other services tell of the network. As in Ironic it is checked and logged, and starts nothing.

use super::body::JsonObject;
use super::call::{Api, Call};
use super::error::{ApiError, ApiResult};
use super::root::Resource;
use super::shape::mac_address;
use axum::Router;
use axum::routing::post;
use ferric_model::node::Object;
use http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

const SINCE: u16 = 54;
const KINDS: &[&str] = &[
    "network.bind_port",
    "network.unbind_port",
    "network.delete_port",
];

pub(super) const RESOURCE: Resource = Resource {
    name: "events",
    since: SINCE,
    routes,
};

/// What may stand under a key of an event.
#[derive(Clone, Copy)]
enum Form {
    Kind,
    Text,
    TextOrNull,
    Uuid,
    UuidOrNull,
    Mac,
}

/// The keys of an event; those with a form that takes no null must be there.
const KEYS: &[(&str, Form)] = &[
    ("event", Form::Kind),
    ("port_id", Form::Uuid),
    ("mac_address", Form::Mac),
    ("status", Form::Text),
    ("device_id", Form::UuidOrNull),
    ("binding:host_id", Form::UuidOrNull),
    ("binding:vnic_type", Form::TextOrNull),
];

fn routes() -> Router<Api> {
    Router::new().route("/v1/events", post(take))
}

async fn take(call: Call, JsonObject(body): JsonObject) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let events = parse(&body).map_err(ApiError::invalid)?;
    for event in events {
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        let (kind, port, status) = (text("event"), text("port_id"), text("status"));
        let address = text("mac_address");
        tracing::debug!(
            kind,
            port,
            address,
            status,
            "another service tells of an event"
        );
    }
    Ok(StatusCode::NO_CONTENT)
}

fn parse(body: &Object) -> Result<Vec<&Object>, String> {
    if let Some(other) = body.keys().find(|key| *key != "events") {
        return Err(format!(
            "{other} is not known here: the body has events only"
        ));
    }
    let events = body.get("events").and_then(Value::as_array);
    let events = events.filter(|events| !events.is_empty());
    let events = events.ok_or("events must be a list of at least one")?;
    let checked = events.iter().enumerate().map(|(index, event)| {
        let wrong = |text: String| format!("event {index}: {text}");
        let event = event.as_object();
        let event = event.ok_or_else(|| wrong("an event must be an object".to_owned()))?;
        check(event).map_err(wrong).map(|()| event)
    });
    checked.collect()
}

fn check(event: &Object) -> Result<(), String> {
    let known = |key: &&String| KEYS.iter().any(|(name, _)| name == *key);
    if let Some(other) = event.keys().find(|key| !known(key)) {
        return Err(format!("{other} is not a key of an event"));
    }
    for (key, form) in KEYS {
        let Some(value) = event.get(*key) else {
            if form.takes_null() {
                continue;
            }
            return Err(format!("{key} must be there"));
        };
        form.check(value)
            .map_err(|expected| format!("{key} must be {expected}, not {value}"))?;
    }
    Ok(())
}

impl Form {
    const fn takes_null(self) -> bool {
        matches!(self, Self::TextOrNull | Self::UuidOrNull)
    }

    /// What was expected, where the value is something else.
    fn check(self, value: &Value) -> Result<(), String> {
        if value.is_null() && self.takes_null() {
            return Ok(());
        }
        let text = value.as_str();
        let (holds, expected) = match self {
            Self::Kind => {
                let known = text.is_some_and(|text| KINDS.contains(&text));
                (known, format!("one of {}", KINDS.join(", ")))
            }
            Self::Text | Self::TextOrNull => (text.is_some(), "a text".to_owned()),
            Self::Uuid | Self::UuidOrNull => {
                let parsed = text.is_some_and(|text| text.parse::<Uuid>().is_ok());
                (parsed, "a UUID".to_owned())
            }
            Self::Mac => {
                let parsed = text.and_then(mac_address).is_some();
                (parsed, "a MAC address".to_owned())
            }
        };
        if holds { Ok(()) } else { Err(expected) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "5be26c0b-03f2-4d2e-ae87-c02d7f33c781";

    fn event() -> Value {
        json!({"event": "network.bind_port", "port_id": ID, "mac_address": "52:54:00:00:00:01",
            "status": "ACTIVE", "device_id": null, "binding:host_id": ID,
            "binding:vnic_type": "baremetal"})
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let check = |key: &str, value: Option<Value>, expected: &str| {
            let mut second = event();
            match value {
                Some(value) => second[key] = value,
                None => drop(second.as_object_mut().unwrap().remove(key)),
            }
            let body = json!({"events": [event(), second]});
            let found = parse(body.as_object().unwrap());
            match found {
                Ok(events) => assert!(expected.is_empty() && events.len() == 2, "{key}"),
                Err(text) => assert!(!expected.is_empty() && text.contains(expected), "{text}"),
            }
        };
        check("device_id", Some(json!(ID)), "");
        check("device_id", None, "");
        check(
            "event",
            Some(json!("network.other")),
            "event 1: event must be one of",
        );
        check("event", None, "event must be there");
        check("port_id", Some(json!("x")), "port_id must be a UUID");
        check("port_id", Some(json!(null)), "port_id must be a UUID");
        check(
            "mac_address",
            Some(json!("52-54-00-00-00-01")),
            "a MAC address",
        );
        check("status", Some(json!(1)), "status must be a text");
        check("device_id", Some(json!("x")), "a UUID");
        check("binding:vnic_type", Some(json!(1)), "a text");
        check("bogus", Some(json!(1)), "bogus is not a key");
    }

    #[test]
    fn a_body_without_events_is_refused() {
        for (body, expected) in [
            (json!({}), "at least one"),
            (json!({"events": []}), "at least one"),
            (
                json!({"events": [1]}),
                "event 0: an event must be an object",
            ),
            (json!({"events": [event()], "x": 1}), "x is not known"),
        ] {
            let text = parse(body.as_object().unwrap()).unwrap_err();
            assert!(text.contains(expected), "{text}");
        }
    }
}
