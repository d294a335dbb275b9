//! `[inspection]`: what is done with what a ramdisk found. The names are Ironic's.

use super::hooks::{AddPorts, Hook, KeepPorts, check_hooks};
use super::{SettingsError, accelerators, built_in_rules};
use ferric_model::inspection_rule::{MaskSecrets, Operation, RuleText};
use ferric_model::network::Network;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

pub use accelerators::Accelerator;

/// As it is written.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    default_hooks: String,
    hooks: String,
    add_ports: AddPorts,
    keep_ports: KeepPorts,
    update_pxe_enabled: bool,
    disk_partitioning_spacing: bool,
    extra_hardware_strict: bool,
    cpu_capabilities: BTreeMap<String, String>,
    pci_device_alias: Vec<PciAlias>,
    physical_network_cidr_map: Vec<String>,
    known_accelerators: Option<PathBuf>,
    built_in_rules: Option<PathBuf>,
    mask_secrets: MaskSecrets,
}

/// Checked, with the files read.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// In the order in which they run.
    pub hooks: Vec<Hook>,
    /// Which network interfaces become ports, and which ports stay.
    pub add_ports: AddPorts,
    pub keep_ports: KeepPorts,
    /// Whether ports are told that they boot the machine, or do not.
    pub update_pxe_enabled: bool,
    /// Whether one GiB of the root disk does not count.
    pub disk_partitioning_spacing: bool,
    /// Whether extra hardware data with an item of the wrong length are thrown away.
    pub extra_hardware_strict: bool,
    /// Capabilities by the CPU flag that they stand for.
    pub cpu_capabilities: BTreeMap<String, String>,
    pub pci_device_alias: Vec<PciAlias>,
    /// Networks with the names of the physical networks that they are on; the first that fits counts.
    pub physical_network_cidr_map: Vec<(Network, String)>,
    pub known_accelerators: Vec<Accelerator>,
    /// Rules that no API shows or changes.
    pub built_in_rules: Vec<BuiltInRule>,
    /// Whether rules are given the secrets in what they look at.
    pub mask_secrets: MaskSecrets,
}

/// A name for a PCI device, which its number is counted under.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PciAlias {
    pub vendor_id: String,
    pub product_id: String,
    pub name: String,
}

/// A rule from a file: its id is whatever the file calls it.
#[derive(Clone, PartialEq)]
pub struct BuiltInRule {
    pub id: String,
    pub description: Option<String>,
    pub priority: i64,
    pub sensitive: bool,
    pub conditions: Vec<Operation>,
    pub actions: Vec<Operation>,
}

/// Without what it does, which may hold a password.
impl fmt::Debug for BuiltInRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BuiltInRule({})", self.id)
    }
}

impl BuiltInRule {
    pub fn text(&self) -> RuleText<'_> {
        RuleText {
            id: &self.id,
            description: self.description.as_deref(),
            priority: self.priority,
            sensitive: self.sensitive,
            conditions: &self.conditions,
            actions: &self.actions,
        }
    }
}

impl Default for Section {
    fn default() -> Self {
        let capability = |(flag, name): (&str, &str)| (flag.to_owned(), name.to_owned());
        let capabilities = [
            ("vmx", "cpu_vt"),
            ("svm", "cpu_vt"),
            ("aes", "cpu_aes"),
            ("pse", "cpu_hugepages"),
            ("pdpe1gb", "cpu_hugepages_1g"),
            ("smx", "cpu_txt"),
        ];
        Self {
            default_hooks:
                "ramdisk-error,validate-interfaces,ports,architecture,cpus,memory,root-device"
                    .to_owned(),
            hooks: "$default_hooks".to_owned(),
            add_ports: AddPorts::Pxe,
            keep_ports: KeepPorts::All,
            update_pxe_enabled: true,
            disk_partitioning_spacing: true,
            extra_hardware_strict: false,
            cpu_capabilities: capabilities.into_iter().map(capability).collect(),
            pci_device_alias: Vec::new(),
            physical_network_cidr_map: Vec::new(),
            known_accelerators: None,
            built_in_rules: None,
            mask_secrets: MaskSecrets::Always,
        }
    }
}

impl Section {
    pub(super) fn check(self) -> Result<Inspection, SettingsError> {
        let networks = self
            .physical_network_cidr_map
            .iter()
            .map(|text| network(text));
        let accelerators = self.known_accelerators.as_deref();
        let rules = self.built_in_rules.as_deref();
        Ok(Inspection {
            hooks: check_hooks(&self.hooks, &self.default_hooks)?,
            add_ports: self.add_ports,
            keep_ports: self.keep_ports,
            update_pxe_enabled: self.update_pxe_enabled,
            disk_partitioning_spacing: self.disk_partitioning_spacing,
            extra_hardware_strict: self.extra_hardware_strict,
            cpu_capabilities: self.cpu_capabilities,
            pci_device_alias: self.pci_device_alias,
            physical_network_cidr_map: networks.collect::<Result<_, _>>()?,
            known_accelerators: match accelerators {
                Some(path) => accelerators::read(path)?,
                None => accelerators::known(),
            },
            built_in_rules: rules
                .map(built_in_rules::read)
                .transpose()?
                .unwrap_or_default(),
            mask_secrets: self.mask_secrets,
        })
    }
}

/// `10.0.0.0/8:blue`; an IPv6 network has colons of its own.
fn network(text: &str) -> Result<(Network, String), SettingsError> {
    let wrong = |problem: String| SettingsError::Option {
        option: "inspection.physical_network_cidr_map",
        problem: format!("has the entry {text:?}: {problem}"),
    };
    let (network, name) = text
        .rsplit_once(':')
        .filter(|(_, name)| !name.trim().is_empty())
        .ok_or_else(|| wrong("write NETWORK:NAME, such as 10.0.0.0/8:blue".to_owned()))?;
    let network = Network::parse(network).map_err(wrong)?;
    Ok((network, name.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), &str>) {
        let section: Result<Section, _> = toml::from_str(text);
        let outcome = section
            .map_err(|error| error.to_string())
            .and_then(|section| section.check().map_err(|error| error.to_string()));
        match (outcome, expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (outcome, expected) => panic!("{text}: {outcome:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn settings() {
        check("", Ok(()));
        check("hooks = '$default_hooks, boot-mode,parse-lldp'", Ok(()));
        check("hooks = 'boot-mood'", Err("boot-mood is not a hook"));
        check(
            "hooks = 'ports'",
            Err("ports needs the hook validate-interfaces before it"),
        );
        check("hooks = 'cpus,cpus'", Err("cpus stands there twice"));
        check("hook = 'cpus'", Err("unknown field"));
        check("add_ports = 'some'", Err("unknown variant"));
        check("keep_ports = 'added'\nadd_ports = 'disabled'", Ok(()));
        check("mask_secrets = 'often'", Err("unknown variant"));
        check(
            "physical_network_cidr_map = ['10.0.0.0/8:blue', '2001:db8::/64:red']",
            Ok(()),
        );
        check(
            "physical_network_cidr_map = ['10.0.0.0/8']",
            Err("NETWORK:NAME"),
        );
        check(
            "physical_network_cidr_map = ['10.0.0.0/99:blue']",
            Err("is not a network"),
        );
        let alias = "pci_device_alias = [{vendor_id = '8086', product_id = '1572', name = 'nic'}]";
        check(alias, Ok(()));
        check(
            "pci_device_alias = [{vendor_id = '8086'}]",
            Err("missing field"),
        );
        check(
            "known_accelerators = '/nonexistent/list.yaml'",
            Err("/nonexistent/list.yaml"),
        );
        check(
            "built_in_rules = '/nonexistent/rules.yaml'",
            Err("/nonexistent/rules.yaml"),
        );
    }

    #[test]
    fn an_ipv6_network_keeps_its_colons() {
        let (found, name) = network("2001:db8::/64:red").unwrap();
        assert_eq!(name, "red");
        assert!(found.contains("2001:db8::1".parse().unwrap()));
    }
}
