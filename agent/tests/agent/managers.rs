//! Hardware managers of others: the example of the tree, and what becomes of a step when the agent ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::conductor::{Conductor, NODE, TOKEN, lookup_answer};
use crate::process::{Agent, Api, Place};

const EXAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/hardware-manager/site_checks.py"
);

/// More than any machine has.
const TOO_MUCH_MB: u64 = 1 << 40;

fn folder(place: &Place) -> PathBuf {
    let folder = place.path().join("managers");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn add_example(place: &Place) {
    let file = folder(place).join("site_checks.py");
    fs::copy(EXAMPLE, &file).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
}

fn use_managers(place: &Place, more: &str) {
    let folder = folder(place);
    place.cmdline(&format!(
        "ipa-hardware-managers={} {more}",
        folder.display()
    ));
}

async fn serving_with_example() -> (Conductor, Place, Agent, Api) {
    let conductor = Conductor::start().await;
    let place = Place::new();
    add_example(&place);
    use_managers(&place, "");
    let agent = place.start(&conductor, &["--run-hardware-managers"]);
    let api = Api::of(&conductor.heartbeat(1).await);
    (conductor, place, agent, api)
}

fn node(memory_mb: u64) -> Value {
    json!({"uuid": NODE, "properties": {"memory_mb": memory_mb}, "instance_info": {}, "driver_internal_info": {}})
}

fn step(memory_mb: u64, args: &Value, version: &Value) -> Value {
    json!({
        "step": {"interface": "deploy", "step": "verify_memory", "args": args, "priority": 95},
        "node": node(memory_mb), "ports": [], "clean_version": version,
    })
}

#[tokio::test]
async fn a_step_of_the_example_is_listed_and_run() {
    let (_conductor, _place, agent, api) = serving_with_example().await;
    let params = json!({"node": node(1), "ports": []});
    let answer = api.command("clean.get_clean_steps", params).await.body;
    let listed = &answer["command_result"];
    let versions = json!({"ferric_agent": "1", "site-checks": "1.0"});
    assert_eq!(listed["hardware_manager_version"], versions, "{answer}");
    let spec = &listed["clean_steps"]["site-checks"][0];
    assert_eq!(
        (&spec["step"], &spec["priority"], &spec["abortable"]),
        (&json!("verify_memory"), &json!(95), &json!(true))
    );
    assert!(spec["argsinfo"]["missing_percent"]["description"].is_string());
    assert_eq!(
        listed["clean_steps"]["FerricAgent"][0]["step"],
        "erase_devices"
    );

    let order = step(1, &json!({"missing_percent": 10}), &versions);
    let result = api.finished("clean.execute_clean_step", order).await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
    let outcome = &result["command_result"];
    assert!(
        outcome["clean_result"]["found_mb"].as_u64() > Some(1),
        "{outcome}"
    );
    assert_eq!(outcome["clean_result"]["wanted_mb"], 1);
    assert_eq!(
        outcome["clean_step"],
        json!({"interface": "deploy", "step": "verify_memory"})
    );
    assert!(
        agent.log().contains("comparing the memory"),
        "{}",
        agent.log()
    );
}

#[tokio::test]
async fn a_step_of_the_example_that_fails_says_why() {
    let (_conductor, _place, mut agent, api) = serving_with_example().await;
    let order = step(TOO_MUCH_MB, &json!({}), &Value::Null);
    let result = api.finished("clean.execute_clean_step", order).await;
    assert_eq!(result["command_status"], "FAILED", "{result}");
    let error = &result["command_error"];
    assert_eq!(error["type"], "CleaningError");
    let details = error["details"].as_str().unwrap();
    let expected = "hardware manager site-checks, run_step: the machine has ";
    assert!(details.starts_with(expected), "{details}");

    // A fault of the program: what Python says last.
    let order = step(1, &json!({"missing_percent": "many"}), &Value::Null);
    let result = api.finished("clean.execute_clean_step", order).await;
    let details = result["command_error"]["details"].as_str().unwrap();
    let expected = "run_step: it ended with exit status: 1: TypeError: ";
    assert!(details.contains(expected), "{details}");
    assert!(agent.is_running());
}

#[tokio::test]
async fn another_version_and_an_unknown_step_are_refused() {
    let (_conductor, _place, _agent, api) = serving_with_example().await;
    let old = json!({"ferric_agent": "1", "site-checks": "0.9"});
    let order = step(1, &json!({}), &old);
    let result = api.finished("clean.execute_clean_step", order).await;
    assert_eq!(
        result["command_status"], "CLEAN_VERSION_MISMATCH",
        "{result}"
    );
    let mut order = step(1, &json!({}), &Value::Null);
    order["step"]["step"] = json!("burnin_moon");
    let result = api.finished("clean.execute_clean_step", order).await;
    let details = result["command_error"]["details"].as_str().unwrap();
    let expected = "no hardware manager of this agent has a clean step \"burnin_moon\"; they have: verify_memory, ";
    assert!(details.starts_with(expected), "{details}");
}

/// Where the machine is not the agent's, programs of others are not run, whatever the settings say.
#[tokio::test]
async fn on_an_ordinary_host_managers_are_not_run() {
    let conductor = Conductor::start().await;
    let place = Place::new();
    add_example(&place);
    use_managers(&place, "");
    let agent = place.start(&conductor, &[]);
    let api = Api::of(&conductor.heartbeat(1).await);
    let expected = "running hardware managers is refused: / is not a RAM file system";
    assert!(agent.log().contains(expected), "{}", agent.log());
    let params = json!({"node": node(1), "ports": []});
    let answer = api.command("clean.get_clean_steps", params).await.body;
    let listed = &answer["command_result"];
    assert_eq!(
        listed["hardware_manager_version"],
        json!({"ferric_agent": "1"})
    );
}

#[tokio::test]
async fn what_the_example_finds_is_in_the_inspection() {
    let conductor = Conductor::start().await;
    let place = Place::new();
    add_example(&place);
    use_managers(
        &place,
        "ipa-inspection-collectors=default ipa-inspection-dhcp-wait-timeout=0",
    );
    let _agent = place.start(&conductor, &["--run-hardware-managers"]);
    conductor.heartbeat(1).await;
    let data = &conductor.inspections()[0].body;
    assert!(
        data["site_checks"]["memory_mb"].as_u64() > Some(1),
        "{data}"
    );
    let managers = &data["configuration"]["managers"];
    assert_eq!(
        managers[1],
        json!({"name": "site-checks", "version": "1.0"})
    );
    assert_eq!(data["error"], Value::Null);
}

fn add_slow(place: &Place) {
    let script = r#"#!/bin/sh
case $1 in
describe) echo '{"result": {"name": "slow", "version": "1", "protocol": 1}}' ;;
evaluate_hardware_support) echo '{"result": 3}' ;;
list_steps) echo '{"result": [{"step": "erase_devices", "interface": "deploy", "priority": 10}]}' ;;
run_step)
    echo '{"progress": {"phase": "polishing", "bytes_total": 100, "bytes_written": 7}}'
    sleep 600 &
    echo $! >"$0.pid"
    wait ;;
esac
"#;
    let file = folder(place).join("slow");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
}

async fn polishing(api: &Api) -> Value {
    for _ in 0..1000 {
        let progress = api.commands().await[0]["ferric_progress"].clone();
        if progress["bytes_written"] == 7 {
            return progress;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the step shows no progress");
}

/// Nobody waits for its answer any more, but it is not left behind.
#[tokio::test]
async fn a_manager_that_does_not_want_to_end_is_killed_with_the_agent() {
    let conductor = Conductor::start().await;
    let place = Place::new();
    let script = r#"#!/bin/sh
trap "" TERM
echo $$ >"$0.pid"
while :; do sleep 1; done
"#;
    let file = folder(&place).join("stubborn");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    use_managers(&place, "");
    let agent = place.start(&conductor, &["--run-hardware-managers"]);
    let pid = || fs::read_to_string(folder(&place).join("stubborn.pid")).unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(25);
    while !pid().ends_with('\n') {
        assert!(Instant::now() < deadline, "{}", agent.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(agent.end().await.success());
    let stat = Path::new("/proc").join(pid().trim()).join("stat");
    let stat = fs::read_to_string(stat).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

/// A manager of a higher support has its own way to erase; its step ends with the agent, and nothing of it is left.
#[tokio::test]
async fn a_step_shows_its_progress_and_ends_with_the_agent() {
    let conductor = Conductor::start().await;
    let mut answer = lookup_answer(TOKEN);
    answer["config"]["ferric"] = json!({"extensions": ["progress"]});
    conductor.answer_lookups([(200, answer)]);
    let place = Place::new();
    add_slow(&place);
    use_managers(&place, "");
    let agent = place.start(&conductor, &["--run-hardware-managers"]);
    let api = Api::of(&conductor.heartbeat(1).await);
    let mut order = step(1, &json!({}), &Value::Null);
    order["step"]["step"] = json!("erase_devices");
    let begun = api.command("clean.execute_clean_step", order).await;
    assert_eq!(begun.body["command_status"], "RUNNING", "{begun:?}");
    let progress = polishing(&api).await;
    assert_eq!(progress["phase"], "polishing");
    let pid = fs::read_to_string(folder(&place).join("slow.pid")).unwrap();
    let process = Path::new("/proc").join(pid.trim()).join("stat");
    assert!(process.exists());
    assert!(agent.end().await.success());
    let stat = fs::read_to_string(&process).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");

    let beats = conductor.heartbeats().len();
    let _agent = place.start(&conductor, &["--run-hardware-managers"]);
    conductor.heartbeat(beats + 1).await;
    let result = api.commands().await[0].clone();
    assert_eq!(result["command_status"], "FAILED", "{result}");
    let expected = "hardware manager slow, run_step: it was ended because the agent ends";
    assert_eq!(result["command_error"]["details"], expected);
}
