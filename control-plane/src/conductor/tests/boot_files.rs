//! dnsmasq's files are on the disk of whoever has the node, and nowhere else, whatever becomes of the conductors.

use super::cluster_lab::{Cluster, Member, host_among};
use super::lab::Lab;
use crate::config::Settings;
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::{Dhcp, NetworkBoot, Node};
use ferric_model::port::Port;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::{Entity, Transaction};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3600);

fn own_folders(name: &str, settings: &mut Settings) {
    let folder = settings.state_dir.join(name);
    settings.boot.dnsmasq_hosts_dir = Some(folder.join("hosts"));
    settings.boot.dnsmasq_options_dir = Some(folder.join("options"));
}

fn shared_folders(_: &str, settings: &mut Settings) {
    own_folders("shared", settings);
}

/// The files of a folder with what is in them, the way dnsmasq sees them.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let files = entries
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some((name, std::fs::read_to_string(path).ok()?))
        });
    files.filter(|(name, _)| !name.starts_with('.')).collect()
}

/// What is said of the machine in the folder of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Ignored,
    Answered,
}

fn said(lab: &Lab, name: &str) -> Said {
    let folder = lab.folder.path().join(name);
    let hosts = files(&folder.join("hosts"));
    match hosts.get(&format!("ironic-{}.conf", lab.machine.address)) {
        None => Said::Nothing,
        Some(host) if host.ends_with(",ignore\n") => Said::Ignored,
        Some(host) => {
            assert!(host.contains("set:ironic"), "{host}");
            assert!(
                !files(&folder.join("options")).is_empty(),
                "nothing to boot"
            );
            Said::Answered
        }
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < HOUR, "{what} did not come");
        sleep(Duration::from_secs(1)).await;
    }
}

async fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.configure(|settings| own_folders("own", settings));
    lab.start(None).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn a_conductor_that_starts_makes_what_is_missing() {
    for (edit, expected) in [
        (None, Said::Answered),
        (
            Some((State::Available, Some(Dhcp::Answered))),
            Said::Answered,
        ),
        (Some((State::Available, Some(Dhcp::Ignored))), Said::Ignored),
        (Some((State::Active, None)), Said::Answered),
    ] {
        let mut lab = lab().await;
        lab.enroll_active().await;
        assert_eq!(said(&lab, "own"), Said::Answered);
        lab.kill();
        std::fs::remove_dir_all(lab.folder.path().join("own")).unwrap();
        if let Some((state, dhcp)) = edit {
            lab.edit(|node| {
                node.provision_state = state;
                node.dhcp = dhcp;
            })
            .await;
        }
        lab.start(None).await;
        until(&format!("{edit:?}"), || said(&lab, "own") == expected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_never_told_anything_has_no_files() {
    let lab = lab().await;
    lab.enroll_available().await;
    sleep(HOUR).await;
    assert_eq!(said(&lab, "own"), Said::Nothing);
    // Stored by a release that did not store what DHCP was told.
    lab.edit(|node| node.network_boot = NetworkBoot::Ramdisk)
        .await;
    until("its file", || said(&lab, "own") == Said::Answered).await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_owns_any_more_is_ignored_first_and_then_removed() {
    let mut lab = lab().await;
    lab.enroll_active().await;
    let hosts = lab.folder.path().join("own/hosts");
    let by_hand = hosts.join("ironic-52:54:00:00:00:77.conf");
    std::fs::write(&by_hand, "52:54:00:00:00:77,set:ironic\n").unwrap();
    lab.kill();
    let node = lab.node().await;
    let gone = Transaction::new().delete(node.key());
    lab.store.commit(gone).await.unwrap();
    lab.start(None).await;
    until("the end of its answers", || {
        said(&lab, "own") == Said::Ignored
    })
    .await;
    sleep(Duration::from_secs(30)).await;
    assert_eq!(
        said(&lab, "own"),
        Said::Ignored,
        "dnsmasq may not have read it yet"
    );
    until("its end", || said(&lab, "own") == Said::Nothing).await;
    assert!(by_hand.exists(), "what somebody else wrote stays");
    assert_eq!(files(&lab.folder.path().join("own/options")).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_deleted_leaves_no_files() {
    let lab = lab().await;
    lab.enroll_real().await;
    lab.make_available().await;
    assert_eq!(said(&lab, "own"), Said::Ignored);
    lab.conductor()
        .destroy_node(lab.machine.node)
        .await
        .unwrap();
    until("its end", || said(&lab, "own") == Said::Nothing).await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_somebody_has_changed_is_made_again() {
    let lab = lab().await;
    lab.enroll_active().await;
    let name = format!("own/hosts/ironic-{}.conf", lab.machine.address);
    let path: PathBuf = lab.folder.path().join(name);
    let content = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, content.replace("set:ironic", "ignore")).unwrap();
    until("the file", || {
        std::fs::read_to_string(&path).unwrap() == content
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn ports_that_come_and_go_are_followed() {
    let lab = lab().await;
    lab.enroll_active().await;
    let id = PortId(Uuid::from_u128(77));
    let address = "52:54:00:00:00:77".parse().unwrap();
    let port = Port::new(id, address, lab.machine.node, lab.conductor().now());
    lab.conductor().create_port(port).await.unwrap();
    let host = lab
        .folder
        .path()
        .join("own/hosts/ironic-52:54:00:00:00:77.conf");
    until("its file", || host.exists()).await;
    lab.conductor().destroy_port(id).await.unwrap();
    until("its end", || !host.exists()).await;
    assert_eq!(said(&lab, "own"), Said::Answered);
}

/// The port's address has gone over to another node before its first one has cleared away after it.
#[tokio::test(start_paused = true)]
async fn a_node_takes_away_its_own_files_only() {
    let lab = lab().await;
    lab.enroll_active().await;
    let conductor = lab.conductor();
    let address = "52:54:00:00:00:77";
    let host = lab
        .folder
        .path()
        .join(format!("own/hosts/ironic-{address}.conf"));
    let content = || std::fs::read_to_string(&host).unwrap_or_default();
    let (old, new) = (PortId(Uuid::from_u128(77)), PortId(Uuid::from_u128(78)));
    let port = |id, node| Port::new(id, address.parse().unwrap(), node, conductor.now());
    conductor
        .create_port(port(old, lab.machine.node))
        .await
        .unwrap();
    until("the first one's file", || content().contains("set:ironic")).await;
    conductor.destroy_port(old).await.unwrap();
    until("the end of its answers", || content().contains(",ignore")).await;

    let mut node = Node::new(
        NodeId(Uuid::from_u128(79)),
        "fake-hardware",
        conductor.now(),
    );
    node.dhcp = Some(Dhcp::Answered);
    node.interfaces.insert("boot".to_owned(), "ipxe".to_owned());
    let node = conductor.create_node(node).await.unwrap().uuid;
    conductor.create_port(port(new, node)).await.unwrap();
    let belongs = format!("node={node}");
    let is_answered = || content().contains(&belongs) && content().contains("set:ironic");
    until("the second one's file", is_answered).await;
    for _ in 0..1300 {
        sleep(Duration::from_secs(1)).await;
        assert!(is_answered(), "{}", content());
    }
}

/// Its own files stay as they are, too.
#[tokio::test(start_paused = true)]
async fn a_port_that_cannot_be_read_keeps_no_others_from_their_files() {
    let mut lab = lab().await;
    lab.enroll_active().await;
    let id = PortId(Uuid::from_u128(77));
    let address = "52:54:00:00:00:77".parse().unwrap();
    let port = Port::new(id, address, lab.machine.node, lab.conductor().now());
    lab.conductor().create_port(port.clone()).await.unwrap();
    let hosts = lab.folder.path().join("own/hosts");
    let broken = hosts.join("ironic-52:54:00:00:00:77.conf");
    until("its file", || broken.exists()).await;
    lab.kill();
    let mut unreadable = Transaction::new().put(&port);
    unreadable.put[0].document = b"{}".to_vec();
    lab.store.commit(unreadable).await.unwrap();
    let before = std::fs::read_to_string(&broken).unwrap();
    let own = hosts.join(format!("ironic-{}.conf", lab.machine.address));
    std::fs::remove_file(&own).unwrap();
    lab.start(None).await;
    until("the other one's file", || own.exists()).await;
    assert_eq!(said(&lab, "own"), Said::Answered);
    sleep(Duration::from_secs(1300)).await;
    assert_eq!(std::fs::read_to_string(&broken).unwrap(), before);
}

/// Two conductors, and an instance with the one that has its node.
async fn active(configure: fn(&str, &mut Settings)) -> (Cluster, BTreeMap<String, Member>, String) {
    let mut cluster = Cluster::new();
    cluster.configure = configure;
    let names = ["one", "two"];
    let members = cluster.start_all(&names).await;
    cluster.lab.enroll_available().await;
    let host = host_among(&names, cluster.lab.machine.node);
    cluster.owned_by(&host, HOUR).await;
    cluster.lab.ask(Verb::Deploy).await;
    cluster.lab.wait_for(State::Active).await;
    (cluster, members, host)
}

fn other(members: &BTreeMap<String, Member>, host: &str) -> String {
    let mut names = members.keys().filter(|name| *name != host);
    names.next().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn the_files_go_with_the_node() {
    let (cluster, mut members, host) = active(own_folders).await;
    let heir = other(&members, &host);
    let said = |name: &str| said(&cluster.lab, name);
    assert_eq!((said(&host), said(&heir)), (Said::Answered, Said::Nothing));
    cluster.kill(&host, members.remove(&host).unwrap());
    until("the heir's", || said(&heir) == Said::Answered).await;
    assert_eq!(said(&host), Said::Answered, "the dead do nothing");
    // It comes back, and the node with it.
    members.insert(host.clone(), cluster.start(&host).await);
    cluster.owned_by(&host, HOUR).await;
    until("its own", || said(&host) == Said::Answered).await;
    until("the heir's end", || said(&heir) == Said::Nothing).await;
    assert_eq!(said(&host), Said::Answered);
    // One that is told to stop leaves none behind that are answered.
    members.get_mut(&host).unwrap().stop().await.unwrap();
    assert_eq!(said(&host), Said::Ignored);
    until("the heir's", || said(&heir) == Said::Answered).await;
}

#[tokio::test(start_paused = true)]
async fn those_who_share_a_folder_leave_each_other_alone() {
    let (cluster, mut members, host) = active(shared_folders).await;
    let heir = other(&members, &host);
    let name = format!("ironic-{}.conf", cluster.lab.machine.address);
    let hosts = cluster.lab.folder.path().join("shared/hosts");
    let marked =
        |conductor: &str| files(&hosts)[&name].contains(&format!("conductor={conductor} "));
    assert!(marked(&host));
    members.get_mut(&host).unwrap().stop().await.unwrap();
    until("the heir's", || {
        marked(&heir) && said(&cluster.lab, "shared") == Said::Answered
    })
    .await;
    members.insert(host.clone(), cluster.start(&host).await);
    cluster.owned_by(&host, HOUR).await;
    until("its own", || {
        marked(&host) && said(&cluster.lab, "shared") == Said::Answered
    })
    .await;
    for _ in 0..1300 {
        sleep(Duration::from_secs(1)).await;
        assert!(marked(&host) && said(&cluster.lab, "shared") == Said::Answered);
    }
}
