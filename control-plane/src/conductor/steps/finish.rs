//! Steps that change the node, and what of its machine the instance had for itself.

use super::{Outcome, StepContext, StepError, instance_boot};
use crate::conductor::verbs::lessee;
use crate::conductor::wishes::close_console;
use ferric_drivers::SecureBootState;
use ferric_model::node::NetworkBoot;

/// With the network interfaces that there are machine and tenant share one network, or others wire it: nothing is switched.
pub(super) fn switch_to_tenant_network() -> Outcome {
    Outcome::done()
}

/// Nothing of the instance stays: not its image, not its config drive, not its allocation, and nobody at its console,
/// which is opened again for the next one. Secure boot that it wanted is off again.
pub(super) async fn tear_down(context: &StepContext) -> Result<Outcome, StepError> {
    if context.node.console_enabled {
        close_console(&context.hardware).await?;
    }
    let secure_boot = instance_boot::secure_boot(context, SecureBootState::Off).await?;
    Ok(Outcome::done().edit(move |node, _| {
        node.console_closed = node.console_enabled;
        node.secure_boot = secure_boot.or(node.secure_boot);
        node.instance_info.clear();
        node.instance_uuid = None;
        node.allocation_uuid = None;
        node.instance_name = None;
        lessee::clear(node);
        node.internal_info.clear();
        node.network_boot = NetworkBoot::LocalDisk;
    }))
}
