//! What hardware goes on doing by itself: an operation answers that it is done, or with a record by which its end is
//! found out later, also by another process.
//!
//! Every operation may be asked for twice: it looks first how far the machine is, and does only what is missing. So a
//! conductor that died between an effect and its record simply asks again.

use serde_json::Value;

/// What came of asking for an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Started {
    /// It is done, or was done already.
    Done,
    /// The hardware goes on by itself.
    Pending {
        /// What `poll` needs to find out how it ends.
        record: Value,
        /// Whether it goes on at all without the machine being restarted.
        restart: Restart,
    },
}

/// Whether a machine must be restarted for an operation to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// It goes on when the machine starts the next time.
    Needed,
    /// It goes on whatever the machine does.
    NotNeeded,
}

/// How far an operation is that goes on by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Not at its end; the record to ask with the next time.
    Pending(Value),
    /// At its end, with success.
    Done,
    /// At its end, without; one sentence with the cause.
    Failed(String),
}
