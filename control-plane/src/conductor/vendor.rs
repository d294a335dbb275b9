//! The methods of vendor interfaces, called on request. One that is answered before it is done is a wish (`wishes`),
//! unless others may be at the machine meanwhile: such a one changes nothing, and is begun and forgotten.

use super::Conductor;
use super::forward::{NodeAnswer, NodeCall};
use super::power::bmc;
use super::requests::{RequestError, VendorOutcome, VendorRequest};
use super::steps::chain;
use super::wishes::clear_of_wishes;
use ferric_drivers::{
    BmcError, Drivers, Vendor, VendorError, VendorLock, VendorMethod, VendorReply,
};
use ferric_model::bulk::Hidden;
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Object, Wish};
use serde_json::Value;
use std::sync::Arc;
use tracing::warn;

/// A call in which nothing is wrong that can be seen without asking the machine.
struct Prepared {
    method: &'static VendorMethod,
    arguments: Object,
    vendor: Arc<dyn Vendor>,
}

impl Conductor {
    /// Calls a method of the node's vendor interface, or begins to.
    pub async fn call_vendor_method(
        &self,
        id: NodeId,
        request: VendorRequest,
    ) -> Result<VendorOutcome, RequestError> {
        let request = Box::new(request);
        let call = NodeCall::VendorMethod { node: id, request };
        self.at_owner(call).await?.vendor_outcome()
    }

    pub(super) async fn do_vendor(
        &self,
        id: NodeId,
        request: VendorRequest,
    ) -> Result<NodeAnswer, RequestError> {
        let node = self.node(id).await?;
        let outcome = match method_of(&node, &request)?.lock {
            VendorLock::Exclusive => self.call_alone(id, request).await?,
            VendorLock::Shared => self.call_beside_others(&node, request).await?,
        };
        Ok(NodeAnswer::VendorOutcome(outcome))
    }

    async fn call_alone(
        &self,
        id: NodeId,
        request: VendorRequest,
    ) -> Result<VendorOutcome, RequestError> {
        let mut task = self.task(id, "calling a vendor method").await?;
        // Its interfaces may be others than before the lock.
        let call = self.prepared(&task.node, request)?;
        let checked = task
            .during(call.vendor.validate(call.method.name, &call.arguments))
            .await?;
        said(checked)?;
        if call.method.reply == VendorReply::Later {
            let wish = Wish::VendorMethod {
                method: call.method.name.to_owned(),
                arguments: Hidden(Value::Object(call.arguments)),
            };
            self.begin(task, wish).await?;
            return Ok(VendorOutcome::Begun);
        }
        let change = clear_of_wishes(&task)?;
        task.save_if_changed(change).await?;
        let called = task
            .during(call.vendor.call(call.method.name, &call.arguments))
            .await?;
        Ok(outcome(call.method, said(called)?))
    }

    async fn call_beside_others(
        &self,
        node: &Node,
        request: VendorRequest,
    ) -> Result<VendorOutcome, RequestError> {
        let call = self.prepared(node, request)?;
        let method = call.method;
        said(call.vendor.validate(method.name, &call.arguments).await)?;
        if method.reply != VendorReply::Later {
            let called = call.vendor.call(method.name, &call.arguments).await;
            return Ok(outcome(method, said(called)?));
        }
        let id = node.uuid;
        self.work().spawn(async move {
            if let Err(error) = call.vendor.call(method.name, &call.arguments).await {
                let error = chain(&error);
                warn!(node = %id, method = method.name, error, "a vendor method came to nothing");
            }
        });
        Ok(VendorOutcome::Begun)
    }

    fn prepared(&self, node: &Node, request: VendorRequest) -> Result<Prepared, RequestError> {
        let method = method_of(node, &request)?;
        let arguments = match request.arguments {
            Value::Object(arguments) => arguments,
            Value::Null => Object::new(),
            _ => {
                let text = "the body must be a JSON object: the arguments of the vendor method";
                return Err(RequestError::Invalid(text.to_owned()));
            }
        };
        let vendor = self.hardware_for(node)?.vendor;
        let vendor = vendor.ok_or_else(|| refused(&VendorError::Unknown(request.method)))?;
        Ok(Prepared {
            method,
            arguments,
            vendor,
        })
    }
}

fn method_of(node: &Node, request: &VendorRequest) -> Result<&'static VendorMethod, RequestError> {
    let methods = Drivers::vendor_methods(node.interface("vendor").unwrap_or_default());
    let found = VendorMethod::find(methods, &request.method, &request.http_method);
    found.map_err(|error| refused(&error))
}

fn refused(error: &VendorError) -> RequestError {
    RequestError::Invalid(chain(error))
}

/// What is wrong with the request, also by the BMC's word, is the caller's business.
fn said<T>(answer: Result<T, VendorError>) -> Result<T, RequestError> {
    match answer {
        Err(VendorError::Bmc(error)) => match error {
            BmcError::Refused {
                status: 400..500, ..
            } if !error.is_transient() => Err(refused(&error.into())),
            error => bmc(Err(error)),
        },
        Err(VendorError::NotFound(text)) => Err(RequestError::NotFound(text)),
        answer => answer.map_err(|error| refused(&error)),
    }
}

fn outcome(method: &VendorMethod, value: Value) -> VendorOutcome {
    match (method.reply, value) {
        (VendorReply::Attachment, Value::String(text)) => VendorOutcome::Attachment(text),
        (_, value) => VendorOutcome::Value(value),
    }
}
