//! A played BMC, with the bytes that the specification gives the parameters.

use std::collections::HashMap;

use super::*;

/// Parameter out of range, as for a channel that is no network.
const INVALID: u8 = 0xcc;
const NOT_SUPPORTED: u8 = 0x80;

#[derive(Default)]
struct Played {
    /// By channel, parameter and set.
    values: HashMap<(u8, u8, u8), Vec<u8>>,
    channels: Vec<u8>,
    busy: u32,
    silent: bool,
    asked: Vec<Request>,
}

impl Played {
    fn with(mut self, channel: u8, parameter: u8, set: u8, data: &[u8]) -> Self {
        self.channels.push(channel);
        self.values.insert((channel, parameter, set), data.to_vec());
        self
    }

    /// A channel with these addresses.
    fn network(self, channel: u8, v4: [u8; 4], mac: [u8; 6]) -> Self {
        self.with(channel, 3, 0, &v4).with(channel, 5, 0, &mac)
    }

    fn addresses(&mut self) -> [Option<String>; 3] {
        let found = ask_all(self).unwrap();
        [found.v4, found.v6, found.mac]
    }
}

impl Bmc for Played {
    fn ask(&mut self, request: &Request) -> io::Result<Vec<u8>> {
        assert_eq!((request.net_fn, request.command), (0x0c, 0x02));
        self.asked.push(request.clone());
        if self.silent {
            return Ok(vec![0xc3]);
        }
        if self.busy > 0 {
            self.busy -= 1;
            return Ok(vec![0xc0]);
        }
        let [channel, parameter, set, 0] = request.data[..] else {
            panic!("{request:?}");
        };
        Ok(match self.values.get(&(channel, parameter, set)) {
            Some(data) => [&[0, 0x11][..], data].concat(),
            None if self.channels.contains(&channel) => vec![NOT_SUPPORTED],
            None => vec![INVALID],
        })
    }
}

fn text<const N: usize>(texts: [&str; N]) -> [Option<String>; N] {
    texts.map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()))
}

const MAC: [u8; 6] = [0x0c, 0xc4, 0x7a, 0x01, 0x02, 0xff];

/// Set, source, address, prefix length, status.
fn v6(set: u8, source: u8, address: &str, status: u8) -> Vec<u8> {
    let address: Ipv6Addr = address.parse().unwrap();
    [&[set, source][..], &address.octets(), &[64, status]].concat()
}

#[test]
fn the_request_is_that_of_the_specification() {
    // ipmitool raw 0x0c 0x02 0x01 0x03 0x00 0x00
    let request = lan::get_parameter(1, Parameter::Ipv4Address, 0);
    let expected = Request {
        net_fn: 0x0c,
        command: 0x02,
        data: vec![0x01, 0x03, 0x00, 0x00],
    };
    assert_eq!(request, expected);
    let request = lan::get_parameter(0x0b, Parameter::DynamicIpv6Address, 2);
    assert_eq!(request.data, [0x0b, 0x3b, 0x02, 0x00]);
}

#[test]
fn an_answer_is_a_completion_code_a_revision_and_the_data() {
    let answer = [0x00, 0x11, 0xc0, 0xa8, 0x01, 0x64];
    let data = lan::value(&answer).unwrap();
    assert_eq!(lan::ipv4(data), Some(Ipv4Addr::new(192, 168, 1, 100)));
    for (answer, refusal) in [
        (&[0xc0][..], Refusal::Busy),
        (&[0xc3], Refusal::NoAnswer),
        (&[0x80], Refusal::Unknown),
        (&[0xcc, 0x11], Refusal::Unknown),
        (&[0x00], Refusal::Unknown),
        (&[], Refusal::Unknown),
    ] {
        assert_eq!(lan::value(answer), Err(refusal), "{answer:?}");
    }
}

#[test]
fn answers_that_are_cut_are_no_addresses_and_no_crash() {
    let dynamic = v6(0, 2, "2001:db8::1", 0);
    for end in 0..dynamic.len() {
        let cut = &dynamic[..end];
        assert_eq!(lan::ipv6(cut, Parameter::DynamicIpv6Address), None);
    }
    assert_eq!(lan::ipv4(&[10, 0, 0]), None);
    assert_eq!(lan::mac(&MAC[..5]), None);
}

#[test]
fn a_bmc_with_one_network() {
    let mut bmc = Played::default().network(1, [10, 0, 0, 7], MAC);
    assert_eq!(
        bmc.addresses(),
        text(["10.0.0.7", "::/0", "0c:c4:7a:01:02:ff"])
    );
    // Of a channel that is no network nothing more is asked.
    let of_two = bmc.asked.iter().filter(|request| request.data[0] == 2);
    assert_eq!(of_two.count(), 2);
    let channels: std::collections::BTreeSet<u8> =
        bmc.asked.iter().map(|request| request.data[0]).collect();
    assert_eq!(
        channels.into_iter().collect::<Vec<_>>(),
        (1..=11).collect::<Vec<_>>()
    );
}

#[test]
fn a_bmc_without_an_address_and_one_without_networks() {
    let mut unset = Played::default().network(1, [0; 4], MAC);
    assert_eq!(unset.addresses(), text(["0.0.0.0", "::/0", ""]));
    // As QEMU's simulated BMC answers: it has no such command.
    assert_eq!(Played::default().addresses(), text(["0.0.0.0", "::/0", ""]));
}

#[test]
fn a_channel_further_on_is_found_behind_gaps_and_unused_ones() {
    let mut bmc = Played::default()
        .network(1, [0; 4], [0xaa; 6])
        .network(3, [0; 4], [0; 6])
        .network(8, [192, 0, 2, 9], MAC)
        .network(9, [192, 0, 2, 10], [0xbb; 6]);
    assert_eq!(
        bmc.addresses(),
        text(["192.0.2.9", "::/0", "0c:c4:7a:01:02:ff"])
    );
}

#[test]
fn ipv6_that_the_network_gave_comes_before_what_was_set() {
    let both = |enables: u8| {
        Played::default()
            .network(1, [0; 4], MAC)
            .with(1, 51, 0, &[enables])
            .with(1, 55, 0, &[1, 3, 3])
            .with(1, 56, 0, &v6(0, 0x80, "2001:db8::5", 0))
            .with(1, 59, 0, &v6(0, 1, "::", 0))
            .with(1, 59, 1, &v6(1, 1, "2001:db8::6", 2))
            .with(1, 59, 2, &v6(2, 2, "2001:db8::7", 0))
    };
    for enables in [1, 2] {
        assert_eq!(
            both(enables).addresses(),
            text(["0.0.0.0", "2001:db8::7", "0c:c4:7a:01:02:ff"])
        );
    }
    assert_eq!(both(0).addresses(), text(["0.0.0.0", "::/0", ""]));
}

#[test]
fn an_ipv6_address_that_was_set_counts_if_it_is_enabled() {
    let with = |source: u8, address: &str| {
        Played::default()
            .network(2, [0; 4], MAC)
            .with(2, 51, 0, &[2])
            .with(2, 55, 0, &[1, 0, 0])
            .with(2, 56, 0, &v6(0, source, address, 0))
            .addresses()
    };
    let mac = "0c:c4:7a:01:02:ff";
    assert_eq!(with(0x80, "fd00::5"), text(["0.0.0.0", "fd00::5", mac]));
    assert_eq!(with(0x00, "fd00::5"), text(["0.0.0.0", "::/0", ""]));
    // Nobody reaches the BMC by an address of the link alone, so its MAC address is not known to be the right one.
    assert_eq!(with(0x80, "fe80::5"), text(["0.0.0.0", "fe80::5", ""]));
}

#[test]
fn a_busy_bmc_is_asked_again_and_a_silent_one_is_given_up() {
    let mut busy = Played::default().network(1, [10, 0, 0, 7], MAC);
    busy.busy = 2;
    assert_eq!(busy.addresses()[0].as_deref(), Some("10.0.0.7"));
    let mut silent = Played {
        silent: true,
        ..Played::default()
    };
    let error = ask_all(&mut silent).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(silent.asked.len(), 1);
}
