//! Placeholder.
pub mod conductor;
