//! Nothing is begun at a BMC without the permit of whoever manages the machine, and it is asked for each request anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::fake_bmc::FakeBmc;
use super::oddities::Oddities;
use super::{connect, drivers, info, quick};
use crate::{BmcError, BootDevice, CallPermit, Persistence, PowerAction, PowerState};

/// Allows so many requests.
struct Left(AtomicUsize);

impl CallPermit for Left {
    fn allows(&self, limit: Duration) -> bool {
        assert_eq!(limit, quick().connect_timeout + quick().read_timeout);
        let take = |left: usize| left.checked_sub(1);
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .is_ok()
    }
}

async fn allowing(requests: usize) -> (FakeBmc, crate::Hardware) {
    let system = json!({"PowerState": "On"});
    let bmc = FakeBmc::start(Oddities {
        system,
        ..Oddities::default()
    })
    .await;
    let drivers = drivers(quick());
    drivers.ask_before_calls(Arc::new(Left(AtomicUsize::new(requests))));
    let hardware = connect(&drivers, &info(&bmc));
    (bmc, hardware)
}

#[tokio::test]
async fn questions_need_none_and_changes_do() {
    let (bmc, hardware) = allowing(0).await;
    // With a session, which is opened for it.
    assert_eq!(hardware.power.get().await.unwrap(), Some(PowerState::On));
    let refused = hardware.power.set(PowerAction::Off, None).await;
    let Err(error @ BmcError::NotPermitted { .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(!error.is_transient());
    let management = hardware.management.unwrap();
    let refused = management
        .set_boot_device(BootDevice::Pxe, Persistence::Once, None)
        .await;
    assert!(
        matches!(refused, Err(BmcError::NotPermitted { .. })),
        "{refused:?}"
    );
    assert_eq!(bmc.changes(), [""; 0]);
}

#[tokio::test]
async fn it_is_asked_again_for_the_second_half_of_a_restart() {
    let (bmc, hardware) = allowing(1).await;
    let refused = hardware.power.set(PowerAction::Reboot, None).await;
    assert!(
        matches!(refused, Err(BmcError::NotPermitted { .. })),
        "{refused:?}"
    );
    assert_eq!(bmc.changes(), [r#"{"ResetType":"ForceOff"}"#]);
    assert_eq!(hardware.power.get().await.unwrap(), Some(PowerState::Off));
}
