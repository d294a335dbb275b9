//! Steps that change the node only.

use super::Outcome;
use ferric_model::node::NetworkBoot;

/// With the `noop` and `flat` network interfaces machine and tenant share one network: nothing is switched.
pub(super) fn switch_to_tenant_network() -> Outcome {
    Outcome::done()
}

/// Nothing of the instance stays: not its image, not its config drive, not its allocation.
pub(super) fn tear_down() -> Outcome {
    Outcome::done().edit(|node, _| {
        node.instance_info.clear();
        node.instance_uuid = None;
        node.allocation_uuid = None;
        node.instance_name = None;
        node.internal_info.clear();
        node.network_boot = NetworkBoot::LocalDisk;
    })
}
