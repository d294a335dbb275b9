//! A restarted agent goes on: same address, token, certificate and list of commands, and no second lookup. Killed in the
//! middle of a deploy it carries out again what it was carrying out; `deploy_restart` has those tests.

use serde_json::json;

use crate::conductor::TOKEN;
use crate::process::{Api, serving};

#[tokio::test]
async fn after_a_crash_the_conductor_sees_the_same_agent() {
    let (conductor, place, agent, api) = serving().await;
    let id = api.finished("standby.sync", json!({})).await["id"].clone();
    let before = conductor.heartbeats()[0].body.clone();
    agent.crash();
    let _agent = place.start(&conductor, &[]);
    let beats = conductor.heartbeats().len();
    let after = conductor.heartbeat(beats + 1).await.body;
    assert_eq!(after, before);
    assert_eq!(conductor.lookups().len(), 1);
    // The old client still trusts the new process.
    let commands = api.commands().await;
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0]["id"], id);
    assert_eq!(commands[0]["command_status"], "SUCCEEDED");
}

#[tokio::test]
async fn the_hardware_is_not_waited_for_again_after_a_crash() {
    let (conductor, place, agent, _api) = serving().await;
    agent.crash();
    place.cmdline("ipa-hardware-initialization-delay=3600");
    let beats = conductor.heartbeats().len();
    let _agent = place.start(&conductor, &[]);
    conductor.heartbeat(beats + 1).await;
}

#[tokio::test]
async fn an_agent_that_is_asked_to_end_ends_in_order_and_can_go_on() {
    let (conductor, place, agent, _api) = serving().await;
    assert!(agent.end().await.success());
    let _agent = place.start(&conductor, &[]);
    let again = Api::of(&conductor.heartbeat(2).await);
    assert!(again.commands().await.is_empty());
    assert_eq!(conductor.heartbeats()[1].body["agent_token"], TOKEN);
}

#[tokio::test]
async fn kept_state_is_for_root_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_conductor, place, _agent, _api) = serving().await;
    let mode = |name: &str| {
        let metadata = std::fs::metadata(place.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!((mode("state"), mode("state/session.json")), (0o700, 0o600));
}
