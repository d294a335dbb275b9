//! What a node is shown from: the node itself, or its document in the store.

use super::values::Shown;
use super::{derived, values};
use crate::api::access::Target;
use crate::api::masking::Masked;
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Object};
use ferric_model::state::ProvisionState;
use serde_json::Value;

pub(super) trait Source {
    fn uuid(&self) -> NodeId;
    fn driver(&self) -> &str;
    fn conductor_group(&self) -> &str;
    fn provision_state(&self) -> ProvisionState;
    /// The projects that it belongs to.
    fn target(&self) -> Target<'_>;
    /// A field of its own; `None` for a view of others.
    fn own(&self, name: &str) -> Option<Shown<'_>>;
    /// The interface of a kind, such as `boot`.
    fn interface(&self, kind: &str) -> Option<&str>;
    /// With its secrets masked.
    fn driver_info(&self) -> Shown<'_>;
    /// The same.
    fn instance_info(&self) -> Shown<'_>;
    /// The step in hand of one kind of step list: `deploy`, `clean` or `service`.
    fn current_step(&self, of: &str) -> Value;
    fn driver_internal_info(&self) -> Object;
    /// Who holds the node's lock.
    fn reservation(&self) -> Option<&str>;
}

impl Source for Node {
    fn uuid(&self) -> NodeId {
        self.uuid
    }

    fn driver(&self) -> &str {
        &self.driver
    }

    fn conductor_group(&self) -> &str {
        &self.conductor_group
    }

    fn provision_state(&self) -> ProvisionState {
        self.provision_state
    }

    fn target(&self) -> Target<'_> {
        Target::of_node(self)
    }

    fn own(&self, name: &str) -> Option<Shown<'_>> {
        values::of(self, name)
    }

    fn interface(&self, kind: &str) -> Option<&str> {
        Self::interface(self, kind)
    }

    fn driver_info(&self) -> Shown<'_> {
        Shown::Masked(Masked::of(&self.driver_info))
    }

    fn instance_info(&self) -> Shown<'_> {
        Shown::Masked(Masked::instance_info(&self.instance_info))
    }

    fn current_step(&self, of: &str) -> Value {
        derived::current_step(self, of)
    }

    fn driver_internal_info(&self) -> Object {
        derived::driver_internal_info(&self.internal_info, self.agent.as_ref(), self.run.as_ref())
    }

    fn reservation(&self) -> Option<&str> {
        let holder = self.reservation.as_ref();
        holder.map(|held| held.conductor.as_str())
    }
}
