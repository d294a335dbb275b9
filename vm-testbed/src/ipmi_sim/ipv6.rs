//! What OpenIPMI's simulator does not know: the IPv6 address of its BMC. Whoever asks for it gets the answer here, on the
//! way from QEMU to the simulator; all else is handed on, both ways.
//!
//! The parameters are those of sections 23.1 and 23.2 of the IPMI specification 2.0, the framing is that of OpenIPMI's
//! `README.vm`.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tracing::info;

/// The last byte of a message, and of what machine and simulator tell each other beside the messages.
const END_OF_MESSAGE: u8 = 0xa0;
const END_OF_CONTROL: u8 = 0xa1;
/// These three are written as this one and themselves with a bit set.
const ESCAPE: u8 = 0xaa;
const ESCAPED: u8 = 0x10;

/// "Get LAN Configuration Parameters": network function with its logical unit, of request and response, and command.
const REQUEST: u8 = 0x0c << 2;
const RESPONSE: u8 = 0x0d << 2;
const GET_LAN_PARAMETERS: u8 = 0x02;
const CHANNEL: u8 = 1;
const REVISION: u8 = 0x11;
const DONE: u8 = 0;

const ADDRESSING_ENABLES: u8 = 51;
const STATUS: u8 = 55;
const STATIC_ADDRESS: u8 = 56;
const IPV4_AND_IPV6: u8 = 2;
/// How many addresses there are that were set, how many that the network gave, and how it may give some.
const ONE_STATIC_ADDRESS: [u8; 3] = [1, 0, 0];
const ENABLED: u8 = 0x80;
const PREFIX_LENGTH: u8 = 64;
const ACTIVE: u8 = 0;

/// Stands where QEMU looks for the simulator.
#[derive(Debug)]
pub struct Relay {
    listener: TcpListener,
    simulator: SocketAddr,
    address: Ipv6Addr,
}

impl Relay {
    pub(super) async fn bind(listen: SocketAddr, address: Ipv6Addr) -> anyhow::Result<Relay> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("binding {listen}"))?;
        let free = TcpListener::bind((listen.ip(), 0)).await;
        let free = free.and_then(|free| free.local_addr());
        Ok(Relay {
            listener,
            simulator: free.context("finding a port for ipmi_sim")?,
            address,
        })
    }

    /// Where the simulator is to listen.
    pub(super) fn simulator(&self) -> SocketAddr {
        self.simulator
    }

    /// Serves one QEMU after the other, as the simulator does.
    pub async fn serve(self) -> anyhow::Result<()> {
        loop {
            let (machine, _) = self.listener.accept().await.context("waiting for QEMU")?;
            if let Err(error) = self.hand_on(machine).await {
                info!(%error, "the connection between QEMU and ipmi_sim broke");
            }
        }
    }

    async fn hand_on(&self, machine: TcpStream) -> io::Result<()> {
        let simulator = TcpStream::connect(self.simulator).await?;
        let (mut machine_says, mut machine_hears) = machine.into_split();
        let (mut simulator_says, mut simulator_hears) = simulator.into_split();
        let (mut requests, mut answers) = (Frames::default(), Frames::default());
        let (mut asked, mut told) = ([0; 256], [0; 256]);
        loop {
            tokio::select! {
                biased;
                read = machine_says.read(&mut asked) => {
                    let count = read?;
                    if count == 0 {
                        return Ok(());
                    }
                    for frame in requests.push(&asked[..count]) {
                        match answer(&frame, self.address) {
                            Some(answer) => machine_hears.write_all(&answer).await?,
                            None => simulator_hears.write_all(&frame).await?,
                        }
                    }
                }
                read = simulator_says.read(&mut told) => {
                    let count = read?;
                    if count == 0 {
                        return Ok(());
                    }
                    // Whole, so that none of our answers comes into the middle.
                    for frame in answers.push(&told[..count]) {
                        machine_hears.write_all(&frame).await?;
                    }
                }
            }
        }
    }
}

/// Bytes that are no whole message yet.
#[derive(Default)]
struct Frames(Vec<u8>);

impl Frames {
    /// Takes more bytes; gives what is whole with them, ends included.
    fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let is_end = |byte: &u8| matches!(*byte, END_OF_MESSAGE | END_OF_CONTROL);
        self.0.extend_from_slice(bytes);
        let mut whole = Vec::new();
        while let Some(end) = self.0.iter().position(is_end) {
            let rest = self.0.split_off(end + 1);
            whole.push(std::mem::replace(&mut self.0, rest));
        }
        whole
    }
}

/// The answer to a question for the BMC's IPv6; none where it is the simulator's to answer.
fn answer(frame: &[u8], address: Ipv6Addr) -> Option<Vec<u8>> {
    let request = unescaped(frame.strip_suffix(&[END_OF_MESSAGE])?);
    let [
        sequence,
        REQUEST,
        GET_LAN_PARAMETERS,
        channel,
        parameter,
        set,
        ..,
    ] = request[..]
    else {
        return None;
    };
    let value = match (channel, parameter, set) {
        (CHANNEL, ADDRESSING_ENABLES, _) => vec![IPV4_AND_IPV6],
        (CHANNEL, STATUS, _) => ONE_STATIC_ADDRESS.to_vec(),
        (CHANNEL, STATIC_ADDRESS, 0) => {
            let (before, behind) = ([set, ENABLED], [PREFIX_LENGTH, ACTIVE]);
            [&before[..], &address.octets(), &behind].concat()
        }
        _ => return None,
    };
    let head = [sequence, RESPONSE, GET_LAN_PARAMETERS, DONE, REVISION];
    Some(message(&[&head[..], &value[..]].concat()))
}

/// With its check sum and its end.
fn message(bytes: &[u8]) -> Vec<u8> {
    let sum = bytes
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte))
        .wrapping_neg();
    let mut message = Vec::new();
    for byte in bytes.iter().copied().chain([sum]) {
        match byte {
            END_OF_MESSAGE | END_OF_CONTROL | ESCAPE => message.extend([ESCAPE, byte | ESCAPED]),
            _ => message.push(byte),
        }
    }
    message.push(END_OF_MESSAGE);
    message
}

fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut bytes = bytes.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            ESCAPE => plain.extend(bytes.next().map(|byte| byte & !ESCAPED)),
            _ => plain.push(byte),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question of this number.
    fn asked(sequence: u8, channel: u8, parameter: u8, set: u8) -> Option<Vec<u8>> {
        let request = [
            sequence,
            REQUEST,
            GET_LAN_PARAMETERS,
            channel,
            parameter,
            set,
            0,
        ];
        let told = answer(&message(&request), "fd00:a0a1::aa".parse().unwrap())?;
        assert_eq!(told.last(), Some(&END_OF_MESSAGE));
        let told = unescaped(&told[..told.len() - 1]);
        let sum = told.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        assert_eq!(sum, 0, "{told:x?}");
        assert_eq!(told[..5], [sequence, 0x34, 0x02, 0x00, 0x11]);
        Some(told[5..told.len() - 1].to_vec())
    }

    #[test]
    fn the_parameters_of_ipv6_are_answered_and_no_others() {
        // A sequence number that must be escaped, too.
        for sequence in [0, 7, 0xa0] {
            assert_eq!(asked(sequence, 1, 51, 0), Some(vec![2]));
            assert_eq!(asked(sequence, 1, 55, 0), Some(vec![1, 0, 0]));
            let address = [
                0, 0x80, 0xfd, 0, 0xa0, 0xa1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xaa, 64, 0,
            ];
            assert_eq!(asked(sequence, 1, 56, 0), Some(address.to_vec()));
        }
        for (channel, parameter, set) in [(1, 3, 0), (1, 56, 1), (1, 59, 0), (2, 51, 0)] {
            assert_eq!(asked(1, channel, parameter, set), None);
        }
        // "Get Device ID", and the version of the protocol.
        for other in [&[1, 0x18, 0x01, 0xe6, 0xa0][..], &[0xff, 0x01, 0xa1]] {
            assert_eq!(answer(other, Ipv6Addr::LOCALHOST), None);
        }
    }

    #[test]
    fn messages_are_handed_on_when_they_are_whole() {
        let mut frames = Frames::default();
        let nothing: [Vec<u8>; 0] = [];
        assert_eq!(frames.push(&[1, 2]), nothing);
        assert_eq!(
            frames.push(&[3, 0xa0, 4, 0xa1, 5]),
            [vec![1, 2, 3, 0xa0], vec![4, 0xa1]]
        );
        assert_eq!(frames.push(&[0xaa, 0xb0, 0xa0]), [[5, 0xaa, 0xb0, 0xa0]]);
    }
}
