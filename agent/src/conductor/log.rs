//! Bringing the conductor what the agent has logged, where that was agreed on.

use ferric_agent_protocol::log::{LogPiece, LogTaken, log_path};
use serde_json::json;

use super::client::Conductor;
use super::dial_out::{DialOutError, with_token};
use crate::state::Session;

/// Brings a piece; answers up to where the conductor knows this run of the agent now.
///
/// # Errors
/// When the conductor was not reached, or says no.
pub async fn bring_log(
    conductor: &Conductor,
    session: &Session,
    piece: &LogPiece,
) -> Result<LogTaken, DialOutError> {
    let request = with_token(session, log_path(session.node.uuid)).body(json!(piece));
    let answer = conductor.send(&request).await?;
    match answer.status {
        200 => Ok(answer.json()?),
        403 => Err(DialOutError::Token(answer.reason())),
        _ => Err(DialOutError::Refused(answer.reason())),
    }
}
