//! Faults that a test asks for: a BMC that is slow, or that answers everything with an error.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::error::Refusal;
use super::{Bmc, message};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// How long each answer is held back.
    pub latency_ms: u64,
    /// What each request is refused with; passwords are not even looked at.
    pub status: Option<u16>,
}

pub(super) async fn apply(State(bmc): State<Bmc>, request: Request, next: Next) -> Response {
    let fault = bmc.fault.lock().clone();
    tokio::time::sleep(Duration::from_millis(fault.latency_ms)).await;
    match fault
        .status
        .and_then(|status| StatusCode::from_u16(status).ok())
    {
        Some(status) => Refusal::new(status, &message::GENERAL_ERROR, &[])
            .because("A fault was injected.")
            .into_response(),
        None => next.run(request).await,
    }
}
