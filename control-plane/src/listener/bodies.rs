//! Memory for the bodies of requests: so much for all of them together, whoever sends them. What strangers send, as
//! machines do, takes nothing from those who have shown who they are.
//!
//! A small body needs none of it: there are no more of these than connections.

use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What each request may have without asking.
const SMALL_BYTES: usize = 16 << 10;
/// What room is given out in.
const UNIT_BYTES: usize = 1 << 10;

/// Who sends a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Somebody who was let in.
    Caller,
    /// Anybody, as nobody was asked.
    Stranger,
}

/// Of all listeners. Clones are the same one.
#[derive(Clone)]
pub(crate) struct BodyRoom(Arc<Rooms>);

struct Rooms {
    callers: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

/// What one request has of it, until it is answered. Clones are the same one.
#[derive(Clone)]
pub(crate) struct BodyShare(Arc<Share>);

struct Share {
    room: BodyRoom,
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

/// There is no room now.
#[derive(Debug)]
pub(crate) struct NoRoom;

impl BodyRoom {
    /// With so many MiB for callers, and as many for strangers.
    pub(crate) fn new(mib: usize) -> Self {
        let units = (mib << 20) / UNIT_BYTES;
        let room = || Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)));
        let (callers, strangers) = (room(), room());
        Self(Arc::new(Rooms { callers, strangers }))
    }

    /// For a new request.
    pub(crate) fn share(&self) -> BodyShare {
        BodyShare(Arc::new(Share {
            room: self.clone(),
            held: Mutex::default(),
        }))
    }
}

impl BodyShare {
    /// Has so many bytes in all from now on, if there is room for them.
    pub(crate) fn grow_to(&self, bytes: usize, sender: Sender) -> Result<(), NoRoom> {
        let rooms = &self.0.room.0;
        let room = match sender {
            Sender::Caller => &rooms.callers,
            Sender::Stranger => &rooms.strangers,
        };
        let mut held = self.0.held.lock();
        let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = bytes.saturating_sub(SMALL_BYTES).div_ceil(UNIT_BYTES);
        let more = u32::try_from(wanted.saturating_sub(has)).map_err(|_| NoRoom)?;
        if more == 0 {
            return Ok(());
        }
        let more = Arc::clone(room).try_acquire_many_owned(more);
        let more = more.map_err(|_| NoRoom)?;
        match held.as_mut() {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn room_is_given_back_with_the_request_and_small_bodies_need_none() {
        let room = BodyRoom::new(1);
        let (large, other) = (room.share(), room.share());
        for bytes in [MIB / 2, MIB, MIB] {
            large.grow_to(bytes, Sender::Stranger).unwrap();
        }
        assert!(other.grow_to(MIB / 2, Sender::Stranger).is_err());
        other.grow_to(SMALL_BYTES, Sender::Stranger).unwrap();
        other.grow_to(MIB, Sender::Caller).unwrap();
        let clone = large.clone();
        drop(large);
        let next = room.share();
        assert!(next.grow_to(MIB / 2, Sender::Stranger).is_err());
        drop(clone);
        next.grow_to(MIB / 2, Sender::Stranger).unwrap();
    }
}
