//! Whether a machine's firmware boots what is signed only, and the keys by which it trusts.

use async_trait::async_trait;

use crate::{BmcError, TakesEffect};

/// What becomes of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysReset {
    /// Those that the machine came with.
    ToDefault,
    /// None: anything may be enrolled.
    Clear,
}

/// Whether secure boot is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecureBootState {
    /// What is not signed does not boot.
    On,
    /// Anything boots.
    Off,
}

impl SecureBootState {
    /// As Ironic's API has it.
    pub fn is_on(self) -> bool {
        self == SecureBootState::On
    }

    /// The state that a boolean stands for.
    pub fn of(on: bool) -> Self {
        if on {
            SecureBootState::On
        } else {
            SecureBootState::Off
        }
    }
}

/// The secure boot of one machine.
#[async_trait]
pub trait SecureBoot: Send + Sync {
    /// Reads whether it is on; `None`: the machine does not have it, or does not say.
    async fn state(&self) -> Result<Option<SecureBootState>, BmcError>;

    /// Switches it and looks whether that holds already. Asked for what is pending it does no harm.
    async fn set_state(&self, state: SecureBootState) -> Result<TakesEffect, BmcError>;

    /// Replaces every key; holds from the next boot on.
    async fn reset_keys(&self, reset: KeysReset) -> Result<(), BmcError>;
}
