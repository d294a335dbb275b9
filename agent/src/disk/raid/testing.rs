//! A machine that is played: it notes what it is asked for, and its volumes come and go as mdadm says.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use ferric_agent_protocol::hints::DiskFacts;
use ferric_agent_protocol::inventory::Disk;
use ferric_agent_protocol::node::Node;
use serde_json::{Value, json};

use super::arrays::{Array, Component};
use super::bench::{Assembly, Bench};
use super::error::RaidError;
use super::layout::DiskLayout;
use crate::disk::{EraseError, SharedFileSystem};
use crate::host::HostRefusal;
use crate::run::{Output, RunError};

/// A volume of the played machine: its node, its name, its level, and its members.
pub(super) type Volume = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

#[derive(Default)]
pub(super) struct Played {
    disks: Vec<String>,
    /// A disk, and another path to it.
    paths: BTreeMap<String, String>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    notes: Vec<String>,
    arrays: Vec<(Array, String)>,
    partitions: BTreeMap<PathBuf, u32>,
    /// What fails, by the beginning of the note, and how often.
    failing: Vec<(String, usize)>,
    /// Volumes that come back when they are assembled.
    hidden: Vec<(Array, String)>,
    refused: Vec<PathBuf>,
    /// Disks that carry what other machines may be using.
    shared: Vec<PathBuf>,
    /// Members that mdadm leaves out.
    late: Vec<PathBuf>,
    assembled: Vec<Assembly>,
}

impl Played {
    pub(super) fn new(disks: &[&str]) -> Self {
        Self {
            disks: disks.iter().map(|name| format!("/dev/{name}")).collect(),
            ..Self::default()
        }
    }

    pub(super) fn with_path(mut self, disk: &str, path: &str) -> Self {
        let path = format!("/dev/{path}");
        self.paths.insert(format!("/dev/{disk}"), path);
        self
    }

    pub(super) fn with(self, volumes: &[Volume]) -> Self {
        let mut arrays: Vec<_> = volumes.iter().map(array).collect();
        let places = arrays
            .iter()
            .map(|(one, _)| (one.device.clone(), one.disks()));
        let places: BTreeMap<PathBuf, Vec<PathBuf>> = places.collect();
        let components = arrays.iter_mut().flat_map(|(one, _)| &mut one.components);
        for component in components {
            if let Some(disks) = places.get(&component.node) {
                component.disks.clone_from(disks);
                component.partition = None;
            }
        }
        self.state.borrow_mut().arrays = arrays;
        self
    }

    pub(super) fn with_hidden(self, volumes: &[Volume]) -> Self {
        let arrays = volumes.iter().map(array);
        self.state.borrow_mut().hidden = arrays.collect();
        self
    }

    pub(super) fn with_partitions(self, disk: &str, count: u32) -> Self {
        let path = PathBuf::from(format!("/dev/{disk}"));
        self.state.borrow_mut().partitions.insert(path, count);
        self
    }

    pub(super) fn failing(self, note: &str, times: usize) -> Self {
        let failing = (note.to_owned(), times);
        self.state.borrow_mut().failing.push(failing);
        self
    }

    pub(super) fn refusing(self, device: &str) -> Self {
        self.state.borrow_mut().refused.push(PathBuf::from(device));
        self
    }

    pub(super) fn sharing(self, disk: &str) -> Self {
        self.state.borrow_mut().shared.push(PathBuf::from(disk));
        self
    }

    pub(super) fn late(self, node: &str) -> Self {
        self.state.borrow_mut().late.push(PathBuf::from(node));
        self
    }

    /// Everything that changed something.
    pub(super) fn notes(&self) -> Vec<String> {
        let state = self.state.borrow();
        let is_change = |note: &&String| {
            !["mdadm --detail", "mdadm --examine"]
                .iter()
                .any(|question| note.starts_with(question))
        };
        state.notes.iter().filter(is_change).cloned().collect()
    }

    /// How often volumes were assembled, and which.
    pub(super) fn assembled(&self) -> Vec<Assembly> {
        self.state.borrow().assembled.clone()
    }

    pub(super) fn devices(&self) -> Vec<String> {
        let state = self.state.borrow();
        let devices = state.arrays.iter();
        devices
            .map(|(array, _)| array.device.display().to_string())
            .collect()
    }

    fn note(&self, note: String) -> bool {
        let mut state = self.state.borrow_mut();
        let fails = state
            .failing
            .iter_mut()
            .find(|(start, times)| note.starts_with(start.as_str()) && *times > 0);
        let fails = fails.map(|(_, times)| *times -= 1).is_some();
        state.notes.push(note);
        !fails
    }

    fn obey(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        match arguments {
            ["--create", device, ..] => {
                let after = |option: &str| {
                    let at = arguments.iter().position(|word| *word == option);
                    arguments[at.unwrap() + 1]
                };
                let count: usize = after("--raid-devices").parse().unwrap();
                let nodes = &arguments[arguments.len() - count..];
                let nodes = nodes
                    .iter()
                    .filter(|node| !state.late.contains(&PathBuf::from(node)));
                let components = nodes.map(|node| component(node)).collect();
                let level = format!("raid{}", after("--level"));
                let device = PathBuf::from(device);
                let array = Array {
                    device,
                    level,
                    components,
                };
                state.arrays.push((array, after("--name").to_owned()));
            }
            ["--stop", device] => {
                state
                    .arrays
                    .retain(|(array, _)| array.device != Path::new(device));
            }
            ["--detail", "--export", device] => {
                let named = state
                    .arrays
                    .iter()
                    .find(|(array, _)| array.device == Path::new(device))?;
                return Some(format!("MD_LEVEL=raid1\nMD_NAME=any:{}\n", named.1).into_bytes());
            }
            _ => {}
        }
        Some(Vec::new())
    }
}

fn array((device, name, level, members): &Volume) -> (Array, String) {
    let array = Array {
        device: PathBuf::from(format!("/dev/{device}")),
        level: (*level).to_owned(),
        components: members
            .iter()
            .map(|node| component(&format!("/dev/{node}")))
            .collect(),
    };
    (array, (*name).to_owned())
}

/// `/dev/sda1` of `/dev/sda`.
fn component(node: &str) -> Component {
    let disk = node.trim_end_matches(|letter: char| letter.is_ascii_digit());
    Component {
        node: PathBuf::from(node),
        disks: vec![PathBuf::from(disk)],
        partition: node[disk.len()..].parse().ok(),
    }
}

impl Bench for Played {
    fn mdadm(&self, arguments: &[&str]) -> Result<Output, RunError> {
        let command = format!("mdadm {}", arguments.join(" "));
        let works = self.note(command.clone());
        let told = works.then(|| self.obey(arguments)).flatten();
        let stdout = told.ok_or_else(|| RunError::Failed {
            command,
            status: ExitStatus::from_raw(1 << 8),
            stderr: "as wanted".to_owned(),
        })?;
        Ok(Output {
            stdout,
            stderr: Vec::new(),
        })
    }

    fn assemble(&self, which: Assembly) {
        let mut state = self.state.borrow_mut();
        state.assembled.push(which);
        let hidden = std::mem::take(&mut state.hidden);
        state.arrays.extend(hidden);
    }

    fn arrays(&self) -> Result<Vec<Array>, RaidError> {
        let state = self.state.borrow();
        Ok(state
            .arrays
            .iter()
            .map(|(array, _)| array.clone())
            .collect())
    }

    fn disks(&self, node: &Node) -> Result<Vec<DiskFacts>, RaidError> {
        let skipped = node.skipped_disks()?;
        let facts = self.disks.iter().map(|name| DiskFacts {
            paths: self
                .paths
                .get(name)
                .map(|path| facts(path))
                .into_iter()
                .collect(),
            ..facts(name)
        });
        let is_free = |facts: &DiskFacts| !skipped.iter().any(|hints| hints.matches(facts));
        Ok(facts.filter(is_free).collect())
    }

    fn partitions(&self, disk: &Path) -> Vec<PathBuf> {
        let count = self.state.borrow().partitions.get(disk).copied();
        (1..=count.unwrap_or(0))
            .map(|number| PathBuf::from(format!("{}{number}", disk.display())))
            .collect()
    }

    fn has_partitions(&self, disk: &Path) -> Result<bool, RaidError> {
        Ok(!self.partitions(disk).is_empty())
    }

    fn check(&self, device: &Path) -> Result<(), RaidError> {
        if self.state.borrow().refused.iter().any(|one| one == device) {
            return Err(RaidError::Refused(HostRefusal::NotNamed {
                path: device.to_owned(),
                why: "as wanted".to_owned(),
            }));
        }
        Ok(())
    }

    fn check_content(&self, disk: &Path) -> Result<(), RaidError> {
        if self.state.borrow().shared.iter().any(|one| one == disk) {
            return Err(RaidError::Erase(EraseError::Shared {
                path: disk.to_owned(),
                kind: SharedFileSystem::Gfs2,
            }));
        }
        Ok(())
    }

    fn announce(&self, _: &Path) {}

    fn write_table(&self, disk: &DiskLayout) -> Result<(), RaidError> {
        let count = u32::try_from(disk.partitions.len()).unwrap();
        self.note(format!("table {} {count}", disk.path.display()));
        let mut state = self.state.borrow_mut();
        state.partitions.insert(disk.path.clone(), count);
        Ok(())
    }

    fn add_esp(&self, disk: &Path, name: &str) -> Result<u32, RaidError> {
        self.note(format!("esp {} {name}", disk.display()));
        let mut state = self.state.borrow_mut();
        let count = state.partitions.entry(disk.to_owned()).or_insert(1);
        *count += 1;
        Ok(*count)
    }

    fn add_bios_boot(&self, disk: &Path, name: &str) -> Result<(), RaidError> {
        self.note(format!("bios boot {} {name}", disk.display()));
        Ok(())
    }

    fn partition(&self, disk: &Path, number: u32) -> Result<PathBuf, RaidError> {
        Ok(PathBuf::from(format!("{}{number}", disk.display())))
    }

    fn array(&self, device: &Path) -> Result<Array, RaidError> {
        let arrays = self.arrays()?;
        let mut arrays = arrays.into_iter();
        let found = arrays.find(|array| array.device == device);
        found.ok_or_else(|| RaidError::NoVolume {
            device: device.to_owned(),
        })
    }

    fn clear(&self, device: &Path) -> Result<(), RaidError> {
        self.note(format!("clear {}", device.display()));
        self.state.borrow_mut().partitions.remove(device);
        Ok(())
    }

    fn settle(&self) {
        self.note("settle".to_owned());
    }
}

pub(super) fn facts(name: &str) -> DiskFacts {
    DiskFacts::from(Disk {
        name: name.to_owned(),
        size: 100 << 30,
        logical_sectors: Some(512),
        ..Disk::default()
    })
}

pub(super) fn node(fields: &Value) -> Node {
    let mut all = json!({"uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781"});
    let target = all.as_object_mut().unwrap();
    target.extend(fields.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}
