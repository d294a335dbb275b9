//! `[auto_discovery]`: whether machines that nobody has enrolled become nodes. The names are Ironic's.

use super::{AddPorts, Hook, Inspection, SettingsError};

/// As it is written.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    enabled: bool,
    driver: Option<String>,
}

impl Section {
    /// The hardware type of new nodes; `None` where it is off.
    pub(super) fn check(self, inspection: &Inspection) -> Result<Option<String>, SettingsError> {
        if !self.enabled {
            return Ok(None);
        }
        let wrong = |option, problem: &str| {
            let problem = problem.to_owned();
            Err(SettingsError::Option { option, problem })
        };
        if self.driver.as_ref().is_none_or(String::is_empty) {
            let problem = "is missing: name the hardware type of the nodes that are enrolled";
            return wrong("auto_discovery.driver", problem);
        }
        let makes_ports =
            inspection.hooks.contains(&Hook::Ports) && inspection.add_ports != AddPorts::Disabled;
        if !makes_ports {
            let problem = "needs ports, by which a machine is known when it comes again: \
                           add the hook ports to inspection.hooks, and let inspection.add_ports make some";
            return wrong("auto_discovery.enabled", problem);
        }
        Ok(self.driver)
    }
}
