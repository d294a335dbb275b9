//! The system as a whole: one binary, one module a story.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails where it stands, and says what it saw"
)]

mod machines;
mod scripts;
mod tidy;
