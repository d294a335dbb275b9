//! The firmware of a node's components as its hardware showed it last: kept beside it, as it is seldom read.

use crate::ids::NodeId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `GET /v1/nodes/{node}/firmware`, in the order in which the components were first seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FirmwareComponents {
    pub node: NodeId,
    pub components: Vec<FirmwareComponent>,
}

/// A component and the versions that it had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FirmwareComponent {
    pub component: String,
    /// Of when it was first seen.
    pub initial_version: Option<String>,
    pub current_version: Option<String>,
    /// The last one that came after the initial one.
    pub last_version_flashed: Option<String>,
    #[serde(flatten)]
    pub identity: FirmwareIdentity,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

/// Which part it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FirmwareIdentity {
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub serial_number: Option<String>,
}

/// A component as the hardware shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownComponent {
    pub component: String,
    pub version: String,
    pub identity: FirmwareIdentity,
}

impl FirmwareComponents {
    /// What is shown now. A component that is not shown any more stays: some are shown only while the machine is on.
    #[must_use]
    pub fn renewed(
        node: NodeId,
        before: Option<&Self>,
        shown: Vec<ShownComponent>,
        now: Timestamp,
    ) -> Self {
        let mut components = before.map_or_else(Vec::new, |before| before.components.clone());
        for shown in shown {
            let known = components
                .iter_mut()
                .find(|known| known.component == shown.component);
            match known {
                Some(known) => known.renew(shown, now),
                None => components.push(FirmwareComponent::new(shown, now)),
            }
        }
        Self { node, components }
    }
}

impl FirmwareComponent {
    fn new(shown: ShownComponent, now: Timestamp) -> Self {
        Self {
            component: shown.component,
            initial_version: Some(shown.version.clone()),
            current_version: Some(shown.version),
            last_version_flashed: None,
            identity: shown.identity,
            created_at: now,
            updated_at: None,
        }
    }

    fn renew(&mut self, shown: ShownComponent, now: Timestamp) {
        let version = Some(shown.version);
        if self.current_version == version && self.identity == shown.identity {
            return;
        }
        if self.current_version != version {
            self.last_version_flashed.clone_from(&version);
            self.current_version = version;
        }
        self.identity = shown.identity;
        self.updated_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn shown(component: &str, version: &str, model: Option<&str>) -> ShownComponent {
        ShownComponent {
            component: component.to_owned(),
            version: version.to_owned(),
            identity: FirmwareIdentity {
                model: model.map(str::to_owned),
                ..FirmwareIdentity::default()
            },
        }
    }

    /// Each component as name, initial, current and last flashed version, and whether it was changed.
    fn lines(all: &FirmwareComponents) -> Vec<String> {
        let text = |version: &Option<String>| version.clone().unwrap_or_else(|| "-".to_owned());
        let line = |one: &FirmwareComponent| {
            let versions = [
                &one.initial_version,
                &one.current_version,
                &one.last_version_flashed,
            ];
            let versions = versions.map(text).join(" ");
            let changed = one.updated_at.map_or(0, Timestamp::as_second);
            format!("{} {versions} {changed}", one.component)
        };
        all.components.iter().map(line).collect()
    }

    #[test]
    fn versions_are_followed_and_nothing_is_forgotten() {
        let node = NodeId(Uuid::nil());
        let first = vec![
            shown("bios", "1", None),
            shown("nic:a", "5", None),
            shown("bmc", "7", None),
        ];
        let first = FirmwareComponents::renewed(node, None, first, at(1));
        assert_eq!(
            lines(&first),
            ["bios 1 1 - 0", "nic:a 5 5 - 0", "bmc 7 7 - 0"]
        );
        // Switched off, the machine shows its network cards no more.
        let second = vec![shown("bios", "2", None), shown("bmc", "7", Some("M"))];
        let second = FirmwareComponents::renewed(node, Some(&first), second, at(2));
        assert_eq!(
            lines(&second),
            ["bios 1 2 2 2", "nic:a 5 5 - 0", "bmc 7 7 - 2"]
        );
        let third = vec![shown("bios", "1", None), shown("bmc", "7", Some("M"))];
        let third = FirmwareComponents::renewed(node, Some(&second), third, at(3));
        assert_eq!(lines(&third)[0], "bios 1 1 1 3");
        assert_eq!(lines(&third)[2], "bmc 7 7 - 2");
        let text = serde_json::to_string(&third).unwrap();
        assert_eq!(
            serde_json::from_str::<FirmwareComponents>(&text).unwrap(),
            third
        );
    }
}
