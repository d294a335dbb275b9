//! The host's loopback interface, which is down in a network namespace that nobody has set up; forwarded ports need it.

use anyhow::Context as _;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use crate::config::Forward;
use crate::run::run_blocking;

/// Sets the loopback interface up if a forwarded port needs it and it is down.
pub fn provide(forwards: &[Forward]) -> anyhow::Result<()> {
    if !forwards.iter().any(needs_loopback) || is_up()? {
        return Ok(());
    }
    run_blocking("ip", &["link", "set", "lo", "up"])
        .context("the loopback interface is down, and forwarded ports need it")
}

fn needs_loopback(forward: &Forward) -> bool {
    let address = forward.listen.ip();
    address.is_loopback() || address.is_unspecified()
}

/// Asked of the kernel and not read in /sys, which may show another namespace than ours.
fn is_up() -> anyhow::Result<bool> {
    let wanted = InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_UP;
    let mut interfaces = getifaddrs().context("listing network interfaces")?;
    Ok(interfaces.any(|interface| interface.flags.contains(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ports_on_the_loopback_interface_need_it() {
        for (listen, expected) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("0.0.0.0:1", true),
            ("192.0.2.1:1", false),
        ] {
            let forward = Forward {
                listen: listen.parse().unwrap(),
                to: "127.0.0.1:1".parse().unwrap(),
            };
            assert_eq!(needs_loopback(&forward), expected, "{listen}");
        }
    }
}
