//! What can go wrong between us and a BMC, named by what was being done.
//!
//! `Display` never repeats the source: whoever reports an error prints the chain. Where an operator can mend it, the
//! sentence says how, because it ends up in a node's `last_error`.

use std::time::Duration;

use crate::{PowerAction, PowerState};

/// A request to a machine's BMC that did not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BmcError {
    /// The BMC does not accept the credentials.
    #[error(
        "BMC {address} refused the user name or password (401): check redfish_username and redfish_password in driver_info"
    )]
    Credentials {
        /// The BMC.
        address: String,
    },
    /// The BMC knows the user, who may not do this.
    #[error(
        "BMC {address} does not allow the user {request} (403: {message}): give redfish_username the privileges of an operator on the BMC"
    )]
    Forbidden {
        /// The BMC.
        address: String,
        /// Method and path.
        request: String,
        /// What the BMC says about it.
        message: String,
    },
    /// No connection came about.
    #[error(
        "connecting to BMC {address}: check redfish_address in driver_info (also whether http or https) and the network to it"
    )]
    Connect {
        /// The BMC.
        address: String,
        /// Why not.
        source: Box<reqwest::Error>,
    },
    /// The BMC's certificate is not trusted.
    #[error(
        "verifying the certificate of BMC {address}: set redfish_verify_ca in driver_info to the path of its CA certificate, or to false"
    )]
    Certificate {
        /// The BMC.
        address: String,
        /// What is wrong with it.
        source: Box<reqwest::Error>,
    },
    /// Connected, but the exchange broke off.
    #[error("BMC {address} broke off {request}")]
    Exchange {
        /// The BMC.
        address: String,
        /// Method and path.
        request: String,
        /// How.
        source: Box<reqwest::Error>,
    },
    /// No answer in time.
    #[error("BMC {address} did not answer {request} within {} s", .limit.as_secs())]
    NoAnswer {
        /// The BMC.
        address: String,
        /// Method and path.
        request: String,
        /// The bound that was hit.
        limit: Duration,
    },
    /// The BMC answered with an error.
    #[error("BMC {address} answered {request} with {status}: {message}")]
    Refused {
        /// The BMC.
        address: String,
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// What the BMC says about it.
        message: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The answer is not what Redfish prescribes.
    #[error("BMC {address} answered {request} with something unusable: {problem}")]
    Answer {
        /// The BMC.
        address: String,
        /// Method and path.
        request: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The BMC has several systems, or none, and `redfish_system_id` does not say which.
    #[error("BMC {address} has {} systems ({}): name one in redfish_system_id of driver_info", .found.len(), .found.join(", "))]
    WhichSystem {
        /// The BMC.
        address: String,
        /// The systems that it has.
        found: Vec<String>,
    },
    /// The BMC cannot do it.
    #[error("BMC {address} does not offer {wanted}; it offers {}", .offered.join(", "))]
    NotOffered {
        /// The BMC.
        address: String,
        /// What was asked for.
        wanted: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// The machine did not get where it was sent.
    #[error("BMC {address} took '{}', but {} s later the machine is not in state '{}' (it says {last})", .action.name(), .waited.as_secs(), .wanted.name())]
    PowerNotReached {
        /// The BMC.
        address: String,
        /// What was asked.
        action: PowerAction,
        /// The state that was waited for.
        wanted: PowerState,
        /// What the BMC said last.
        last: String,
        /// For how long.
        waited: Duration,
    },
    /// The BMC accepted a boot setting and shows another.
    #[error("BMC {address} accepted boot setting {wanted}, but shows {shown}")]
    BootNotTaken {
        /// The BMC.
        address: String,
        /// What was set.
        wanted: String,
        /// What it shows.
        shown: String,
    },
    /// Whoever wanted it is not sure any more that the machine is still theirs. Nothing was sent; no fault of the machine.
    #[error("{request} was not sent to BMC {address}: the machine may be somebody else's by now")]
    NotPermitted {
        /// The BMC.
        address: String,
        /// What was to be done.
        request: String,
    },
    /// A fault that a test asked of a fake machine.
    #[error("{address}: {problem}")]
    Fake {
        /// The fake machine.
        address: String,
        /// What the test said.
        problem: String,
    },
}

impl BmcError {
    /// Whether the same request may succeed later without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        match self {
            BmcError::Connect { .. }
            | BmcError::Exchange { .. }
            | BmcError::NoAnswer { .. }
            | BmcError::PowerNotReached { .. } => true,
            BmcError::Refused { status, .. } => {
                matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            BmcError::Credentials { .. }
            | BmcError::Forbidden { .. }
            | BmcError::Certificate { .. }
            | BmcError::Answer { .. }
            | BmcError::WhichSystem { .. }
            | BmcError::NotOffered { .. }
            | BmcError::BootNotTaken { .. }
            | BmcError::NotPermitted { .. }
            | BmcError::Fake { .. } => false,
        }
    }

    /// When the BMC wants to be asked again, where it says so.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            BmcError::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
