//! Where the BMC can be reached, asked of itself through the machine's own IPMI device. Nothing is ever set.
//!
//! The values are those of Ironic's agent: `0.0.0.0` and `::/0` stand for a BMC without an address, and null for a
//! machine without a device or one whose BMC does not answer.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod ioctl;
mod lan;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use ioctl::Device;
use lan::{Parameter, Refusal, Request};

/// Only these can be networks of their own; the others have fixed meanings.
const CHANNELS: std::ops::RangeInclusive<u8> = 1..=11;
/// A BMC that is busy is asked again, this often in all.
const ATTEMPTS: u32 = 3;
/// More addresses of a kind than any BMC has.
const MAX_SETS: u8 = 16;

/// What the inventory says of the BMC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BmcAddresses {
    pub(crate) v4: Option<String>,
    pub(crate) v6: Option<String>,
    pub(crate) mac: Option<String>,
}

/// Whoever answers IPMI requests.
trait Bmc {
    /// The answer's bytes, of which the first is the completion code.
    fn ask(&mut self, request: &Request) -> io::Result<Vec<u8>>;
}

/// What one network of the BMC has.
#[derive(Debug, Default)]
struct Channel {
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
    mac: Option<[u8; 6]>,
}

/// Asks the BMC of this machine. Waits for it some seconds at most for each question, and gives up at the first one
/// that has no answer: not for an async thread.
pub(crate) fn bmc_addresses() -> BmcAddresses {
    let found = match Device::open() {
        Ok(Some(mut device)) => ask_all(&mut device),
        Ok(None) => return BmcAddresses::default(),
        Err(error) => Err(error),
    };
    found.unwrap_or_else(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "asking the BMC for its addresses"
        );
        BmcAddresses::default()
    })
}

fn ask_all(bmc: &mut dyn Bmc) -> io::Result<BmcAddresses> {
    let mut channels = Vec::new();
    for number in CHANNELS {
        channels.extend(channel(bmc, number)?);
    }
    let v4 = channels.iter().find_map(|channel| channel.v4);
    let v6 = channels.iter().find_map(|channel| channel.v6);
    let mac = channels
        .iter()
        .filter(|channel| channel.is_reachable())
        .find_map(|channel| channel.mac);
    Ok(BmcAddresses {
        v4: Some(v4.unwrap_or(Ipv4Addr::UNSPECIFIED).to_string()),
        v6: Some(v6.map_or_else(|| "::/0".to_owned(), |address| address.to_string())),
        mac: mac.map(lan::mac_text),
    })
}

impl Channel {
    /// A channel that nobody set up has a MAC address too, but not that of the BMC in use.
    fn is_reachable(&self) -> bool {
        let v6 = self.v6.filter(|address| !address.is_unicast_link_local());
        self.v4.is_some() || v6.is_some()
    }
}

/// `None` for a channel that is no network.
fn channel(bmc: &mut dyn Bmc, number: u8) -> io::Result<Option<Channel>> {
    let v4 = parameter(bmc, number, Parameter::Ipv4Address, 0)?;
    let mac = parameter(bmc, number, Parameter::MacAddress, 0)?;
    if v4.is_none() && mac.is_none() {
        return Ok(None);
    }
    Ok(Some(Channel {
        v4: v4.and_then(|data| lan::ipv4(&data)),
        v6: ipv6(bmc, number)?,
        mac: mac.and_then(|data| lan::mac(&data)),
    }))
}

/// The first address that is in use; one that the network gave comes before one that was set.
fn ipv6(bmc: &mut dyn Bmc, number: u8) -> io::Result<Option<Ipv6Addr>> {
    let enables = parameter(bmc, number, Parameter::AddressingEnables, 0)?;
    if !enables.is_some_and(|data| lan::uses_ipv6(&data)) {
        return Ok(None);
    }
    let status = parameter(bmc, number, Parameter::Ipv6Status, 0)?.unwrap_or_default();
    for kind in [Parameter::DynamicIpv6Address, Parameter::StaticIpv6Address] {
        for set in 0..lan::ipv6_sets(&status, kind).min(MAX_SETS) {
            let Some(data) = parameter(bmc, number, kind, set)? else {
                break;
            };
            if let Some(address) = lan::ipv6(&data, kind) {
                return Ok(Some(address));
            }
        }
    }
    Ok(None)
}

/// The value of a parameter; `None` when the BMC or the channel has none.
fn parameter(
    bmc: &mut dyn Bmc,
    channel: u8,
    parameter: Parameter,
    set: u8,
) -> io::Result<Option<Vec<u8>>> {
    let request = lan::get_parameter(channel, parameter, set);
    for _ in 0..ATTEMPTS {
        match lan::value(&bmc.ask(&request)?) {
            Ok(data) => return Ok(Some(data.to_vec())),
            Err(Refusal::Busy) => {}
            Err(Refusal::NoAnswer) => return Err(io::ErrorKind::TimedOut.into()),
            Err(Refusal::Unknown) => return Ok(None),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
