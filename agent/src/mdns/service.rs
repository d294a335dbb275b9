//! A service put together from the records that were answered, and the address that it has for others.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::message::{Content, Record};
use crate::network::source_address;

/// Where names end that only mDNS knows.
const LOCAL: &str = ".local.";

/// What is known of a service once all of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// With a dot at its end.
    server: String,
    port: u16,
    addresses: Vec<IpAddr>,
    pub(super) properties: BTreeMap<String, String>,
}

impl Service {
    /// `None` as long as something is missing: the server, the texts, and for a server that only mDNS knows an address.
    pub(super) fn assemble(name: &str, records: &[Record]) -> Option<Self> {
        let of = |name: &str| {
            let name = name.to_ascii_lowercase();
            let records = records.iter().filter(move |record| record.name == name);
            records.map(|record| &record.content)
        };
        let (server, port) = of(name).find_map(|content| match content {
            Content::Server { port, target } => Some((target, *port)),
            Content::Address(_) | Content::Text(_) => None,
        })?;
        let texts = of(name).find_map(|content| match content {
            Content::Text(texts) => Some(texts),
            Content::Address(_) | Content::Server { .. } => None,
        })?;
        let addresses = of(server).filter_map(|content| match content {
            Content::Address(address) => Some(*address),
            Content::Text(_) | Content::Server { .. } => None,
        });
        let service = Self {
            server: server.clone(),
            port,
            addresses: addresses.collect(),
            properties: properties(texts),
        };
        let is_known = !service.is_local() || !service.addresses.is_empty();
        is_known.then_some(service)
    }

    /// The server whose address is not known yet.
    pub(super) fn server_of(name: &str, records: &[Record]) -> Option<String> {
        records.iter().find_map(|record| match &record.content {
            Content::Server { target, .. } if record.name == name => Some(target.clone()),
            _ => None,
        })
    }

    /// The address of the service as a URL; `None` if it has no address that could be reached at all.
    pub(super) fn url(&self) -> Option<String> {
        let has_route = |address: &IpAddr| source_address(SocketAddr::new(*address, 9)).is_ok();
        self.url_by(has_route)
    }

    pub(super) fn url_by(&self, has_route: impl Fn(&IpAddr) -> bool) -> Option<String> {
        let default = if self.port == 80 { "http" } else { "https" };
        let property = |name: &str| self.properties.get(name).filter(|text| !text.is_empty());
        let protocol = property("protocol").map_or(default, String::as_str);
        let path = property("path").map_or("", String::as_str);
        let slash = if path.is_empty() || path.starts_with('/') {
            ""
        } else {
            "/"
        };
        let host = if self.is_local() {
            match self.address(has_route)? {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            }
        } else {
            self.server.trim_end_matches('.').to_owned()
        };
        let path = path.trim_end_matches('/');
        Some(format!("{protocol}://{host}:{}{slash}{path}", self.port))
    }

    /// The first address that packets find a way to, else the first that is not this machine's own.
    fn address(&self, has_route: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
        let mut others = self
            .addresses
            .iter()
            .filter(|address| !address.is_loopback());
        let first = others.clone().next();
        others.find(|address| has_route(address)).or(first).copied()
    }

    fn is_local(&self) -> bool {
        self.server.ends_with(LOCAL)
    }
}

/// Of a key that comes twice the first counts; one without a value has an empty one (RFC 6763, 6.4).
fn properties(texts: &[Vec<u8>]) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for text in texts {
        let text = String::from_utf8_lossy(text);
        let (key, value) = text.split_once('=').unwrap_or((text.as_ref(), ""));
        if !key.is_empty() {
            let value = value.to_owned();
            properties.entry(key.to_owned()).or_insert(value);
        }
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(server: &str, port: u16, addresses: &[&str], texts: &[&str]) -> Service {
        let texts: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        Service {
            server: server.to_owned(),
            port,
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            properties: properties(&texts),
        }
    }

    #[test]
    fn the_url_follows_the_texts() {
        let check = |server: &str, port: u16, texts: &[&str], expected: &str| {
            let service = service(server, port, &["192.0.2.1"], texts);
            assert_eq!(service.url_by(|_| true).as_deref(), Some(expected));
        };
        check("ironic.local.", 80, &[], "http://192.0.2.1:80");
        check("ironic.local.", 6385, &["path=/"], "https://192.0.2.1:6385");
        check(
            "ironic.local.",
            6385,
            &["protocol=http", "path=/api/"],
            "http://192.0.2.1:6385/api",
        );
        check(
            "ironic.local.",
            443,
            &["path=api", "path=other"],
            "https://192.0.2.1:443/api",
        );
        check(
            "api.example.org.",
            443,
            &["protocol="],
            "https://api.example.org:443",
        );
    }

    #[test]
    fn the_first_address_with_a_route_is_taken() {
        let all = ["127.0.0.1", "2001:db8::1", "192.0.2.1", "::1"];
        let service = service("ironic.local.", 80, &all, &[]);
        let url = service.url_by(IpAddr::is_ipv4);
        assert_eq!(url.as_deref(), Some("http://192.0.2.1:80"));
        let url = service.url_by(|_| false);
        assert_eq!(url.as_deref(), Some("http://[2001:db8::1]:80"));
    }

    #[test]
    fn an_address_of_this_machine_is_none() {
        let service = service("ironic.local.", 80, &["127.0.0.1"], &[]);
        assert_eq!(service.url_by(|_| true), None);
    }

    #[test]
    fn a_service_is_known_when_all_of_it_is() {
        let name = "baremetal._openstack._tcp.local.";
        let record = |name: &str, content| Record {
            name: name.to_owned(),
            content,
        };
        let (port, target) = (80, "ironic.local.".to_owned());
        let all = [
            record(name, Content::Server { port, target }),
            record(name, Content::Text(vec![b"path=/a=b".to_vec()])),
            record("ironic.local.", Content::Address([192, 0, 2, 1].into())),
        ];
        let of = |records: &[Record]| Service::assemble(name, records);
        assert_eq!(of(&all[..2]), None);
        assert_eq!(of(&all[1..]), None);
        let found = of(&all).unwrap();
        assert_eq!(found.properties["path"], "/a=b");
        assert_eq!(found.addresses, [IpAddr::from([192, 0, 2, 1])]);
        assert_eq!(
            Service::server_of(name, &all).as_deref(),
            Some("ironic.local.")
        );
        let elsewhere = [
            record(
                name,
                Content::Server {
                    port,
                    target: "a.example.".to_owned(),
                },
            ),
            all[1].clone(),
        ];
        assert!(of(&elsewhere).is_some());
    }
}
