//! Until when this conductor surely owns its nodes, asked before anything is begun at a machine.
//!
//! Counted from the moment at which the last beat that was stored was sent, on a clock that runs on while the process is
//! stopped. Whoever takes nodes over counts from the same beat, so an effect that is over within that time is over before
//! anybody else begins one. Once the time had run out, nodes that were read before are not trusted any more: they are read
//! again first, also when beats are stored again.

use super::agent::{AgentAnswer, AgentCall, AgentTransport, TransportError, Verb};
use async_trait::async_trait;
use ferric_drivers::CallPermit;
use ferric_store::Store;
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How often ownership had run out when something was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Generation(u64);

pub(super) struct Fence {
    store: Arc<dyn Store>,
    beat_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None`: no beat was stored yet.
    lasts_until: Option<Instant>,
    generation: Generation,
    /// For good: this conductor leaves, or another one has its name.
    closed: bool,
}

/// What an effect is based on: the node as it was read, and whether something was refused because of that.
struct Ground {
    generation: Generation,
    refused: AtomicBool,
}

tokio::task_local! {
    /// Of the effect that the task is in the middle of. Not handed through by hand, because the calls that are fenced are
    /// made deep in drivers, which know neither nodes nor conductors.
    static GROUND: Arc<Ground>;
}

impl Fence {
    pub(super) fn new(store: Arc<dyn Store>, beat_timeout: Duration) -> Self {
        Self {
            store,
            beat_timeout,
            state: Mutex::default(),
        }
    }

    /// A beat that was sent then has been stored.
    pub(super) fn stored(&self, sent: Instant) {
        let mut state = self.state.lock();
        if state.lasts_until.is_some_and(|until| until <= sent) {
            state.generation.0 += 1;
        }
        state.lasts_until = Some(sent + self.beat_timeout);
    }

    /// From now on nothing is begun any more.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
    }

    /// To be asked before a node is read.
    pub(super) fn generation(&self) -> Generation {
        self.state.lock().generation
    }

    /// Whether what was read at this generation is surely ours for so long. A store that only one process can have open
    /// has no other owners.
    pub(super) fn lasts(&self, generation: Generation, limit: Duration) -> bool {
        self.is_open(Some(generation), limit)
    }

    fn is_open(&self, generation: Option<Generation>, limit: Duration) -> bool {
        if self.store.is_exclusive() {
            return true;
        }
        let state = self.state.lock();
        let end = Instant::now() + limit;
        !state.closed
            && state.lasts_until.is_some_and(|until| end < until)
            && generation.is_none_or(|generation| generation == state.generation)
    }
}

impl CallPermit for Fence {
    fn allows(&self, limit: Duration) -> bool {
        let ground = GROUND.try_with(Arc::clone).ok();
        let generation = ground.as_ref().map(|ground| ground.generation);
        let allowed = self.is_open(generation, limit);
        if let Some(ground) = ground.filter(|_| !allowed) {
            ground.refused.store(true, Ordering::SeqCst);
        }
        allowed
    }
}

/// Runs an effect on a node that was read at this generation. `None`: a part of it was not begun, because the node may
/// be somebody else's; what it came to means nothing then.
pub(super) async fn on_ground<T>(
    generation: Generation,
    effect: impl Future<Output = T>,
) -> Option<T> {
    let outer = GROUND.try_with(Arc::clone).ok();
    let ground = Arc::new(Ground {
        generation,
        refused: AtomicBool::new(false),
    });
    let outcome = GROUND.scope(Arc::clone(&ground), effect).await;
    if !ground.refused.load(Ordering::SeqCst) {
        return Some(outcome);
    }
    // A step of a parent on its child is part of the parent's.
    if let Some(outer) = outer {
        outer.refused.store(true, Ordering::SeqCst);
    }
    None
}

/// Tells agents nothing without the fence's leave. Questions need none.
pub(super) struct FencedTransport {
    pub(super) transport: Arc<dyn AgentTransport>,
    pub(super) fence: Arc<Fence>,
}

#[async_trait]
impl AgentTransport for FencedTransport {
    async fn send(&self, call: AgentCall) -> Result<AgentAnswer, TransportError> {
        if call.verb == Verb::Post && !self.fence.allows(call.timeout) {
            return Err(TransportError::NotPermitted);
        }
        self.transport.send(call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::halting_store::HaltingStore;
    use ferric_store::RedbStore;
    use tokio::time::advance;

    const TIMEOUT: Duration = Duration::from_secs(120);
    const CALL: Duration = Duration::from_secs(100);

    fn shared() -> Fence {
        let store = HaltingStore::new(Arc::new(RedbStore::in_memory().unwrap()), None);
        store.share();
        Fence::new(store, TIMEOUT)
    }

    #[tokio::test(start_paused = true)]
    async fn an_effect_must_be_over_while_the_last_beat_still_counts() {
        let fence = shared();
        assert!(!fence.allows(Duration::ZERO), "no beat was stored yet");
        fence.stored(Instant::now());
        assert!(fence.allows(CALL));
        advance(Duration::from_secs(19)).await;
        assert!(fence.allows(CALL));
        advance(Duration::from_secs(1)).await;
        assert!(!fence.allows(CALL), "it might end too late");
        assert!(fence.allows(Duration::from_secs(60)));
        fence.stored(Instant::now());
        assert!(fence.allows(CALL));
        fence.close();
        assert!(!fence.allows(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_before_a_lapse_is_not_trusted_after_it() {
        let fence = shared();
        fence.stored(Instant::now());
        let before = fence.generation();
        advance(Duration::from_secs(60)).await;
        fence.stored(Instant::now());
        assert_eq!(fence.generation(), before, "one beat late is no lapse");
        advance(TIMEOUT).await;
        fence.stored(Instant::now());
        assert!(fence.lasts(fence.generation(), CALL));
        assert!(!fence.lasts(before, Duration::ZERO));
        let refused = on_ground(before, async { fence.allows(CALL) }).await;
        assert_eq!(refused, None);
        let fresh = on_ground(fence.generation(), async { fence.allows(CALL) }).await;
        assert_eq!(fresh, Some(true));
        let nested = on_ground(
            fence.generation(),
            on_ground(before, async { fence.allows(CALL) }),
        );
        assert_eq!(nested.await, None, "the outer effect broke off with it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_of_one_process_needs_no_fence() {
        let store = Arc::new(RedbStore::in_memory().unwrap());
        let fence = Fence::new(store, TIMEOUT);
        assert!(fence.allows(Duration::from_secs(1_000_000)));
    }
}
