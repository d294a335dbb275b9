//! A recorded conversation: the stage that it needs, and what is said, in order. See the README beside this file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The folder of the conversations.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agent/conversations");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flow {
    pub(super) about: String,
    #[serde(default)]
    pub(super) stage: Stage,
    pub(super) exchanges: Vec<Exchange>,
}

/// What there is before the first exchange.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Stage {
    /// Whether the agent has a disk, which nobody else has.
    pub(super) disk: bool,
    pub(super) image: ImageFormat,
    /// The kernel command line.
    pub(super) cmdline: String,
    /// The version of the conductor's API.
    pub(super) api_version: String,
    /// What `config` in the answer of the lookup has besides the usual.
    pub(super) lookup_config: Map<String, Value>,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            disk: false,
            image: ImageFormat::Raw,
            cmdline: String::new(),
            api_version: "1.115".to_owned(),
            lookup_config: Map::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ImageFormat {
    Raw,
    Qcow2,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(super) enum Exchange {
    Ask(Ask),
    Poll(Poll),
    Receive(Receive),
    Connect(Connect),
    Disk(Disk),
    Restart(Restart),
}

/// The conductor asks, and the agent answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    pub(super) about: String,
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) query: BTreeMap<String, String>,
    /// JSON, or bytes that are sent as they are.
    #[serde(default)]
    pub(super) body: Option<Value>,
    #[serde(default)]
    pub(super) raw_body: Option<String>,
    pub(super) status: u16,
    /// Of the answer's headers only these are looked at.
    #[serde(default)]
    pub(super) headers: Map<String, Value>,
    pub(super) answer: Value,
}

/// The conductor asks again and again until a command has ended.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Poll {
    pub(super) about: String,
    pub(super) how: How,
    pub(super) id: String,
    pub(super) command: String,
    /// The result then.
    pub(super) answer: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    /// By the last one of the list of commands, as a conductor does at each heartbeat.
    List,
    /// By the command itself, whose answer comes when it has ended.
    Wait,
}

/// The agent asks, and the played conductor answers as the stage has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Receive {
    pub(super) about: String,
    pub(super) what: What,
    /// The first one is 1.
    pub(super) number: usize,
    pub(super) headers: Value,
    pub(super) query: Value,
    pub(super) body: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// Which versions the API has.
    Probe,
    Lookup,
    Heartbeat,
    Inspection,
}

/// Somebody connects who may not be the conductor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connect {
    pub(super) about: String,
    pub(super) client: Client,
    pub(super) is_served: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Client {
    #[serde(rename = "trusts the certificate, TLS 1.3")]
    Tls13,
    #[serde(rename = "trusts the certificate, TLS 1.2")]
    Tls12,
    #[serde(rename = "trusts nobody")]
    Untrusting,
    #[serde(rename = "speaks HTTP without TLS")]
    Plain,
}

/// What is on the disk now.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Disk {
    pub(super) about: String,
    pub(super) holds: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    /// What an earlier user left.
    Pattern,
    /// The image of the stage, as the machine is to boot it.
    Image,
    /// Nothing in its first MiB.
    NoTable,
    Zeroes,
}

/// The agent dies and is started again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Restart {
    pub(super) about: String,
}

impl Exchange {
    pub(super) fn about(&self) -> &str {
        match self {
            Self::Ask(ask) => &ask.about,
            Self::Poll(poll) => &poll.about,
            Self::Receive(receive) => &receive.about,
            Self::Connect(connect) => &connect.about,
            Self::Disk(disk) => &disk.about,
            Self::Restart(restart) => &restart.about,
        }
    }
}

impl Ask {
    /// The command that is sent, if one is.
    pub(super) fn command(&self) -> Option<&str> {
        self.body.as_ref()?.get("name")?.as_str()
    }
}

impl Flow {
    pub(super) fn read(name: &str) -> Self {
        let text = text(&format!("{name}.json"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}.json: {error}"))
    }
}

/// Something that flows share, by its file's name below `given`.
pub(super) fn given(name: &str) -> Value {
    let text = text(&format!("given/{name}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("given/{name}: {error}"))
}

/// The names of all flows that there are files of, sorted.
pub(super) fn recorded() -> Vec<String> {
    let files = std::fs::read_dir(FOLDER).unwrap().flatten();
    let names = files.filter_map(|file| {
        let name = file.file_name().into_string().unwrap();
        name.strip_suffix(".json").map(str::to_owned)
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn text(file: &str) -> String {
    let path = PathBuf::from(FOLDER).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
