//! A request and its answer, as far as they tell whose turn it is: the client's until its request is there as a whole,
//! then ours, and with the answer the client's again whenever it does not take it.

use super::places::Seat;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Held by both of its bodies.
struct Exchange(Arc<Seat>);

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.asks();
    }
}

/// The request for a handler, and what its answer is to be put into.
pub(super) fn begin(seat: &Arc<Seat>, request: Request<Incoming>) -> (Request, Answering) {
    let exchange = Arc::new(Exchange(Arc::clone(seat)));
    let answering = Answering(Arc::clone(&exchange));
    let request = request.map(|body| {
        if hyper::body::Body::is_end_stream(&body) {
            seat.does();
            return Body::empty();
        }
        Body::new(Received { body, exchange })
    });
    (request, answering)
}

pub(super) struct Answering(Arc<Exchange>);

impl Answering {
    pub(super) fn with(self, response: Response) -> Response<Answer> {
        self.0.0.answers();
        response.map(|body| Answer {
            body,
            _exchange: self.0,
        })
    }
}

/// The body of a request. It is the client's turn until this has ended, or nobody wants more of it.
struct Received {
    body: Incoming,
    exchange: Arc<Exchange>,
}

impl Drop for Received {
    fn drop(&mut self) {
        self.exchange.0.does();
    }
}

impl hyper::body::Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(None) = polled {
            self.exchange.0.does();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer.
pub(super) struct Answer {
    body: Body,
    _exchange: Arc<Exchange>,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
