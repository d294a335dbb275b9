//! What Ferric adds: ids chosen by the conductor, epochs, progress; and the busy rule, seen while a command runs.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::conductor::{Conductor, HANG_AFTER, TOKEN, lookup_answer};
use crate::loop_device::Loop;
use crate::orders::{hanging_image_info, write};
use crate::process::{Agent, Answer, Api, Place, send, serving};

const SYNC: &str = r#"{"name": "standby.sync", "params": {}}"#;

async fn post(api: &Api, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let path = format!("/v1/commands/?agent_token={TOKEN}&wait=true");
    let mut request = api.request(Method::POST, &path).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

#[tokio::test]
async fn a_command_with_an_id_is_started_once() {
    let (_conductor, _place, _agent, api) = serving().await;
    let id = "8a1c2d4e-0b7f-4a55-9c3e-5f1f6f2f7a01";
    let first = post(&api, &[("X-Ferric-Command-Id", id)], SYNC).await;
    assert_eq!(first.body["id"], id);
    let second = post(&api, &[("X-Ferric-Command-Id", id)], SYNC).await;
    assert_eq!(second, first);
    assert_eq!(api.commands().await.len(), 1);
    let nonsense = post(&api, &[("X-Ferric-Command-Id", "7")], SYNC).await;
    assert_eq!(nonsense.status, 400);
    assert_eq!(api.commands().await.len(), 1);
}

#[tokio::test]
async fn a_conductor_that_has_lost_the_node_is_refused() {
    let (_conductor, _place, _agent, api) = serving().await;
    let id = "8a1c2d4e-0b7f-4a55-9c3e-5f1f6f2f7a01";
    let first = post(
        &api,
        &[("X-Ferric-Epoch", "5"), ("X-Ferric-Command-Id", id)],
        SYNC,
    )
    .await;
    assert_eq!(first.status, 200);
    for headers in [
        &[("X-Ferric-Epoch", "4")][..],
        // Also for a command that is known: only the owner may ask about it by sending it again.
        &[("X-Ferric-Epoch", "4"), ("X-Ferric-Command-Id", id)],
    ] {
        let answer = post(&api, headers, SYNC).await;
        assert_eq!(answer.status, 409);
        let text = "Stale epoch: this command is of epoch 4, but the node belongs to epoch 5 now";
        assert_eq!(answer.body["faultstring"], text);
    }
    assert_eq!(
        post(&api, &[("X-Ferric-Epoch", "6")], SYNC).await.status,
        200
    );
    assert_eq!(
        post(&api, &[("X-Ferric-Epoch", "-1")], SYNC).await.status,
        400
    );
    // Ironic's conductors know no epochs.
    assert_eq!(post(&api, &[], SYNC).await.status, 200);
}

/// An agent whose running command does not end, because the image's server hangs.
async fn writing(answer: Value) -> (Conductor, Place, Agent, Api, Loop, Value) {
    let disk = Loop::new();
    let conductor = Conductor::start().await;
    conductor.answer_lookups([(200, answer)]);
    let place = Place::new();
    // A read that hangs is noticed after this time, also when the write is cancelled.
    place.cmdline("ipa-image-download-connection-timeout=5");
    let agent = place.start(&conductor, &["--only-device", disk.name()]);
    let api = Api::of(&conductor.heartbeat(1).await);
    let order = write(&disk.device, &hanging_image_info(&conductor));
    let begun = api.command("deploy.execute_deploy_step", order).await;
    assert_eq!(
        (begun.status, &begun.body["command_status"]),
        (200, &json!("RUNNING"))
    );
    (conductor, place, agent, api, disk, begun.body)
}

#[tokio::test]
async fn while_a_command_runs_no_other_begins() {
    let (_conductor, _place, _agent, api, _disk, begun) = writing(lookup_answer(TOKEN)).await;
    let expected = json!({
        "faultcode": "Client", "faultstring": "Agent is busy: executing command execute_deploy_step",
    });
    for name in ["standby.sync", "deploy.execute_deploy_step", "no.such"] {
        let refused = api.command(name, json!({})).await;
        assert_eq!(
            refused,
            Answer {
                status: 409,
                body: expected.clone()
            },
            "{name}"
        );
    }
    // Asking goes on meanwhile.
    assert_eq!(api.commands().await, [begun]);
}

fn answer_with_extensions() -> Value {
    let mut answer = lookup_answer(TOKEN);
    answer["config"]["ferric"] = json!({"extensions": ["progress", "epoch"]});
    answer
}

/// The progress of the first command once all that the hanging server sends has come.
async fn progress(api: &Api) -> Value {
    let received = async {
        loop {
            let progress = api.commands().await[0]["ferric_progress"].clone();
            if progress["bytes_received"].as_u64() >= Some(HANG_AFTER as u64) {
                return progress;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), received).await.unwrap()
}

#[tokio::test]
async fn progress_is_shown_to_a_conductor_that_asked_for_it() {
    let (_conductor, _place, _agent, api, _disk, _begun) = writing(answer_with_extensions()).await;
    let progress = progress(&api).await;
    assert_eq!(progress["phase"], "writing");
    assert_eq!(progress["bytes_total"], 2 * HANG_AFTER);
    let mut keys: Vec<&String> = progress.as_object().unwrap().keys().collect();
    keys.sort();
    let expected = [
        "bytes_per_second",
        "bytes_received",
        "bytes_total",
        "bytes_written",
        "elapsed_ms",
        "phase",
    ];
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn to_a_conductor_of_ironic_progress_is_not_shown() {
    let (_conductor, _place, _agent, api, _disk, _begun) = writing(lookup_answer(TOKEN)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut keys: Vec<String> = api.commands().await[0]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "command_error",
            "command_name",
            "command_result",
            "command_status",
            "id"
        ]
    );
}

/// The service manager ends the agent in the middle of a write: the disk must not look whole, and the next agent
/// begins it again.
#[tokio::test]
async fn a_write_is_broken_off_when_the_agent_is_asked_to_end_and_left_to_the_next() {
    let (conductor, place, agent, api, disk, begun) = writing(answer_with_extensions()).await;
    progress(&api).await;
    assert!(agent.end().await.success());
    assert!(
        disk.content()[..512].iter().all(|byte| *byte == 0),
        "the disk still has its first sector"
    );
    let beats = conductor.heartbeats().len();
    let _agent = place.start(&conductor, &["--only-device", disk.name()]);
    conductor.heartbeat(beats + 1).await;
    let result = api.commands().await[0].clone();
    assert_eq!(
        (&result["id"], &result["command_status"]),
        (&begun["id"], &json!("RUNNING"))
    );
    assert_eq!(result["command_error"], Value::Null);
}

fn answer_with_log() -> Value {
    let mut answer = lookup_answer(TOKEN);
    answer["config"]["ferric"] = json!({"extensions": ["log"]});
    answer
}

async fn list_with_log(api: &Api, place: &str) -> Value {
    let path = format!("/v1/commands/?agent_token={TOKEN}&ferric_log={place}");
    api.get(&path).await.body
}

fn has(lines: &[Value], text: &str) -> bool {
    let mut lines = lines.iter().filter_map(Value::as_str);
    lines.any(|line| line.contains(text))
}

/// All that is logged behind a place until a line has this text, and the place behind that.
async fn log_until(api: &Api, mut place: String, text: &str) -> (Vec<Value>, String) {
    let mut all = Vec::new();
    let found = async {
        while !has(&all, text) {
            let log = list_with_log(api, &place).await["ferric_log"].clone();
            let lines = log["lines"].as_array().unwrap();
            let next = log["first"].as_u64().unwrap() + lines.len() as u64;
            place = format!("{}:{next}", log["run"].as_str().unwrap());
            all.extend_from_slice(lines);
        }
    };
    timeout(Duration::from_secs(30), found).await.unwrap();
    (all, place)
}

#[tokio::test]
async fn the_log_is_told_from_its_first_line_and_names_a_disk_before_it_is_written() {
    let (_conductor, _place, agent, api, disk, _begun) = writing(answer_with_log()).await;
    let first = list_with_log(&api, "").await["ferric_log"]["first"].clone();
    assert_eq!(first, 0);
    let device = format!("device={:?}", disk.device.display().to_string());
    let (lines, _) = log_until(&api, String::new(), &device).await;
    assert!(has(&lines, "ferric-agent begins"), "{lines:#?}");
    assert!(has(&lines, "a command begins"), "{lines:#?}");
    assert!(agent.log().contains("DEBUG") && !has(&lines, "DEBUG"));
    assert!(!has(&lines, TOKEN));
}

#[tokio::test]
async fn a_conductor_is_told_what_it_does_not_know_of_the_log() {
    let conductor = Conductor::start().await;
    conductor.answer_lookups([(200, answer_with_log())]);
    let place = Place::new();
    let _agent = place.start(&conductor, &[]);
    let api = Api::of(&conductor.heartbeat(1).await);
    let (_, known) = log_until(&api, String::new(), "ferric-agent begins").await;
    api.finished("standby.sync", json!({})).await;
    let (news, _) = log_until(&api, known, "a command succeeded").await;
    assert!(!has(&news, "ferric-agent begins"), "{news:#?}");
    assert_eq!(api.commands().await.len(), 1);
    let plain = format!("/v1/commands/?agent_token={TOKEN}");
    assert_eq!(api.get(&plain).await.body.get("ferric_log"), None);
}

#[tokio::test]
async fn to_a_conductor_of_ironic_the_log_is_not_shown() {
    let (_conductor, _place, _agent, api) = serving().await;
    let list = list_with_log(&api, "").await;
    assert_eq!(list, json!({"commands": []}));
}
