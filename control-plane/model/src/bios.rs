//! The BIOS settings of a node as its hardware showed them last: kept beside it, since they are many and seldom read.

use crate::ids::NodeId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `GET /v1/nodes/{node}/bios`, in the order of names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BiosSettings {
    pub node: NodeId,
    pub settings: Vec<BiosSetting>,
}

/// A setting, and when its record was made and changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BiosSetting {
    pub name: String,
    pub value: Option<String>,
    #[serde(flatten)]
    pub attribute: BiosAttribute,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

/// What the hardware's registry says of a setting, in Ironic's words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BiosAttribute {
    pub attribute_type: Option<String>,
    pub allowable_values: Option<Vec<String>>,
    pub lower_bound: Option<i64>,
    pub upper_bound: Option<i64>,
    pub min_length: Option<i64>,
    pub max_length: Option<i64>,
    pub read_only: Option<bool>,
    pub reset_required: Option<bool>,
    pub unique: Option<bool>,
}

/// A setting as the hardware shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownSetting {
    pub name: String,
    pub value: Option<String>,
    /// `None`: the registry could not be read, which says nothing of the setting.
    pub attribute: Option<BiosAttribute>,
}

impl BiosSettings {
    /// What is shown now: settings that are new, changed, as they were, or gone.
    #[must_use]
    pub fn renewed(
        node: NodeId,
        before: Option<&Self>,
        shown: Vec<ShownSetting>,
        now: Timestamp,
    ) -> Self {
        let known = before.map_or(&[][..], |before| &before.settings);
        let renew = |shown: ShownSetting| {
            let before = known.iter().find(|before| before.name == shown.name);
            shown.renewing(before, now)
        };
        let mut settings: Vec<_> = shown.into_iter().map(renew).collect();
        settings.sort_by(|one, other| one.name.cmp(&other.name));
        settings.dedup_by(|one, other| one.name == other.name);
        Self { node, settings }
    }
}

impl ShownSetting {
    fn renewing(self, before: Option<&BiosSetting>, now: Timestamp) -> BiosSetting {
        let Some(before) = before else {
            return BiosSetting {
                name: self.name,
                value: self.value,
                attribute: self.attribute.unwrap_or_default(),
                created_at: now,
                updated_at: None,
            };
        };
        let attribute = self.attribute.unwrap_or_else(|| before.attribute.clone());
        let same = before.value == self.value && before.attribute == attribute;
        BiosSetting {
            name: self.name,
            value: self.value,
            attribute,
            created_at: before.created_at,
            updated_at: if same { before.updated_at } else { Some(now) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn shown(name: &str, value: &str, kind: Option<&str>) -> ShownSetting {
        ShownSetting {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            attribute: kind.map(|kind| BiosAttribute {
                attribute_type: Some(kind.to_owned()),
                ..BiosAttribute::default()
            }),
        }
    }

    #[test]
    fn each_setting_keeps_its_times_until_it_changes() {
        let node = NodeId(Uuid::nil());
        let first = vec![
            shown("Turbo", "On", Some("Enumeration")),
            shown("Cores", "8", None),
            shown("Gone", "1", None),
        ];
        let first = BiosSettings::renewed(node, None, first, at(1));
        let names: Vec<_> = first.settings.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["Cores", "Gone", "Turbo"]);
        assert!(first.settings.iter().all(|one| one.updated_at.is_none()));
        // The registry is out of reach this time.
        let second = vec![
            shown("New", "x", None),
            shown("Turbo", "Off", None),
            shown("Cores", "8", None),
        ];
        let second = BiosSettings::renewed(node, Some(&first), second, at(2));
        let times = second.settings.iter().map(|one| {
            let name = one.name.as_str();
            (name, one.created_at, one.updated_at)
        });
        assert_eq!(
            times.collect::<Vec<_>>(),
            [
                ("Cores", at(1), None),
                ("New", at(2), None),
                ("Turbo", at(1), Some(at(2))),
            ]
        );
        let kind = &second.settings[2].attribute.attribute_type;
        assert_eq!(kind.as_deref(), Some("Enumeration"));
        let text = serde_json::to_string(&second).unwrap();
        assert_eq!(serde_json::from_str::<BiosSettings>(&text).unwrap(), second);
    }
}
