//! Machines that somebody else has deployed.

use super::Client;
use ferric::conductor::requests::ProvisionRequest;
use ferric_drivers::PowerAction;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;

impl Client<'_> {
    /// Takes such a machine over, runs its instance and takes the machine back; answers whether it is available.
    pub(super) async fn adopt(&self) -> bool {
        if !self.reach(State::Manageable).await || !self.has_image_named().await {
            return false;
        }
        self.machine.deploy_by_hand();
        let before = (self.machine.boots(), self.machine.disk());
        let adopted = self.run(&ProvisionRequest::new(Verb::Adopt)).await;
        let Some(node) = adopted else { return false };
        if !self.judge(&node, Verb::Adopt) {
            return false;
        }
        if (self.machine.boots(), self.machine.disk()) != before {
            self.violation("was to be adopted, and its machine was started or its disk written");
        }
        if node.provision_state == State::Active {
            if !self.switch(PowerAction::On).await {
                return false;
            }
            self.check_instance();
        }
        self.reach(State::Available).await
    }

    async fn has_image_named(&self) -> bool {
        loop {
            let Some(node) = self.rest().await else {
                return false;
            };
            if node.instance_info.contains_key("image_source") {
                return true;
            }
            self.name_image().await;
        }
    }
}
