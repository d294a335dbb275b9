//! A call done by the owner of its node.

use super::answer::NodeAnswer as Answer;
use super::call::NodeCall as Call;
use crate::conductor::inbox::Message;
use crate::conductor::requests::RequestError;
use crate::conductor::{Conductor, pinned};
use ferric_model::ids::NodeId;
use std::future::Future;

impl Conductor {
    /// Whoever asked may hang up: a change goes on all the same; what a machine says is said again by the machine.
    pub(super) async fn perform(&self, call: Call) -> Result<Answer, RequestError> {
        if !is_change(&call) {
            return Box::pin(self.do_call(call)).await;
        }
        let this = self.clone();
        self.tracked(async move { Box::pin(this.do_call(call)).await })
            .await
    }

    fn heard(&self, node: NodeId, message: Message) -> Result<Answer, RequestError> {
        self.tell(node, message).map(|()| Answer::Nothing)
    }

    fn locked_for(&self, node: NodeId) -> Answer {
        let purpose = self.locks().purpose(node);
        Answer::LockedFor(purpose.map(str::to_owned))
    }

    async fn do_call(&self, call: Call) -> Result<Answer, RequestError> {
        match call {
            Call::UpdateNode(update) => boxed(Answer::Node, || self.do_update_node(*update)).await,
            Call::CreateNode { node } => boxed(Answer::Node, || self.do_create_node(*node)).await,
            Call::DestroyNode { node } => nothing(|| self.do_destroy_node(node)).await,
            Call::CreatePort { port } => boxed(Answer::Port, || self.do_create_port(*port)).await,
            Call::UpdatePort(update) => boxed(Answer::Port, || self.do_update_port(*update)).await,
            Call::DestroyPort { port, .. } => nothing(|| self.do_destroy_port(port)).await,
            Call::CreatePlain { document, .. } => {
                boxed(Answer::Document, || self.do_create_plain(*document)).await
            }
            Call::UpdatePlain { update, .. } => {
                boxed(Answer::Document, || self.do_update_plain(*update)).await
            }
            Call::DestroyPlain { document, .. } => {
                nothing(|| self.do_destroy_plain(*document)).await
            }
            Call::Provision { node, request } => nothing(|| self.do_verb(node, *request)).await,
            Call::SetPower {
                node,
                action,
                timeout,
            } => nothing(|| self.do_set_power(node, action, timeout)).await,
            Call::SetMaintenance { node, maintenance } => {
                nothing(|| self.do_set_maintenance(node, maintenance)).await
            }
            Call::ChangeVif { node, change } => nothing(|| self.do_change_vif(node, change)).await,
            Call::BootDevice { node } => {
                plain(Answer::BootSetting, || self.do_boot_device(node)).await
            }
            Call::SetBootDevice {
                node,
                device,
                persistence,
            } => nothing(|| self.do_set_boot_device(node, device, persistence)).await,
            Call::SupportedBootDevices { node } => {
                plain(Answer::BootDevices, || self.do_supported_boot_devices(node)).await
            }
            Call::Machine { node, call } => pinned(|| self.do_machine_call(node, call)).await,
            Call::VirtualMedia { node } => plain(Answer::MediaSlots, || self.do_media(node)).await,
            Call::ChangeMedia { node, change } => {
                nothing(|| self.do_change_media(node, change)).await
            }
            Call::VendorMethod { node, request } => pinned(|| self.do_vendor(node, *request)).await,
            Call::Lookup { node, request } => {
                boxed(Answer::Identified, || self.do_lookup(node, request)).await
            }
            Call::Heartbeat { node, request } => nothing(|| self.do_heartbeat(node, request)).await,
            Call::ContinueInspection { node, request } => {
                boxed(Answer::Identified, || self.do_inspection(node, *request)).await
            }
            Call::NoteBootRequest { node, what } => self.heard(node, Message::BootRequest(what)),
            Call::Visit { node, visit } => pinned(|| self.receive(node, visit)).await,
            Call::Give { node, to } => nothing(|| self.do_give(node, &to)).await,
            Call::Allocate { node, claim } => {
                plain(Answer::Claimed, || self.do_allocate(node, claim)).await
            }
            Call::Backfill { node, allocation } => {
                boxed(Answer::Allocation, || self.do_backfill(node, *allocation)).await
            }
            Call::Import { record } => plain(Answer::Imported, || self.do_hang(*record)).await,
            Call::Deallocate { node, allocation } => {
                nothing(|| self.do_deallocate(node, allocation)).await
            }
            Call::CarryOut { node, item } => {
                plain(Answer::Carried, || self.do_carry_out(node, &item)).await
            }
            Call::LockedFor { node } => Ok(self.locked_for(node)),
        }
    }
}

fn is_change(call: &Call) -> bool {
    if let Call::Machine { call, .. } = call {
        return call.is_change();
    }
    !matches!(
        call,
        Call::BootDevice { .. }
            | Call::SupportedBootDevices { .. }
            | Call::VirtualMedia { .. }
            | Call::Lookup { .. }
            | Call::Heartbeat { .. }
            | Call::ContinueInspection { .. }
            | Call::NoteBootRequest { .. }
            | Call::Visit { .. }
            | Call::LockedFor { .. }
    )
}

async fn plain<T, F: Future<Output = Result<T, RequestError>>>(
    answer: fn(T) -> Answer,
    make: impl FnOnce() -> F,
) -> Result<Answer, RequestError> {
    pinned(make).await.map(answer)
}

async fn boxed<T, F: Future<Output = Result<T, RequestError>>>(
    answer: fn(Box<T>) -> Answer,
    make: impl FnOnce() -> F,
) -> Result<Answer, RequestError> {
    pinned(make).await.map(Box::new).map(answer)
}

async fn nothing<F: Future<Output = Result<(), RequestError>>>(
    make: impl FnOnce() -> F,
) -> Result<Answer, RequestError> {
    pinned(make).await.map(|()| Answer::Nothing)
}
