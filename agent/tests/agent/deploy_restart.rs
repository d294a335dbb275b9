//! An agent that is killed at some point of a deploy is started again, and the deploy goes on as if nothing had been.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::conductor::{Conductor, TOKEN};
use crate::deploy::image;
use crate::loop_device::Loop;
use crate::orders::{image_info, stalling_image_info, write};
use crate::process::{Agent, Api, Place};

const WRITE: &str = "deploy.execute_deploy_step";

/// A conductor as Ironic's, which chooses no ids and agrees on nothing.
struct Deploy {
    conductor: Conductor,
    place: Place,
    agent: Option<Agent>,
    api: Api,
    disk: Loop,
}

impl Deploy {
    async fn new() -> Self {
        let (disk, conductor, place) = (Loop::new(), Conductor::start().await, Place::new());
        let agent = place.start(&conductor, &["--only-device", disk.name()]);
        let api = Api::of(&conductor.heartbeat(1).await);
        Self {
            conductor,
            place,
            agent: Some(agent),
            api,
            disk,
        }
    }

    fn crash(&mut self) {
        self.agent.take().unwrap().crash();
    }

    async fn start(&mut self) {
        let beats = self.conductor.heartbeats().len();
        let arguments = ["--only-device", self.disk.name()];
        self.agent = Some(self.place.start(&self.conductor, &arguments));
        self.conductor.heartbeat(beats + 1).await;
    }

    async fn begin(&self, image_info: &Value) -> Value {
        let order = write(&self.disk.device, image_info);
        let begun = self.api.command(WRITE, order).await;
        assert_eq!(begun.status, 200, "{begun:?}");
        begun.body["id"].clone()
    }

    async fn ended(&self, id: &Value) -> Value {
        let id = id.as_str().unwrap();
        let path = format!("/v1/commands/{id}?agent_token={TOKEN}&wait=true");
        self.api.get(&path).await.body
    }

    /// Waits until the disk has lost what it had.
    async fn cleared(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.disk.content()[..512].iter().any(|byte| *byte != 0) {
            assert!(Instant::now() < deadline, "the write has not begun");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn state(&self, name: &str) -> PathBuf {
        self.place.path().join("state").join(name)
    }

    /// What there is if the agent dies before it has noted the end of its last command.
    fn forget_the_end(&self, name: &str, params: &Value) -> Value {
        let file = self.state("commands.json");
        let mut kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let last = kept["commands"].as_array_mut().unwrap().last_mut().unwrap();
        let id = last["id"].clone();
        last["command_status"] = json!("RUNNING");
        last["command_result"] = Value::Null;
        last["command_error"] = Value::Null;
        let order = json!({"id": id, "name": name, "params": params, "restarts": 0});
        std::fs::write(&file, kept.to_string()).unwrap();
        std::fs::write(self.state("running.json"), order.to_string()).unwrap();
        id
    }

    async fn is_whole(&self) {
        let uuids = self.api.command("standby.get_partition_uuids", json!({}));
        let uuids = uuids.await.body["command_result"].clone();
        assert_eq!(uuids, json!({"root uuid": "0x1234abcd"}));
        let content = self.disk.content();
        assert!(content.starts_with(&image()), "the image is not there");
        assert!(!self.state("running.json").exists());
    }
}

#[tokio::test]
async fn an_image_that_was_half_written_is_written() {
    let mut deploy = Deploy::new().await;
    let info = stalling_image_info(&deploy.conductor, &image());
    let id = deploy.begin(&info).await;
    deploy.cleared().await;
    let order = deploy.state("running.json").metadata().unwrap();
    assert_eq!(order.permissions().mode() & 0o777, 0o600);
    deploy.crash();
    deploy.conductor.end_stalls();
    deploy.start().await;
    let result = deploy.ended(&id).await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
    let device = deploy.disk.name();
    let text = format!("image (os.raw) written to device {device} root_uuid=0x1234abcd");
    assert_eq!(result["command_result"]["deploy_result"], text);
    assert_eq!(deploy.api.commands().await.len(), 1);
    deploy.is_whole().await;
}

/// Ironic's conductor sends a command again whose answer it did not get.
#[tokio::test]
async fn the_same_order_is_no_other_command() {
    let mut deploy = Deploy::new().await;
    let info = stalling_image_info(&deploy.conductor, &image());
    let id = deploy.begin(&info).await;
    deploy.conductor.stall(1).await;
    deploy.crash();
    deploy.start().await;
    assert_eq!(deploy.begin(&info).await, id);
    let mut other = info.clone();
    other["id"] = json!("other.raw");
    let other = write(&deploy.disk.device, &other);
    assert_eq!(deploy.api.command(WRITE, other).await.status, 409);
    assert_eq!(deploy.api.commands().await.len(), 1);
}

#[tokio::test]
async fn a_command_by_which_the_agent_always_dies_fails() {
    let mut deploy = Deploy::new().await;
    let info = stalling_image_info(&deploy.conductor, &image());
    let id = deploy.begin(&info).await;
    for life in 1..=4 {
        deploy.conductor.stall(life).await;
        deploy.cleared().await;
        let running = deploy.api.commands().await[0].clone();
        assert_eq!(
            (&running["id"], &running["command_status"]),
            (&id, &json!("RUNNING"))
        );
        deploy.crash();
        deploy.start().await;
    }
    let result = deploy.api.commands().await[0].clone();
    assert_eq!(result["command_status"], "FAILED", "{result}");
    let details = result["command_error"]["details"].as_str().unwrap();
    let expected = "the agent was restarted 4 times while this command was running";
    assert!(details.starts_with(expected), "{details}");
    assert!(deploy.disk.content()[..512].iter().all(|byte| *byte == 0));
    let good = deploy.begin(&image_info(&deploy.conductor, &image())).await;
    let result = deploy.ended(&good).await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
    deploy.is_whole().await;
}

#[tokio::test]
async fn an_image_that_was_written_is_not_lost_with_the_note_of_it() {
    let mut deploy = Deploy::new().await;
    let info = image_info(&deploy.conductor, &image());
    let order = write(&deploy.disk.device, &info);
    let written = deploy.api.finished(WRITE, order.clone()).await;
    for has_record in [true, false] {
        deploy.crash();
        let id = deploy.forget_the_end(WRITE, &order);
        if !has_record {
            std::fs::remove_file(deploy.state("written.json")).unwrap();
        }
        deploy.start().await;
        let result = deploy.ended(&id).await;
        assert_eq!(result, written);
    }
    deploy.is_whole().await;
}

#[tokio::test]
async fn the_boot_loader_is_installed_again() {
    let mut deploy = Deploy::new().await;
    let id = deploy.begin(&image_info(&deploy.conductor, &image())).await;
    deploy.ended(&id).await;
    let (name, loader) = (
        "image.install_bootloader",
        json!({"root_uuid": "0x1234abcd", "target_boot_mode": "bios"}),
    );
    let installed = deploy.api.finished(name, loader.clone()).await;
    assert_eq!(installed["command_status"], "SUCCEEDED", "{installed}");
    deploy.crash();
    let id = deploy.forget_the_end(name, &loader);
    deploy.start().await;
    assert_eq!(deploy.ended(&id).await, installed);
    deploy.is_whole().await;
}

/// Its conductor, which did not get the answer, would take one that is listed as running for the answer.
#[tokio::test]
async fn what_is_answered_when_it_is_done_is_done_before_anybody_is_answered() {
    let mut deploy = Deploy::new().await;
    let (name, params) = ("deploy.get_deploy_steps", json!({}));
    let listed = deploy.api.command(name, params.clone()).await.body;
    deploy.crash();
    deploy.forget_the_end(name, &params);
    deploy.start().await;
    assert_eq!(deploy.api.commands().await, [listed]);
}

#[tokio::test]
async fn what_must_not_be_done_twice_has_failed() {
    let mut deploy = Deploy::new().await;
    let (name, params) = ("standby.power_off", json!({}));
    deploy.api.finished(name, params.clone()).await;
    deploy.crash();
    let id = deploy.forget_the_end(name, &params);
    deploy.start().await;
    let result = deploy.api.commands().await[0].clone();
    assert_eq!(
        (&result["id"], &result["command_status"]),
        (&id, &json!("FAILED"))
    );
    let error = &result["command_error"];
    assert_eq!(error["type"], "CommandExecutionError");
    let expected = "the agent was restarted while this command was running, so it did not end";
    assert_eq!(error["details"], expected);
    assert!(!deploy.state("running.json").exists());
}
