//! Where the conductor is, and where the agent says that it is: by IPv6, by both, and with conductors that go away.

use serde_json::{Value, json};

use crate::conductor::{Asked, Conductor, NODE};
use crate::process::{Api, Place};

/// The address that a heartbeat tells, without its port.
fn told(beat: &Asked) -> &str {
    let url = beat.body["callback_url"].as_str().unwrap();
    url.rsplit_once(':').unwrap().0
}

async fn syncs(api: &Api) {
    let result = api.finished("standby.sync", json!({})).await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
}

/// The conductor takes the address and the certificate from the heartbeat, and must be able to use both.
#[tokio::test]
async fn by_ipv6_the_agent_looks_up_beats_and_is_commanded() {
    let conductor = Conductor::of_ipv6().await;
    let place = Place::new();
    let _agent = place.start_listening("[::1]:0", &["--api-url", &conductor.url]);
    let beat = conductor.heartbeat(1).await;
    assert_eq!(told(&beat), "https://[::1]");
    syncs(&Api::of(&beat)).await;
    assert_eq!(conductor.lookups().len(), 1);
}

/// As in a ramdisk, where the agent listens to all that come: the one address is that of the way to the conductor.
#[tokio::test]
async fn an_agent_that_listens_everywhere_is_reached_by_the_kind_of_address_that_its_conductor_has()
{
    let conductors = [Conductor::start().await, Conductor::of_ipv6().await];
    for (conductor, expected) in conductors
        .iter()
        .zip(["https://127.0.0.1", "https://[::1]"])
    {
        let place = Place::new();
        let _agent = place.start_listening("[::]:0", &["--api-url", &conductor.url]);
        let beat = conductor.heartbeat(1).await;
        assert_eq!(told(&beat), expected);
        syncs(&Api::of(&beat)).await;
    }
}

/// Has the agent beat, as it does when a command has ended.
async fn provoke_beat(api: &Api) {
    api.finished("flow.start_flow", json!({"flow": []})).await;
}

#[tokio::test]
async fn an_agent_whose_conductor_hangs_goes_to_the_next_one_and_stays_the_same() {
    let (first, second) = (Conductor::start().await, Conductor::start().await);
    let place = Place::new();
    place.cmdline("ipa-http-request-timeout=3");
    let both = format!("{},{}", first.url, second.url);
    let agent = place.start_at(&both, &[]);
    let beat = first.heartbeat(1).await;
    let api = Api::of(&beat);
    let same = |asked: &Asked| asked.body == beat.body;

    first.be_silent(true);
    provoke_beat(&api).await;
    assert!(same(&second.heartbeat(1).await));
    // The one that answered last is asked first, also when the other one is back.
    first.be_silent(false);
    provoke_beat(&api).await;
    assert!(same(&second.heartbeat(2).await));
    assert_eq!(first.heartbeats().len(), 1);

    second.be_silent(true);
    provoke_beat(&api).await;
    assert!(same(&first.heartbeat(2).await));
    assert_eq!((first.lookups().len(), second.lookups().len()), (1, 0));
    let commands = api.commands().await;
    let all_ended = |command: &Value| command["command_status"] == "SUCCEEDED";
    assert!(commands.len() == 3 && commands.iter().all(all_ended));
    assert!(!agent.log().contains("a heartbeat was not accepted"));
}

#[tokio::test]
async fn inspection_data_go_to_the_next_conductor_where_the_first_is_away() {
    let conductor = Conductor::start().await;
    let away = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", socket.local_addr().unwrap())
    };
    let place = Place::new();
    place.cmdline("ipa-inspection-collectors=default ipa-inspection-dhcp-wait-timeout=0");
    let _agent = place.start_at(&format!("{away},{}", conductor.url), &[]);
    let data = conductor.inspection(1).await;
    assert!(data.body["inventory"].is_object(), "{data:?}");
    // The answer has said which node it is.
    assert_eq!(conductor.lookup(1).await.query["node_uuid"], NODE);
    conductor.heartbeat(1).await;
    assert_eq!(conductor.inspections().len(), 1);
}
