//! Vendor methods that are answered before they are done: what was answered is done, and by whom does not matter.

use super::agent::Manners;
use super::crashes::available as nobodys;
use super::lab::Lab;
use crate::conductor::requests::{VendorOutcome, VendorRequest};
use serde_json::json;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(120);

async fn begin(lab: &Lab, method: &str) {
    let request = VendorRequest {
        method: method.to_owned(),
        http_method: "POST".to_owned(),
        arguments: json!({"bar": "kazoo"}),
    };
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    let begun = conductor.call_vendor_method(id, request).await.unwrap();
    assert_eq!(begun, VendorOutcome::Begun);
}

#[tokio::test(start_paused = true)]
async fn a_method_is_called_although_the_conductor_died_at_once() {
    for method in ["second_method", "log_passthrough"] {
        let mut lab = nobodys(Manners::Ferric).await;
        lab.start(None).await;
        lab.machine.bmc.set_delay(Duration::from_secs(30));
        begin(&lab, method).await;
        lab.kill();
        lab.machine.bmc.set_delay(Duration::ZERO);
        assert!(lab.node().await.wish.is_some());
        let called = lab.machine.bmc.changes_begun();
        lab.start(None).await;
        lab.wait_until("the end of it", SOON, |node| node.wish.is_none())
            .await;
        assert_eq!(lab.machine.bmc.changes_begun(), called + 1, "{method}");
        let node = lab.node().await;
        assert_eq!((node.last_error, node.reservation), (None, None));
    }
}

/// Nobody is told of it, and the node is free meanwhile.
#[tokio::test(start_paused = true)]
async fn a_method_that_others_may_go_on_beside_is_forgotten() {
    let mut lab = nobodys(Manners::Ferric).await;
    lab.start(None).await;
    lab.machine.bmc.set_delay(Duration::from_secs(30));
    begin(&lab, "fourth_method_shared_lock").await;
    let node = lab.node().await;
    assert_eq!((node.wish, node.reservation), (None, None));
    lab.kill();
}
