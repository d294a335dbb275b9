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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::{Enabled, properties, resolve};
    use super::*;
    use InterfaceKind::{Bios, Boot, Deploy, Management, Network, Power, Storage};

    fn check(kind: InterfaceKind, hardware_type: &str, driver_info: &Value) -> Validation {
        let interfaces = resolve(hardware_type, &Enabled::default(), &BTreeMap::new()).unwrap();
        validate(kind, &interfaces, driver_info.as_object().unwrap())
    }

    fn invalid(reason: &str) -> Validation {
        Validation::Invalid(reason.to_owned())
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let full = json!({
            "redfish_address": "https://192.0.2.7", "redfish_username": "admin", "redfish_password": "secret",
            "deploy_kernel": "http://192.0.2.1/kernel", "deploy_ramdisk": "http://192.0.2.1/ramdisk",
        });
        let empty = json!({"redfish_address": " ", "deploy_kernel": null});
        let no_address =
            "missing in driver_info for the power interface 'redfish': redfish_address";
        let no_ramdisk =
            "missing in driver_info for the boot interface 'ipxe': deploy_kernel, deploy_ramdisk";
        let wrong = json!({"redfish_address": "https://192.0.2.7", "redfish_auth_type": "digest"});
        let digest = "redfish_auth_type 'digest' in driver_info is none of basic, session, auto";
        let cases = [
            (Power, "redfish", &full, Validation::Valid),
            (Management, "redfish", &full, Validation::Valid),
            (Boot, "redfish", &full, Validation::Valid),
            (Deploy, "redfish", &full, Validation::Valid),
            (Network, "redfish", &empty, Validation::Valid),
            (Storage, "redfish", &empty, Validation::Valid),
            (Bios, "redfish", &full, Validation::Valid),
            (Bios, "manual-management", &full, Validation::NotSupported),
            (Power, "redfish", &empty, invalid(no_address)),
            (Boot, "redfish", &empty, invalid(no_ramdisk)),
            (Power, "redfish", &wrong, invalid(digest)),
            (Power, "fake-hardware", &empty, Validation::Valid),
            (Boot, "fake-hardware", &empty, Validation::Valid),
            (Management, "manual-management", &empty, Validation::Valid),
            (Boot, "manual-management", &empty, invalid(no_ramdisk)),
        ];
        for (kind, hardware_type, driver_info, expected) in cases {
            assert_eq!(
                check(kind, hardware_type, driver_info),
                expected,
                "{kind} of {hardware_type}"
            );
        }
    }

    #[test]
    fn properties_are_those_of_the_hardware_type() {
        let keys = |hardware_type| {
            properties(hardware_type)
                .unwrap()
                .into_keys()
                .collect::<Vec<_>>()
                .join(" ")
        };
        let ramdisk = "deploy_kernel deploy_ramdisk dial_out fast_track force_persistent_boot_device kernel_append_params \
             rescue_kernel rescue_ramdisk";
        let redfish = "redfish_address redfish_auth_type redfish_password redfish_system_id redfish_username redfish_verify_ca";
        assert_eq!(keys("redfish"), sorted(&[ramdisk, redfish]));
        assert_eq!(
            keys("manual-management"),
            sorted(&[ramdisk, "fake_address fake_delay_ms fake_answer_delay_ms"])
        );
        assert_eq!(properties("ipmi"), None);
    }

    fn sorted(keys: &[&str]) -> String {
        let mut keys: Vec<_> = keys.iter().flat_map(|keys| keys.split(' ')).collect();
        keys.sort_unstable();
        keys.join(" ")
    }
}
