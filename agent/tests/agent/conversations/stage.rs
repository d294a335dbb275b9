//! Sets the stage of a conversation: a played conductor, an agent under the host guard, and a disk of its own.

use ferric_agent::run::run;
use serde_json::{Value, json};

use super::flow::{Content, ImageFormat, Stage, given};
use super::names::{Names, fill, fill_text};
use crate::conductor::{Conductor, NODE, TOKEN, lookup_answer};
use crate::deploy::image;
use crate::loop_device::Loop;
use crate::orders::{image_info, stalling_image_info};
use crate::process::{Agent, Api, Place};

/// Who takes part, and what the placeholders stand for.
pub(super) struct Scene {
    pub(super) conductor: Conductor,
    pub(super) api: Api,
    pub(super) names: Names,
    place: Place,
    agent: Option<Agent>,
    disk: Option<Loop>,
}

impl Scene {
    /// The agent has found its node and beats.
    pub(super) async fn set(stage: &Stage) -> Self {
        let disk = stage.disk.then(Loop::new);
        let conductor = Conductor::of_version(&stage.api_version).await;
        let mut names = names(&conductor, disk.as_ref(), stage.image);
        let mut answer = lookup_answer(TOKEN);
        answer["node"]["properties"] = names["node"]["properties"].clone();
        for (key, value) in &stage.lookup_config {
            answer["config"][key.as_str()] = value.clone();
        }
        conductor.answer_lookups([(200, answer)]);
        let place = Place::new();
        place.cmdline(&fill_text(&stage.cmdline, &names).unwrap());
        let agent = start(&place, &conductor, disk.as_ref());
        let api = Api::of(&conductor.heartbeat(1).await);
        names.insert("agent_url".to_owned(), json!(api.url));
        Self {
            conductor,
            api,
            names,
            place,
            agent: Some(agent),
            disk,
        }
    }

    /// The agent dies as in a crash, the image's server recovers, and the agent's successor beats.
    pub(super) async fn restart(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.crash();
        }
        self.conductor.end_stalls();
        let beats = self.conductor.heartbeats().len();
        self.agent = Some(start(&self.place, &self.conductor, self.disk.as_ref()));
        self.conductor.heartbeat(beats + 1).await;
    }

    /// Whether the disk holds this, or why it cannot be said.
    pub(super) fn disk_holds(&self, content: Content) -> Result<bool, String> {
        let disk = self.disk.as_ref().ok_or("the stage has no disk")?;
        let found = disk.content();
        let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        Ok(match content {
            Content::Pattern => found == Loop::pattern(),
            Content::Image => found.starts_with(&image()),
            Content::NoTable => is_zero(&found[..1 << 20]),
            Content::Zeroes => is_zero(&found),
        })
    }

    /// What the agent has logged last.
    pub(super) fn log(&self) -> String {
        let log = self.agent.as_ref().map(Agent::log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

fn start(place: &Place, conductor: &Conductor, disk: Option<&Loop>) -> Agent {
    match disk {
        Some(disk) => place.start(conductor, &["--only-device", disk.name()]),
        None => place.start(conductor, &[]),
    }
}

fn names(conductor: &Conductor, disk: Option<&Loop>, format: ImageFormat) -> Names {
    let file = file_of(format);
    let info = image_info(conductor, &file);
    let stalling = stalling_image_info(conductor, &file);
    let mut names = Names::from([
        ("token".to_owned(), json!(TOKEN)),
        ("node_uuid".to_owned(), json!(NODE)),
        ("conductor_url".to_owned(), json!(conductor.url)),
        ("agent_version".to_owned(), json!(env!("CARGO_PKG_VERSION"))),
        (
            "disk".to_owned(),
            json!(disk.map_or("/dev/no-such-disk", Loop::name)),
        ),
        ("image_url".to_owned(), info["urls"][0].clone()),
        ("image_sha256".to_owned(), info["os_hash_value"].clone()),
        ("stalling_url".to_owned(), stalling["urls"][0].clone()),
    ]);
    for name in ["node", "ports"] {
        add(&mut names, name, &given(&format!("{name}.json")));
    }
    // In their order, as the later ones are made of the earlier ones.
    if let Value::Object(shapes) = given("shapes.json") {
        for (name, shape) in &shapes {
            add(&mut names, name, shape);
        }
    }
    names
}

fn add(names: &mut Names, name: &str, value: &Value) {
    let filled = fill(value, names).unwrap_or_else(|error| panic!("given {name}: {error}"));
    names.insert(name.to_owned(), filled);
}

/// The image as the conductor serves it.
fn file_of(format: ImageFormat) -> Vec<u8> {
    match format {
        ImageFormat::Raw => image(),
        ImageFormat::Qcow2 => {
            let directory = tempfile::tempdir().unwrap();
            let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
            let (raw, qcow2) = (path("raw"), path("qcow2"));
            std::fs::write(&raw, image()).unwrap();
            let arguments = ["convert", "-f", "raw", "-O", "qcow2", &raw, &qcow2];
            run("qemu-img", &arguments).unwrap();
            std::fs::read(qcow2).unwrap()
        }
    }
}
