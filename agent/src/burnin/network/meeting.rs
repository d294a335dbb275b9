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

/// A partner says the word as soon as it has connected.
const GREETING_TIME: Duration = Duration::from_secs(10);
/// Connections that have not said the word yet; others wait in the kernel's queue.
const MAX_GUESTS: usize = 64;

/// The other machine of the pair.
pub(super) struct Partner {
    /// A host name or an address.
    pub(super) name: String,
    pub(super) port: u16,
}

impl Partner {
    /// Waits until the partner has made all its connections. Whoever is silent keeps nobody else waiting.
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
        let (mut guests, mut streams) = (Vec::new(), Vec::new());
        loop {
            self.let_in(&listener, &mut guests)?;
            streams.extend(greeted(&mut guests));
            if streams.len() >= count {
                streams.truncate(count);
                return Ok(streams);
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
    }

    /// Those that knock now, as many as there is room for.
    fn let_in(&self, listener: &TcpListener, guests: &mut Vec<Guest>) -> Result<(), BurninError> {
        for _ in guests.len()..MAX_GUESTS {
            match listener.accept() {
                Ok((stream, peer)) => match self.guest(stream, peer) {
                    Ok(guest) => guests.push(guest),
                    Err(error) => sent_away(peer, &error),
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(source) => {
                    return Err(NetworkError::Stream {
                        action: "waiting for",
                        partner: self.name.clone(),
                        source,
                    }
                    .into());
                }
            }
        }
        Ok(())
    }

    /// For both families of addresses, where the kernel has both.
    fn listen(&self) -> io::Result<TcpListener> {
        let any = |address: IpAddr| TcpListener::bind(SocketAddr::new(address, self.port));
        let listener =
            any(Ipv6Addr::UNSPECIFIED.into()).or_else(|_| any(Ipv4Addr::UNSPECIFIED.into()))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// Takes a connection only from the partner, which has to say the word.
    fn guest(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<Guest> {
        let addresses = self.addresses()?;
        let address = peer.ip().to_canonical();
        if !addresses
            .iter()
            .any(|one| one.ip().to_canonical() == address)
        {
            return Err(io::Error::other("its address is not the partner's"));
        }
        stream.set_nonblocking(true)?;
        Ok(Guest {
            stream,
            peer,
            word: [0; WORD.len()],
            said: 0,
            until: Instant::now() + GREETING_TIME,
        })
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

/// A connection that has not said the word yet.
struct Guest {
    stream: TcpStream,
    peer: SocketAddr,
    word: [u8; WORD.len()],
    /// So many bytes of it.
    said: usize,
    until: Instant,
}

impl Guest {
    /// Hears what has come, without waiting for more: whether it is the word.
    fn has_greeted(&mut self) -> io::Result<bool> {
        while self.said < WORD.len() {
            match self.stream.read(&mut self.word[self.said..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.said += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                Err(_) if Instant::now() < self.until => return Ok(false),
                Err(_) => return Err(io::Error::other("it does not say the word in time")),
            }
        }
        if self.word == WORD {
            return Ok(true);
        }
        Err(io::Error::other("it does not say the word"))
    }
}

/// Those of the guests that have said the word by now; those that cannot be the partner's go.
fn greeted(guests: &mut Vec<Guest>) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for mut guest in std::mem::take(guests) {
        let peer = guest.peer;
        match guest.has_greeted() {
            Ok(false) => guests.push(guest),
            Ok(true) => match prepare(&guest.stream) {
                Ok(()) => streams.push(guest.stream),
                Err(error) => sent_away(peer, &error),
            },
            Err(error) => sent_away(peer, &error),
        }
    }
    streams
}

fn sent_away(peer: SocketAddr, error: &io::Error) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(%peer, error, "a connection that is not the partner's");
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that has said this much, and may take this long.
    fn guest(said: &[u8], time: Duration) -> (TcpStream, Guest) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        other.write_all(said).unwrap();
        let (stream, peer) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let guest = Guest {
            stream,
            peer,
            word: [0; WORD.len()],
            said: 0,
            until: Instant::now() + time,
        };
        (other, guest)
    }

    #[test]
    fn a_connection_has_its_time_to_say_the_word() {
        let (mut other, mut slow) = guest(&WORD[..5], Duration::from_mins(10));
        assert!(!slow.has_greeted().unwrap());
        other.write_all(&WORD[5..]).unwrap();
        while !slow.has_greeted().unwrap() {
            std::thread::yield_now();
        }
        let (_other, mut late) = guest(&WORD[..5], Duration::ZERO);
        let error = late.has_greeted().unwrap_err().to_string();
        assert_eq!(error, "it does not say the word in time");
    }
}
