//! An agent that opens no port: it fetches its commands, runs each once, and goes on after a crash.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::conductor::{Conductor, NODE, TOKEN, lookup_answer};
use crate::process::{Agent, Place, serving};

const ONE: &str = "00000000-0000-4000-8000-000000000001";
const TWO: &str = "00000000-0000-4000-8000-000000000002";

/// A conductor that agrees to it.
async fn conductor() -> Conductor {
    let conductor = Conductor::start().await;
    let mut answer = lookup_answer(TOKEN);
    answer["config"]["ferric"] =
        json!({"extensions": ["progress", "epoch", "discard", "dial-out"]});
    conductor.answer_lookups([(200, answer)]);
    conductor
}

fn place() -> Place {
    let place = Place::new();
    place.cmdline("ferric-dial-out=1");
    place
}

async fn dialling() -> (Conductor, Place, Agent) {
    let (conductor, place) = (conductor().await, place());
    let agent = place.start(&conductor, &[]);
    conductor.poll(1).await;
    (conductor, place, agent)
}

fn command(id: &str, name: &str, params: &Value) -> Value {
    json!({
        "id": id, "method": "POST", "path": "/v1/commands/", "query": [["wait", "true"]], "headers": [],
        "body": json!({"name": name, "params": params}).to_string(),
    })
}

fn list(id: &str) -> Value {
    json!({"id": id, "method": "GET", "path": "/v1/commands/", "query": [], "headers": [], "body": null})
}

/// The body of an answer, which is text on the wire.
fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

/// Has the agent tell all its commands.
async fn commands(conductor: &Conductor, id: &str) -> Vec<Value> {
    conductor.ask(list(id));
    let answer = conductor.answer(id, 1).await;
    conductor.take_away(id);
    assert_eq!(answer["status"], 200, "{answer}");
    body(&answer)["commands"].as_array().unwrap().clone()
}

/// The inodes of sockets that are listened on, of all processes in this network.
fn listened_on() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields.get(3) == Some(&"0A") {
                found.extend(fields.get(9).map(|inode| (*inode).to_owned()));
            }
        }
    }
    found
}

/// How many ports the process listens on.
fn ports(agent: &Agent) -> usize {
    let folder = format!("/proc/{}/fd", agent.pid());
    let files = std::fs::read_dir(Path::new(&folder)).unwrap();
    let targets = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
    let listened_on = listened_on();
    let is_port = |target: &std::path::PathBuf| {
        let target = target.display().to_string();
        let inode = target.strip_prefix("socket:[");
        let inode = inode.and_then(|rest| rest.strip_suffix(']'));
        inode.is_some_and(|inode| listened_on.contains(inode))
    };
    targets.filter(is_port).count()
}

#[tokio::test]
async fn no_port_is_opened_and_the_conductor_is_told_so() {
    let (conductor, _place, agent) = dialling().await;
    let beat = conductor.heartbeat(1).await;
    assert_eq!(beat.body["callback_url"], "https://dial-out.invalid");
    assert_eq!(beat.body["agent_verify_ca"], Value::Null);
    let lookup = &conductor.lookups()[0];
    let offered = "progress, epoch, discard, erase-records, log, log-push, dial-out";
    assert_eq!(lookup.headers["x-ferric-agent"], offered);
    // Ironic refuses keys that it does not know.
    assert_eq!(lookup.query.keys().collect::<Vec<_>>(), ["addresses"]);
    let poll = conductor.poll(1).await;
    assert_eq!(poll.query["node"], NODE);
    assert_eq!(poll.body, json!({"known": []}));
    assert_eq!(ports(&agent), 0);
    assert!(!agent.log().contains(TOKEN));
    let (_conductor, _place, other, _api) = serving().await;
    assert_eq!(ports(&other), 1, "an agent that is called has a port");
}

#[tokio::test]
async fn what_is_fetched_is_carried_out_as_what_is_sent() {
    let (conductor, _place, _agent) = dialling().await;
    conductor.ask(command(ONE, "standby.sync", &json!({})));
    let answer = conductor.answer(ONE, 1).await;
    conductor.take_away(ONE);
    assert_eq!(answer["status"], 200, "{answer}");
    let result = body(&answer);
    assert_eq!(result["id"], ONE);
    assert_eq!(result["command_name"], "sync");
    assert_eq!(result["command_status"], "SUCCEEDED");
    assert_eq!(commands(&conductor, TWO).await, [result]);
    let three = "00000000-0000-4000-8000-000000000003";
    conductor.ask(command(three, "standby.dance", &json!({})));
    let refused = conductor.answer(three, 1).await;
    assert_eq!(refused["status"], 400);
    let fault = "Invalid command: Unknown command: dance";
    assert_eq!(body(&refused)["faultstring"], fault);
}

#[tokio::test]
async fn an_answer_that_got_lost_is_brought_again_and_nothing_is_run_twice() {
    let (conductor, _place, _agent) = dialling().await;
    conductor.lose_answers(1);
    conductor.ask(command(ONE, "standby.sync", &json!({})));
    let first = conductor.answer(ONE, 1).await;
    let second = conductor.answer(ONE, 2).await;
    assert_eq!(second, first);
    // It still lies there, as where the answer got lost behind the agent's back: it is fetched again.
    let third = conductor.answer(ONE, 3).await;
    assert_eq!(third, first);
    conductor.take_away(ONE);
    assert_eq!(commands(&conductor, TWO).await.len(), 1);
}

#[tokio::test]
async fn a_restarted_agent_goes_on_and_repeats_nothing() {
    let (conductor, place, agent) = dialling().await;
    conductor.ask(command(ONE, "standby.sync", &json!({})));
    let before = conductor.answer(ONE, 1).await;
    conductor.take_away(ONE);
    let beat = conductor.heartbeat(1).await.body;
    agent.crash();
    let (polls, beats) = (conductor.polls(), conductor.heartbeats().len());
    let agent = place.start(&conductor, &[]);
    conductor.poll(polls + 1).await;
    assert_eq!(conductor.heartbeat(beats + 1).await.body, beat);
    assert_eq!(conductor.lookups().len(), 1);
    assert_eq!(ports(&agent), 0);
    let answers = conductor.answers(ONE);
    conductor.ask(command(ONE, "standby.sync", &json!({})));
    assert_eq!(conductor.answer(ONE, answers + 1).await, before);
    conductor.take_away(ONE);
    assert_eq!(commands(&conductor, TWO).await.len(), 1);
}

#[tokio::test]
async fn a_command_is_asked_about_while_another_request_waits_for_its_end() {
    let (conductor, _place, _agent) = dialling().await;
    let flow = json!({"flow": [{"log.collect_system_logs": {}}, {"log.collect_system_logs": {}}]});
    conductor.ask(command(ONE, "flow.start_flow", &flow));
    let listed = commands(&conductor, TWO).await;
    assert!(listed.len() <= 1, "{listed:?}");
    let ended = conductor.answer(ONE, 1).await;
    assert_eq!(body(&ended)["command_name"], "start_flow");
}

#[tokio::test]
async fn a_conductor_that_does_not_know_it_is_told_apart_at_the_start() {
    let conductor = Conductor::start().await;
    let place = place();
    let mut agent = place.start(&conductor, &[]);
    assert_eq!(agent.wait().await.code(), Some(75));
    let log = agent.log();
    assert!(
        log.contains("the conductor has not agreed to it: Ironic's does not know it"),
        "{log}"
    );
    assert!(conductor.heartbeats().is_empty());
    assert_eq!(conductor.polls(), 0);
    // Whoever leaves the option out goes on with the same lookup, whose token is not given a second time.
    place.cmdline("");
    let _agent = place.start(&conductor, &[]);
    conductor.heartbeat(1).await;
    assert_eq!(conductor.lookups().len(), 1);
}
