//! A stream of events: what is stored behind the last one that the client knows, then what is stored or merely happens
//! while it listens.
//!
//! It reads a bounded batch and no more until that is taken. A commit may be another conductor's, so the store is asked
//! again and again; live events come from the other conductors too.

use super::shown;
use super::streams::Place;
use super::wanted::Wanted;
use crate::api::access::{Lost, Standing};
use crate::api::call::Api;
use crate::conductor::Live;
use axum::response::sse::Event;
use ferric_model::event::TimelineEvent;
use ferric_store::{StoreError, StoredEvent};
use futures_util::stream::{self, Stream};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

/// Events that one stream holds in memory.
const BATCH: usize = 100;
/// How often a stream that has sent everything looks for more.
const POLL: Duration = Duration::from_millis(500);

/// Where a stream stands.
pub(super) struct Follower {
    pub(super) api: Api,
    pub(super) wanted: Wanted,
    /// Up to this number everything was looked at.
    pub(super) after: u64,
    /// `None`: live events are not wanted.
    pub(super) live: Option<Live>,
    /// Whether the client still may follow.
    pub(super) standing: Standing,
    /// Given back with the end of the stream.
    pub(super) _place: Place,
}

struct State {
    follower: Follower,
    read: VecDeque<StoredEvent>,
    heard: Option<Arc<TimelineEvent>>,
}

enum Told {
    Stored(Box<StoredEvent>),
    Live(Arc<TimelineEvent>),
}

impl Follower {
    /// Ends when the server stops or the store fails: the client resumes. Ends also when the client may not follow any
    /// more.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let state = State {
            follower: self,
            read: VecDeque::new(),
            heard: None,
        };
        stream::unfold(state, |mut state| async {
            let told = state.next().await?;
            if let Err(lost) = state.may_send().await {
                ended(&lost);
                return None;
            }
            Some((Ok(sent(&told)), state))
        })
    }
}

impl State {
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(stored) = self.read.pop_front() {
                return Some(Told::Stored(Box::new(stored)));
            }
            if let Some(event) = self.heard.take() {
                return Some(Told::Live(event));
            }
            match self.look().await {
                Ok(true) => {}
                Ok(false) => {
                    let stop = self.follower.api.stop.clone();
                    stop.run_until_cancelled(self.wait()).await?;
                    let Follower { api, standing, .. } = &mut self.follower;
                    if let Err(lost) = standing.holds(&api.conductor).await {
                        ended(&lost);
                        return None;
                    }
                }
                Err(error) => {
                    ended(&error.into());
                    return None;
                }
            }
        }
    }

    async fn may_send(&mut self) -> Result<(), Lost> {
        let Follower { api, standing, .. } = &mut self.follower;
        standing.may_send(&api.conductor).await
    }

    /// Reads the next batch; whether there was anything to read.
    async fn look(&mut self) -> Result<bool, StoreError> {
        let Follower {
            api, wanted, after, ..
        } = &mut self.follower;
        let store = api.conductor.store();
        let newest = api.streams.newest(store.as_ref()).await?;
        if newest <= *after {
            return Ok(false);
        }
        let batch = store.events(&wanted.filter(*after, BATCH)).await?;
        // The newest was looked up first: a batch with room to spare has everything up to it.
        let last = batch.last().map_or(0, |last| last.sequence);
        *after = if batch.len() < BATCH {
            last.max(newest)
        } else {
            last
        };
        let fitting = batch
            .into_iter()
            .filter(|stored| wanted.fits(&stored.event));
        self.read.extend(fitting);
        Ok(true)
    }

    /// Until it is time to look again, or a live event is heard.
    async fn wait(&mut self) {
        let Follower { wanted, live, .. } = &mut self.follower;
        let listening = async {
            loop {
                let Some(ears) = live else {
                    return std::future::pending().await;
                };
                match ears.recv().await {
                    Ok(event) if wanted.fits(&event) => return event,
                    // What was missed is kept nowhere, and nobody is the worse for it.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => *live = None,
                }
            }
        };
        self.heard = timeout(POLL, listening).await.ok();
    }
}

fn ended(lost: &Lost) {
    let error: &dyn std::error::Error = lost;
    match lost {
        Lost::Store(_) => tracing::error!(error, "reading events for a client that follows them"),
        Lost::Caller(_) | Lost::Access => tracing::info!(error, "a stream of events is ended"),
    }
}

/// Without a number where there is nothing to go on behind: a client keeps the one it had.
fn sent(told: &Told) -> Event {
    match told {
        Told::Stored(stored) => Event::default()
            .id(stored.sequence.to_string())
            .data(shown::stored(stored).to_string()),
        Told::Live(event) => Event::default().data(shown::live(event).to_string()),
    }
}
