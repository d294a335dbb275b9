//! Listening at all interfaces at once, until one deadline.
//!
//! Of each interface one frame is kept: the first that says all, or else the newest.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use ferric_agent_protocol::inventory::Interface;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::frame::Frame;
use super::neighbor::Neighbor;
use super::socket::FrameSocket;
use crate::host::SystemPermit;
use crate::network::ioctl;

/// What was heard, by interface: types, and values as hexadecimal text. Empty where nobody was heard.
pub type Heard = BTreeMap<String, Vec<(u16, String)>>;

/// A jumbo frame; the standard wants less.
const FRAME_BYTES: usize = 9216;
/// How often carriers are looked at.
const POLL: Duration = Duration::from_secs(1);
/// How long an interface may take to find its carrier: it may have come up only now.
const LINK_TIME: Duration = Duration::from_secs(10);

/// Listens until a switch was heard at each interface that has a carrier, but not longer than `limit`.
///
/// Only hardware hears anything: the frames never reach a bond or a VLAN. With the permit, interfaces that are down are
/// brought up and left so, as somebody else may need them by then; without it they stay silent. Blocks its thread.
pub fn listen(interfaces: &[Interface], permit: Option<&SystemPermit>, limit: Duration) -> Heard {
    let names = interfaces.iter().map(|interface| interface.name.clone());
    let mut heard: Heard = names.map(|name| (name, Vec::new())).collect();
    let hardware = interfaces.iter().filter(|nic| nic.pci_address.is_some());
    let mut ears: Vec<Ear> = hardware
        .filter_map(|nic| Ear::open(&nic.name, permit))
        .collect();
    if let Err(error) = hear_all(&mut ears, limit) {
        tracing::error!(error = &error as &dyn Error, "listening to switches");
    }
    for ear in ears {
        let Some(frame) = ear.frame else {
            tracing::info!(interface = ear.name, "no switch was heard");
            continue;
        };
        let neighbor = Neighbor::of(&frame);
        tracing::info!(interface = ear.name, ?neighbor, "a switch was heard");
        heard.insert(ear.name, frame.to_wire());
    }
    heard
}

fn hear_all(ears: &mut [Ear], limit: Duration) -> io::Result<()> {
    let mut buffer = vec![0; FRAME_BYTES];
    let began = Instant::now();
    loop {
        for ear in ears.iter_mut() {
            ear.hear(&mut buffer);
        }
        let elapsed = began.elapsed();
        if elapsed >= limit || !ears.iter().any(|ear| ear.is_awaited(elapsed)) {
            return Ok(());
        }
        wait(ears, POLL.min(limit - elapsed))?;
    }
}

/// Until there is something to hear, or the time is over.
fn wait(ears: &[Ear], time: Duration) -> io::Result<()> {
    let sockets = ears.iter().filter_map(|ear| ear.socket.as_ref());
    let mut events: Vec<PollFd<'_>> = sockets
        .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
        .collect();
    let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
    match poll(&mut events, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// An interface that is listened to.
struct Ear {
    name: String,
    /// Closed when there is nothing left to hear.
    socket: Option<FrameSocket>,
    frame: Option<Frame>,
}

impl Ear {
    fn open(name: &str, permit: Option<&SystemPermit>) -> Option<Self> {
        if let Some(permit) = permit {
            bring_up(permit, name);
        }
        let socket = FrameSocket::open(name).inspect_err(|error| {
            let error = error as &dyn Error;
            tracing::warn!(error, interface = name, "switches cannot be listened to");
        });
        Some(Self {
            name: name.to_owned(),
            socket: Some(socket.ok()?),
            frame: None,
        })
    }

    /// Whether there is something to be heard yet. Without a carrier there is not.
    fn is_awaited(&self, elapsed: Duration) -> bool {
        self.socket.is_some() && (elapsed < LINK_TIME || ioctl::has_carrier(&self.name))
    }

    fn hear(&mut self, buffer: &mut [u8]) {
        let Some(socket) = &self.socket else {
            return;
        };
        match socket.receive(buffer) {
            Ok(Some(bytes)) => self.keep(bytes),
            Ok(None) => {}
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(error, interface = self.name, "listening to a switch");
                self.socket = None;
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let Some(frame) = Frame::parse(bytes) else {
            return;
        };
        if frame.is_complete() {
            self.socket = None;
        }
        self.frame = Some(frame);
    }
}

fn bring_up(permit: &SystemPermit, name: &str) {
    if let Err(error) = ioctl::bring_up(permit, name) {
        let error = &error as &dyn Error;
        tracing::warn!(error, interface = name, "bringing an interface up");
    }
}
