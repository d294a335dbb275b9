//! The body of every answer with a status of 400 or above.
//!
//! Ironic's conductor reads `faultstring` of each such answer and fails itself when it is not a string.

use serde::{Deserialize, Serialize};

use crate::lenient;

/// The body of a refused or failed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `Client` or `Server`.
    #[serde(default)]
    pub faultcode: String,
    /// What went wrong, for people.
    #[serde(default, deserialize_with = "lenient::text")]
    pub faultstring: String,
}

impl Fault {
    /// The fault of an answer with this status: below 500 the client is to blame.
    #[must_use]
    pub fn of_status(status: u16, faultstring: impl Into<String>) -> Self {
        let faultcode = if status < 500 { "Client" } else { "Server" };
        Self {
            faultcode: faultcode.to_owned(),
            faultstring: faultstring.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_is_written_as_ironics_agent_writes_it() {
        let fault = Fault::of_status(401, "401 Unauthorized: Token invalid.");
        let json = serde_json::to_string(&fault).unwrap();
        let expected = r#"{"faultcode":"Client","faultstring":"401 Unauthorized: Token invalid."}"#;
        assert_eq!(json, expected);
    }
}
