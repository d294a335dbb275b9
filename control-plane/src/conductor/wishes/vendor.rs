//! Methods of the vendor interface whose outcome nobody waits for. Whoever goes on after a crash calls the method again,
//! so one that must not be called twice has no place among those that are answered before they are done.

use super::Done;
use crate::conductor::steps::{StepError, chain};
use ferric_drivers::{Hardware, VendorError};
use ferric_model::bulk::Hidden;
use ferric_model::node::Object;

pub(super) async fn call(
    hardware: &Hardware,
    method: &str,
    arguments: &Hidden,
) -> Result<Done, StepError> {
    let problem = |error: &VendorError| StepError::Problem(chain(error));
    let vendor = hardware.vendor.as_deref();
    let vendor = vendor.ok_or_else(|| problem(&VendorError::Unknown(method.to_owned())))?;
    let none = Object::new();
    let arguments = arguments.0.as_object().unwrap_or(&none);
    let called = vendor.call(method, arguments).await;
    called.map_err(|error| problem(&error))?;
    Ok(Done::VendorMethod)
}
