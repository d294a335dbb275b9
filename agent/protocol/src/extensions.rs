//! What Ferric adds to the protocol, and how two sides find out that both know it.
//!
//! The agent names its extensions in a request header of the lookup, because Ironic refuses unknown query keys; a
//! conductor that knows them answers with one extra key in `config`. Without that answer nothing of this is used.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// One addition to Ironic's agent protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extension {
    /// Command results carry `ferric_progress` while an image is written.
    Progress,
    /// Commands carry the owner's epoch and an id of their own; an older epoch is refused.
    Epoch,
    /// The command `standby.discard_image` takes back what this boot has written.
    Discard,
    /// A step that failed has a result, too: the records of the disks that were erased, or left, nevertheless.
    EraseRecords,
    /// The list of commands carries `ferric_log`, the agent's own log, where it is asked for ([`crate::log`]).
    Log,
    /// The agent brings its log by itself, whether commands run or not ([`crate::log::log_path`]).
    LogPush,
    /// The agent opens no port: it fetches what it is asked ([`crate::dial_out`]). Offered only where that is wanted.
    DialOut,
}

impl Extension {
    const ALL: [Self; 7] = [
        Self::Progress,
        Self::Epoch,
        Self::Discard,
        Self::EraseRecords,
        Self::Log,
        Self::LogPush,
        Self::DialOut,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Progress => "progress",
            Self::Epoch => "epoch",
            Self::Discard => "discard",
            Self::EraseRecords => "erase-records",
            Self::Log => "log",
            Self::LogPush => "log-push",
            Self::DialOut => "dial-out",
        }
    }
}

/// A set of extensions; names that this build does not know are dropped on parsing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Extensions(BTreeSet<Extension>);

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(default)]
    extensions: Vec<String>,
}

impl Extensions {
    /// All that this build knows.
    #[must_use]
    pub fn all() -> Self {
        Self(Extension::ALL.into())
    }

    /// The others.
    #[must_use]
    pub fn without(mut self, extension: Extension) -> Self {
        self.0.remove(&extension);
        self
    }

    /// Whether both sides have named it, if this is the set that they agreed on.
    #[must_use]
    pub fn has(&self, extension: Extension) -> bool {
        self.0.contains(&extension)
    }

    /// Reads the value of the header `X-Ferric-Agent`.
    #[must_use]
    pub fn from_header(value: &str) -> Self {
        Self::from_names(value.split(',').map(str::trim))
    }

    /// The value of the header `X-Ferric-Agent`.
    #[must_use]
    pub fn to_header(&self) -> String {
        self.names().join(", ")
    }

    /// What both sides know.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    fn from_names<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let known = |name: &str| Extension::ALL.into_iter().find(|one| one.name() == name);
        Self(names.filter_map(known).collect())
    }

    /// The names on the wire.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|extension| extension.name()).collect()
    }
}

impl From<Wire> for Extensions {
    fn from(wire: Wire) -> Self {
        Self::from_names(wire.extensions.iter().map(String::as_str))
    }
}

impl From<Extensions> for Wire {
    fn from(extensions: Extensions) -> Self {
        Self {
            extensions: extensions.names().into_iter().map(str::to_owned).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_config_key_name_the_same_set() {
        let header = "progress, epoch, discard, erase-records, log, log-push, dial-out";
        assert_eq!(Extensions::all().to_header(), header);
        assert_eq!(
            Extensions::from_header("progress,epoch,discard,erase-records,log,log-push,dial-out"),
            Extensions::all()
        );
        let names = [
            "progress",
            "epoch",
            "discard",
            "erase-records",
            "log",
            "log-push",
            "dial-out",
        ];
        let json = serde_json::json!({"extensions": names});
        assert_eq!(serde_json::to_value(Extensions::all()).unwrap(), json);
    }

    #[test]
    fn an_extension_can_be_left_out() {
        let most = Extensions::all().without(Extension::DialOut);
        assert_eq!(
            most.to_header(),
            "progress, epoch, discard, erase-records, log, log-push"
        );
    }

    #[test]
    fn what_one_side_does_not_know_is_not_used() {
        let offered = Extensions::from_header("progress, telepathy");
        let agreed = offered.common(&Extensions::all());
        assert!(agreed.has(Extension::Progress));
        assert!(!agreed.has(Extension::Epoch));
    }
}
