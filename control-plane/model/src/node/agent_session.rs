//! What is known of the agent on a machine. Void after each power cycle that the conductor caused or the BMC confirmed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// One boot of the ramdisk, as seen by the conductor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSession {
    /// Given out at lookup. Replaced at the next lookup until the first heartbeat carried it, masked from then on.
    pub token: Option<Token>,
    /// A heartbeat has carried the token.
    pub token_confirmed: bool,
    /// `callback_url` of the heartbeat.
    pub url: Option<String>,
    /// The agent's certificate in PEM, pinned for this boot.
    pub certificate: Option<String>,
    pub version: Option<String>,
    pub last_heartbeat: Option<Timestamp>,
    /// Extensions agreed at lookup: `progress`, `epoch`. Empty for Ironic's agent.
    pub extensions: Vec<String>,
    /// Counts lookups of one power cycle: a second one means that the ramdisk booted again.
    pub lookups: u32,
    /// A boot script was asked for since the first heartbeat: by the machine that boots again, or by somebody else.
    #[serde(default)]
    pub boot_requested: bool,
    /// What was seen to of the boot that comes after this one, should the machine start again while the agent works.
    #[serde(default)]
    pub next_boot: Option<NextBoot>,
    /// Up to where the agent's log is in the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogMark>,
}

/// Where the next piece of an agent's log begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogMark {
    /// The run of the agent whose lines are counted.
    pub run: Uuid,
    /// The number of the first line that is not in the timeline.
    pub next: u64,
    /// How much of the logs of this boot is in the timeline.
    #[serde(default)]
    pub bytes: u64,
    /// When the last piece was put there.
    pub at: Timestamp,
}

/// What a machine boots that starts again in the middle of what its agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextBoot {
    /// The network, and so the ramdisk.
    Network,
    /// Whatever its firmware finds: the BMC did not take the setting.
    Unknown,
}

impl AgentSession {
    /// Whether anything hints at another boot of the machine. No proof: anybody on the network may ask.
    pub fn may_be_gone(&self) -> bool {
        self.token_confirmed && (self.boot_requested || self.lookups > 1)
    }

    /// The agent has answered, which it proves with its certificate: the hints came from somebody else.
    pub fn is_alive(&mut self) {
        self.boot_requested = false;
        self.lookups = self.lookups.min(1);
    }

    /// The agent has shown its token and said where it listens: it can be given commands.
    pub fn is_ready(&self) -> bool {
        self.token_confirmed && self.url.is_some()
    }
}

/// The agent's secret. Shows itself in no log line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}
