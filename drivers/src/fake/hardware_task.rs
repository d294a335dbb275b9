//! What a fake machine's BMC does by itself: each task has its time, and its effect at the end of it.
//!
//! A fake machine lives as long as its process. One that does not know a task any more begins it anew from its record.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{MediaDevice, Progress, Restart, Started};

/// What a task changes when it ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    BiosApply(Map<String, Value>),
    BiosReset,
    RaidCreate(Vec<Value>),
    RaidDelete,
    /// A component, and its version from then on.
    FirmwareUpdate(String, String),
}

impl Effect {
    /// For the record of a task.
    fn to_json(&self) -> Value {
        match self {
            Effect::BiosApply(settings) => json!({"bios_apply": settings}),
            Effect::BiosReset => json!({"bios_reset": true}),
            Effect::RaidCreate(volumes) => json!({"raid_create": volumes}),
            Effect::RaidDelete => json!({"raid_delete": true}),
            Effect::FirmwareUpdate(component, version) => {
                json!({"firmware_update": [component, version]})
            }
        }
    }

    fn of_json(value: &Value) -> Option<Self> {
        let (kind, what) = value.as_object()?.iter().next()?;
        match kind.as_str() {
            "bios_apply" => Some(Effect::BiosApply(what.as_object()?.clone())),
            "bios_reset" => Some(Effect::BiosReset),
            "raid_create" => Some(Effect::RaidCreate(what.as_array()?.clone())),
            "raid_delete" => Some(Effect::RaidDelete),
            "firmware_update" => {
                let text = |place: usize| Some(what.get(place)?.as_str()?.to_owned());
                Some(Effect::FirmwareUpdate(text(0)?, text(1)?))
            }
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Task {
    effect: Effect,
    ends: Instant,
    cause: Option<String>,
}

/// What of secure boot a machine has.
#[derive(Clone, Debug, Default)]
pub(super) enum SecureBootPart {
    #[default]
    Works,
    /// It cannot be switched, for this cause.
    Jammed(String),
    None,
}

/// The settings, volumes and versions of a machine, and the tasks that are to change them.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) bios: Map<String, Value>,
    pub(super) volumes: Vec<Value>,
    pub(super) firmware: BTreeMap<String, String>,
    /// The URLs of what is in the virtual drives.
    pub(super) media: BTreeMap<MediaDevice, String>,
    pub(super) secure_boot: SecureBootPart,
    /// In which words the lists of settings and firmware cannot be read; `None`: they can.
    pub(super) unreadable: Option<String>,
    duration: Duration,
    tasks: BTreeMap<u64, Task>,
    begun: u64,
    causes: Vec<String>,
}

/// The BIOS settings of a fake machine, each with its values; it comes with the first one.
const BIOS_SETTINGS: &[(&str, &[&str])] = &[
    ("BootMode", &["Uefi", "Bios"]),
    ("MemTest", &["Disabled", "Enabled"]),
    ("NumLock", &["On", "Off"]),
    ("ProcTurboMode", &["Enabled", "Disabled"]),
];

/// What a fake machine came with.
fn bios_defaults() -> Map<String, Value> {
    let defaults = BIOS_SETTINGS
        .iter()
        .map(|(name, values)| ((*name).to_owned(), Value::from(values[0])));
    defaults.collect()
}

/// The values that a setting is said to take. Others are not refused: tests choose their own.
pub(super) fn bios_values(name: &str) -> Option<&'static [&'static str]> {
    let found = BIOS_SETTINGS.iter().find(|(known, _)| *known == name);
    found.map(|(_, values)| *values)
}

impl Parts {
    pub(super) fn new() -> Self {
        Self {
            bios: bios_defaults(),
            firmware: [("bios", "1.0"), ("bmc", "1.0")]
                .map(|(name, version)| (name.to_owned(), version.to_owned()))
                .into(),
            ..Self::default()
        }
    }

    /// From now on each task takes this long; zero: it is done at once.
    pub(super) fn set_duration(&mut self, duration: Duration) {
        self.duration = duration;
    }

    /// The next tasks fail, one for each cause.
    pub(super) fn fail_tasks(&mut self, causes: impl IntoIterator<Item = String>) {
        self.causes.extend(causes);
    }

    /// How many tasks were begun so far.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Begins a task, unless one with this effect is under way.
    pub(super) fn begin(&mut self, effect: Effect, restart: Restart) -> Started {
        let same = self.tasks.iter().find(|(_, task)| task.effect == effect);
        let id = match same {
            Some((id, _)) => *id,
            None => self.add(effect.clone()),
        };
        if self.duration.is_zero() && self.tasks.get(&id).is_some_and(|task| task.cause.is_none()) {
            self.tasks.remove(&id);
            self.take_effect(effect);
            return Started::Done;
        }
        Started::Pending {
            record: json!({"task": id, "effect": effect.to_json()}),
            restart,
        }
    }

    fn add(&mut self, effect: Effect) -> u64 {
        self.begun += 1;
        let cause = (!self.causes.is_empty()).then(|| self.causes.remove(0));
        let ends = Instant::now() + self.duration;
        let task = Task {
            effect,
            ends,
            cause,
        };
        self.tasks.insert(self.begun, task);
        self.begun
    }

    pub(super) fn poll(&mut self, record: &Value) -> Progress {
        let Some(effect) = record.get("effect").and_then(Effect::of_json) else {
            return Progress::Failed(format!("the record of the task is damaged: {record}"));
        };
        let known = record.get("task").and_then(Value::as_u64);
        let known = known.filter(|id| {
            let task = self.tasks.get(id);
            task.is_some_and(|task| task.effect == effect)
        });
        let Some(id) = known else {
            // Whoever asked for it may have died with the answer that it is done.
            if self.holds(&effect) {
                return Progress::Done;
            }
            let id = self.add(effect.clone());
            return Progress::Pending(json!({"task": id, "effect": effect.to_json()}));
        };
        if self.tasks[&id].ends > Instant::now() {
            return Progress::Pending(record.clone());
        }
        match self.tasks.remove(&id).and_then(|task| task.cause) {
            Some(cause) => Progress::Failed(cause),
            None => {
                self.take_effect(effect);
                Progress::Done
            }
        }
    }

    /// Whether all is as the task was to make it.
    fn holds(&self, effect: &Effect) -> bool {
        match effect {
            Effect::BiosApply(settings) => settings
                .iter()
                .all(|(name, value)| self.bios.get(name) == Some(value)),
            Effect::BiosReset => self.bios == bios_defaults(),
            Effect::RaidCreate(volumes) => volumes.iter().all(|made| {
                let same = |there: &Value| there["name"] == made["name"];
                self.volumes.iter().any(same)
            }),
            Effect::RaidDelete => self.volumes.is_empty(),
            Effect::FirmwareUpdate(component, version) => {
                self.firmware.get(component) == Some(version)
            }
        }
    }

    fn take_effect(&mut self, effect: Effect) {
        match effect {
            Effect::BiosApply(settings) => self.bios.extend(settings),
            Effect::BiosReset => self.bios = bios_defaults(),
            Effect::RaidCreate(volumes) => self.volumes.extend(volumes),
            Effect::RaidDelete => self.volumes.clear(),
            Effect::FirmwareUpdate(component, version) => {
                self.firmware.insert(component, version);
            }
        }
    }
}
