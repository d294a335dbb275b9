//! Where a machine's virtual BMC listens (inside the lab's namespace) and whom it lets in.

use std::net::SocketAddr;

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bmc {
    pub listen: SocketAddr,
    pub username: String,
    pub password: String,
    /// HTTPS with a certificate that the BMC signs itself, as most BMCs do.
    #[serde(default)]
    pub tls: bool,
}
