//! `local_link_connection`: which switch port the interface is plugged into.

use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::newer;
use crate::api::gates::{NETWORK_TYPE, VTEP_KEYS, VTEP_KEYS_GONE};
use crate::api::version::ApiVersion;
use ferric_model::ids::MacAddress;
use ferric_model::node::Object;
use serde_json::Value;

const KEYS: &[&str] = &[
    "port_id",
    "switch_id",
    "hostname",
    "switch_info",
    "network_type",
    VTEP[0],
    VTEP[1],
];
const VTEP: [&str; 2] = ["vtep-logical-switch", "vtep-physical-switch"];

/// The object with its switch id normalised; 400 unless its keys make one of the known kinds of link.
pub(super) fn check(value: Value, version: ApiVersion) -> ApiResult<Value> {
    let Value::Object(mut link) = value else {
        return Ok(value);
    };
    if link.is_empty() {
        return Ok(Value::Object(link));
    }
    if link.contains_key("network_type") && version.0 < NETWORK_TYPE {
        return Err(newer("network_type in local_link_connection", NETWORK_TYPE));
    }
    if VTEP.iter().any(|key| link.contains_key(*key))
        && !(VTEP_KEYS..VTEP_KEYS_GONE).contains(&version.0)
    {
        return Err(ApiError::not_acceptable(
            "VTEP keys in local_link_connection exist in the versions 1.90 to 1.104 only",
        ));
    }
    check_keys(&link)?;
    if let Some(Value::String(id)) = link.get("switch_id") {
        let id = switch_id(id)?;
        link.insert("switch_id".to_owned(), Value::from(id));
    }
    Ok(Value::Object(link))
}

fn check_keys(link: &Object) -> ApiResult<()> {
    for (key, value) in link {
        if !KEYS.contains(&key.as_str()) || !value.is_string() {
            return Err(ApiError::invalid(format!(
                "{key} in local_link_connection is unknown, or not a text"
            )));
        }
    }
    let network_type = link.get("network_type").and_then(Value::as_str);
    if !matches!(network_type, None | Some("managed" | "unmanaged")) {
        return Err(ApiError::invalid(
            "network_type in local_link_connection must be managed or unmanaged",
        ));
    }
    let has = |keys: &[&str]| keys.iter().all(|key| link.contains_key(*key));
    let whole = has(&["port_id", "switch_id"])
        || has(&["port_id", "hostname"])
        || has(&["port_id", VTEP[0], VTEP[1]])
        || network_type == Some("unmanaged");
    if !whole {
        return Err(ApiError::invalid(
            "local_link_connection must hold port_id with switch_id or hostname, or network_type unmanaged",
        ));
    }
    Ok(())
}

/// A MAC address, or the 16 hexadecimal digits of an OpenFlow datapath, with colons or without.
fn switch_id(text: &str) -> ApiResult<String> {
    if let Ok(address) = text.parse::<MacAddress>() {
        return Ok(address.as_str().to_owned());
    }
    let lower = text.to_ascii_lowercase();
    if lower.len() == 16 && lower.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(lower);
    }
    let octets: Vec<&str> = lower.split(':').collect();
    let octet = |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if octets.len() == 8 && octets.iter().all(octet) {
        return Ok(lower);
    }
    Err(ApiError::invalid(format!(
        "switch_id {text:?} is neither a MAC address nor a datapath id"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_of_link() {
        let check = |link: Value, minor, expected: Option<Value>| {
            assert_eq!(
                super::check(link.clone(), ApiVersion(minor)).ok(),
                expected,
                "{link}"
            );
        };
        check(json!({}), 19, Some(json!({})));
        check(
            json!({"port_id": "1", "switch_id": "AA-BB-CC-00-00-01"}),
            19,
            Some(json!({"port_id": "1", "switch_id": "aa:bb:cc:00:00:01"})),
        );
        check(json!({"port_id": "1"}), 115, None);
        check(
            json!({"port_id": "1", "hostname": "h"}),
            115,
            Some(json!({"port_id": "1", "hostname": "h"})),
        );
        check(json!({"port_id": "1", "switch_id": "x"}), 115, None);
        check(
            json!({"port_id": "1", "switch_id": "0123456789ABCDEF"}),
            115,
            Some(json!({"port_id": "1", "switch_id": "0123456789abcdef"})),
        );
        check(json!({"network_type": "unmanaged"}), 63, None);
        check(
            json!({"network_type": "unmanaged"}),
            64,
            Some(json!({"network_type": "unmanaged"})),
        );
        check(json!({"network_type": "other"}), 115, None);
        check(json!({"port_id": "1", "switch_id": 5}), 115, None);
    }
}
