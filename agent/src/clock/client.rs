//! Asks one server for the time, and asks again where a packet is lost.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::packet::{self, PacketError};

const ATTEMPTS: u32 = 4;

/// Why a server told no time.
#[derive(Debug, thiserror::Error)]
pub enum NtpError {
    #[error("speaking to {0}")]
    Io(SocketAddr, #[source] io::Error),
    #[error("{0} gave no answer that counts")]
    Answer(SocketAddr, #[source] PacketError),
    #[error("{0} did not answer")]
    Silent(SocketAddr),
}

/// How far the clock is behind the server's, in nanoseconds. Each answer is waited for so long.
pub(super) async fn measure(
    server: SocketAddr,
    wait: Duration,
    clock: impl Fn() -> Timestamp,
) -> Result<i128, NtpError> {
    let failed = |error| NtpError::Io(server, error);
    let any: SocketAddr = if server.is_ipv4() {
        ([0; 4], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any).await.map_err(failed)?;
    // The kernel drops what others send.
    socket.connect(server).await.map_err(failed)?;
    let mut last = NtpError::Silent(server);
    for _ in 0..ATTEMPTS {
        match ask(&socket, server, wait, &clock).await {
            Ok(offset_ns) => return Ok(offset_ns),
            // Who is unwilling must not be asked again.
            Err(error @ NtpError::Answer(_, PacketError::Unwilling(_))) => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn ask(
    socket: &UdpSocket,
    server: SocketAddr,
    wait: Duration,
    clock: &impl Fn() -> Timestamp,
) -> Result<i128, NtpError> {
    let failed = |error| NtpError::Io(server, error);
    let number = rand::random();
    // The clock is read once: it may be set by others meanwhile.
    let (asked, asked_ns) = (Instant::now(), clock().as_nanosecond());
    socket
        .send(&packet::question(number))
        .await
        .map_err(failed)?;
    let mut last = NtpError::Silent(server);
    let mut buffer = [0; 1024];
    let deadline = asked + wait;
    while let Ok(received) = timeout_at(deadline, socket.recv(&mut buffer)).await {
        let length = received.map_err(failed)?;
        let passed = i128::try_from(asked.elapsed().as_nanos()).unwrap_or(i128::MAX);
        match packet::answer(&buffer[..length], number) {
            Ok(stamps) => return Ok(packet::offset_ns(asked_ns, asked_ns + passed, stamps)),
            // A late answer to a question before this one.
            Err(PacketError::Foreign) => {}
            Err(error) => {
                last = NtpError::Answer(server, error);
                break;
            }
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::super::packet::tests::reply;
    use super::*;

    const WAIT: Duration = Duration::from_secs(10);
    const HOUR_NS: i128 = 3_600_000_000_000;

    /// A server whose answers the test makes, each from the question and its number.
    async fn server(
        answer: impl Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + 'static,
    ) -> (SocketAddr, JoinSet<()>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut buffer = [0; 100];
            for number in 0.. {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                for packet in answer(number, &buffer[..length]) {
                    socket.send_to(&packet, from).await.unwrap();
                }
            }
        });
        (address, tasks)
    }

    fn an_hour_ahead(question: &[u8]) -> Vec<u8> {
        reply(question, Timestamp::now().as_nanosecond() + HOUR_NS).to_vec()
    }

    fn is_about_an_hour(offset_ns: i128) -> bool {
        (offset_ns - HOUR_NS).abs() < 60_000_000_000
    }

    #[tokio::test]
    async fn the_clock_is_compared_with_the_servers() {
        let (address, _server) = server(|_, question| vec![an_hour_ahead(question)]).await;
        let offset_ns = measure(address, WAIT, Timestamp::now).await.unwrap();
        assert!(is_about_an_hour(offset_ns), "{offset_ns}");
    }

    #[tokio::test]
    async fn answers_to_other_questions_and_bad_ones_are_passed_over() {
        let (address, _server) = server(|number, question| match number {
            0 => vec![vec![0; 3]],
            _ => vec![reply(&[7; 48], 0).to_vec(), an_hour_ahead(question)],
        })
        .await;
        let offset_ns = measure(address, WAIT, Timestamp::now).await.unwrap();
        assert!(is_about_an_hour(offset_ns), "{offset_ns}");
    }

    #[tokio::test]
    async fn who_is_unwilling_is_asked_once() {
        let (address, _server) = server(|number, question| {
            assert_eq!(number, 0, "a server that was unwilling is asked again");
            let mut packet = an_hour_ahead(question);
            packet[1] = 0;
            packet[12..16].copy_from_slice(b"DENY");
            vec![packet]
        })
        .await;
        let error = measure(address, WAIT, Timestamp::now).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("DENY"), "{source}");
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let (address, _server) = server(|_, _| Vec::new()).await;
        let wait = Duration::from_millis(5);
        let error = measure(address, wait, Timestamp::now).await.unwrap_err();
        assert!(matches!(error, NtpError::Silent(_)), "{error}");
    }
}
