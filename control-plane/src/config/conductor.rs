//! `[conductor]`: how long, how many and how often. The names are Ironic's where it has the same.

use ferric_model::hash_ring::{Algorithm, RingSettings};
use std::collections::BTreeMap;

/// How a rescue password is hashed before the ramdisk is told it, as in crypt(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordHash {
    Sha256,
    Sha512,
}

/// Whom a deploy makes the lessee of a node that has none. The names are Ironic's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LesseeSource {
    /// The project in `instance_info.project_id`, as Nova sets it.
    Instance,
    /// The project of whoever asks for the deploy.
    Request,
    None,
}

/// How the conductor works.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the file"
)]
pub struct Conductor {
    pub automated_clean: bool,
    pub automatic_lessee_source: LesseeSource,
    pub power_off_after_deploy_failure: bool,
    /// Switch off when a clean or service step has failed; else the ramdisk stays up to be looked at.
    pub poweroff_in_cleanfail: bool,
    pub poweroff_in_servicefail: bool,
    /// Deploys and cleans that run at the same time; more are answered 503.
    pub max_concurrent_deploy: usize,
    pub max_concurrent_clean: usize,
    /// Each conductor group has these limits for itself.
    pub max_concurrent_per_conductor_group: bool,
    /// Nodes of bulk requests that wait for their turn; more are answered 503.
    pub bulk_max_queued: usize,
    /// Bulk requests that are kept when nothing of them waits any more, and for how long.
    pub bulk_max_requests: usize,
    pub bulk_keep_s: u64,
    pub rescue_password_hash_algorithm: PasswordHash,
    /// Seconds that a second asker for a node waits before it gets 409.
    pub node_lock_wait_s: u64,
    pub beat_interval_s: u64,
    /// A conductor that was not heard of for so long is dead.
    pub beat_timeout_s: u64,
    /// How long one call to a BMC may take in all, its repetitions included.
    pub bmc_call_timeout_s: u64,
    pub power_sync_interval_s: u64,
    pub power_sync_max_failures: u32,
    pub force_power_state_during_sync: bool,
    pub power_recovery_interval_s: u64,
    pub wait_check_interval_s: u64,
    pub deploy_callback_timeout_s: u64,
    pub clean_callback_timeout_s: u64,
    pub inspect_callback_timeout_s: u64,
    pub rescue_callback_timeout_s: u64,
    pub service_callback_timeout_s: u64,
    pub power_change_timeout_s: u64,
    pub soft_power_off_timeout_s: u64,
    /// Visits of periodic jobs that run at the same time.
    pub periodic_concurrency: usize,
    /// BMCs that the power sync asks at the same time. One in ten of these at most is spent on BMCs that hang.
    pub power_sync_workers: usize,
    /// The ring that gives nodes to conductors; all of a cluster must have the same.
    pub hash_ring_algorithm: Algorithm,
    /// Points of a conductor on the ring, as a power of two.
    pub hash_partition_exponent: u32,
    /// 0: no sensors are read.
    pub sensor_data_interval_s: u64,
    /// BMCs whose sensors are read at the same time.
    pub sensor_data_workers: usize,
    /// Also of machines that nobody uses.
    pub sensor_data_for_undeployed_nodes: bool,
    pub orphan_check_interval_s: u64,
    pub conductor_cleanup_interval_s: u64,
    /// A conductor that is dead for so long and owns nothing is forgotten.
    pub conductor_cleanup_timeout_s: u64,
    /// A machine that has not asked for a boot script for so long is booted again; 0: never.
    pub boot_retry_timeout_s: u64,
    pub boot_retry_check_interval_s: u64,
    /// Seconds from one pass to the next of a driver's job, by its purpose, where it is not to be the driver's own.
    pub driver_job_intervals_s: BTreeMap<String, u64>,
    /// How long a machine that was restarted for a boot mode or secure boot may take until its BMC shows it.
    pub firmware_change_timeout_s: u64,
    /// How long a BMC may take for a step that it finishes by itself.
    pub hardware_task_timeout_s: u64,
    /// Whether a step that a child's BMC goes on with by itself is taken as done; else it fails.
    pub permit_child_node_step_async_result: bool,
    /// Whether verification compares the BMC's clock with the conductor's, and sets it where it is wrong.
    pub verify_bmc_clock: bool,
}

impl Conductor {
    /// How the hash ring is made.
    pub fn ring(&self) -> RingSettings {
        RingSettings {
            algorithm: self.hash_ring_algorithm,
            partition_exponent: self.hash_partition_exponent,
        }
    }
}

impl Default for Conductor {
    fn default() -> Self {
        Self {
            automated_clean: true,
            automatic_lessee_source: LesseeSource::Instance,
            power_off_after_deploy_failure: true,
            poweroff_in_cleanfail: false,
            poweroff_in_servicefail: false,
            max_concurrent_deploy: 250,
            max_concurrent_clean: 50,
            max_concurrent_per_conductor_group: false,
            bulk_max_queued: 20_000,
            bulk_max_requests: 1000,
            bulk_keep_s: 604_800,
            rescue_password_hash_algorithm: PasswordHash::Sha256,
            node_lock_wait_s: 3,
            beat_interval_s: 10,
            beat_timeout_s: 120,
            bmc_call_timeout_s: 100,
            power_sync_interval_s: 120,
            power_sync_max_failures: 3,
            force_power_state_during_sync: true,
            power_recovery_interval_s: 300,
            wait_check_interval_s: 5,
            deploy_callback_timeout_s: 1800,
            clean_callback_timeout_s: 1800,
            inspect_callback_timeout_s: 1800,
            rescue_callback_timeout_s: 1800,
            service_callback_timeout_s: 1800,
            power_change_timeout_s: 60,
            soft_power_off_timeout_s: 600,
            periodic_concurrency: 8,
            power_sync_workers: 50,
            hash_ring_algorithm: RingSettings::default().algorithm,
            hash_partition_exponent: RingSettings::default().partition_exponent,
            sensor_data_interval_s: 0,
            sensor_data_workers: 4,
            sensor_data_for_undeployed_nodes: false,
            orphan_check_interval_s: 10,
            conductor_cleanup_interval_s: 86_400,
            conductor_cleanup_timeout_s: 1_209_600,
            boot_retry_timeout_s: 0,
            boot_retry_check_interval_s: 90,
            driver_job_intervals_s: BTreeMap::new(),
            firmware_change_timeout_s: 900,
            hardware_task_timeout_s: 3600,
            permit_child_node_step_async_result: false,
            verify_bmc_clock: false,
        }
    }
}
