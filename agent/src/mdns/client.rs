//! Asks on every network at once, and takes the first service that is answered for whole.
//!
//! A question from another port than mDNS's own is answered to it alone (RFC 6762, 6.7), so nothing has to be joined
//! and no port be shared.

use std::io;
use std::time::Duration;

use futures_util::future::select_ok;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout, timeout_at};

use super::message::{self, A, AAAA, Record, SRV, TXT};
use super::service::Service;
use super::targets::Target;

/// Between two questions; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The largest packet of mDNS, RFC 6762, 17.
const MAX_PACKET_BYTES: usize = 9000;
/// What strangers send beside is not kept beyond this.
const MAX_RECORDS: usize = 1000;

/// `None` if nobody has answered within the time.
pub(super) async fn ask(targets: &[Target], name: &str, limit: Duration) -> Option<Service> {
    if targets.is_empty() {
        tracing::warn!("this machine has no address yet that anybody could be asked from");
        tokio::time::sleep(limit).await;
        return None;
    }
    let asked = targets
        .iter()
        .map(|target| Box::pin(ask_one(*target, name)));
    match timeout(limit, select_ok(asked)).await.ok()? {
        Ok((service, _)) => Some(service),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "asking by mDNS");
            None
        }
    }
}

/// Until there is an answer. An error is of the socket, and then the other networks are left.
async fn ask_one(target: Target, name: &str) -> io::Result<Service> {
    let socket = UdpSocket::bind(target.from).await?;
    let mut records: Vec<Record> = Vec::new();
    let mut buffer = vec![0; MAX_PACKET_BYTES];
    let mut pause = FIRST_PAUSE;
    loop {
        for packet in questions(name, &records) {
            socket.send_to(&packet, target.to).await?;
        }
        let deadline = Instant::now() + pause;
        while let Ok(received) = timeout_at(deadline, socket.recv_from(&mut buffer)).await {
            let (length, _) = received?;
            records.extend(message::records(&buffer[..length]).unwrap_or_default());
            records.truncate(MAX_RECORDS);
            if let Some(service) = Service::assemble(name, &records) {
                return Ok(service);
            }
        }
        pause *= 2;
    }
}

/// The service, and once its server is known its addresses.
fn questions(name: &str, records: &[Record]) -> Vec<Vec<u8>> {
    let mut packets = vec![message::question(rand::random(), name, &[SRV, TXT])];
    if let Some(server) = Service::server_of(name, records) {
        packets.push(message::question(rand::random(), &server, &[A, AAAA]));
    }
    packets
}
