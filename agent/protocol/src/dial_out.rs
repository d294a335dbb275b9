//! How an agent that opens no port is commanded: it fetches each request, and brings the answer.
//!
//! A request is what the command API would be sent, and an answer what it would answer, byte for byte. A request stays
//! with the conductor until its answer has come, so one whose way to the agent was lost is given out again, under the
//! same id; what the agent has already it names in the next question.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The `callback_url` of an agent that cannot be called. No such name is ever in a name server (RFC 6761).
pub const CALLBACK_URL: &str = "https://dial-out.invalid";

/// A conductor that has nothing to ask answers so at the latest after this time.
pub const HOLD: Duration = Duration::from_secs(20);

/// As many requests an agent works on at the same time, and more it does not fetch.
pub const MAX_AT_ONCE: usize = 16;

/// The largest body of an answer.
pub const ANSWER_LIMIT_BYTES: usize = 64 << 20;

/// Where the node's agent fetches its requests, with `POST`.
#[must_use]
pub fn requests_path(node: Uuid) -> String {
    format!("/ferric/v1/agents/{node}/requests")
}

/// Where it brings the answer to a request, with `POST`.
#[must_use]
pub fn answer_path(node: Uuid, request: Uuid) -> String {
    format!("/ferric/v1/agents/{node}/answers/{request}")
}

/// The question for a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Requests that have come and are not answered yet: they are not to come again.
    #[serde(default)]
    pub known: Vec<Uuid>,
}

/// What is answered to it; a conductor may have the request behind a pointer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer<R = DialOutRequest> {
    /// `None`: there was nothing to ask.
    pub request: Option<R>,
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Asks for commands.
    Get,
    /// Starts one.
    Post,
}

/// One request to the command API. Without `Debug`: a body may hold a config drive or the hash of a password. The token
/// does not come along, since the agent has shown it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialOutRequest {
    /// The same however often the request is given out. Also the id of the command that it starts, if it names none.
    pub id: Uuid,
    /// What is to be done at the path.
    pub method: Method,
    /// `/v1/commands/`
    pub path: String,
    /// Without the token.
    #[serde(default)]
    pub query: Vec<(String, String)>,
    /// Ferric's own: the epoch, and the command's id.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// JSON, as text.
    #[serde(default)]
    pub body: Option<String>,
}

/// What the command API answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialOutAnswer {
    /// Of HTTP.
    pub status: u16,
    /// As HTTP would have carried it.
    pub body: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_has_this_form_on_the_wire() {
        let wire = json!({"request": {
            "id": Uuid::nil(), "method": "POST", "path": "/v1/commands/",
            "query": [["wait", "false"]], "headers": [["X-Ferric-Epoch", "7"]], "body": "{}",
        }});
        let offer: Offer = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&offer).unwrap(), wire);
        let nothing: Offer = serde_json::from_value(json!({})).unwrap();
        assert_eq!(
            serde_json::to_value(&nothing).unwrap(),
            json!({"request": null})
        );
    }

    #[test]
    fn what_an_older_side_leaves_out_is_empty() {
        let least = json!({"id": Uuid::nil(), "method": "GET", "path": "/v1/commands/"});
        let request: DialOutRequest = serde_json::from_value(least).unwrap();
        assert!(request.query.is_empty() && request.headers.is_empty());
        assert_eq!(request.body, None);
        let poll: Poll = serde_json::from_value(json!({})).unwrap();
        assert_eq!(poll, Poll::default());
    }

    #[test]
    fn paths_name_the_node_and_the_request() {
        let (node, request) = (Uuid::nil(), Uuid::from_u128(1));
        assert_eq!(
            requests_path(node),
            "/ferric/v1/agents/00000000-0000-0000-0000-000000000000/requests"
        );
        assert_eq!(
            answer_path(node, request),
            "/ferric/v1/agents/00000000-0000-0000-0000-000000000000/answers/00000000-0000-0000-0000-000000000001"
        );
    }
}
