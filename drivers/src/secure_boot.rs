//! The keys by which a machine's firmware trusts what it boots.

use async_trait::async_trait;

use crate::BmcError;

/// What becomes of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysReset {
    /// Those that the machine came with.
    ToDefault,
    /// None: anything may be enrolled.
    Clear,
}

/// The secure boot of one machine.
#[async_trait]
pub trait SecureBoot: Send + Sync {
    /// Replaces every key; holds from the next boot on.
    async fn reset_keys(&self, reset: KeysReset) -> Result<(), BmcError>;
}
