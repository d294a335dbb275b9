//! Power on request: what is refused, and what is left behind when it goes wrong.

use super::lab::Lab;
use crate::conductor::requests::RequestError;
use ferric_drivers::{FakeFault, PowerAction, PowerState as Power};
use ferric_store::Transaction;
use std::time::Duration;
use tokio::time::sleep;

const SOON: Duration = Duration::from_secs(30);

async fn available() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    sleep(Duration::from_secs(1)).await;
    lab
}

async fn set(lab: &Lab, action: PowerAction) -> Result<(), RequestError> {
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    conductor.set_power(id, action, None).await?;
    lab.wait_until("the end of the action", SOON, |node| {
        node.target_power_state.is_none()
    })
    .await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_the_node_free_and_says_why() {
    let lab = available().await;
    lab.machine.bmc.fail_next([FakeFault::Panic]);
    set(&lab, PowerAction::On).await.unwrap();
    let error = lab.node().await.last_error.unwrap();
    assert!(error.starts_with("an internal error"), "{error}");
    set(&lab, PowerAction::On).await.unwrap();
    assert_eq!(lab.node().await.last_error, None);
    assert_eq!(lab.machine.bmc.power(), Power::On);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_must_not_be_off_can_be_switched_on_and_restarted() {
    let lab = available().await;
    let mut node = lab.node().await;
    node.disable_power_off = true;
    let changed = Transaction::new().put(&node);
    lab.store.commit(changed).await.unwrap();
    for action in [
        PowerAction::On,
        PowerAction::Reboot,
        PowerAction::SoftReboot,
    ] {
        set(&lab, action).await.unwrap();
    }
    for action in [PowerAction::Off, PowerAction::SoftOff] {
        let refused = set(&lab, action).await.unwrap_err();
        assert!(matches!(refused, RequestError::Conflict(_)), "{refused:?}");
    }
    assert_eq!(
        (lab.machine.bmc.power(), lab.machine.bmc.boots().len()),
        (Power::On, 3)
    );
}
