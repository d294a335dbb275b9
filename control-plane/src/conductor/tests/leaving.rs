//! A conductor that is told to leave ends what it is doing at that moment: nobody else has to find out how it went.

use super::cluster_lab::{Cluster, host_among};
use ferric_model::event::What;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::EventFilter;
use std::time::Duration;
use tokio::time::sleep;

/// Less than whoever leaves waits for a step.
const CALL: Duration = Duration::from_secs(3);
const BEAT: Duration = Duration::from_secs(10);

/// What the timeline says of a step, and who wrote it.
async fn said_of(cluster: &Cluster, name: &str) -> Vec<(String, &'static str)> {
    let filter = EventFilter {
        node: Some(cluster.lab.machine.node),
        ..EventFilter::default()
    };
    let stored = cluster.lab.store.events(&filter).await.unwrap();
    let events = stored.into_iter().map(|stored| stored.event);
    let said = events.filter_map(|event| match &event.what {
        What::StepStarted { step, .. } | What::StepDone { step, .. } if step.step == name => {
            Some((event.conductor.clone(), event.what.kind()))
        }
        _ => None,
    });
    said.collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_finishes_the_step_in_hand() {
    let names = ["one", "two"];
    let cluster = Cluster::new();
    let mut members = cluster.start_all(&names).await;
    cluster.lab.enroll_available().await;
    let host = host_among(&names, cluster.lab.machine.node);
    cluster.owned_by(&host, Duration::from_secs(25)).await;
    // Both know of each other, and the machine of the one that has its node.
    sleep(BEAT).await;
    cluster.lab.machine.bmc.set_delay(CALL);
    cluster.lab.ask(Verb::Deploy).await;
    while !cluster.lab.is_running("off").await {
        sleep(Duration::from_millis(100)).await;
    }
    members.get_mut(&host).unwrap().stop().await.unwrap();
    assert_ne!(cluster.owner().await.conductor, host);
    let by_it = [(host.clone(), "step_started"), (host, "step_done")];
    assert_eq!(said_of(&cluster, "off").await, by_it);
    let long = Duration::from_secs(900);
    cluster.lab.wait_for_within(State::Active, long).await;
    let at_the_end = said_of(&cluster, "off").await;
    assert_eq!(at_the_end, by_it, "and nobody else has done it again");
}
