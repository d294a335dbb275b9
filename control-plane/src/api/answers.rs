//! Memory for answers: so much for all large ones that their clients have yet to take, and so many lists that are made at
//! the same time. Whoever finds no room for what it reads comes again; what was done is always told.

use super::access;
use super::call::Api;
use super::error::{ApiError, ApiResult};
use crate::config::Http;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is no larger counts as nothing, and goes to the client as one piece.
const PIECE_BYTES: usize = 256 << 10;
const UNIT_BYTES: usize = 1 << 10;
/// Lists that are made at the same time, each of which holds its objects in several forms; more wait.
const LISTS: usize = 8;
/// When a client is to come again that found no room.
const RETRY_S: u32 = 5;

/// Of one listener.
pub(super) struct AnswerRoom {
    lists: Semaphore,
    units: Arc<Semaphore>,
    all: u32,
}

/// Marks an answer whose bytes stand in memory once, however many clients take them.
#[derive(Clone, Copy)]
pub(super) struct Shared;

impl AnswerRoom {
    pub(super) fn new(http: &Http) -> Self {
        let units = (http.answer_memory_mib << 20) / UNIT_BYTES;
        let units = units.min(Semaphore::MAX_PERMITS);
        Self {
            lists: Semaphore::new(LISTS),
            units: Arc::new(Semaphore::new(units)),
            all: u32::try_from(units).unwrap_or(u32::MAX),
        }
    }

    /// The answer, which takes its room until the client has it.
    fn hold(&self, response: Response) -> ApiResult<Response> {
        let size = response.body().size_hint().exact().unwrap_or(0);
        let is_shared = response.extensions().get::<Shared>().is_some();
        if size <= PIECE_BYTES as u64 || is_shared {
            return Ok(response);
        }
        // The largest of all has its turn when there is no other.
        let units = u32::try_from(size / UNIT_BYTES as u64);
        let units = units.map_or(self.all, |units| units.min(self.all));
        let room = Arc::clone(&self.units).try_acquire_many_owned(units);
        let room = room.map_err(|_| ApiError::Busy {
            text: "too many large answers wait for their clients: try again, or ask for less with limit or fields".to_owned(),
            retry_after_s: RETRY_S,
        })?;
        Ok(response.map(|body| {
            Body::new(InPieces {
                body,
                rest: Bytes::new(),
                _room: room,
            })
        }))
    }
}

pub(super) async fn bounded(State(api): State<Api>, request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        // It was done, or refused, and its answer says so.
        return next.run(request).await;
    }
    let path = request.extensions().get::<MatchedPath>();
    let is_list = path.is_some_and(|path| access::is_list(path.as_str()));
    let list = match is_list {
        true => Some(api.answers.lists.acquire().await),
        false => None,
    };
    let response = next.run(request).await;
    let held = api.answers.hold(response);
    drop(list);
    held.unwrap_or_else(IntoResponse::into_response)
}

/// Piece after piece, so that the whole is given back as soon as the client has taken all but the last one.
struct InPieces {
    body: Body,
    rest: Bytes,
    _room: OwnedSemaphorePermit,
}

impl HttpBody for InPieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(whole) => self.rest = whole,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        let length = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(length);
        // A copy: a part would keep the whole in memory.
        let piece = Bytes::copy_from_slice(&piece);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let exact = self.body.size_hint().exact();
        let left = exact.map(|left| left.saturating_add(self.rest.len() as u64));
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn room(mib: usize) -> AnswerRoom {
        AnswerRoom::new(&Http {
            answer_memory_mib: mib,
            ..Http::default()
        })
    }

    fn answer(bytes: usize) -> Response {
        Body::from(vec![b'x'; bytes]).into_response()
    }

    #[tokio::test]
    async fn large_answers_have_their_room_until_they_are_taken() {
        let (room, large) = (room(1), (1 << 20) - 7);
        let mut first = room.hold(answer(large)).unwrap().into_body();
        assert_eq!(first.size_hint().exact(), Some(large as u64));
        assert!(
            room.hold(answer(PIECE_BYTES)).is_ok(),
            "it counts as nothing"
        );
        let refused = room.hold(answer(PIECE_BYTES + 1));
        assert!(matches!(refused, Err(ApiError::Busy { .. })));
        let mut left = large;
        while let Some(frame) = first.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE_BYTES);
            left -= piece.len();
            assert_eq!(first.size_hint().exact(), Some(left as u64));
            assert_eq!(first.is_end_stream(), left == 0);
        }
        assert_eq!(left, 0);
        drop(first);
        assert!(room.hold(answer(5 * large)).is_ok(), "it is the only one");
    }
}
