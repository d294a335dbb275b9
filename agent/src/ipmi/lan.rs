//! The bytes of "Get LAN Configuration Parameters", as the IPMI specification 2.0 has them in sections 23.2 and 23.1.
//!
//! Pure: what a BMC answers is foreign, so nothing of it is indexed unchecked.

use std::net::{Ipv4Addr, Ipv6Addr};

const TRANSPORT: u8 = 0x0c;
const GET_LAN_CONFIGURATION_PARAMETERS: u8 = 0x02;

/// Completion codes.
const DONE: u8 = 0x00;
const NODE_BUSY: u8 = 0xc0;
/// The kernel's driver answers this in place of a BMC that is silent.
const TIMEOUT: u8 = 0xc3;

/// An IPMI request to the BMC itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) net_fn: u8,
    pub(super) command: u8,
    pub(super) data: Vec<u8>,
}

/// Parameters by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Parameter {
    Ipv4Address = 3,
    MacAddress = 5,
    AddressingEnables = 51,
    Ipv6Status = 55,
    StaticIpv6Address = 56,
    DynamicIpv6Address = 59,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Busy,
    NoAnswer,
    /// There is no such channel or parameter, or what was answered makes no sense.
    Unknown,
}

/// Asks for one parameter of a channel; `set` counts where there are several.
pub(super) fn get_parameter(channel: u8, parameter: Parameter, set: u8) -> Request {
    Request {
        net_fn: TRANSPORT,
        command: GET_LAN_CONFIGURATION_PARAMETERS,
        data: vec![channel & 0x0f, parameter as u8, set, 0],
    }
}

/// The parameter's data: what follows the completion code and the revision.
pub(super) fn value(answer: &[u8]) -> Result<&[u8], Refusal> {
    match answer {
        [DONE, _, data @ ..] => Ok(data),
        [NODE_BUSY, ..] => Err(Refusal::Busy),
        [TIMEOUT, ..] => Err(Refusal::NoAnswer),
        _ => Err(Refusal::Unknown),
    }
}

pub(super) fn ipv4(data: &[u8]) -> Option<Ipv4Addr> {
    let address = Ipv4Addr::from(*data.first_chunk::<4>()?);
    (!address.is_unspecified()).then_some(address)
}

pub(super) fn mac(data: &[u8]) -> Option<[u8; 6]> {
    data.first_chunk().copied().filter(|mac| *mac != [0; 6])
}

pub(super) fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Of "IPv6/IPv4 Addressing Enables": IPv6 alone or both.
pub(super) fn uses_ipv6(data: &[u8]) -> bool {
    matches!(data, [1 | 2, ..])
}

/// How many addresses of a kind there are, by "IPv6 Status"; where that is not known, at least one is tried.
pub(super) fn ipv6_sets(status: &[u8], kind: Parameter) -> u8 {
    let at = usize::from(kind == Parameter::DynamicIpv6Address);
    status.get(at).copied().unwrap_or(1)
}

/// An address that is in use. The data are: set, source, 16 bytes of address, prefix length, status.
pub(super) fn ipv6(data: &[u8], kind: Parameter) -> Option<Ipv6Addr> {
    const ACTIVE: u8 = 0;
    let source = *data.get(1)?;
    let address = Ipv6Addr::from(*data.get(2..)?.first_chunk::<16>()?);
    // A static one has a flag; a dynamic one says who gave it: 1 is SLAAC, 2 is DHCPv6.
    let is_enabled = match kind {
        Parameter::DynamicIpv6Address => matches!(source & 0x0f, 1 | 2),
        _ => source & 0x80 != 0,
    };
    let is_used = is_enabled && *data.get(19)? == ACTIVE && !address.is_unspecified();
    is_used.then_some(address)
}
