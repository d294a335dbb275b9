//! What an agent comes for by itself, as a call, and done by the owner of its node.

use super::answer::NodeAnswer as Answer;
use crate::conductor::Conductor;
use crate::conductor::requests::RequestError;
use ferric_agent_protocol::dial_out::DialOutAnswer;
use ferric_agent_protocol::log::LogPiece;
use ferric_model::ids::NodeId;
use ferric_model::node::agent_session::Token;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// One of three things; one that opens no port does the first two.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "comes", content = "with", rename_all = "snake_case")]
pub(crate) enum Visit {
    /// To fetch a request other than those that it knows; it waits so long for one.
    ToFetch {
        token: Token,
        known: Vec<Uuid>,
        hold: Duration,
    },
    /// To bring the answer to one.
    ToBring {
        request: Uuid,
        answer: DialOutAnswer,
    },
    /// With what it has logged.
    WithLog { token: Token, piece: LogPiece },
}

impl Conductor {
    pub(super) async fn receive(&self, node: NodeId, visit: Visit) -> Result<Answer, RequestError> {
        match visit {
            Visit::ToFetch { token, known, hold } => {
                let fetching = self.do_fetch_for_agent(node, &token, &known, hold);
                Ok(Answer::DialOut(fetching.await))
            }
            Visit::ToBring { request, answer } => {
                self.do_take_agents_answer(node, request, answer)?;
                Ok(Answer::Nothing)
            }
            Visit::WithLog { token, piece } => {
                let telling = self.do_take_agents_log(node, token, piece);
                Ok(Answer::LogTaken(telling.await?))
            }
        }
    }
}
