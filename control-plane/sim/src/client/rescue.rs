//! Rescues: a machine with an instance runs a ramdisk for somebody who logs in, and then its instance again.

use super::Client;
use ferric::conductor::requests::{ProvisionRequest, RescuePassword};
use ferric_drivers::BootDevice;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use tokio::time::sleep;

impl Client<'_> {
    /// Answers whether the instance runs again.
    pub(super) async fn rescue(&self) -> bool {
        let before = self.machine.disk();
        let request = ProvisionRequest {
            rescue_password: Some(RescuePassword("let me in".to_owned())),
            ..ProvisionRequest::new(Verb::Rescue)
        };
        let Some(node) = self.run(&request).await else {
            return false;
        };
        if !self.judge(&node, Verb::Rescue) {
            return false;
        }
        if node.provision_state == State::Rescue {
            self.check_rescued();
            sleep(self.world.dice.seconds(1, 60)).await;
        }
        self.has_instance_back(before).await
    }

    fn check_rescued(&self) {
        let state = self.machine.state.lock();
        let (on, from) = (state.on, state.booted_from);
        let is_silent = state.agent.is_none();
        drop(state);
        let is_rescued = on && from == Some(BootDevice::Pxe) && is_silent;
        if !is_rescued && self.excuse().is_none() {
            self.violation(&format!(
                "is rescued, and its ramdisk is not left alone (on {on}, from {from:?}, silent {is_silent})"
            ));
        }
    }
}
