//! Clients that do not read: an endless answer notes when a part of it was given away last, and the listener cuts the
//! connection of whoever does not take the next one.
//!
//! The server asks for a part only when there is room for it, so nothing piles up meanwhile but what is on its way.

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Of one connection; clones are the same one. Goes with each request as an extension.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stall(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// How long a client may leave the next part where it is; `None`: no answer without an end is under way.
    limit: Option<Duration>,
    /// When a part was given away after which none was asked for.
    given_at: Option<Instant>,
}

impl Stall {
    /// The body, whose client must go on taking parts of it.
    pub(crate) fn watch(self, body: Body, limit: Duration) -> Body {
        self.0.lock().limit = Some(limit);
        Body::new(Watched { body, stall: self })
    }

    /// When a client has left its stream alone for too long. Never, where there is no stream.
    pub(crate) async fn happens(&self) {
        // How late it may be seen.
        const LOOK: Duration = Duration::from_millis(500);
        loop {
            let deadline = {
                let state = self.0.lock();
                state
                    .given_at
                    .zip(state.limit)
                    .map(|(at, limit)| at + limit)
            };
            let now = Instant::now();
            match deadline {
                Some(deadline) if deadline <= now => return,
                Some(deadline) => sleep_until(deadline).await,
                None => sleep_until(now + LOOK).await,
            }
        }
    }
}

struct Watched {
    body: Body,
    stall: Stall,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.stall.0.lock().given_at = match &polled {
            Poll::Ready(Some(Ok(_))) => Some(Instant::now()),
            Poll::Ready(_) | Poll::Pending => None,
        };
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;
    use std::convert::Infallible;
    use tokio::time::timeout;

    const LIMIT: Duration = Duration::from_secs(30);

    fn endless() -> Body {
        let parts = futures_util::stream::repeat_with(|| Ok::<_, Infallible>("x"));
        Body::from_stream(parts)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_no_more_is_told_from_one_that_waits() {
        let stall = Stall::default();
        assert!(timeout(10 * LIMIT, stall.happens()).await.is_err());
        let mut parts = stall.clone().watch(endless(), LIMIT).into_data_stream();
        parts.next().await.unwrap().unwrap();
        let start = Instant::now();
        stall.happens().await;
        assert!(start.elapsed() >= LIMIT);

        let silent = Body::from_stream(futures_util::stream::pending::<Result<&str, Infallible>>());
        let stall = Stall::default();
        let mut parts = stall.clone().watch(silent, LIMIT).into_data_stream();
        let waits = timeout(10 * LIMIT, parts.next());
        tokio::select! {
            () = stall.happens() => panic!("a client that waits does not stall"),
            waited = waits => assert!(waited.is_err()),
        }
    }
}
