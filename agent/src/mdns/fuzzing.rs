//! Packets that anybody on the network may send, as foreign bytes.

use super::message::{self, A, AAAA, Record};
use super::service::Service;
use super::{OPTION_PREFIX, overrides};
use crate::config::DiscoveredService;

/// A packet is refused, or has records that it has room for; names are bounded, and asking for them makes questions.
pub(crate) fn mdns(bytes: &[u8]) {
    let Some(records) = message::records(bytes) else {
        return;
    };
    assert!(records.len() * 11 <= bytes.len());
    for record in &records {
        assert!(record.name.len() <= 255);
        assert!(record.name.is_empty() || record.name.ends_with('.'));
    }
    for service in [DiscoveredService::Api, DiscoveredService::Inspection] {
        check_service(service.name(), &records);
    }
}

fn check_service(name: &str, records: &[Record]) {
    if let Some(server) = Service::server_of(name, records) {
        let packet = message::question(7, &server, &[A, AAAA]);
        assert!(packet.len() <= 12 + 2 * (server.len() + 2 + 4));
        assert_eq!(message::records(&packet), None, "a question is no answer");
    }
    let Some(service) = Service::assemble(name, records) else {
        return;
    };
    for has_route in [true, false] {
        if let Some(url) = service.url_by(|_| has_route) {
            assert!(url.contains("://"));
        }
    }
    let count = service.properties.len();
    let prefixed = service.properties.keys();
    let prefixed = prefixed
        .filter(|key| key.starts_with(OPTION_PREFIX))
        .count();
    assert!(prefixed <= count);
    assert_eq!(overrides(service.properties).len(), prefixed);
}
