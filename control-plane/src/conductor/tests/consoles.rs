//! Consoles: opened and closed on request, with an instance and without, and opened again where the node goes.

use super::cluster_lab::{Cluster, host_among};
use super::lab::Lab;
use crate::conductor::Conductor;
use crate::conductor::requests::{ConsoleShown, RequestError};
use crate::config::seconds;
use ferric_drivers::{Console, ConsoleState, FakeFault};
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const SOON: Duration = Duration::from_secs(60);

async fn available() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    sleep(Duration::from_secs(1)).await;
    lab
}

async fn open(lab: &Lab) {
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    conductor.open_console(id).await.unwrap();
    lab.wait_until("the end of it", SOON, |node| node.wish.is_none())
        .await;
}

fn console(conductor: &Conductor, node: &Node) -> Arc<dyn Console> {
    conductor.hardware(node).unwrap().console.unwrap()
}

async fn state(lab: &Lab) -> ConsoleState {
    console(&lab.conductor(), &lab.node().await).state()
}

async fn becomes(lab: &Lab, conductor: &Conductor, wanted: ConsoleState) {
    let start = Instant::now();
    while console(conductor, &lab.node().await).state() != wanted {
        assert!(start.elapsed() < SOON, "the console is not {wanted:?}");
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_opened_and_closed_on_request() {
    let lab = available().await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    assert_eq!(conductor.console(id).await.unwrap(), ConsoleShown::Closed);
    open(&lab).await;
    assert!(lab.node().await.console_enabled);
    assert_eq!(state(&lab).await, ConsoleState::Open);
    assert_eq!(
        conductor.console(id).await.unwrap(),
        ConsoleShown::Open(None)
    );
    // Once more changes nothing.
    let before = lab.node().await;
    conductor.open_console(id).await.unwrap();
    assert_eq!(lab.node().await, before);
    conductor.close_console(id).await.unwrap();
    lab.wait_until("the end of it", SOON, |node| !node.console_enabled)
        .await;
    assert_eq!(state(&lab).await, ConsoleState::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_it_from_opening_is_the_last_error() {
    let lab = available().await;
    let broken = FakeFault::Broken("no port is free".to_owned());
    lab.machine.bmc.fail_next([broken]);
    open(&lab).await;
    let node = lab.node().await;
    let error = node.last_error.unwrap();
    assert!(error.starts_with("opening the console: "), "{error}");
    assert!(error.ends_with("no port is free"), "{error}");
    assert!(!node.console_enabled);
    open(&lab).await;
    assert_eq!(lab.node().await.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn an_interface_without_one_says_so() {
    let lab = available().await;
    lab.edit(|node| {
        let none = "no-console".to_owned();
        node.interfaces.insert("console".to_owned(), none);
    })
    .await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    match conductor.open_console(id).await {
        Err(RequestError::Invalid(text)) => assert!(text.contains("no-console"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(conductor.console(id).await.unwrap(), ConsoleShown::Closed);
}

#[tokio::test(start_paused = true)]
async fn it_is_closed_between_two_instances() {
    let lab = available().await;
    open(&lab).await;
    lab.go(Verb::Deploy, State::Active).await;
    assert_eq!(state(&lab).await, ConsoleState::Open);
    lab.go(Verb::Undeploy, State::Available).await;
    sleep(SOON).await;
    let node = lab.node().await;
    assert!(node.console_enabled, "the next instance has it again");
    assert_eq!(state(&lab).await, ConsoleState::Closed);
    let image = lab.image_url();
    lab.edit(|node| {
        let info = &mut node.instance_info;
        info.insert("image_source".to_owned(), image.into());
    })
    .await;
    lab.go(Verb::Deploy, State::Active).await;
    becomes(&lab, &lab.conductor(), ConsoleState::Open).await;
    assert!(!lab.node().await.console_closed);
}

#[tokio::test(start_paused = true)]
async fn it_is_opened_on_request_after_a_tear_down() {
    let lab = available().await;
    open(&lab).await;
    lab.edit(|node| node.console_closed = true).await;
    console(&lab.conductor(), &lab.node().await)
        .close()
        .await
        .unwrap();
    open(&lab).await;
    assert_eq!(state(&lab).await, ConsoleState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_conductor_that_starts_again_opens_it_again() {
    let mut lab = available().await;
    open(&lab).await;
    lab.kill();
    lab.start(None).await;
    becomes(&lab, &lab.conductor(), ConsoleState::Open).await;
    lab.kill();
    // First it is for want of a connection, and that passes; then it is not.
    let broken = FakeFault::Broken("no port is free".to_owned());
    lab.machine.bmc.fail_next([FakeFault::NoAnswer, broken]);
    lab.configure(|settings| settings.conductor.power_sync_interval_s = 0);
    lab.start(None).await;
    lab.wait_until("the failure", SOON, |node| !node.console_enabled)
        .await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.starts_with("opening the console again: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn it_goes_where_its_node_goes() {
    let cluster = Cluster::new();
    let names = ["one", "two"];
    let mut members = cluster.start_all(&names).await;
    cluster.lab.enroll_available().await;
    let id = cluster.lab.machine.node;
    let host = host_among(&names, id);
    cluster.owned_by(&host, SOON).await;
    sleep(SOON).await;
    let owner = members.remove(&host).unwrap();
    owner.conductor.open_console(id).await.unwrap();
    let is_open = |node: &Node| node.console_enabled && node.wish.is_none();
    cluster.lab.wait_until("the console", SOON, is_open).await;
    let (_, other) = members.pop_first().unwrap();
    let node = cluster.lab.node().await;
    assert_eq!(console(&owner.conductor, &node).state(), ConsoleState::Open);
    assert_eq!(
        console(&other.conductor, &node).state(),
        ConsoleState::Closed
    );
    let (conductor, mut leaving) = (owner.conductor.clone(), owner);
    leaving.stop().await.unwrap();
    assert_eq!(console(&conductor, &node).state(), ConsoleState::Closed);
    becomes(&cluster.lab, &other.conductor, ConsoleState::Open).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_closed_with_its_node_and_its_interface() {
    let lab = available().await;
    open(&lab).await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    let before = lab.node().await;
    let key = ferric_store::Key::new(ferric_store::Table::Node, id);
    let record = lab.store.get(&key).await.unwrap().unwrap();
    let mut new = before.clone();
    let none = "no-console".to_owned();
    new.interfaces.insert("console".to_owned(), none);
    let stored = conductor.update_node(&record, new).await.unwrap();
    assert!(!stored.console_enabled);
    assert_eq!(console(&conductor, &before).state(), ConsoleState::Closed);
    lab.edit(|node| node.interfaces = before.interfaces.clone())
        .await;
    open(&lab).await;
    conductor.destroy_node(id).await.unwrap();
    assert_eq!(console(&conductor, &before).state(), ConsoleState::Closed);
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_close_keeps_its_node_no_longer_than_a_call() {
    let mut lab = Lab::new();
    // Nobody else asks the machine meanwhile.
    lab.configure(|settings| settings.conductor.power_sync_interval_s = 0);
    lab.start(None).await;
    lab.enroll_available().await;
    sleep(Duration::from_secs(1)).await;
    open(&lab).await;
    lab.machine.bmc.set_delay(Duration::from_secs(86_400));
    let (start, limit) = (
        Instant::now(),
        seconds(lab.settings.conductor.bmc_call_timeout_s),
    );
    lab.conductor()
        .destroy_node(lab.machine.node)
        .await
        .unwrap();
    let took = start.elapsed();
    assert!((limit..limit + SOON).contains(&took), "{took:?}");
}
