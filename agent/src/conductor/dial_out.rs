//! Fetching requests for the command API from the conductor, and bringing it the answers.

use std::time::Duration;

use ferric_agent_protocol::dial_out::{
    DialOutAnswer, DialOutRequest, HOLD, Offer, Poll, answer_path, requests_path,
};
use ferric_agent_protocol::headers::FERRIC_AGENT_TOKEN;
use http::Method;
use serde_json::json;
use uuid::Uuid;

use super::client::{ClientError, Conductor, Request};
use crate::state::Session;

/// What a conductor that is there may be late with its answer.
const SLACK: Duration = Duration::from_secs(15);

/// For a large answer on a slow line.
const DELIVERY_TIME: Duration = Duration::from_secs(120);
const DELIVERED_LIMIT_BYTES: usize = 1 << 20;

/// As large as the command API takes it, and once more for its quotes.
const REQUEST_LIMIT_BYTES: usize = 400 << 20;

/// Why nothing was fetched or delivered.
#[derive(Debug, thiserror::Error)]
pub enum DialOutError {
    #[error(transparent)]
    Send(#[from] ClientError),
    #[error("the conductor does not know this agent's token: {0}")]
    Token(String),
    #[error("the conductor refused it: {0}")]
    Refused(String),
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Taken,
    /// Nobody waits for it any more.
    Late,
    /// The conductor takes none that is so large.
    TooLarge,
}

/// Asks for a request other than those that are known; waits for one as long as the conductor holds the question.
///
/// # Errors
/// When the conductor was not reached, or says no.
pub async fn fetch(
    conductor: &Conductor,
    session: &Session,
    known: Vec<Uuid>,
) -> Result<Option<DialOutRequest>, DialOutError> {
    let body = json!(Poll { known });
    let request = with_token(session, requests_path(session.node.uuid))
        .body(body)
        .held(HOLD + SLACK, REQUEST_LIMIT_BYTES);
    let answer = conductor.send(&request).await?;
    match answer.status {
        200 => Ok(answer.json::<Offer>()?.request),
        403 => Err(DialOutError::Token(answer.reason())),
        _ => Err(DialOutError::Refused(answer.reason())),
    }
}

/// Brings the answer to a request.
///
/// # Errors
/// When the conductor was not reached, or says no.
pub async fn deliver(
    conductor: &Conductor,
    session: &Session,
    id: Uuid,
    answer: &DialOutAnswer,
) -> Result<Delivery, DialOutError> {
    let request = with_token(session, answer_path(session.node.uuid, id))
        .body(json!(answer))
        .held(DELIVERY_TIME, DELIVERED_LIMIT_BYTES);
    let answer = conductor.send(&request).await?;
    match answer.status {
        200..300 => Ok(Delivery::Taken),
        404 => Ok(Delivery::Late),
        413 => Ok(Delivery::TooLarge),
        403 => Err(DialOutError::Token(answer.reason())),
        _ => Err(DialOutError::Refused(answer.reason())),
    }
}

/// A request that shows the token, in a header.
pub(super) fn with_token(session: &Session, path: String) -> Request {
    let token = session.token.as_deref().unwrap_or_default();
    Request::new(Method::POST, path).secret(FERRIC_AGENT_TOKEN, token)
}
