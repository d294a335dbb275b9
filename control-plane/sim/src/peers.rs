//! The network between conductors: calls are turned away, or given and not answered, and some of them are cut off.

use crate::link::Link;
use crate::world::World;
use async_trait::async_trait;
use ferric::conductor::{Peer, PeerError, Peers};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

pub(crate) struct Wires {
    world: Arc<World>,
    link: Arc<Link>,
    /// The last call that was given and not answered, and when that was known.
    unanswered: Mutex<Option<(Instant, Vec<u8>)>>,
}

impl Wires {
    pub(crate) fn new(world: &Arc<World>, link: &Arc<Link>) -> Self {
        Self {
            world: world.clone(),
            link: link.clone(),
            unanswered: Mutex::new(None),
        }
    }

    fn not_reached(&self, to: usize) -> PeerError {
        self.world.log.note(&self.link, || {
            format!("does not reach conductor-{}", to + 1)
        });
        PeerError::NotReached("no connection".into())
    }

    /// Whoever asks for it asks at another time; so it is the conductor itself that gives it once more.
    fn check_repetition(&self, call: &[u8]) {
        let unanswered = self.unanswered.lock();
        let is_same = |(when, what): &(Instant, Vec<u8>)| *when == Instant::now() && what == call;
        if unanswered.as_ref().is_some_and(is_same) {
            self.world.violation(format!(
                "{} hands on a call that was given and not answered once more",
                self.link
            ));
        }
    }

    /// The other may take it in hand late, though nobody waits for its answer any more.
    fn give(&self, to: usize, call: Vec<u8>) -> Option<oneshot::Receiver<Vec<u8>>> {
        let (link, conductor) = self.world.hosts[to].reachable()?;
        let (answer, answered) = oneshot::channel();
        let way = self.world.dice.millis(1, 80);
        self.world.spawn(async move {
            sleep(way).await;
            link.pass().await;
            drop(answer.send(conductor.take_call(&call).await));
        });
        Some(answered)
    }
}

#[async_trait]
impl Peers for Wires {
    async fn call(
        &self,
        peer: &Peer,
        call: Vec<u8>,
        limit: Duration,
    ) -> Result<Vec<u8>, PeerError> {
        self.link.pass().await;
        let world = &self.world;
        let mut hosts = world.hosts.iter();
        let to = hosts.position(|host| host.name() == peer.host);
        let to = to.ok_or_else(|| PeerError::NotReached("no such host".into()))?;
        self.check_repetition(&call);
        let parted = world.is_cut_off(to) || world.is_cut_off(self.link.host);
        if parted || world.fault(world.plan.faults.loss) {
            sleep(world.dice.millis(1, 500)).await;
            self.link.pass().await;
            return Err(self.not_reached(to));
        }
        let lost = world.fault(world.plan.faults.loss);
        let Some(answered) = self.give(to, call.clone()) else {
            return Err(self.not_reached(to));
        };
        let answer = timeout(limit, answered).await;
        sleep(world.dice.millis(1, 80)).await;
        self.link.pass().await;
        match answer {
            Ok(Ok(answer)) if !lost => Ok(answer),
            _ => {
                *self.unanswered.lock() = Some((Instant::now(), call));
                world.log.note(&self.link, || {
                    format!("is not answered by conductor-{}", to + 1)
                });
                Err(PeerError::Unanswered("no answer".into()))
            }
        }
    }
}
