//! A node under test: verbs that read like a sentence, and waits on its states.

use crate::lab::Lab;
use crate::machine::{BMC_PASSWORD, BMC_USER, Machine};
use crate::wait;
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

pub struct Node<'a> {
    lab: &'a Lab,
    pub name: String,
    pub uuid: String,
}

/// Nothing that a machine does under software emulation takes longer.
const LONG: Duration = Duration::from_secs(1200);
/// For what the conductor does without the machine, or with its BMC alone.
const SHORT: Duration = Duration::from_secs(180);
const PRESSED_AGAIN: Duration = Duration::from_secs(30);

impl<'a> Node<'a> {
    pub(crate) fn enroll(lab: &'a Lab, machine: &Machine) -> anyhow::Result<Self> {
        let body = json!({
            "name": machine.name,
            "driver": "redfish",
            "driver_info": {
                "redfish_address": machine.bmc_url(),
                "redfish_username": BMC_USER,
                "redfish_password": BMC_PASSWORD,
            },
            "boot_interface": "ipxe",
            "deploy_interface": "direct",
            "inspect_interface": "agent",
            "network_interface": "noop",
        });
        let node = lab.api().post("/v1/nodes", &body)?;
        let uuid = node["uuid"]
            .as_str()
            .context("the new node has a uuid")?
            .to_owned();
        lab.api().post(
            "/v1/ports",
            &json!({ "node_uuid": uuid, "address": machine.mac }),
        )?;
        Ok(Self {
            lab,
            name: machine.name.clone(),
            uuid,
        })
    }

    /// A node that was enrolled before.
    ///
    /// # Errors
    /// When the API does not know it.
    pub fn known(lab: &'a Lab, name: &str) -> anyhow::Result<Self> {
        let node = lab.api().get(&format!("/v1/nodes/{name}"))?;
        let uuid = node["uuid"]
            .as_str()
            .context("a node has a uuid")?
            .to_owned();
        Ok(Self {
            lab,
            name: name.to_owned(),
            uuid,
        })
    }

    /// The whole node.
    ///
    /// # Errors
    /// When the API does not answer; so in all that follow.
    pub fn get(&self) -> anyhow::Result<Value> {
        self.lab.api().get(&format!("/v1/nodes/{}", self.uuid))
    }

    /// # Errors
    /// See [`Node::get`].
    pub fn state(&self) -> anyhow::Result<String> {
        let states = self
            .lab
            .api()
            .get(&format!("/v1/nodes/{}/states", self.uuid))?;
        Ok(states["provision_state"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    /// Asks for a provision target, with more in the body if needed.
    ///
    /// # Errors
    /// See [`Node::get`].
    pub fn ask(&self, target: &str, more: Value) -> anyhow::Result<()> {
        let mut body = json!({ "target": target });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        self.lab
            .api()
            .put(&format!("/v1/nodes/{}/states/provision", self.uuid), &body)
            .map(drop)
    }

    /// # Errors
    /// See [`Node::get`].
    pub fn set(&self, path: &str, value: &Value) -> anyhow::Result<()> {
        let patch = json!([{ "op": "add", "path": path, "value": value }]);
        self.lab
            .api()
            .patch(&format!("/v1/nodes/{}", self.uuid), &patch)
            .map(drop)
    }

    /// Waits until the node is in a state; a failed one that was not asked for ends the wait at once.
    ///
    /// # Errors
    /// With the node's `last_error` when it failed, or at the deadline.
    pub fn reaches(&self, state: &str, deadline: Duration) -> anyhow::Result<Value> {
        let what = format!("{} to be {state}", self.name);
        wait::until(&what, deadline, || {
            let node = self.get()?;
            let now = node["provision_state"].as_str().unwrap_or_default();
            if now == state {
                return Ok(Some(node));
            }
            if now.ends_with("failed") || now == "error" {
                bail!(
                    "{} is {now} instead of {state}: {}",
                    self.name,
                    node["last_error"]
                );
            }
            Ok(None)
        })
        .map_err(|error| error.context(self.story()))
    }

    /// # Errors
    /// See [`Node::reaches`].
    pub fn manage(&self) -> anyhow::Result<()> {
        self.ask("manage", Value::Null)?;
        self.reaches("manageable", SHORT).map(drop)
    }

    /// # Errors
    /// See [`Node::reaches`].
    pub fn inspect(&self) -> anyhow::Result<()> {
        self.ask("inspect", Value::Null)?;
        self.leaves("manageable")?;
        self.reaches("manageable", LONG).map(drop)
    }

    /// # Errors
    /// See [`Node::reaches`].
    pub fn provide(&self) -> anyhow::Result<()> {
        self.ask("provide", Value::Null)?;
        self.reaches("available", LONG).map(drop)
    }

    /// Says what is to be deployed.
    ///
    /// # Errors
    /// See [`Node::get`].
    pub fn image(&self, path: &Path) -> anyhow::Result<()> {
        self.set(
            "/instance_info/image_source",
            &json!(format!("file://{}", path.display())),
        )
    }

    /// Starts a deploy with this host name in the config drive.
    ///
    /// # Errors
    /// See [`Node::get`].
    pub fn start_deploy(&self, hostname: &str) -> anyhow::Result<()> {
        let meta_data = json!({ "hostname": hostname, "name": hostname, "uuid": self.uuid });
        self.ask(
            "active",
            json!({ "configdrive": { "meta_data": meta_data } }),
        )
    }

    /// # Errors
    /// See [`Node::reaches`].
    pub fn becomes_active(&self) -> anyhow::Result<()> {
        self.reaches("active", LONG).map(drop)
    }

    /// # Errors
    /// See [`Node::reaches`].
    pub fn undeploy(&self) -> anyhow::Result<()> {
        self.ask("deleted", Value::Null)?;
        self.reaches("available", LONG).map(drop)
    }

    /// Cleans with these steps, and is `manageable` again.
    ///
    /// # Errors
    /// See [`Node::reaches`].
    pub fn clean(&self, steps: &Value) -> anyhow::Result<()> {
        self.start_clean(steps)?;
        self.reaches("manageable", LONG).map(drop)
    }

    /// Begins to clean with these steps.
    ///
    /// # Errors
    /// See [`Node::reaches`].
    pub fn start_clean(&self, steps: &Value) -> anyhow::Result<()> {
        self.ask("clean", json!({ "clean_steps": steps }))?;
        self.leaves("manageable")
    }

    /// Waits until a step that holds has begun.
    ///
    /// # Errors
    /// See [`Node::reaches`].
    pub fn holds(&self, state: &str) -> anyhow::Result<()> {
        self.reaches(state, LONG).map(drop)
    }

    /// Waits for a failure that is meant to be, and gives its sentence.
    ///
    /// # Errors
    /// At the deadline.
    pub fn fails(&self, state: &str) -> anyhow::Result<String> {
        let what = format!("{} to be {state}", self.name);
        wait::until(&what, LONG, || {
            let node = self.get()?;
            let error = node["last_error"].as_str().unwrap_or_default().to_owned();
            Ok((node["provision_state"] == state).then_some(error))
        })
        .map_err(|error| error.context(self.story()))
    }

    /// Starts the rescue ramdisk, with this password for the user `rescue`.
    ///
    /// # Errors
    /// See [`Node::reaches`].
    pub fn rescue(&self, password: &str) -> anyhow::Result<()> {
        self.ask("rescue", json!({ "rescue_password": password }))?;
        self.leaves("active")?;
        self.reaches("rescue", LONG).map(drop)
    }

    /// # Errors
    /// See [`Node::reaches`].
    pub fn unrescue(&self) -> anyhow::Result<()> {
        self.ask("unrescue", Value::Null)?;
        self.reaches("active", LONG).map(drop)
    }

    /// Asks for a power state, such as `power on`, and waits for what it leads to.
    ///
    /// # Errors
    /// See [`Node::get`]; and at the deadline.
    pub fn power(&self, target: &str, state: &str) -> anyhow::Result<()> {
        self.ask_power(target)?;
        let what = format!("{} to be {state} after {target}", self.name);
        wait::until(&what, LONG, || self.has_settled(state))
            .map_err(|error| error.context(self.story()))
    }

    /// Asks the system to shut down, and waits until it has. A login prompt may be there before anybody listens to the
    /// power button, so that is pressed again and again.
    ///
    /// # Errors
    /// See [`Node::get`]; and at the deadline.
    pub fn shuts_down(&self) -> anyhow::Result<()> {
        self.ask_power("soft power off")?;
        let mut pressed = Instant::now();
        wait::until(&format!("{} to shut down", self.name), LONG, || {
            if pressed.elapsed() > PRESSED_AGAIN {
                pressed = Instant::now();
                // The machine may be going off in this moment, and then nobody takes it.
                self.lab.power(&self.name, "shutdown").unwrap_or_default();
            }
            self.has_settled("power off")
        })
        .map_err(|error| error.context(self.story()))
    }

    fn ask_power(&self, target: &str) -> anyhow::Result<()> {
        let path = format!("/v1/nodes/{}/states/power", self.uuid);
        let wanted = json!({ "target": target });
        self.lab.api().put(&path, &wanted).map(drop)
    }

    fn has_settled(&self, state: &str) -> anyhow::Result<Option<()>> {
        let node = self.get()?;
        let settled = node["power_state"] == state && node["target_power_state"].is_null();
        Ok(settled.then_some(()))
    }

    /// The timeline's events behind a sequence number.
    ///
    /// # Errors
    /// See [`Node::get`].
    pub fn events(&self, after: u64) -> anyhow::Result<Vec<Value>> {
        let page = self.lab.api().get(&format!(
            "/ferric/v1/nodes/{}/timeline?after={after}&limit=1000",
            self.uuid
        ))?;
        Ok(page["events"].as_array().cloned().unwrap_or_default())
    }

    /// Waits until the image is being written and at least so many bytes are on the disk.
    ///
    /// # Errors
    /// At the deadline, or when the node fails before.
    pub fn writes(&self, bytes: u64) -> anyhow::Result<()> {
        let mut after = self
            .events(0)?
            .last()
            .and_then(|event| event["sequence"].as_u64())
            .unwrap_or(0);
        wait::until(&format!("{} to write its image", self.name), LONG, || {
            if self.state()?.ends_with("failed") {
                bail!(
                    "{} failed before it wrote: {}",
                    self.name,
                    self.get()?["last_error"]
                );
            }
            let events = self.events(after)?;
            after = events
                .last()
                .and_then(|event| event["sequence"].as_u64())
                .unwrap_or(after);
            let written = |event: &Value| {
                event["event"] == "progress" && event["bytes_done"].as_u64().unwrap_or(0) >= bytes
            };
            Ok(events.iter().any(written).then_some(()))
        })
        .map_err(|error| error.context(self.story()))
    }

    /// Waits until what was asked for has begun.
    ///
    /// # Errors
    /// At the deadline.
    pub fn leaves(&self, state: &str) -> anyhow::Result<()> {
        wait::until(&format!("{} to leave {state}", self.name), SHORT, || {
            Ok((self.state()? != state).then_some(()))
        })
    }

    /// The last events, a line each, to be attached to an error.
    fn story(&self) -> String {
        let events = self.events(0).unwrap_or_default();
        let last = &events[events.len().saturating_sub(15)..];
        let lines: Vec<String> = last.iter().map(Value::to_string).collect();
        format!("the last events of {}:\n{}", self.name, lines.join("\n"))
    }
}
