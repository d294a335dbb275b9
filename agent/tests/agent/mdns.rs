//! The conductor is found by multicast DNS, on the loopback interface.

use std::net::{Ipv4Addr, UdpSocket};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket, sockopt,
};

use tokio::task::JoinSet;

use crate::conductor::Conductor;
use crate::process::Place;

const NAME: [&str; 4] = ["baremetal", "_openstack", "_tcp", "local"];

/// A socket of mDNS, which others on this machine may have as well.
fn listen() -> UdpSocket {
    let kind = SockType::Datagram;
    let made = socket(AddressFamily::Inet, kind, SockFlag::SOCK_CLOEXEC, None).unwrap();
    setsockopt(&made, sockopt::ReuseAddr, &true).unwrap();
    setsockopt(&made, sockopt::ReusePort, &true).unwrap();
    let address = SockaddrIn::new(224, 0, 0, 251, 5353);
    bind(std::os::fd::AsRawFd::as_raw_fd(&made), &address).unwrap();
    let listener = UdpSocket::from(made);
    let group = Ipv4Addr::new(224, 0, 0, 251);
    listener
        .join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
        .unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn name(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.push(u8::try_from(part.len()).unwrap());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = name(&NAME);
    bytes.extend_from_slice(&[0, kind, 0x80, 1, 0, 0, 0, 120, 0]);
    bytes.push(u8::try_from(content.len()).unwrap());
    bytes.extend_from_slice(content);
    bytes
}

/// The server `localhost` at this port, which speaks HTTP.
fn answer(port: u16) -> Vec<u8> {
    let mut server = vec![0, 0, 0, 0];
    server.extend_from_slice(&port.to_be_bytes());
    server.extend(name(&["localhost"]));
    let mut packet = vec![0, 0, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0];
    packet.extend(record(33, &server));
    packet.extend(record(16, b"\x0dprotocol=http"));
    packet
}

#[tokio::test]
async fn an_agent_without_an_address_of_the_api_finds_it() {
    let conductor = Conductor::start().await;
    let (_, port) = conductor.url.rsplit_once(':').unwrap();
    let answer = answer(port.parse().unwrap());
    let listener = tokio::net::UdpSocket::from_std(listen()).unwrap();
    let place = Place::new();
    let ini = "[mdns]\nuse_mdns = true\ninterfaces = 127.0.0.1\n";
    std::fs::write(place.path().join("conf/a.conf"), ini).unwrap();
    let agent = place.start_at("mdns", &[]);
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((length, asker)) = listener.recv_from(&mut buffer).await {
            let mut asked = buffer[..length].windows(11);
            if asker.port() != 5353 && asked.any(|part| part == b"\x0a_openstack") {
                listener.send_to(&answer, asker).await.unwrap();
            }
        }
    });
    let beat = conductor.heartbeat(1).await;
    assert!(beat.body["callback_url"].is_string(), "{}", agent.log());
}
