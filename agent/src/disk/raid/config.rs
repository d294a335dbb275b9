//! Which volumes are wanted: a node's `target_raid_config`, or the argument of a deploy step. Pure.
//!
//! The rules are those of Ironic's agent; all that is wrong with the volumes is told at once.

use ferric_agent_protocol::hints::RootDeviceHints;
use serde_json::{Map, Value};
use thiserror::Error;

/// As long as mdadm stores them, with room for what it puts before.
const MAX_NAME_BYTES: usize = 27;
const MAX_VOLUMES: usize = 2;

#[derive(Debug, Error, PartialEq, Eq)]
#[error("the software RAID configuration cannot be used: {0}")]
pub struct RaidConfigError(pub(super) String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Raid0,
    Raid1,
    Raid5,
    Raid6,
    Raid10,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Gib(u64),
    /// What is left of the disks.
    Max,
}

/// One volume that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Volume {
    pub(super) name: Option<String>,
    pub(super) level: Level,
    pub(super) size: Size,
    /// Whether the operating system goes to it; `None` where nothing is said.
    pub(super) is_root: Option<bool>,
    /// Which disks it is made of; all of them where nothing is said.
    pub(super) disks: Option<Vec<RootDeviceHints>>,
}

/// The volumes in the order in which they are made: the one that takes what is left comes last.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RaidConfig {
    pub(super) volumes: Vec<Volume>,
}

impl Level {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "0" => Self::Raid0,
            "1" => Self::Raid1,
            "5" => Self::Raid5,
            "6" => Self::Raid6,
            "1+0" => Self::Raid10,
            _ => return None,
        })
    }

    /// The name that mdadm has for it.
    pub(super) fn mdadm_name(self) -> &'static str {
        match self {
            Self::Raid0 => "0",
            Self::Raid1 => "1",
            Self::Raid5 => "5",
            Self::Raid6 => "6",
            Self::Raid10 => "10",
        }
    }

    /// How many disks it takes.
    pub(super) fn least_disks(self) -> usize {
        match self {
            Self::Raid0 | Self::Raid1 | Self::Raid10 => 2,
            Self::Raid5 => 3,
            Self::Raid6 => 4,
        }
    }
}

impl RaidConfig {
    /// `None` where no volume is one of software. `kept` are the names of the volumes that the node wants to keep.
    pub(super) fn parse(config: &Value, kept: &[String]) -> Result<Option<Self>, RaidConfigError> {
        let logical_disks = config.get("logical_disks").and_then(Value::as_array);
        let logical_disks = logical_disks.map(Vec::as_slice).unwrap_or_default();
        if !logical_disks.iter().any(is_software) {
            return Ok(None);
        }
        let (mut problems, mut volumes) = (Vec::new(), Vec::new());
        for (number, disk) in (1..).zip(logical_disks) {
            match Volume::parse(disk) {
                Ok(volume) => volumes.push(volume),
                Err(problem) => problems.push(format!("logical disk {number}: {problem}")),
            }
        }
        if problems.is_empty() {
            problems = problems_of(&volumes, kept);
        }
        if !problems.is_empty() {
            return Err(RaidConfigError(problems.join("; ")));
        }
        volumes.sort_by_key(|volume| volume.size == Size::Max);
        Ok(Some(Self { volumes }))
    }
}

impl Volume {
    fn parse(disk: &Value) -> Result<Self, String> {
        let fields = disk.as_object().ok_or("it must be an object")?;
        if !is_software(disk) {
            return Err(
                "its controller must be software, as that of another logical disk is".to_owned(),
            );
        }
        let level = fields.get("raid_level").and_then(Value::as_str);
        let level = level
            .and_then(Level::parse)
            .ok_or("raid_level must be one of 0, 1, 5, 6 and 1+0")?;
        let disks = fields
            .get("physical_disks")
            .filter(|disks| !disks.is_null());
        Ok(Self {
            name: name(fields)?,
            level,
            size: size(fields.get("size_gb"))?,
            is_root: is_root(fields)?,
            disks: disks.map(physical_disks).transpose()?,
        })
    }

    /// The name that it has on the disks; `index` is its place among the volumes.
    pub(super) fn name_at(&self, index: usize) -> String {
        self.name.clone().unwrap_or_else(|| format!("md{index}"))
    }
}

fn is_software(disk: &Value) -> bool {
    disk.get("controller").and_then(Value::as_str) == Some("software")
}

fn size(size: Option<&Value>) -> Result<Size, String> {
    let number = match size {
        Some(Value::String(text)) if text == "MAX" => return Ok(Size::Max),
        Some(Value::String(text)) => text.parse().ok(),
        Some(Value::Number(number)) => number.as_u64(),
        _ => None,
    };
    let number = number.filter(|number| (1..1 << 24).contains(number));
    number
        .map(Size::Gib)
        .ok_or_else(|| "size_gb must be a positive whole number, or MAX".to_owned())
}

/// mdadm takes these letters alone, and a name must not look like one of its options.
fn name(fields: &Map<String, Value>) -> Result<Option<String>, String> {
    let Some(name) = fields.get("volume_name").filter(|name| !name.is_null()) else {
        return Ok(None);
    };
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let is_sound = |name: &&str| {
        (1..=MAX_NAME_BYTES).contains(&name.len())
            && !name.starts_with(['-', '.'])
            && name.chars().all(is_letter)
    };
    let name = name.as_str().filter(is_sound).ok_or_else(|| {
        format!(
            "volume_name must have 1 to {MAX_NAME_BYTES} letters, digits, dots, hyphens and underscores, \
             and begin with none of - and ."
        )
    })?;
    Ok(Some(name.to_owned()))
}

fn is_root(fields: &Map<String, Value>) -> Result<Option<bool>, String> {
    match fields.get("is_root_volume") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(is_root)) => Ok(Some(*is_root)),
        Some(_) => Err("is_root_volume must be true or false".to_owned()),
    }
}

fn physical_disks(disks: &Value) -> Result<Vec<RootDeviceHints>, String> {
    let disks = disks.as_array().filter(|disks| disks.len() >= 2);
    let disks = disks.ok_or(
        "physical_disks must be a list of at least two objects, each of which describes a disk as root device hints do",
    )?;
    let hints = disks.iter().map(RootDeviceHints::parse);
    let hints: Result<Vec<_>, _> = hints.collect();
    hints.map_err(|error| format!("physical_disks: {error}"))
}

fn problems_of(volumes: &[Volume], kept: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    if volumes.len() > MAX_VOLUMES {
        problems.push("there can be one or two logical disks".to_owned());
    }
    let is_mirror = |volume: &Volume| volume.level == Level::Raid1;
    if !volumes.first().is_some_and(is_mirror) {
        problems.push("the first logical disk must have raid_level 1".to_owned());
    }
    for (number, volume) in (1..).zip(volumes) {
        let least = volume.level.least_disks();
        if volume
            .disks
            .as_ref()
            .is_some_and(|disks| disks.len() < least)
        {
            let level = volume.level.mdadm_name();
            problems.push(format!(
                "logical disk {number}: RAID {level} takes at least {least} physical_disks"
            ));
        }
    }
    let count = |fits: &dyn Fn(&Volume) -> bool| volumes.iter().filter(|one| fits(one)).count();
    if count(&|volume| volume.size == Size::Max) > 1 {
        problems.push("only one logical disk can have the size MAX".to_owned());
    }
    if count(&|volume| volume.is_root == Some(true)) > 1 {
        problems.push("only one logical disk can be the root volume".to_owned());
    }
    let names: Vec<_> = volumes.iter().filter_map(|one| one.name.as_ref()).collect();
    let is_twice = |name: &&&String| names.iter().filter(|other| other == name).count() > 1;
    if let Some(name) = names.iter().find(is_twice) {
        problems.push(format!("the volume_name {name} stands there twice"));
    }
    if !kept.is_empty() && names.len() < volumes.len() {
        problems.push(
            "every logical disk needs a volume_name, because skip_block_devices names volumes"
                .to_owned(),
        );
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn software(disks: &Value) -> Value {
        let mut disks = disks.as_array().unwrap().clone();
        for disk in &mut disks {
            let fields = disk.as_object_mut().unwrap();
            fields.entry("controller").or_insert(json!("software"));
        }
        json!({"logical_disks": disks})
    }

    fn parse(disks: &Value) -> Result<Option<RaidConfig>, RaidConfigError> {
        RaidConfig::parse(&software(disks), &[])
    }

    #[test]
    fn what_takes_the_rest_comes_last() {
        let config = parse(&json!([
            {"raid_level": "1", "size_gb": "MAX", "volume_name": "root", "is_root_volume": true},
            {"raid_level": "1+0", "size_gb": 100, "physical_disks": [{"size": 1}, {"serial": "a"}]},
        ]));
        let volumes = config.unwrap().unwrap().volumes;
        let told = volumes.iter().map(|one| (one.level, one.size, one.is_root));
        let told: Vec<_> = told.collect();
        let expected = [
            (Level::Raid10, Size::Gib(100), None),
            (Level::Raid1, Size::Max, Some(true)),
        ];
        assert_eq!(told, expected);
        assert_eq!(volumes[0].name_at(0), "md0");
        assert_eq!(volumes[1].name_at(1), "root");
        assert_eq!(volumes[0].disks.as_ref().map(Vec::len), Some(2));
    }

    #[test]
    fn a_configuration_without_software_volumes_is_none() {
        for config in [
            json!(null),
            json!({}),
            json!({"logical_disks": []}),
            json!({"logical_disks": [{"raid_level": "1", "size_gb": 1, "controller": "PERC"}]}),
        ] {
            assert_eq!(RaidConfig::parse(&config, &[]), Ok(None), "{config}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let first = json!({"raid_level": "1", "size_gb": 10});
        let third =
            json!({"raid_level": "5", "size_gb": 10, "physical_disks": [{"size": 1}, {"size": 2}]});
        for (disks, expected) in [
            (json!([first, first, first]), "one or two logical disks"),
            (
                json!([{"raid_level": "0", "size_gb": 10}]),
                "must have raid_level 1",
            ),
            (
                json!([{"raid_level": "2", "size_gb": 10}]),
                "must be one of 0, 1, 5, 6 and 1+0",
            ),
            (
                json!([{"raid_level": "1", "size_gb": 0}]),
                "size_gb must be",
            ),
            (json!([{"raid_level": "1"}]), "size_gb must be"),
            (
                json!([{"raid_level": "1", "size_gb": 1, "controller": "x"}, first]),
                "controller must be",
            ),
            (
                json!([{"raid_level": "1", "size_gb": "MAX"}, {"raid_level": "1", "size_gb": "MAX"}]),
                "only one logical disk can have the size MAX",
            ),
            (
                json!([{"raid_level": "1", "size_gb": 1, "is_root_volume": true},
                       {"raid_level": "0", "size_gb": 1, "is_root_volume": true}]),
                "only one logical disk can be the root volume",
            ),
            (
                json!([{"raid_level": "1", "size_gb": 1, "volume_name": "a"},
                       {"raid_level": "0", "size_gb": 1, "volume_name": "a"}]),
                "the volume_name a stands there twice",
            ),
            (
                json!([{"raid_level": "1", "size_gb": 1, "volume_name": "-a"}]),
                "volume_name must",
            ),
            (
                json!([{"raid_level": "1", "size_gb": 1, "volume_name": "a b"}]),
                "volume_name must",
            ),
            (
                json!([{"raid_level": "1", "size_gb": 1, "physical_disks": [{"size": 1}]}]),
                "at least two",
            ),
            (
                json!([{"raid_level": "1", "size_gb": 1, "physical_disks": [{"size": 1}, {"colour": "x"}]}]),
                "colour",
            ),
            (
                json!([first, third]),
                "logical disk 2: RAID 5 takes at least 3",
            ),
        ] {
            let error = parse(&disks).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let both = json!([{"raid_level": "0", "size_gb": 1, "volume_name": "a"},
                          {"raid_level": "0", "size_gb": 1, "volume_name": "a"}]);
        let error = parse(&both).unwrap_err().to_string();
        assert!(error.contains("raid_level 1; the volume_name a"), "{error}");
    }

    #[test]
    fn volumes_have_names_where_some_are_kept() {
        let config = software(&json!([{"raid_level": "1", "size_gb": 1}]));
        let error = RaidConfig::parse(&config, &["keep".to_owned()]).unwrap_err();
        assert!(error.0.contains("needs a volume_name"), "{error}");
    }
}
