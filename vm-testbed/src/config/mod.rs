//! The lab as its TOML file describes it: parsed strictly, checked, and with every default filled in.
//!
//! Nothing outside this folder sees an unchecked value. Relative paths are taken from the directory of the file.

mod bmc;
mod disk;
mod dnsmasq;
mod ipmi_sim;
mod mac;
mod machine;
mod network;
mod size;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use bmc::Bmc;
pub use disk::{Bus, Disk, DiskFormat};
pub use dnsmasq::Dnsmasq;
pub use ipmi_sim::IpmiSim;
pub use mac::Mac;
pub use machine::{Firmware, Machine, Nic, NicModel};
pub use network::{DhcpRange, Network};
pub use size::Size;

/// What is wrong with a lab file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("reading {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("parsing {}", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("{field}: {problem}")]
    Field { field: String, problem: String },
}

impl ConfigError {
    fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        ConfigError::Field {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    pub name: String,
    #[serde(default)]
    pub network: Network,
    pub dnsmasq: Option<Dnsmasq>,
    #[serde(default, rename = "forward")]
    pub forwards: Vec<Forward>,
    #[serde(default, rename = "machine")]
    pub machines: Vec<Machine>,
}

/// A TCP port of the host that leads to an address inside the lab.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    pub listen: SocketAddr,
    pub to: SocketAddr,
}

impl Lab {
    pub fn load(path: &Path) -> Result<Lab, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.into(),
            source,
        })?;
        let mut lab = Lab::parse(&text, path)?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
        lab.resolve_paths(absolute.parent().unwrap_or(Path::new("/")));
        Ok(lab)
    }

    fn parse(text: &str, path: &Path) -> Result<Lab, ConfigError> {
        let lab: Lab = toml::from_str(text).map_err(|source| ConfigError::Parse {
            path: path.into(),
            source: Box::new(source),
        })?;
        lab.check()?;
        Ok(lab)
    }

    fn resolve_paths(&mut self, base: &Path) {
        if let Some(dnsmasq) = &mut self.dnsmasq {
            dnsmasq.resolve_paths(base);
        }
        for machine in &mut self.machines {
            machine
                .disks
                .iter_mut()
                .for_each(|disk| disk.resolve_paths(base));
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_name("name", &self.name)?;
        self.network.check()?;
        if self.machines.is_empty() {
            return Err(ConfigError::field(
                "machine",
                "the lab needs at least one [[machine]]",
            ));
        }
        for (index, machine) in self.machines.iter().enumerate() {
            machine.check(&format!("machine[{index}]"))?;
        }
        self.check_unique()
    }

    /// Two machines that answer for one another would make every test of the lab a riddle.
    fn check_unique(&self) -> Result<(), ConfigError> {
        let mut seen = HashMap::new();
        let mut claim = |field: String, kind: &str, value: String| match seen
            .insert(format!("{kind} {value}"), field.clone())
        {
            None => Ok(()),
            Some(first) => Err(ConfigError::field(
                field,
                format!("{value} is already used by {first}"),
            )),
        };
        for (index, machine) in self.machines.iter().enumerate() {
            let at = format!("machine[{index}]");
            claim(format!("{at}.name"), "name", machine.name.clone())?;
            claim(format!("{at}.uuid"), "uuid", machine.uuid.to_string())?;
            claim(
                format!("{at}.bmc.listen"),
                "address",
                machine.bmc.listen.to_string(),
            )?;
            if let Some(simulator) = &machine.ipmi_sim {
                claim(
                    format!("{at}.ipmi_sim.listen"),
                    "address",
                    simulator.listen.to_string(),
                )?;
            }
            for (nic_index, nic) in machine.nics.iter().enumerate() {
                claim(
                    format!("{at}.nics[{nic_index}].mac"),
                    "mac",
                    nic.mac.to_string(),
                )?;
            }
        }
        for (index, forward) in self.forwards.iter().enumerate() {
            claim(
                format!("forward[{index}].listen"),
                "host port",
                forward.listen.to_string(),
            )?;
        }
        Ok(())
    }
}

/// Names become directories and parts of QEMU options, so they keep to letters, digits and dashes.
fn check_name(field: &str, name: &str) -> Result<(), ConfigError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 40 || !name.chars().all(fits) {
        return Err(ConfigError::field(
            field,
            format!("{name:?} must be 1 to 40 letters, digits, '-' or '_'"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
