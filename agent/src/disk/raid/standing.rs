//! The volumes that are there by their names, which of them are kept, and which of them gets the operating system.

use std::path::PathBuf;

use ferric_agent_protocol::hints::DiskFacts;
use ferric_agent_protocol::node::Node;
use serde_json::Value;

use super::arrays::Array;
use super::bench::Bench;
use super::config::RaidConfig;
use super::error::RaidError;
use super::{Choice, Hinted};

/// The volume of the EFI system partitions.
pub(super) const ESP_VOLUME: &str = "esp";

/// A volume and the name that it has on its disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) array: Array,
    pub(super) name: Option<String>,
}

pub(super) fn named(bench: &impl Bench) -> Result<Vec<Named>, RaidError> {
    let name = |array: Array| -> Result<Named, RaidError> {
        // A volume that does not run may not tell its name; it is nobody's then.
        let name = match bench.name(&array.device) {
            Err(error) if array.level.is_empty() => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "asking for the name of a RAID volume");
                None
            }
            name => name?,
        };
        Ok(Named { array, name })
    };
    bench.arrays()?.into_iter().map(name).collect()
}

/// What the node's skip list keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// The names on the list.
    pub(super) names: Vec<String>,
    /// The volumes that are there and kept: by their name, or because a disk of theirs is on the list.
    pub(super) devices: Vec<PathBuf>,
    /// The disks that they lie on.
    pub(super) disks: Vec<PathBuf>,
}

impl Kept {
    pub(super) fn of(bench: &impl Bench, node: &Node, arrays: &[Named]) -> Result<Self, RaidError> {
        let names = node.skipped_volumes()?;
        let free: Vec<PathBuf> = bench.disks(node)?.iter().flat_map(nodes).collect();
        let is_kept = |one: &&Named| {
            let by_name = one.name.as_ref().is_some_and(|name| names.contains(name));
            by_name || !one.array.disks().iter().all(|disk| free.contains(disk))
        };
        let mut kept: Vec<&Named> = arrays.iter().filter(is_kept).collect();
        // What a kept volume is made of is kept with it.
        while let Some(below) = arrays
            .iter()
            .find(|one| !kept.contains(one) && carries_one(one, &kept))
        {
            kept.push(below);
        }
        let devices = kept.iter().map(|one| one.array.device.clone()).collect();
        let disks = kept.iter().flat_map(|one| one.array.disks()).collect();
        Ok(Self {
            names,
            devices,
            disks,
        })
    }

    /// Whether nothing of a volume may go: it is kept, or it has the EFI system partitions of disks that a kept one is on.
    pub(super) fn spares(&self, one: &Named) -> bool {
        let is_esp = one.name.as_deref() == Some(ESP_VOLUME);
        self.devices.contains(&one.array.device) || (is_esp && one.array.shares_a_disk(&self.disks))
    }

    /// Whether a volume that is kept lies on the disk.
    pub(super) fn is_on(&self, disk: &DiskFacts) -> bool {
        nodes(disk).iter().any(|node| self.disks.contains(node))
    }

    /// What may be erased of the disks: none that a kept volume is on, no kept volume, and none with the EFI system
    /// partitions beside one.
    pub(super) fn erasable(&self, arrays: &[Named], mut disks: Vec<DiskFacts>) -> Vec<DiskFacts> {
        let spared = arrays.iter().filter(|one| self.spares(one));
        let spared: Vec<&PathBuf> = spared.map(|one| &one.array.device).collect();
        disks.retain(|facts| {
            let path = PathBuf::from(&facts.disk.name);
            !spared.contains(&&path) && !self.is_on(facts)
        });
        disks
    }
}

/// The nodes of a disk: volumes may be made of any path to it.
fn nodes(disk: &DiskFacts) -> Vec<PathBuf> {
    let all = std::iter::once(disk).chain(&disk.paths);
    all.map(|one| PathBuf::from(&one.disk.name)).collect()
}

fn carries_one(one: &Named, others: &[&Named]) -> bool {
    let device = &one.array.device;
    others.iter().any(|other| other.array.stands_on(device))
}

/// What the volumes of a node mean for the choice of its root device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The volume that is said to be the root.
    pub(super) root: Option<PathBuf>,
    /// Volumes that are kept or said not to be the root, and the disks of them.
    pub(super) excluded: Vec<PathBuf>,
    /// The disks of all volumes: none of them is a place for an operating system by chance.
    pub(super) members: Vec<PathBuf>,
}

impl Standing {
    pub(super) fn of(bench: &impl Bench, node: &Node) -> Result<Self, RaidError> {
        let arrays = bench.arrays()?;
        let members = arrays.iter().flat_map(Array::disks).collect();
        let (config, kept) = (config_of(node), node.skipped_volumes()?);
        if arrays.is_empty() || (config.is_none() && kept.is_empty()) {
            return Ok(Self {
                members,
                ..Self::default()
            });
        }
        let arrays = named(bench)?;
        let volumes = config.map(|config| config.volumes).unwrap_or_default();
        let of_name = |name: &str| arrays.iter().find(|one| one.name.as_deref() == Some(name));
        let (mut root, mut excluded) = (None, Vec::new());
        let exclude = |one: &Named, excluded: &mut Vec<PathBuf>| {
            excluded.push(one.array.device.clone());
            excluded.extend(one.array.disks());
        };
        for (index, volume) in volumes.iter().enumerate() {
            match (volume.is_root, of_name(&volume.name_at(index))) {
                (Some(true), Some(one)) => root = Some(one.array.device.clone()),
                (Some(false), Some(one)) => exclude(one, &mut excluded),
                _ => {}
            }
        }
        for one in kept.iter().filter_map(|name| of_name(name)) {
            exclude(one, &mut excluded);
        }
        Ok(Self {
            root: root.filter(|root| !excluded.contains(root)),
            excluded,
            members,
        })
    }

    /// What is left of the disks; the root volume alone, where one is named.
    pub(super) fn choice(&self, mut disks: Vec<DiskFacts>, hinted: Hinted) -> Choice {
        let is_in = |facts: &DiskFacts, paths: &[PathBuf]| {
            nodes(facts).iter().any(|node| paths.contains(node))
        };
        let root = self.root.as_slice();
        if let Some(place) = disks.iter().position(|facts| is_in(facts, root)) {
            return Choice::Root(Box::new(disks.swap_remove(place)));
        }
        disks.retain(|facts| !is_in(facts, &self.excluded));
        if hinted == Hinted::No {
            disks.retain(|facts| !is_in(facts, &self.members));
        }
        Choice::Among(disks)
    }
}

/// The volumes that the node has, else those that it is to get; a configuration that makes no sense says nothing.
pub(super) fn config_of(node: &Node) -> Option<RaidConfig> {
    let fields = ["raid_config", "target_raid_config"];
    let mut configs = fields.iter().filter_map(|name| node.rest.get(*name));
    configs.find_map(|config: &Value| RaidConfig::parse(config, &[]).ok().flatten())
}
