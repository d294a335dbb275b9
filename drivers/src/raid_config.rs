//! RAID configurations as Ironic takes them: the schema of `target_raid_config`, parsed once, with a sentence for each
//! refusal. Knows no controller: whether a machine can make these volumes is seen when it is asked to.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The levels that can be asked for.
pub const RAID_LEVELS: [&str; 9] = ["JBOD", "0", "1", "2", "5", "6", "1+0", "5+0", "6+0"];

/// How large a volume is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeSize {
    /// So many GiB.
    Gib(u64),
    /// What the disks have room for.
    Max,
}

/// One volume that is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct LogicalDisk {
    /// Its size.
    pub size: VolumeSize,
    /// One of [`RAID_LEVELS`].
    pub raid_level: String,
    /// Its name; `None`: the BMC or we choose.
    pub volume_name: Option<String>,
    /// Whether the instance is to boot from it.
    pub is_root_volume: bool,
    /// Whether its disks may be shared with other volumes.
    pub share_physical_disks: bool,
    /// `hdd` or `ssd`.
    pub disk_type: Option<String>,
    /// `sata`, `scsi` or `sas`.
    pub interface_type: Option<String>,
    /// How many disks it is made of.
    pub number_of_physical_disks: Option<usize>,
    /// The controller, by its name.
    pub controller: Option<String>,
    /// The disks, by their names; objects are hints for software RAID.
    pub physical_disks: Vec<Value>,
}

/// A RAID configuration; without volumes it asks for none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RaidConfig {
    /// The volumes.
    pub logical_disks: Vec<LogicalDisk>,
}

/// Why something is no RAID configuration; the sentence goes to whoever asked (400).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid RAID configuration: {0}")]
pub struct RaidConfigError(String);

const PROPERTIES: [(&str, &str); 10] = [
    (
        "size_gb",
        "Size in GiB (whole number) of the logical disk, or MAX for all the space that its physical disks have. Required.",
    ),
    (
        "raid_level",
        "RAID level of the logical disk: JBOD, 0, 1, 2, 5, 6, 1+0, 5+0 or 6+0. Required.",
    ),
    (
        "volume_name",
        "Name of the volume to be created; unique within the configuration. Default: chosen for it.",
    ),
    (
        "is_root_volume",
        "Whether the instance boots from this disk; at most one logical disk may say so. Default false.",
    ),
    (
        "share_physical_disks",
        "Whether the physical disks may also be part of other logical disks. Default false.",
    ),
    (
        "disk_type",
        "Kind of the physical disks: hdd or ssd. Default: either.",
    ),
    (
        "interface_type",
        "Interface of the physical disks: sata, scsi or sas. Default: any.",
    ),
    (
        "number_of_physical_disks",
        "How many physical disks the logical disk is made of. Default: the fewest that its level needs.",
    ),
    (
        "controller",
        "Name of the RAID controller. Default: the first that can make the logical disk.",
    ),
    (
        "physical_disks",
        "The physical disks by name; for software RAID a list of at least two objects with device hints. Default: chosen for it.",
    ),
];

/// The keys of a logical disk with their descriptions.
pub fn logical_disk_properties() -> BTreeMap<&'static str, &'static str> {
    PROPERTIES.into_iter().collect()
}

impl RaidConfig {
    /// Reads what an operator wrote: an object with `logical_disks`.
    pub fn parse(value: &Value) -> Result<Self, RaidConfigError> {
        let Some(object) = value.as_object() else {
            return refuse("it must be an object with the list logical_disks");
        };
        if let Some(key) = object.keys().find(|key| *key != "logical_disks") {
            return refuse(format!(
                "'{key}' is not known; the only key is logical_disks"
            ));
        }
        let Some(disks) = object.get("logical_disks") else {
            return refuse("the list logical_disks is missing");
        };
        let Some(disks) = disks.as_array().filter(|disks| !disks.is_empty()) else {
            return refuse("logical_disks must be a list of at least one logical disk");
        };
        let parsed = disks.iter().enumerate().map(|(place, disk)| {
            let named = |problem| RaidConfigError(format!("logical_disks[{place}]: {problem}"));
            logical_disk(disk).map_err(named)
        });
        let logical_disks = parsed.collect::<Result<Vec<_>, _>>()?;
        let config = Self { logical_disks };
        config.check_together()?;
        Ok(config)
    }

    fn check_together(&self) -> Result<(), RaidConfigError> {
        let roots = self.logical_disks.iter().filter(|disk| disk.is_root_volume);
        if roots.count() > 1 {
            return refuse("at most one logical disk can have is_root_volume true");
        }
        let mut names: Vec<_> = self
            .logical_disks
            .iter()
            .filter_map(|disk| disk.volume_name.as_deref())
            .collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => refuse(format!("the volume_name '{}' stands there twice", pair[0])),
            None => Ok(()),
        }
    }
}

fn refuse<T>(problem: impl Into<String>) -> Result<T, RaidConfigError> {
    Err(RaidConfigError(problem.into()))
}

fn logical_disk(value: &Value) -> Result<LogicalDisk, String> {
    let Some(disk) = value.as_object() else {
        return Err("it must be an object".to_owned());
    };
    let known = PROPERTIES.map(|(name, _)| name);
    if let Some(key) = disk.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!(
            "'{key}' is not known; the keys are {}",
            known.join(", ")
        ));
    }
    let raid_level =
        one_of(disk, "raid_level", &RAID_LEVELS)?.ok_or("raid_level is missing".to_owned())?;
    Ok(LogicalDisk {
        size: size(disk)?,
        raid_level,
        volume_name: text(disk, "volume_name")?,
        is_root_volume: flag(disk, "is_root_volume")?,
        share_physical_disks: flag(disk, "share_physical_disks")?,
        disk_type: one_of(disk, "disk_type", &["hdd", "ssd"])?,
        interface_type: one_of(disk, "interface_type", &["sata", "scsi", "sas"])?,
        number_of_physical_disks: count(disk)?,
        controller: text(disk, "controller")?,
        physical_disks: physical_disks(disk)?,
    })
}

fn size(disk: &Map<String, Value>) -> Result<VolumeSize, String> {
    match disk.get("size_gb") {
        None => Err("size_gb is missing".to_owned()),
        Some(Value::String(text)) if text == "MAX" => Ok(VolumeSize::Max),
        Some(value) => value.as_u64().map(VolumeSize::Gib).ok_or_else(|| {
            format!("size_gb must be a whole number of GiB, 0 or more, or MAX, not {value}")
        }),
    }
}

fn text(disk: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match disk.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(value) => Err(format!(
            "{key} must be a text that is not empty, not {value}"
        )),
    }
}

fn flag(disk: &Map<String, Value>, key: &str) -> Result<bool, String> {
    match disk.get(key) {
        None => Ok(false),
        Some(value) => value
            .as_bool()
            .ok_or_else(|| format!("{key} must be true or false, not {value}")),
    }
}

fn one_of(
    disk: &Map<String, Value>,
    key: &str,
    choices: &[&str],
) -> Result<Option<String>, String> {
    match disk.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if choices.contains(&text.as_str()) => Ok(Some(text.clone())),
        Some(value) => Err(format!(
            "{key} must be one of {}, not {value}",
            choices.join(", ")
        )),
    }
}

fn count(disk: &Map<String, Value>) -> Result<Option<usize>, String> {
    let Some(value) = disk.get("number_of_physical_disks") else {
        return Ok(None);
    };
    let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
    match count {
        Some(count) if count > 0 => Ok(Some(count)),
        _ => Err(format!(
            "number_of_physical_disks must be a whole number, 1 or more, not {value}"
        )),
    }
}

fn physical_disks(disk: &Map<String, Value>) -> Result<Vec<Value>, String> {
    let Some(value) = disk.get("physical_disks") else {
        return Ok(Vec::new());
    };
    let list = value.as_array().filter(|list| !list.is_empty());
    let Some(list) = list else {
        return Err(format!(
            "physical_disks must be a list of at least one disk, not {value}"
        ));
    };
    let hints = list.iter().filter(|disk| disk.is_object()).count();
    let names = list.iter().filter(|disk| disk.is_string()).count();
    if names == list.len() || (hints == list.len() && hints >= 2) {
        return Ok(list.clone());
    }
    Err(
        "physical_disks must be names, or at least two objects with device hints for software RAID"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(config: &Value) -> String {
        RaidConfig::parse(config).unwrap_err().to_string()
    }

    fn refused_disk(keys: Value) -> String {
        let mut disk = json!({"size_gb": 10, "raid_level": "1"});
        let Value::Object(keys) = keys else {
            unreachable!("the cases are objects");
        };
        disk.as_object_mut().unwrap().extend(keys);
        refused(&json!({"logical_disks": [disk]}))
    }

    #[test]
    fn a_full_configuration_is_read() {
        let config = RaidConfig::parse(&json!({"logical_disks": [
            {"size_gb": "MAX", "raid_level": "5+0", "volume_name": "v", "is_root_volume": true, "share_physical_disks": true,
             "disk_type": "ssd", "interface_type": "sas", "number_of_physical_disks": 6, "controller": "RAID.1",
             "physical_disks": ["Disk.1", "Disk.2"]},
            {"size_gb": 0, "raid_level": "JBOD"},
        ]}))
        .unwrap();
        let [first, second] = config.logical_disks.as_slice() else {
            panic!("two volumes were asked for: {config:?}");
        };
        assert_eq!(first.size, VolumeSize::Max);
        assert_eq!(first.volume_name.as_deref(), Some("v"));
        assert_eq!(first.number_of_physical_disks, Some(6));
        assert_eq!(first.physical_disks.len(), 2);
        assert!(first.is_root_volume && first.share_physical_disks);
        assert_eq!(second.size, VolumeSize::Gib(0));
        assert!(!second.is_root_volume && second.controller.is_none());
    }

    #[test]
    fn what_is_none_is_refused_with_the_place() {
        let cases = [
            (
                json!([]),
                "it must be an object with the list logical_disks",
            ),
            (json!({}), "the list logical_disks is missing"),
            (
                json!({"logical_disks": []}),
                "logical_disks must be a list of at least one logical disk",
            ),
            (
                json!({"logical_disk": []}),
                "'logical_disk' is not known; the only key is logical_disks",
            ),
            (
                json!({"logical_disks": [1]}),
                "logical_disks[0]: it must be an object",
            ),
            (
                json!({"logical_disks": [{"raid_level": "1"}]}),
                "logical_disks[0]: size_gb is missing",
            ),
            (
                json!({"logical_disks": [{"size_gb": 1}]}),
                "logical_disks[0]: raid_level is missing",
            ),
            (
                json!({"logical_disks": [{"size_gb": 1, "raid_level": "1", "is_root_volume": true},
                                         {"size_gb": 1, "raid_level": "1", "is_root_volume": true}]}),
                "at most one logical disk can have is_root_volume true",
            ),
            (
                json!({"logical_disks": [{"size_gb": 1, "raid_level": "1", "volume_name": "a"},
                                         {"size_gb": 1, "raid_level": "1", "volume_name": "a"}]}),
                "the volume_name 'a' stands there twice",
            ),
        ];
        for (config, expected) in cases {
            assert_eq!(
                refused(&config),
                format!("invalid RAID configuration: {expected}")
            );
        }
    }

    #[test]
    fn each_key_of_a_disk_is_checked() {
        let cases = [
            (json!({"size_gb": -1}), "size_gb must be a whole number"),
            (json!({"size_gb": "max"}), "or MAX, not \"max\""),
            (
                json!({"raid_level": "10"}),
                "raid_level must be one of JBOD, 0, 1, 2, 5, 6, 1+0, 5+0, 6+0, not \"10\"",
            ),
            (json!({"volume_name": ""}), "volume_name must be a text"),
            (
                json!({"is_root_volume": "true"}),
                "is_root_volume must be true or false",
            ),
            (
                json!({"disk_type": "nvme"}),
                "disk_type must be one of hdd, ssd",
            ),
            (
                json!({"interface_type": "pcie"}),
                "interface_type must be one of",
            ),
            (json!({"number_of_physical_disks": 0}), "1 or more, not 0"),
            (
                json!({"physical_disks": [{"size": "> 1"}]}),
                "at least two objects",
            ),
            (
                json!({"physical_disks": ["a", {}]}),
                "physical_disks must be names",
            ),
            (
                json!({"colour": "red"}),
                "'colour' is not known; the keys are size_gb, raid_level",
            ),
        ];
        for (keys, expected) in cases {
            let problem = refused_disk(keys);
            assert!(problem.contains(expected), "{problem}");
            assert!(problem.contains("logical_disks[0]: "), "{problem}");
        }
    }

    #[test]
    fn every_key_is_described() {
        let described = logical_disk_properties();
        assert_eq!(described.len(), PROPERTIES.len());
    }
}
