//! Virtual interfaces: they change under the node's lock, and go with the instance.

use super::lab::Lab;
use crate::conductor::requests::RequestError;
use crate::conductor::{VifAttachment, VifChange, VifPlace};
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;

fn attach(id: &str) -> VifChange {
    VifChange::Attach(VifAttachment {
        id: id.to_owned(),
        place: VifPlace::Any,
        physical_network: None,
    })
}

async fn attached(lab: &Lab) -> Vec<String> {
    lab.conductor().vifs_of(&lab.node().await).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_instance_takes_its_virtual_interfaces_along() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_active().await;
    lab.edit(|node| {
        node.interfaces
            .insert("network".to_owned(), "standalone".to_owned());
    })
    .await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    conductor.change_vif(id, attach("one")).await.unwrap();
    assert_eq!(attached(&lab).await, ["one"]);
    lab.go(Verb::Undeploy, State::Available).await;
    assert!(attached(&lab).await.is_empty());
    conductor.change_vif(id, attach("two")).await.unwrap();
    assert_eq!(attached(&lab).await, ["two"]);
}

/// Both would take the one free port, were they not kept apart by the node's lock.
#[tokio::test(start_paused = true)]
async fn of_two_at_once_one_gets_the_port() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll(&[("network", "standalone")]).await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    let (first, second) = tokio::join!(
        conductor.change_vif(id, attach("one")),
        conductor.change_vif(id, attach("two"))
    );
    let refused = match (first, second) {
        (Ok(()), Err(error)) | (Err(error), Ok(())) => error,
        outcome => panic!("{outcome:?}"),
    };
    assert!(matches!(refused, RequestError::Invalid(_)), "{refused:?}");
    assert_eq!(attached(&lab).await.len(), 1);
}
