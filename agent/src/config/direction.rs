//! Who connects to whom for the commands.

use ferric_agent_protocol::extensions::{Extension, Extensions};

use super::options::{OptionError, Options};

/// Who connects to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The conductor to this agent.
    In,
    /// This agent to the conductor, and no port is opened.
    Out,
}

impl Direction {
    pub(super) fn from_options(options: &Options) -> Result<Self, OptionError> {
        let is_out = options.flag("dial_out", false)?;
        Ok(if is_out { Self::Out } else { Self::In })
    }

    /// What a conductor is told that this agent knows. It would be wrong to offer what is not wanted.
    #[must_use]
    pub fn offered(self) -> Extensions {
        match self {
            Self::Out => Extensions::all(),
            Self::In => Extensions::all().without(Extension::DialOut),
        }
    }
}
