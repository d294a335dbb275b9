//! Every bound and pace of this crate in one place; the program's configuration overrides what it likes.

use std::time::Duration;

/// Bounds and paces of everything that talks to a BMC. The defaults are Ironic's where Ironic has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long the BMC may take to accept a connection.
    pub connect_timeout: Duration,
    /// How long the BMC may take to answer one request.
    pub read_timeout: Duration,
    /// How long one call may take in all, its repetitions and its wait for a place included.
    pub call_timeout: Duration,
    /// How often a request is sent at most while its failures are transient.
    pub attempts: u32,
    /// The wait before the first repetition; it doubles each time, up to `longest_backoff`.
    pub backoff: Duration,
    /// The longest wait between two repetitions, also where the BMC asks for a longer one.
    pub longest_backoff: Duration,
    /// How many requests may be under way at one BMC.
    pub requests_per_bmc: usize,
    /// How many BMC sessions are kept.
    pub session_cache_size: usize,
    /// The largest answer that is read from a BMC.
    pub answer_limit_bytes: usize,
    /// How long a machine may take to be on or off after it was told to (`power_state_change_timeout`).
    pub power_state_change_timeout: Duration,
    /// How long an operating system may take to shut down (`soft_power_off_timeout`).
    pub soft_power_off_timeout: Duration,
    /// The pace at which a power state or a boot device that was set is read back.
    pub poll_interval: Duration,
    /// How long a BMC may take to show the boot device that was set.
    pub boot_device_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(60),
            call_timeout: Duration::from_secs(100),
            attempts: 5,
            backoff: Duration::from_secs(1),
            longest_backoff: Duration::from_secs(8),
            requests_per_bmc: 2,
            session_cache_size: 1000,
            answer_limit_bytes: 4 << 20,
            power_state_change_timeout: Duration::from_secs(60),
            soft_power_off_timeout: Duration::from_secs(600),
            poll_interval: Duration::from_secs(1),
            boot_device_timeout: Duration::from_secs(15),
        }
    }
}
