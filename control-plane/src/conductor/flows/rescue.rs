//! Rescuing with the `agent` interface: the ramdisk is handed over to a user. The instance comes back as after a service.

use super::step;
use ferric_model::step::Step;

/// The note of a run with the hash of the rescue password, until the ramdisk has been told.
pub(in crate::conductor) const HASH: &str = "rescue_password_hash";

pub(super) fn rescue() -> Vec<Step> {
    vec![
        step("power", "off", 0),
        step("boot", "ramdisk", 0),
        step("rescue", "finalize_rescue", 0),
        step("deploy", "switch_to_tenant_network", 0),
    ]
}
