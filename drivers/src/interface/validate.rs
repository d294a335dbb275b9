//! Whether a node's `driver_info` suffices for its interfaces. Nothing is asked of the BMC here.

use serde_json::Value;

use super::properties::{Need, read_by};
use super::{InterfaceKind, Interfaces};
use crate::DriverInfo;
use crate::redfish::RedfishInfo;

/// The outcome for one interface, as `GET /v1/nodes/{n}/validate` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validation {
    /// Usable (`result: true`).
    Valid,
    /// Something is missing or wrong (`result: false`), and this says what.
    Invalid(String),
    /// The node has no such interface (`result: null`, `reason: "not supported"`).
    NotSupported,
}

/// Checks `driver_info` for one kind. Values that the configuration gives to every node, such as `deploy_kernel`, must
/// be merged into `driver_info` by the caller.
pub fn validate(
    kind: InterfaceKind,
    interfaces: &Interfaces,
    driver_info: &DriverInfo,
) -> Validation {
    let name = interfaces.get(kind);
    if name.starts_with("no-") {
        return Validation::NotSupported;
    }
    let missing: Vec<_> = read_by(kind, name)
        .filter(|property| {
            property.need == Need::Required && is_absent(driver_info.get(property.key))
        })
        .map(|property| property.key)
        .collect();
    if !missing.is_empty() {
        return Validation::Invalid(format!(
            "missing in driver_info for the {kind} interface '{name}': {}",
            missing.join(", ")
        ));
    }
    match name {
        "redfish" => RedfishInfo::parse(driver_info).map_or_else(
            |error| Validation::Invalid(error.to_string()),
            |_| Validation::Valid,
        ),
        _ => Validation::Valid,
    }
}

fn is_absent(value: Option<&Value>) -> bool {
    value.is_none_or(|value| {
        value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
    })
}
