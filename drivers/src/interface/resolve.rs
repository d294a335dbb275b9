//! Which implementation of each kind a node gets, from its hardware type, what it asks for, and what is enabled.

use std::collections::BTreeMap;

use super::{Enabled, InterfaceKind, hardware_type};

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
            Some(wanted) => requested_interface(hardware_type.name, enabled, kind, wanted)?,
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
    hardware_type: &'static str,
    enabled: &Enabled,
    kind: InterfaceKind,
    wanted: &str,
) -> Result<&'static str, InterfaceError> {
    let usable = enabled.of_hardware_type(hardware_type, kind);
    if let Some(name) = usable.iter().find(|name| **name == wanted) {
        return Ok(name);
    }
    let name = wanted.to_owned();
    if enabled.interfaces(kind).contains(&wanted) {
        return Err(InterfaceError::NotSupported {
            hardware_type,
            kind,
            name,
            supported: usable,
        });
    }
    Err(InterfaceError::NotEnabled {
        kind,
        name,
        enabled: enabled.interfaces(kind).to_vec(),
    })
}
