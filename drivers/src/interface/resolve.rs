//! Which implementation of each kind a node gets, from its hardware type, what it asks for, and what is enabled.

use std::collections::BTreeMap;

use super::{Enabled, HardwareType, InterfaceKind, hardware_type};

/// The implementations that a node uses, one for each kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interfaces {
    hardware_type: &'static str,
    names: BTreeMap<InterfaceKind, &'static str>,
}

impl Interfaces {
    /// The hardware type.
    pub fn hardware_type(&self) -> &'static str {
        self.hardware_type
    }

    /// The implementation of a kind.
    pub fn get(&self, kind: InterfaceKind) -> &'static str {
        self.names
            .get(&kind)
            .copied()
            .expect("resolve fills in every kind")
    }

    /// Every kind with its implementation.
    pub fn iter(&self) -> impl Iterator<Item = (InterfaceKind, &'static str)> {
        self.names.iter().map(|(kind, name)| (*kind, *name))
    }
}

/// Why a node cannot have these interfaces. All of them are the caller's fault (400).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InterfaceError {
    /// No such hardware type, or not enabled.
    #[error("could not find the driver or hardware type '{name}'; enabled are: {}", .enabled.join(", "))]
    UnknownHardwareType {
        /// What was asked for.
        name: String,
        /// What there is.
        enabled: Vec<&'static str>,
    },
    /// No such implementation, or not enabled.
    #[error("could not find the {kind} interface '{name}'; enabled are: {}", .enabled.join(", "))]
    NotEnabled {
        /// The kind.
        kind: InterfaceKind,
        /// What was asked for.
        name: String,
        /// What there is.
        enabled: Vec<&'static str>,
    },
    /// Enabled, but not for this hardware type.
    #[error("hardware type {hardware_type} does not support the {kind} interface '{name}'; it supports: {}", .supported.join(", "))]
    NotSupported {
        /// The hardware type.
        hardware_type: &'static str,
        /// The kind.
        kind: InterfaceKind,
        /// What was asked for.
        name: String,
        /// What fits the hardware type.
        supported: Vec<&'static str>,
    },
    /// Nothing that fits is enabled, or the configured default does not fit.
    #[error(
        "hardware type {hardware_type} has no usable default {kind} interface: check enabled_{kind}_interfaces and default_{kind}_interface"
    )]
    NoDefault {
        /// The hardware type.
        hardware_type: &'static str,
        /// The kind.
        kind: InterfaceKind,
    },
}

/// Chooses the implementation of every kind: what the node asks for, else the configured default, else the first of
/// the hardware type's list that is enabled.
pub fn resolve(
    name: &str,
    enabled: &Enabled,
    requested: &BTreeMap<InterfaceKind, String>,
) -> Result<Interfaces, InterfaceError> {
    let found = hardware_type(name).filter(|found| enabled.hardware_types().contains(&found.name));
    let Some(hardware_type) = found else {
        return Err(InterfaceError::UnknownHardwareType {
            name: name.to_owned(),
            enabled: enabled.hardware_types().to_vec(),
        });
    };
    let mut names = BTreeMap::new();
    for kind in InterfaceKind::ALL {
        let chosen = match requested.get(&kind) {
            Some(wanted) => requested_interface(hardware_type, enabled, kind, wanted)?,
            None => {
                let default = enabled.default_of(name, kind);
                default.ok_or(InterfaceError::NoDefault {
                    hardware_type: hardware_type.name,
                    kind,
                })?
            }
        };
        names.insert(kind, chosen);
    }
    Ok(Interfaces {
        hardware_type: hardware_type.name,
        names,
    })
}

fn requested_interface(
    hardware_type: &HardwareType,
    enabled: &Enabled,
    kind: InterfaceKind,
    wanted: &str,
) -> Result<&'static str, InterfaceError> {
    if let Some(name) = enabled.find(hardware_type, kind, wanted) {
        return Ok(name);
    }
    let name = wanted.to_owned();
    if enabled.interfaces(kind).contains(&wanted) {
        return Err(InterfaceError::NotSupported {
            hardware_type: hardware_type.name,
            kind,
            name,
            supported: enabled.of_hardware_type(hardware_type.name, kind),
        });
    }
    Err(InterfaceError::NotEnabled {
        kind,
        name,
        enabled: enabled.interfaces(kind).to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use InterfaceKind::{Boot, Deploy, Inspect, Management, Network, Power, Raid};

    type Names<'a> = &'a [(InterfaceKind, &'a str)];

    fn resolved(
        hardware_type: &str,
        enabled: &Enabled,
        requested: Names<'_>,
    ) -> Result<Interfaces, String> {
        let requested = requested
            .iter()
            .map(|(kind, name)| (*kind, (*name).to_owned()))
            .collect();
        resolve(hardware_type, enabled, &requested).map_err(|error| error.to_string())
    }

    fn only(kind: InterfaceKind, names: &[&str]) -> Enabled {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        Enabled::default().with_interfaces(kind, &names).unwrap()
    }

    #[test]
    fn defaults_follow_the_order_of_the_hardware_type() {
        let all = |hardware_type| {
            let interfaces = resolved(hardware_type, &Enabled::default(), &[]).unwrap();
            let names: Vec<_> = interfaces
                .iter()
                .map(|(kind, name)| format!("{kind}={name}"))
                .collect();
            names.join(" ")
        };
        assert_eq!(
            all("redfish"),
            "bios=redfish boot=ipxe console=no-console deploy=direct firmware=redfish inspect=agent management=redfish \
             network=flat power=redfish raid=redfish rescue=no-rescue storage=noop vendor=redfish"
        );
        assert_eq!(
            all("fake-hardware"),
            "bios=fake boot=fake console=fake deploy=fake firmware=fake inspect=fake management=fake network=flat power=fake \
             raid=fake rescue=fake storage=noop vendor=fake"
        );
        assert_eq!(
            all("manual-management"),
            "bios=no-bios boot=ipxe console=no-console deploy=direct firmware=no-firmware inspect=agent management=noop \
             network=flat power=fake raid=no-raid rescue=no-rescue storage=noop vendor=no-vendor"
        );
    }

    #[test]
    fn requests_configuration_and_defaults_rank_in_this_order() {
        let preferred = Enabled::default().with_default(Network, "noop").unwrap();
        let cases: [(&str, Enabled, Names<'_>, InterfaceKind, &str); 9] = [
            (
                "redfish",
                Enabled::default(),
                &[(Inspect, "no-inspect")],
                Inspect,
                "no-inspect",
            ),
            (
                "redfish",
                Enabled::default(),
                &[(Management, "noop")],
                Management,
                "noop",
            ),
            (
                "redfish",
                Enabled::default(),
                &[(Raid, "agent")],
                Raid,
                "agent",
            ),
            ("redfish", only(Network, &["noop"]), &[], Network, "noop"),
            (
                "redfish",
                only(Network, &["noop", "flat"]),
                &[],
                Network,
                "flat",
            ),
            ("redfish", preferred.clone(), &[], Network, "noop"),
            ("redfish", preferred, &[(Network, "flat")], Network, "flat"),
            (
                "fake-hardware",
                Enabled::default(),
                &[(Deploy, "direct"), (Boot, "ipxe")],
                Deploy,
                "direct",
            ),
            (
                "fake-hardware",
                Enabled::default(),
                &[(Power, "redfish")],
                Power,
                "redfish",
            ),
        ];
        for (hardware_type, enabled, requested, kind, expected) in cases {
            let interfaces = resolved(hardware_type, &enabled, requested).unwrap();
            assert_eq!(
                interfaces.get(kind),
                expected,
                "{hardware_type} {requested:?}"
            );
        }
    }

    #[test]
    fn each_refusal_says_what_there_is() {
        let no_fake = Enabled::default()
            .with_hardware_types(&["redfish".to_owned()])
            .unwrap();
        let preferred = Enabled::default().with_default(Power, "fake").unwrap();
        let cases: [(&str, Enabled, Names<'_>, &str); 7] = [
            (
                "ipmi",
                Enabled::default(),
                &[],
                "could not find the driver or hardware type 'ipmi'; enabled are: fake-hardware, manual-management, redfish",
            ),
            (
                "fake-hardware",
                no_fake,
                &[],
                "could not find the driver or hardware type 'fake-hardware'; enabled are: redfish",
            ),
            (
                "redfish",
                Enabled::default(),
                &[(Boot, "grub")],
                "could not find the boot interface 'grub'; enabled are: ipxe, fake",
            ),
            (
                "redfish",
                only(Inspect, &["agent"]),
                &[(Inspect, "no-inspect")],
                "could not find the inspect interface 'no-inspect'; enabled are: agent",
            ),
            (
                "redfish",
                Enabled::default(),
                &[(Power, "fake")],
                "hardware type redfish does not support the power interface 'fake'; it supports: redfish",
            ),
            (
                "redfish",
                only(Power, &["fake"]),
                &[],
                "hardware type redfish has no usable default power interface: check enabled_power_interfaces and \
                 default_power_interface",
            ),
            (
                "redfish",
                preferred,
                &[],
                "hardware type redfish has no usable default power interface: check enabled_power_interfaces and \
                 default_power_interface",
            ),
        ];
        for (hardware_type, enabled, requested, expected) in cases {
            assert_eq!(
                resolved(hardware_type, &enabled, requested).unwrap_err(),
                expected
            );
        }
    }

    #[test]
    fn a_configuration_with_an_unknown_name_is_refused() {
        let error = Enabled::default()
            .with_hardware_types(&["irmc".to_owned()])
            .unwrap_err();
        assert!(
            matches!(error, InterfaceError::UnknownHardwareType { .. }),
            "{error}"
        );
        let error = Enabled::default().with_default(Boot, "grub").unwrap_err();
        assert!(
            matches!(error, InterfaceError::NotEnabled { .. }),
            "{error}"
        );
    }

    #[test]
    fn every_default_of_every_hardware_type_is_built_in() {
        for hardware_type in &super::super::HARDWARE_TYPES {
            for kind in InterfaceKind::ALL {
                let names = hardware_type.supported(kind);
                let built_in = super::super::hardware_type::built_in(kind);
                assert!(
                    names.iter().all(|name| built_in.contains(name)),
                    "{} {kind}: {names:?}",
                    hardware_type.name
                );
                assert!(!names.is_empty(), "{} {kind}", hardware_type.name);
            }
        }
    }
}
