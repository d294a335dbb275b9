//! The lab's network inside its namespace: bridge and taps, dnsmasq, and the forwarded ports that lead into it.

pub mod bridge;
pub mod dnsmasq;
pub mod forward;
pub mod loopback;
