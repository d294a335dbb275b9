//! How a pair meets: the writer listens, the reader tries until the writer is there.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::super::BurninError;
use super::NetworkError;
use super::wire::WORD;
use crate::image::Stop;

const POLL: Duration = Duration::from_millis(100);
/// Between two attempts to reach the partner.
const PAUSE: Duration = Duration::from_secs(1);
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// A partner from which nothing comes for this long is gone.
const SILENCE: Duration = Duration::from_mins(1);

/// The other machine of the pair.
pub(super) struct Partner {
    /// A host name or an address.
    pub(super) name: String,
    pub(super) port: u16,
}

impl Partner {
    /// Waits until the partner has made all its connections.
    pub(super) fn accept(
        &self,
        count: usize,
        patience: Duration,
        stop: &Stop,
    ) -> Result<Vec<TcpStream>, BurninError> {
        let listener = self.listen().map_err(|source| NetworkError::Listen {
            port: self.port,
            source,
        })?;
        let deadline = Instant::now() + patience;
        let mut streams = Vec::new();
        while streams.len() < count {
            match listener.accept() {
                Ok((stream, peer)) => match self.greeted(stream, peer) {
                    Ok(stream) => streams.push(stream),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(%peer, error, "a connection that is not the partner's");
                    }
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(source) => {
                    return Err(NetworkError::Stream {
                        action: "waiting for",
                        partner: self.name.clone(),
                        source,
                    }
                    .into());
                }
            }
            if streams.len() == count {
                break;
            }
            if Instant::now() >= deadline {
                return Err(NetworkError::Silent {
                    partner: self.name.clone(),
                    seconds: patience.as_secs(),
                }
                .into());
            }
            if !stop.pause(POLL) {
                return Err(BurninError::Stopped);
            }
        }
        Ok(streams)
    }

    /// For both families of addresses, where the kernel has both.
    fn listen(&self) -> io::Result<TcpListener> {
        let any = |address: IpAddr| TcpListener::bind(SocketAddr::new(address, self.port));
        let listener =
            any(Ipv6Addr::UNSPECIFIED.into()).or_else(|_| any(Ipv4Addr::UNSPECIFIED.into()))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// Takes a connection only from the partner, and only if it says the word.
    fn greeted(&self, mut stream: TcpStream, peer: SocketAddr) -> io::Result<TcpStream> {
        let addresses = self.addresses()?;
        let peer = peer.ip().to_canonical();
        if !addresses
            .iter()
            .any(|address| address.ip().to_canonical() == peer)
        {
            return Err(io::Error::other("its address is not the partner's"));
        }
        prepare(&stream)?;
        let mut word = [0; WORD.len()];
        stream.read_exact(&mut word)?;
        if word == WORD {
            Ok(stream)
        } else {
            Err(io::Error::other("it does not say the word"))
        }
    }

    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let name = self.name.trim_start_matches('[').trim_end_matches(']');
        Ok((name, self.port).to_socket_addrs()?.collect())
    }

    /// Connects to the partner, as often as it takes.
    pub(super) fn connect(
        &self,
        count: usize,
        patience: Duration,
        stop: &Stop,
    ) -> Result<Vec<TcpStream>, BurninError> {
        let deadline = Instant::now() + patience;
        let mut streams = Vec::new();
        while streams.len() < count {
            match self.connect_once() {
                Ok(stream) => streams.push(stream),
                Err(error) if Instant::now() >= deadline => {
                    return Err(NetworkError::Unreachable {
                        partner: self.name.clone(),
                        seconds: patience.as_secs(),
                        last: error.to_string(),
                    }
                    .into());
                }
                Err(_) if stop.pause(PAUSE) => {}
                Err(_) => return Err(BurninError::Stopped),
            }
        }
        Ok(streams)
    }

    fn connect_once(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::other("its name has no address");
        for address in self.addresses()? {
            match TcpStream::connect_timeout(&address, CONNECT_TIME) {
                Ok(mut stream) => {
                    prepare(&stream)?;
                    stream.write_all(&WORD)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))
}
