//! Virtual media on request: what was answered is done, whenever the conductor dies, and nothing is put in twice.

use super::agent::Manners;
use super::crashes::available as nobodys;
use super::halting_store::Death;
use super::lab::Lab;
use crate::conductor::Conductor;
use crate::conductor::requests::{MediaSource, RequestError};
use ferric_drivers::{FakeFault, MediaDevice, VirtualMedia};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(120);
const IMAGE: &str = "https://images/a.iso";

fn is_done(node: &Node) -> bool {
    node.wish.is_none()
}

async fn attach(
    conductor: &Conductor,
    id: NodeId,
    image: &str,
    source: MediaSource,
) -> Result<(), RequestError> {
    let (device, image) = (MediaDevice::Cdrom, image.to_owned());
    conductor.attach_media(id, device, image, source).await
}

#[derive(Clone, Copy, Debug)]
enum Asked {
    Attach,
    Detach,
}

impl Asked {
    async fn of(self, lab: &Lab) -> Result<(), RequestError> {
        let (conductor, id, device) = (lab.conductor(), lab.machine.node, MediaDevice::Cdrom);
        match self {
            Self::Attach => attach(&conductor, id, IMAGE, MediaSource::Direct).await,
            Self::Detach => conductor.detach_media(id, vec![device]).await,
        }
    }

    fn leaves(self) -> Option<&'static str> {
        match self {
            Self::Attach => Some(IMAGE),
            Self::Detach => None,
        }
    }
}

/// What the BMC shows in the drive for CDs.
async fn shown(lab: &Lab) -> Option<String> {
    let slots = lab.machine.bmc.slots().await.unwrap();
    let cd = slots
        .into_iter()
        .find(|slot| slot.media_types[0] == "CD")
        .unwrap();
    cd.image
}

/// Only who was answered may rely on it: nobody asks again.
async fn survives(asked: Asked, death: Death) {
    for k in 0.. {
        let mut lab = nobodys(Manners::Ferric).await;
        if matches!(asked, Asked::Detach) {
            let bmc = &lab.machine.bmc;
            bmc.attach(MediaDevice::Cdrom, IMAGE).await.unwrap();
        }
        let store = lab.start(Some((k, death))).await;
        sleep(Duration::from_secs(1)).await;
        let answer = timeout(Duration::from_secs(5), asked.of(&lab)).await;
        let died = timeout(Duration::from_secs(5), store.died.notified()).await;
        lab.kill();
        lab.start(None).await;
        lab.wait_until("the end of it", SOON, is_done).await;
        let (node, shown) = (lab.node().await, shown(&lab).await);
        let context = format!("{asked:?} {death:?} commit {k}: {answer:?}, {node:?}");
        if matches!(answer, Ok(Ok(()))) {
            assert_eq!(shown.as_deref(), asked.leaves(), "{context}");
        }
        assert_eq!(node.last_error, None, "{context}");
        assert_eq!(node.reservation, None, "{context}");
        if died.is_err() {
            assert!(k >= 4, "it has more commits than {k}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_survives_the_loss_of_each_commit() {
    survives(Asked::Attach, Death::Before).await;
    survives(Asked::Detach, Death::Before).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_survives_death_after_each_commit() {
    survives(Asked::Attach, Death::After).await;
    survives(Asked::Detach, Death::After).await;
}

#[tokio::test(start_paused = true)]
async fn an_image_is_attached_although_the_conductor_died_at_once() {
    let mut lab = nobodys(Manners::Ferric).await;
    lab.start(None).await;
    lab.machine.bmc.set_delay(Duration::from_secs(30));
    Asked::Attach.of(&lab).await.unwrap();
    lab.kill();
    lab.machine.bmc.set_delay(Duration::ZERO);
    assert_eq!(shown(&lab).await, None);
    lab.start(None).await;
    lab.wait_until("the end of it", SOON, is_done).await;
    assert_eq!(shown(&lab).await.as_deref(), Some(IMAGE));
}

/// The machine may be reading it.
#[tokio::test(start_paused = true)]
async fn an_image_that_is_there_is_not_put_in_again() {
    let mut lab = nobodys(Manners::Ferric).await;
    lab.start(None).await;
    Asked::Attach.of(&lab).await.unwrap();
    lab.wait_until("the end of it", SOON, is_done).await;
    let changes = lab.machine.bmc.changes_begun();
    Asked::Attach.of(&lab).await.unwrap();
    lab.wait_until("the end of it", SOON, is_done).await;
    assert_eq!(lab.machine.bmc.changes_begun(), changes);
    assert_eq!(shown(&lab).await.as_deref(), Some(IMAGE));
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    let other = "https://images/b.iso".to_owned();
    conductor
        .attach_media(id, MediaDevice::Cdrom, other.clone(), MediaSource::Direct)
        .await
        .unwrap();
    lab.wait_until("the end of it", SOON, is_done).await;
    assert_eq!(shown(&lab).await, Some(other));
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_told_and_not_tried_again() {
    let mut lab = nobodys(Manners::Ferric).await;
    lab.start(None).await;
    sleep(Duration::from_secs(1)).await;
    let broken = FakeFault::Broken("the drive is stuck".to_owned());
    lab.machine.bmc.fail_next([broken]);
    Asked::Detach.of(&lab).await.unwrap();
    lab.wait_until("the end of it", SOON, is_done).await;
    let error = lab.node().await.last_error.unwrap();
    let expected = format!(
        "Could not detach device(s) cdrom from node {}: ",
        lab.machine.node
    );
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.ends_with("the drive is stuck"), "{error}");
}

/// The BMC is told an address of the conductor's, by which the conductor knows what to fetch for it.
#[tokio::test(start_paused = true)]
async fn an_image_that_the_conductor_fetches_is_known_as_long_as_it_is_in_the_drive() {
    let mut lab = nobodys(Manners::Ferric).await;
    lab.start(None).await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    let other = "https://images/b.iso";
    let mut seen = Vec::new();
    // The second one is in the drive already.
    for image in [IMAGE, IMAGE, other] {
        let changes = lab.machine.bmc.changes_begun();
        attach(&conductor, id, image, MediaSource::Relayed)
            .await
            .unwrap();
        lab.wait_until("the end of it", SOON, is_done).await;
        let node = lab.node().await;
        assert_eq!(node.last_error, None);
        let [relayed] = &node.relayed_media[..] else {
            panic!("{:?}", node.relayed_media)
        };
        assert_eq!(
            (relayed.device.as_str(), relayed.url.as_str()),
            ("cdrom", image)
        );
        let address = relayed.address("http://192.0.2.1:6380", id);
        assert_eq!(shown(&lab).await.as_ref(), Some(&address));
        let is_new = lab.machine.bmc.changes_begun() != changes;
        assert_eq!(is_new, !seen.contains(&address), "{image}");
        seen.push(address);
    }
    Asked::Detach.of(&lab).await.unwrap();
    lab.wait_until("the end of it", SOON, is_done).await;
    assert!(lab.node().await.relayed_media.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_did_not_get_into_the_drive_is_not_fetched() {
    let mut lab = nobodys(Manners::Ferric).await;
    lab.start(None).await;
    sleep(Duration::from_secs(1)).await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    let broken = FakeFault::Broken("the drive is stuck".to_owned());
    lab.machine.bmc.fail_next([broken]);
    attach(&conductor, id, IMAGE, MediaSource::Relayed)
        .await
        .unwrap();
    lab.wait_until("the end of it", SOON, is_done).await;
    let node = lab.node().await;
    assert!(node.last_error.is_some());
    assert!(node.relayed_media.is_empty());
}

/// It is asked for again, and the BMC does not answer: the machine may read it all the while.
#[tokio::test(start_paused = true)]
async fn an_image_that_is_in_the_drive_is_fetched_whatever_fails_later() {
    let mut lab = nobodys(Manners::Ferric).await;
    lab.start(None).await;
    sleep(Duration::from_secs(1)).await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    let put_in = async || {
        attach(&conductor, id, IMAGE, MediaSource::Relayed)
            .await
            .unwrap();
        lab.wait_until("the end of it", SOON, is_done).await;
        lab.node().await
    };
    let before = put_in().await;
    assert_eq!((before.last_error, before.relayed_media.len()), (None, 1));
    let broken = FakeFault::Broken("the drive is stuck".to_owned());
    lab.machine.bmc.fail_next([broken]);
    let after = put_in().await;
    assert!(after.last_error.is_some());
    assert_eq!(after.relayed_media, before.relayed_media);
}

#[tokio::test(start_paused = true)]
async fn without_a_listener_for_machines_the_conductor_fetches_nothing() {
    let mut lab = nobodys(Manners::Ferric).await;
    lab.configure(|settings| settings.provision_url = None);
    lab.start(None).await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    match attach(&conductor, id, IMAGE, MediaSource::Relayed).await {
        Err(RequestError::Invalid(text)) => {
            assert!(text.contains("set image_download_source to http"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(lab.node().await.wish, None);
}
