//! A call done by the owner of its node.

use super::call::{NodeAnswer as Answer, NodeCall};
use crate::conductor::Conductor;
use crate::conductor::inbox::Message;
use crate::conductor::requests::RequestError;

impl Conductor {
    /// Whoever asked may hang up: a change goes on all the same; what a machine says is said again by the machine.
    pub(super) async fn perform(&self, call: NodeCall) -> Result<Answer, RequestError> {
        if !is_change(&call) {
            return Box::pin(self.do_call(call)).await;
        }
        let this = self.clone();
        self.tracked(async move { Box::pin(this.do_call(call)).await })
            .await
    }

    async fn do_call(&self, call: NodeCall) -> Result<Answer, RequestError> {
        match call {
            NodeCall::UpdateNode(update) => boxed(Answer::Node, self.do_update_node(*update).await),
            NodeCall::DestroyNode { node } => nothing(self.do_destroy_node(node).await),
            NodeCall::CreatePort { port } => boxed(Answer::Port, self.do_create_port(*port).await),
            NodeCall::UpdatePort(update) => boxed(Answer::Port, self.do_update_port(*update).await),
            NodeCall::DestroyPort { port, .. } => nothing(self.do_destroy_port(port).await),
            NodeCall::CreatePlain { document, .. } => {
                boxed(Answer::Document, self.do_create_plain(*document).await)
            }
            NodeCall::UpdatePlain { update, .. } => {
                boxed(Answer::Document, self.do_update_plain(*update).await)
            }
            NodeCall::DestroyPlain { document, .. } => {
                nothing(self.do_destroy_plain(*document).await)
            }
            NodeCall::Provision { node, request } => {
                nothing(self.do_provision(node, *request).await)
            }
            NodeCall::SetPower {
                node,
                action,
                timeout,
            } => nothing(self.do_set_power(node, action, timeout).await),
            NodeCall::SetMaintenance { node, maintenance } => {
                nothing(self.do_set_maintenance(node, maintenance).await)
            }
            NodeCall::BootDevice { node } => {
                Ok(Answer::BootSetting(self.do_boot_device(node).await?))
            }
            NodeCall::SetBootDevice {
                node,
                device,
                persistence,
            } => nothing(self.do_set_boot_device(node, device, persistence).await),
            NodeCall::SupportedBootDevices { node } => {
                let devices = self.do_supported_boot_devices(node).await;
                devices.map(Answer::BootDevices)
            }
            NodeCall::Lookup { node, request } => {
                boxed(Answer::Identified, self.do_lookup(node, request).await)
            }
            NodeCall::Heartbeat { node, request } => {
                nothing(self.do_heartbeat(node, request).await)
            }
            NodeCall::ContinueInspection { node, request } => boxed(
                Answer::Identified,
                self.do_continue_inspection(node, *request).await,
            ),
            NodeCall::NoteBootRequest { node, what } => {
                nothing(self.tell(node, Message::BootRequest(what)))
            }
            NodeCall::Give { node, to } => nothing(self.do_give(node, &to).await),
            NodeCall::Allocate { node, claim } => {
                Ok(Answer::Claimed(self.do_allocate(node, claim).await?))
            }
            NodeCall::Backfill { node, allocation } => boxed(
                Answer::Allocation,
                self.do_backfill(node, *allocation).await,
            ),
            NodeCall::Deallocate { node, allocation } => {
                nothing(self.do_deallocate(node, allocation).await)
            }
        }
    }
}

fn is_change(call: &NodeCall) -> bool {
    !matches!(
        call,
        NodeCall::BootDevice { .. }
            | NodeCall::SupportedBootDevices { .. }
            | NodeCall::Lookup { .. }
            | NodeCall::Heartbeat { .. }
            | NodeCall::ContinueInspection { .. }
            | NodeCall::NoteBootRequest { .. }
    )
}

fn boxed<T>(
    answer: fn(Box<T>) -> Answer,
    outcome: Result<T, RequestError>,
) -> Result<Answer, RequestError> {
    outcome.map(Box::new).map(answer)
}

fn nothing(outcome: Result<(), RequestError>) -> Result<Answer, RequestError> {
    outcome.map(|()| Answer::Nothing)
}
