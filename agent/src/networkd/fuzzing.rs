//! `network_data.json` of a medium, as foreign bytes.

use super::document::Document;
use super::files::{self, NetworkFile};

const SECTIONS: [&str; 7] = [
    "Bond", "Link", "Match", "NetDev", "Network", "Route", "VLAN",
];
const KEYS: [&str; 18] = [
    "Address",
    "Bond",
    "DHCP",
    "DNS",
    "Destination",
    "Gateway",
    "IPv6AcceptRA",
    "Id",
    "Kind",
    "MACAddress",
    "MIIMonitorSec",
    "MTUBytes",
    "Mode",
    "Name",
    "RequiredForOnline",
    "TransmitHashPolicy",
    "Type",
    "VLAN",
];

/// A medium brings settings of networks and no others, whatever stands in it, and at most two files for a link.
pub(crate) fn network_data(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Document>(bytes) else {
        return;
    };
    match files::of(&document) {
        Ok(files) => {
            assert!(files.len() <= 2 * document.links.len());
            files.iter().for_each(check);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check(file: &NetworkFile) {
    let stem = file.name.strip_suffix(".network");
    let stem = stem.or_else(|| file.name.strip_suffix(".netdev"));
    assert!(stem.is_some_and(|stem| stem.bytes().all(|byte| byte.is_ascii_digit())));
    for line in file.text.lines().filter(|line| !line.is_empty()) {
        assert!(line.bytes().all(|byte| byte.is_ascii_graphic()), "{line:?}");
        let section = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'));
        if let Some(section) = section {
            assert!(SECTIONS.contains(&section), "{line:?}");
            continue;
        }
        let key = line.split_once('=').map(|(key, _)| key);
        assert!(key.is_some_and(|key| KEYS.contains(&key)), "{line:?}");
    }
}
