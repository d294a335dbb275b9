//! What of the built-in hardware types and interfaces the configuration enables, and its defaults.

use std::collections::BTreeMap;

use super::hardware_type::built_in;
use super::{HARDWARE_TYPES, HardwareType, InterfaceError, InterfaceKind, hardware_type};

/// What is enabled. The default is everything that is built in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enabled {
    hardware_types: Vec<&'static str>,
    interfaces: BTreeMap<InterfaceKind, Vec<&'static str>>,
    defaults: BTreeMap<InterfaceKind, &'static str>,
}

impl Default for Enabled {
    fn default() -> Self {
        Self {
            hardware_types: HARDWARE_TYPES
                .iter()
                .map(|hardware_type| hardware_type.name)
                .collect(),
            interfaces: InterfaceKind::ALL
                .into_iter()
                .map(|kind| (kind, built_in(kind).to_vec()))
                .collect(),
            defaults: BTreeMap::new(),
        }
    }
}

impl Enabled {
    /// Only these hardware types (`enabled_hardware_types`).
    pub fn with_hardware_types(mut self, names: &[String]) -> Result<Self, InterfaceError> {
        let known = |name: &String| {
            let found = hardware_type(name).map(|hardware_type| hardware_type.name);
            found.ok_or_else(|| InterfaceError::UnknownHardwareType {
                name: name.clone(),
                enabled: self.hardware_types.clone(),
            })
        };
        self.hardware_types = names.iter().map(known).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Only these implementations of a kind (`enabled_X_interfaces`).
    pub fn with_interfaces(
        mut self,
        kind: InterfaceKind,
        names: &[String],
    ) -> Result<Self, InterfaceError> {
        let names = names
            .iter()
            .map(|name| find_built_in(kind, name))
            .collect::<Result<_, _>>()?;
        self.interfaces.insert(kind, names);
        Ok(self)
    }

    /// This implementation for nodes that name none (`default_X_interface`).
    pub fn with_default(mut self, kind: InterfaceKind, name: &str) -> Result<Self, InterfaceError> {
        self.defaults.insert(kind, find_built_in(kind, name)?);
        Ok(self)
    }

    /// The enabled hardware types.
    pub fn hardware_types(&self) -> &[&'static str] {
        &self.hardware_types
    }

    /// The enabled implementations of a kind.
    pub fn interfaces(&self, kind: InterfaceKind) -> &[&'static str] {
        self.interfaces.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// The enabled implementations of a kind that a hardware type tells of, best first (`enabled_X_interfaces` of a
    /// driver).
    pub fn listed(&self, name: &str, kind: InterfaceKind) -> Vec<&'static str> {
        let listed =
            hardware_type(name).map_or(&[][..], |hardware_type| hardware_type.listed(kind));
        listed
            .iter()
            .copied()
            .filter(|name| self.interfaces(kind).contains(name))
            .collect()
    }

    /// The enabled implementations of a kind that fit a hardware type, best first.
    pub fn of_hardware_type(&self, name: &str, kind: InterfaceKind) -> Vec<&'static str> {
        let supported = hardware_type(name)
            .map(|hardware_type| hardware_type.supported(kind))
            .unwrap_or_default();
        supported
            .into_iter()
            .filter(|name| self.interfaces(kind).contains(name))
            .collect()
    }

    /// The implementation of this name, if it is enabled and fits the hardware type.
    pub(super) fn find(
        &self,
        fits: &HardwareType,
        kind: InterfaceKind,
        name: &str,
    ) -> Option<&'static str> {
        let found = fits.find(kind, name)?;
        self.interfaces(kind).contains(&found).then_some(found)
    }

    /// What a node of that hardware type gets when it names nothing (`default_X_interface` of a driver).
    pub fn default_of(&self, hardware_type: &str, kind: InterfaceKind) -> Option<&'static str> {
        let usable = self.of_hardware_type(hardware_type, kind);
        let configured = self.defaults.get(&kind).copied();
        configured
            .filter(|name| usable.contains(name))
            .or_else(|| usable.first().copied().filter(|_| configured.is_none()))
    }
}

fn find_built_in(kind: InterfaceKind, name: &str) -> Result<&'static str, InterfaceError> {
    let found = built_in(kind).iter().copied().find(|known| *known == name);
    found.ok_or_else(|| InterfaceError::NotEnabled {
        kind,
        name: name.to_owned(),
        enabled: built_in(kind).to_vec(),
    })
}
