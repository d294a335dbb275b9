//! Live events of the other conductors' nodes, for those who follow events here.
//!
//! The others are followed while somebody listens, and no longer; each tells what it sees itself and nothing that it was
//! told. What is told while the way to one is broken is lost, as all that is told live to nobody.

use super::Conductor;
use super::forward::Peer;
use super::live::Live;
use super::steps::chain;
use ferric_model::conductor::ConductorRecord;
use ferric_model::event::TimelineEvent;
use ferric_store::{Query, StoreError, Table};
use futures_util::stream::{self, Stream};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::debug;

/// How often it is looked which conductors there are, and who is still listening.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often whoever follows is told that this side is there.
const PULSE: Duration = Duration::from_secs(5);

impl Conductor {
    /// Live events of this conductor's nodes, as JSON, a line each, until it stops. An empty line says that it is there.
    pub(crate) fn live_lines(self) -> impl Stream<Item = Result<Vec<u8>, Infallible>> {
        let ears = self.live().own.subscribe();
        stream::unfold((self, ears), |(conductor, mut ears)| async move {
            let stop = conductor.stop_token();
            let line = stop.run_until_cancelled(next_line(&mut ears)).await??;
            Some((Ok(line), (conductor, ears)))
        })
    }

    /// Has the others followed, unless that is done already. The caller listens by now.
    pub(super) fn begin_relay(&self) {
        let mut relaying = self.live().relaying.lock();
        if *relaying || self.settings().cluster.is_none() || self.stopping() {
            return;
        }
        *relaying = true;
        let conductor = self.clone();
        self.work().spawn(async move { conductor.relay().await });
    }

    async fn relay(&self) {
        let (mut followed, mut ways) = (BTreeSet::new(), JoinSet::new());
        while !self.relay_is_over() {
            match self.others_with_address().await {
                Ok(others) => {
                    for peer in others {
                        if followed.insert(peer.host.clone()) {
                            let conductor = self.clone();
                            ways.spawn(async move { conductor.hear(peer).await });
                        }
                    }
                }
                Err(error) => debug!(error = chain(&error), "looking for other conductors"),
            }
            let pause = sleep(LOOK_EVERY);
            self.stop_token().run_until_cancelled(pause).await;
            while let Some(ended) = ways.try_join_next() {
                if let Ok(host) = ended {
                    followed.remove(&host);
                }
            }
        }
    }

    /// Whoever begins to listen has said so before it looks whether there is a relay.
    fn relay_is_over(&self) -> bool {
        let mut relaying = self.live().relaying.lock();
        let is_over = self.live().all.receiver_count() == 0 || self.stopping();
        if is_over {
            *relaying = false;
        }
        is_over
    }

    async fn others_with_address(&self) -> Result<Vec<Peer>, StoreError> {
        let page = self.store().page(&Query::all(Table::Conductor)).await?;
        let mut others = Vec::new();
        for record in page.records {
            let record: ConductorRecord = record.decode()?;
            let host = record.hostname;
            if let Some(address) = record.address.filter(|_| record.online)
                && host != self.host()
            {
                others.push(Peer { host, address });
            }
        }
        Ok(others)
    }

    /// Until the way to it breaks. Answers whose it was.
    async fn hear(self, peer: Peer) -> String {
        let tell = |line: &[u8]| match serde_json::from_slice::<TimelineEvent>(line) {
            Ok(event) => drop(self.live().all.send(Arc::new(event))),
            Err(error) => debug!(peer = %peer.host, %error, "a live event cannot be read"),
        };
        if let Err(error) = self.peers().follow(&peer, &tell).await {
            let error = chain(&error);
            debug!(peer = %peer.host, error, "following another conductor");
        }
        peer.host
    }
}

/// `None`: there will be no more.
async fn next_line(ears: &mut Live) -> Option<Vec<u8>> {
    match timeout(PULSE, ears.recv()).await {
        Ok(Ok(event)) => {
            let mut line = serde_json::to_vec(event.as_ref()).unwrap_or_default();
            line.push(b'\n');
            Some(line)
        }
        // Nothing to say, or more than could be said.
        Err(_) | Ok(Err(RecvError::Lagged(_))) => Some(b"\n".to_vec()),
        Ok(Err(RecvError::Closed)) => None,
    }
}
