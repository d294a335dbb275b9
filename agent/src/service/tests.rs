//! How a session ends that the conductor ends, in a network of the test's own.

use std::net::SocketAddr;
use std::path::Path;

use clap::Parser;
use ferric_agent_protocol::lookup::LookupConfig;
use nix::sched::{CloneFlags, unshare};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::listening::Listening;
use super::*;
use crate::api::Listener;
use crate::config::{Flags, load};
use crate::host::SystemPermit;
use crate::run::run as program;
use crate::tls;

const PATIENCE: Duration = Duration::from_secs(60);

/// Moves this thread into a network namespace of its own, with a cable between two interfaces; both are gone with the
/// thread. No inventory lists interfaces of this kind.
fn lay_cable() {
    unshare(CloneFlags::CLONE_NEWNET).expect(
        "this test makes a network namespace, and must be run as root on a kernel that has them",
    );
    ip(&[
        "link", "add", "name", "nic0", "type", "veth", "peer", "name", "nic1",
    ]);
    for name in ["lo", "nic0", "nic1"] {
        ip(&["link", "set", name, "up"]);
    }
}

fn ip(arguments: &[&str]) -> String {
    let output = program("ip", arguments);
    let output = output.expect("this test needs iproute2 and a kernel with veth");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of the interfaces that are up.
fn up() -> Vec<&'static str> {
    let shown = ip(&["-o", "link", "show", "up"]);
    let names = ["lo", "nic0", "nic1"].into_iter();
    let is_up = |name: &&str| {
        shown.contains(&format!(": {name}: ")) || shown.contains(&format!(": {name}@"))
    };
    names.filter(is_up).collect()
}

fn agent(place: &Path) -> Agent {
    let path = |name: &str| place.join(name).display().to_string();
    std::fs::write(place.join("cmdline"), "ipa-api-url=http://127.0.0.1:9").unwrap();
    let (cmdline, none, state) = (path("cmdline"), path("none"), path("state"));
    let arguments = [
        "ferric-agent",
        "--cmdline",
        &cmdline,
        "--config-dir",
        &none,
        "--state",
        &state,
    ];
    let settings = load(&Flags::parse_from(arguments)).unwrap();
    let session = Session {
        node: serde_json::from_value(json!({"uuid": Uuid::nil()})).unwrap(),
        config: LookupConfig::default(),
        token: Some("token".to_owned()),
        callback_url: "http://127.0.0.1:9999".to_owned(),
        listen: None,
        certificate: None,
    };
    let state = StateDir::open(&settings.state).unwrap();
    let host = Host::detect(&[]).unwrap();
    Agent::new(
        host,
        Arc::new(Managers::default()),
        settings,
        session,
        state,
    )
    .unwrap()
}

async fn until_refused(address: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < deadline, "the API still takes connections");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn until_only_the_loopback_is_up() {
    let deadline = Instant::now() + PATIENCE;
    while up() != ["lo"] {
        assert!(Instant::now() < deadline, "these are still up: {:?}", up());
        sleep(Duration::from_millis(20)).await;
    }
}

/// The part of `system.lockdown` that comes after its answer; the guard of this host keeps the command itself away.
async fn lock_down() {
    tls::install_provider();
    let place = tempfile::tempdir().unwrap();
    let agent = Arc::new(agent(place.path()));
    let conductor = Arc::new(Conductor::new(&agent.settings.api).unwrap());
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address;
    let way = Way::In(Listening {
        listener,
        tls: None,
    });
    let stop = CancellationToken::new();
    let mut serving = std::pin::pin!(serve(&agent, &conductor, way, &stop));
    let watching = async {
        TcpStream::connect(address).await.unwrap();
        assert_eq!(up(), ["lo", "nic0", "nic1"]);
        *agent.lockdown.lock() = Some(SystemPermit::of_a_namespace());
        agent.retire.cancel();
        until_refused(address).await;
        until_only_the_loopback_is_up().await;
    };
    tokio::select! {
        biased;
        _ = &mut serving => panic!("a process that has ended would be started again"),
        () = watching => {}
    }
    stop.cancel();
    assert_eq!(serving.await.unwrap(), Ended::InOrder);
}

#[test]
fn in_lockdown_nobody_is_answered_the_interfaces_are_down_and_the_process_stays() {
    lay_cable();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().unwrap();
    runtime.block_on(lock_down());
}
