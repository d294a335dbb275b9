//! Identifiers as types of their own, so that a port's is never taken for a node's.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A node's UUID, as on the wire.
    NodeId
);
uuid_id!(
    /// A port's UUID, as on the wire.
    PortId
);
uuid_id!(
    /// One run of an activity on a node: a deploy that is repeated is another run.
    RunId
);
uuid_id!(
    /// A deploy template's UUID, as on the wire.
    TemplateId
);
uuid_id!(
    /// A runbook's UUID, as on the wire.
    RunbookId
);
uuid_id!(
    /// A port group's UUID, as on the wire.
    PortgroupId
);
uuid_id!(
    /// A chassis' UUID, as on the wire.
    ChassisId
);
uuid_id!(
    /// A volume connector's UUID, as on the wire.
    VolumeConnectorId
);
uuid_id!(
    /// A volume target's UUID, as on the wire.
    VolumeTargetId
);
uuid_id!(
    /// An allocation's UUID, as on the wire; also that of its instance.
    AllocationId
);
uuid_id!(
    /// An inspection rule's UUID, as on the wire.
    InspectionRuleId
);
uuid_id!(
    /// A bulk request's id, as on the wire.
    BulkRequestId
);
uuid_id!(
    /// The id of a signed record of an erased disk, as on the wire.
    ErasureId
);
uuid_id!(
    /// One life of a conductor process; a restart is another incarnation.
    Incarnation
);

/// How often a node has changed hands. Every write of a node and every command to its agent carries it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// A MAC address in lower case with colons, as Ironic stores and shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MacAddress(String);

/// The text is not six octets in hexadecimal.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a MAC address such as 52:54:00:12:34:56")]
pub struct InvalidMac(String);

impl MacAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `52-54-00-12-34-56`, as iPXE's `hexhyp` prints it.
    pub fn with_hyphens(&self) -> String {
        self.0.replace(':', "-")
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for MacAddress {
    type Err = InvalidMac;

    /// Accepts colons or hyphens between the octets, in either case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.trim().to_ascii_lowercase().replace('-', ":");
        let octets: Vec<&str> = lower.split(':').collect();
        let octet =
            |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if octets.len() == 6 && octets.iter().all(octet) {
            Ok(Self(lower))
        } else {
            Err(InvalidMac(text.to_owned()))
        }
    }
}

impl<'de> Deserialize<'de> for MacAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let parsed = text.parse::<MacAddress>().ok();
        assert_eq!(parsed.as_ref().map(MacAddress::as_str), expected, "{text}");
    }

    #[test]
    fn mac_addresses() {
        check("52:54:00:12:34:5A", Some("52:54:00:12:34:5a"));
        check("52-54-00-12-34-5a", Some("52:54:00:12:34:5a"));
        check("52:54:00:12:34", None);
        check("52:54:00:12:34:5g", None);
        check("52:54:00:12:34:5a:01", None);
        check("", None);
    }
}
