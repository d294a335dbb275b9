//! What was done to a disk, signed by the conductor that was told of it (`docs/erase-records.md`): the statement, its
//! envelope (DSSE), the key, and the check, which needs a file and nothing else.
//!
//! No store, no HTTP. What an agent says is foreign input: `check` is asked before anything is signed, and again by
//! whoever checks a file.

mod check;
mod envelope;
mod key;
mod statement;

#[cfg(test)]
mod tests;

pub(crate) use check::{check, clock_went_back};
pub(crate) use envelope::{FILE_LIMIT_BYTES, Verified, Wrong, file, sign, verify};
pub(crate) use key::{PublicKey, SigningKey};
pub(crate) use statement::{Statement, Whose, outcome_in_words, plain};
