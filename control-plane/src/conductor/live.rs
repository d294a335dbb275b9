//! What happens too often to be stored: every heartbeat, and progress between two stored marks. Told to whoever follows
//! events at that moment, at this conductor or (`relay`) at another one, and kept nowhere.

use super::Conductor;
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::{NodeId, RunId};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::broadcast;

/// What a follower may have unread; of more the oldest are lost to it.
const UNREAD: usize = 256;

/// A follower's end.
pub type Live = broadcast::Receiver<Arc<TimelineEvent>>;

pub(super) struct LiveEvents {
    /// Of this conductor's nodes, for the other conductors: nobody passes on what another one has told.
    pub(super) own: broadcast::Sender<Arc<TimelineEvent>>,
    /// Of everybody's nodes, for clients.
    pub(super) all: broadcast::Sender<Arc<TimelineEvent>>,
    /// Whether a task follows the other conductors.
    pub(super) relaying: Mutex<bool>,
}

impl Default for LiveEvents {
    fn default() -> Self {
        Self {
            own: broadcast::Sender::new(UNREAD),
            all: broadcast::Sender::new(UNREAD),
            relaying: Mutex::default(),
        }
    }
}

impl Conductor {
    /// Live events from now on, of all nodes.
    pub fn follow_live(&self) -> Live {
        let ears = self.live().all.subscribe();
        self.begin_relay();
        ears
    }

    /// Tells those who follow, if there are any.
    pub(crate) fn tell_live(&self, node: NodeId, run: Option<RunId>, what: What) {
        let LiveEvents { own, all, .. } = self.live();
        if own.receiver_count() + all.receiver_count() == 0 {
            return;
        }
        let event = Arc::new(TimelineEvent {
            id: self.new_id(),
            node,
            at: self.now(),
            conductor: self.host().to_owned(),
            run,
            bulk: None,
            what,
        });
        // The last one may have left since.
        drop(own.send(Arc::clone(&event)));
        drop(all.send(event));
    }
}
