//! Who is answered by dnsmasq: machines with a ramdisk that works and those with an instance, and nobody else.

use super::lab::Lab;
use super::{rescue, service};
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;

async fn lab(fast_track: bool) -> Lab {
    let mut lab = Lab::new();
    let hosts = lab.folder.path().join("hosts");
    lab.configure(|settings| {
        settings.boot.dnsmasq_hosts_dir = Some(hosts);
        settings.deploy.fast_track = fast_track;
    });
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab
}

fn is_answered(lab: &Lab) -> bool {
    let name = format!("hosts/ironic-{}.conf", lab.machine.address);
    let host = std::fs::read_to_string(lab.folder.path().join(name)).unwrap_or_default();
    host.contains("set:ironic")
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_answered_after_whatever_was_done_to_it() {
    let lab = lab(false).await;
    lab.go(Verb::Provide, State::Available).await;
    assert!(!is_answered(&lab));
    lab.go(Verb::Deploy, State::Active).await;
    assert!(is_answered(&lab));
    lab.try_to(rescue::request()).await.unwrap();
    lab.wait_for(State::Rescue).await;
    assert!(is_answered(&lab));
    lab.try_to(rescue::request()).await.unwrap();
    lab.wait_for(State::RescueWait).await;
    lab.go(Verb::Abort, State::RescueFailed).await;
    assert!(!is_answered(&lab));
    lab.go(Verb::Unrescue, State::Active).await;
    assert!(is_answered(&lab));
    lab.try_to(service::request(&["reset"])).await.unwrap();
    lab.wait_for(State::Active).await;
    assert!(is_answered(&lab));
    lab.try_to(service::request(&["reset"])).await.unwrap();
    lab.wait_for(State::ServiceWait).await;
    lab.go(Verb::Abort, State::Active).await;
    assert!(is_answered(&lab));
    lab.go(Verb::Undeploy, State::Available).await;
    assert!(!is_answered(&lab));
}

#[tokio::test(start_paused = true)]
async fn an_adopted_machine_is_answered() {
    let lab = lab(false).await;
    lab.go(Verb::Adopt, State::Active).await;
    assert!(is_answered(&lab));
}

#[tokio::test(start_paused = true)]
async fn a_ramdisk_that_stays_up_is_answered() {
    let lab = lab(true).await;
    lab.go(Verb::Inspect, State::Manageable).await;
    assert!(is_answered(&lab));
    lab.go(Verb::Provide, State::Available).await;
    assert!(is_answered(&lab));
}
