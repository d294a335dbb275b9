//! What happens too often to be stored: every heartbeat, and progress between two stored marks. Told to whoever follows
//! events of this conductor at that moment, and kept nowhere.

use super::Conductor;
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::{NodeId, RunId};
use std::sync::Arc;
use tokio::sync::broadcast;

/// What a follower may have unread; of more the oldest are lost to it.
const UNREAD: usize = 256;

/// A follower's end.
pub type Live = broadcast::Receiver<Arc<TimelineEvent>>;

pub(super) struct LiveEvents(broadcast::Sender<Arc<TimelineEvent>>);

impl Default for LiveEvents {
    fn default() -> Self {
        Self(broadcast::Sender::new(UNREAD))
    }
}

impl Conductor {
    /// Live events from now on.
    pub fn follow_live(&self) -> Live {
        self.live().0.subscribe()
    }

    /// Tells those who follow, if there are any.
    pub(crate) fn tell_live(&self, node: NodeId, run: Option<RunId>, what: What) {
        let followers = &self.live().0;
        if followers.receiver_count() == 0 {
            return;
        }
        let event = TimelineEvent {
            id: self.new_id(),
            node,
            at: self.now(),
            conductor: self.host().to_owned(),
            run,
            bulk: None,
            what,
        };
        // The last one may have left since.
        drop(followers.send(Arc::new(event)));
    }
}
