//! How the agent introduces itself: inspection, lookup, token, heartbeat.

use std::time::Duration;

use serde_json::json;

use crate::conductor::{Conductor, NODE, TOKEN, lookup_answer};
use crate::process::{Api, Place, serving};

#[tokio::test]
async fn lookup_and_heartbeat_carry_what_a_conductor_wants() {
    let (conductor, _place, _agent, _api) = serving().await;
    let lookup = &conductor.lookups()[0];
    assert_eq!(lookup.headers["x-openstack-ironic-api-version"], "1.62");
    assert_eq!(
        lookup.headers["x-ferric-agent"],
        "progress, epoch, discard, erase-records, log, log-push"
    );
    assert_eq!(lookup.headers["accept"], "application/json");
    // Ironic refuses keys that it does not know.
    assert_eq!(lookup.query.keys().collect::<Vec<_>>(), ["addresses"]);
    let beat = &conductor.heartbeats()[0];
    assert_eq!(beat.query["node"], NODE);
    assert_eq!(beat.headers["x-openstack-ironic-api-version"], "1.68");
    let mut keys: Vec<&String> = beat.body.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "agent_token",
            "agent_verify_ca",
            "agent_version",
            "callback_url"
        ]
    );
    assert_eq!(beat.body["agent_token"], TOKEN);
    assert!(
        beat.body["callback_url"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:")
    );
}

#[tokio::test]
async fn to_an_old_server_nothing_new_is_said() {
    let conductor = Conductor::of_version("1.31").await;
    let place = Place::new();
    let _agent = place.start(&conductor, &[]);
    let beat = conductor.heartbeat(1).await;
    assert_eq!(beat.headers["x-openstack-ironic-api-version"], "1.31");
    assert_eq!(beat.body.as_object().unwrap().len(), 1);
    assert!(
        beat.body["callback_url"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
}

#[tokio::test]
async fn a_node_that_is_not_known_yet_is_asked_for_again() {
    let conductor = Conductor::start().await;
    let refusal = json!({"error_message": {"faultstring": "Node not found."}});
    conductor.answer_lookups([
        (404, refusal.clone()),
        (500, refusal),
        (200, json!("nonsense")),
        (200, lookup_answer(TOKEN)),
    ]);
    let place = Place::new();
    place.cmdline("ipa-lookup-interval=0");
    let agent = place.start(&conductor, &[]);
    conductor.heartbeat(1).await;
    assert_eq!(conductor.lookups().len(), 4);
    assert!(
        agent.log().contains("404: Node not found."),
        "{}",
        agent.log()
    );
}

#[tokio::test]
async fn without_an_answer_the_agent_ends_and_says_the_last_reason() {
    let conductor = Conductor::start().await;
    conductor.answer_lookups([(
        404,
        json!({"error_message": {"faultstring": "Node not found."}}),
    )]);
    let place = Place::new();
    place.cmdline("ipa-lookup-timeout=1");
    let mut agent = place.start(&conductor, &[]);
    assert_eq!(agent.wait().await.code(), Some(75));
    let expected =
        "no node was found for this machine within 1 s; the last answer was: 404: Node not found.";
    assert!(agent.log().contains(expected), "{}", agent.log());
    assert!(conductor.heartbeats().is_empty());
}

#[tokio::test]
async fn without_the_token_of_this_boot_the_agent_says_so_and_keeps_still() {
    let conductor = Conductor::start().await;
    conductor.answer_lookups([(200, lookup_answer("******"))]);
    let place = Place::new();
    let agent = place.start(&conductor, &[]);
    agent
        .until_logged("reboot the machine to get a new one")
        .await;
    assert_eq!(conductor.lookups().len(), 1);
    assert!(conductor.heartbeats().is_empty());
    assert_eq!(agent.end().await.code(), Some(75));
}

#[tokio::test]
async fn without_any_token_there_is_no_session() {
    let conductor = Conductor::start().await;
    let mut answer = lookup_answer(TOKEN);
    answer["config"]
        .as_object_mut()
        .unwrap()
        .remove("agent_token");
    conductor.answer_lookups([(200, answer), (200, lookup_answer(TOKEN))]);
    let place = Place::new();
    let mut agent = place.start(&conductor, &[]);
    assert_eq!(agent.wait().await.code(), Some(75));
    assert!(agent.log().contains("gave no token"), "{}", agent.log());
    let _agent = place.start(&conductor, &[]);
    assert_eq!(conductor.heartbeat(1).await.body["agent_token"], TOKEN);
}

/// The token is given once; the agent that fails after that must find it when it is started again.
#[tokio::test]
async fn a_token_is_not_lost_when_the_agent_fails_before_it_serves() {
    let conductor = Conductor::start().await;
    conductor.answer_lookups([(200, lookup_answer(TOKEN)), (200, lookup_answer("******"))]);
    let place = Place::new();
    place.cmdline("ipa-network-interface=no-such-nic ipa-ip-lookup-attempts=1");
    let mut agent = place.start(&conductor, &[]);
    assert_eq!(agent.wait().await.code(), Some(75));
    place.cmdline("");
    let _agent = place.start(&conductor, &[]);
    assert_eq!(conductor.heartbeat(1).await.body["agent_token"], TOKEN);
    assert_eq!(conductor.lookups().len(), 1);
}

#[tokio::test]
async fn a_token_from_the_kernel_command_line_is_used_when_the_answer_hides_it() {
    let conductor = Conductor::start().await;
    conductor.answer_lookups([(200, lookup_answer("******"))]);
    let place = Place::new();
    place.cmdline(&format!("ipa-agent-token={TOKEN}"));
    let agent = place.start(&conductor, &[]);
    let beat = conductor.heartbeat(1).await;
    assert_eq!(beat.body["agent_token"], TOKEN);
    Api::of(&beat).finished("standby.sync", json!({})).await;
    assert!(agent.log().contains("/v1/commands/") && !agent.log().contains(TOKEN));
}

#[tokio::test]
async fn the_second_address_is_used_when_the_first_does_not_answer() {
    let conductor = Conductor::start().await;
    let place = Place::new();
    let dead = {
        // A route to it has another source address than one to the conductor, which must not be told.
        let socket = std::net::TcpListener::bind("[::1]:0")
            .or_else(|_| std::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        format!("http://{}", socket.local_addr().unwrap())
    };
    let both = format!("{dead},{}", conductor.url);
    let _agent = place.start_at(&both, &[]);
    let beat = conductor.heartbeat(1).await;
    let callback_url = beat.body["callback_url"].as_str().unwrap();
    assert!(
        callback_url.starts_with("https://127.0.0.1:"),
        "{callback_url}"
    );
}

#[tokio::test]
async fn a_finished_command_is_followed_by_a_heartbeat() {
    let (conductor, _place, _agent, api) = serving().await;
    let begun = tokio::time::Instant::now();
    api.finished("flow.start_flow", json!({"flow": []})).await;
    conductor.heartbeat(2).await;
    // Much earlier than the next would be due, but not sooner than five seconds after the first.
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_refused_heartbeat_is_repeated() {
    let conductor = Conductor::start().await;
    conductor.answer_heartbeats(409);
    let place = Place::new();
    let agent = place.start(&conductor, &[]);
    conductor.heartbeat(2).await;
    assert!(
        agent.log().contains("holds the node's lock"),
        "{}",
        agent.log()
    );
}

const SECOND_TOKEN: &str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq";

/// A stranger's lookup gives the node another token. Only another lookup tells the agent which.
#[tokio::test]
async fn a_token_that_was_never_accepted_is_asked_for_again() {
    let conductor = Conductor::start().await;
    conductor.answer_lookups([
        (200, lookup_answer(TOKEN)),
        (200, lookup_answer(SECOND_TOKEN)),
    ]);
    conductor.accept_only(SECOND_TOKEN);
    let place = Place::new();
    place.cmdline("ipa-inspection-collectors=default ipa-inspection-dhcp-wait-timeout=0");
    let _agent = place.start(&conductor, &[]);
    assert_eq!(conductor.heartbeat(1).await.body["agent_token"], TOKEN);
    let beat = conductor.heartbeat(2).await;
    assert_eq!(beat.body["agent_token"], SECOND_TOKEN);
    let lookups = conductor.lookups();
    assert_eq!((lookups.len(), conductor.inspections().len()), (2, 1));
    assert_eq!(lookups[1].query["node_uuid"], NODE);
    let api = Api::of(&beat);
    let status = async |token: &str| {
        let path = format!("/v1/commands/?agent_token={token}");
        api.get(&path).await.status
    };
    assert_eq!(status(SECOND_TOKEN).await, 200);
    assert_eq!(status(TOKEN).await, 401);
}

#[tokio::test]
async fn a_token_that_was_accepted_once_is_kept() {
    let (conductor, place, agent, api) = serving().await;
    conductor.accept_only(SECOND_TOKEN);
    api.finished("flow.start_flow", json!({"flow": []})).await;
    for number in [2, 3] {
        let beat = conductor.heartbeat(number).await;
        assert_eq!(beat.body["agent_token"], TOKEN);
    }
    agent.crash();
    let beats = conductor.heartbeats().len();
    let _agent = place.start(&conductor, &[]);
    for number in [beats + 1, beats + 2] {
        let beat = conductor.heartbeat(number).await;
        assert_eq!(beat.body["agent_token"], TOKEN);
    }
    assert_eq!(conductor.lookups().len(), 1);
}

#[tokio::test]
async fn inspection_data_come_before_the_lookup_and_name_the_node() {
    let conductor = Conductor::of_version("1.83").await;
    let place = Place::new();
    place.cmdline(&format!(
        "ipa-inspection-callback-url={}/v1/continue_inspection ipa-inspection-collectors=default,logs,pci-devices \
         ipa-inspection-dhcp-wait-timeout=1 BOOTIF=01-52-54-00-00-00-01",
        conductor.url
    ));
    let _agent = place.start(&conductor, &[]);
    let lookup = conductor.lookup(1).await;
    assert_eq!(lookup.query["node_uuid"], NODE);
    let asked = &conductor.inspections()[0];
    assert!(!asked.headers.contains_key("x-openstack-ironic-api-version"));
    assert_eq!(asked.body["error"], json!(null));
    assert_eq!(asked.body["boot_interface"], "52:54:00:00:00:01");
    let inventory = &asked.body["inventory"];
    assert_eq!(inventory["boot"]["pxe_interface"], "01-52-54-00-00-00-01");
    assert!(inventory["cpu"]["count"].as_u64().unwrap() >= 1);
    assert!(inventory["memory"]["physical_mb"].as_u64().unwrap() >= 1);
    // On an ordinary host no disk exists for the agent.
    assert_eq!(inventory["disks"], json!([]));
    assert!(asked.body["pci_devices"].is_array());
    assert_eq!(
        asked.body["configuration"]["collectors"],
        json!(["default", "logs", "pci-devices"])
    );
    assert!(asked.body["logs"].as_str().unwrap().len() > 100);
}

/// As Ironic starts it for an inspection that it manages: the kernel command line names no API.
#[tokio::test]
async fn with_an_address_for_inspection_data_alone_the_machine_is_inspected_and_no_more() {
    let conductor = Conductor::start().await;
    let place = Place::new();
    place.cmdline(&format!(
        "ipa-inspection-callback-url={}/v1/continue_inspection ipa-inspection-dhcp-wait-timeout=0",
        conductor.url
    ));
    let mut agent = place.start_with(&[]);
    agent
        .until_logged("the inspection was all there is to do")
        .await;
    assert!(conductor.inspections()[0].body["inventory"].is_object());
    assert!(conductor.lookups().is_empty());
    assert!(agent.is_running(), "{}", agent.log());
    assert_eq!(agent.end().await.code(), Some(0));
}

#[tokio::test]
async fn inspection_never_takes_the_token() {
    let conductor = Conductor::start().await;
    conductor.answer_inspections([(500, json!({})), (202, json!({"uuid": NODE}))]);
    let place = Place::new();
    place.cmdline("ipa-inspection-collectors=default ipa-inspection-dhcp-wait-timeout=0");
    let _agent = place.start(&conductor, &[]);
    let beat = conductor.heartbeat(1).await;
    assert_eq!(beat.body["agent_token"], TOKEN);
    assert_eq!(conductor.lookups()[0].query["node_uuid"], NODE);
    for asked in &conductor.inspections() {
        assert!(!asked.headers.contains_key("x-openstack-ironic-api-version"));
        assert!(!asked.headers.contains_key("x-ferric-agent"));
    }
    Api::of(&beat).commands().await;
}

#[tokio::test]
async fn each_collector_has_its_key_or_a_reason_and_none_fails_the_inspection() {
    const KEYS: [(&str, &str); 7] = [
        ("pci-devices", "pci_devices"),
        ("numa-topology", "numa_topology"),
        ("dmi-decode", "dmi"),
        ("usb-devices", "usb_devices"),
        ("extra-hardware", "data"),
        ("tpm", "tpm"),
        ("disk-health", "disk_health"),
    ];
    let conductor = Conductor::start().await;
    let place = Place::new();
    let names: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
    place.cmdline(&format!(
        "ipa-inspection-collectors=default,{} ipa-inspection-dhcp-wait-timeout=0",
        names.join(",")
    ));
    let agent = place.start(&conductor, &[]);
    conductor.lookup(1).await;
    let body = &conductor.inspections()[0].body;
    assert_eq!(body["error"], json!(null));
    assert_eq!(
        body["configuration"]["collectors"],
        json!([&["default"][..], &names].concat())
    );
    for (name, key) in KEYS {
        // A machine without firmware tables, such as some virtual ones, cannot have all of them.
        let failure = body["collector_failures"][name].as_str();
        assert_eq!(body.get(key).is_none(), failure.is_some(), "{name}");
        assert_eq!(
            agent.log().contains(&format!("collector=\"{name}\"")),
            failure.is_some()
        );
    }
    // On an ordinary host no disk exists for the agent.
    assert_eq!(body["disk_health"], json!([]));
}

#[tokio::test]
async fn what_switches_say_is_sent_for_each_interface() {
    let conductor = Conductor::start().await;
    let place = Place::new();
    place.cmdline(
        "ipa-inspection-collectors=default,lldp ipa-collect-lldp=1 ipa-lldp-timeout=0 \
         ipa-inspection-dhcp-wait-timeout=0",
    );
    let _agent = place.start(&conductor, &[]);
    conductor.lookup(1).await;
    let body = &conductor.inspections()[0].body;
    assert_eq!(body["error"], json!(null));
    let interfaces = body["inventory"]["interfaces"].as_array().unwrap();
    let heard = body["lldp_raw"].as_object().unwrap();
    assert_eq!(heard.len(), interfaces.len());
    for interface in interfaces {
        let said = &heard[interface["name"].as_str().unwrap()];
        assert!(said.is_array());
        assert_eq!(interface["lldp"], *said);
    }
}

#[tokio::test]
async fn a_collector_that_does_not_exist_is_told_and_the_rest_is_sent() {
    let conductor = Conductor::start().await;
    let place = Place::new();
    place.cmdline("ipa-inspection-collectors=default,telepathy ipa-inspection-dhcp-wait-timeout=0");
    let _agent = place.start(&conductor, &[]);
    conductor.lookup(1).await;
    let body = &conductor.inspections()[0].body;
    assert_eq!(
        body["error"],
        "* telepathy: this agent has no such collector"
    );
    assert!(body["inventory"]["interfaces"].is_array());
}

#[tokio::test]
async fn bad_settings_end_the_agent_with_the_code_for_bad_usage() {
    let place = Place::new();
    let mut agent = place.start_at("ftp://a", &[]);
    assert_eq!(agent.wait().await.code(), Some(64));
    assert!(agent.log().contains("mdns alone"), "{}", agent.log());
}
