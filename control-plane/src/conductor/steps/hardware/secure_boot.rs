//! Secure boot keys. Resetting them twice is the same as once.

use super::super::{Outcome, StepContext, StepError};
use super::{check, no_interface};
use ferric_drivers::{InterfaceKind, KeysReset};

pub(super) async fn reset_keys(
    context: &StepContext,
    reset: KeysReset,
) -> Result<Outcome, StepError> {
    check(context)?;
    let Some(secure_boot) = &context.hardware.secure_boot else {
        return Err(no_interface(context, InterfaceKind::Management));
    };
    let done = secure_boot.reset_keys(reset).await;
    done.map_err(StepError::bmc("resetting the secure boot keys"))?;
    Ok(Outcome::done())
}
