//! Leave to begin something at a machine, asked for right before it is sent. Whose a machine is, nobody here knows.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use crate::BmcError;

/// Whoever knows whether a machine may be touched at this moment.
pub trait CallPermit: Send + Sync {
    /// Whether a call that changes something may begin now, if it is over within `limit`, one way or the other.
    fn allows(&self, limit: Duration) -> bool;
}

/// What all handles ask; without a permit that was set everything is allowed.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<RwLock<Option<Arc<dyn CallPermit>>>>);

impl Gate {
    pub(crate) fn set(&self, permit: Arc<dyn CallPermit>) {
        *self.0.write() = Some(permit);
    }

    /// For whoever is about to change something at this address.
    pub(crate) fn check(
        &self,
        limit: Duration,
        address: &str,
        request: &str,
    ) -> Result<(), BmcError> {
        let permit = self.0.read().clone();
        if permit.is_none_or(|permit| permit.allows(limit)) {
            return Ok(());
        }
        Err(BmcError::NotPermitted {
            address: address.to_owned(),
            request: request.to_owned(),
        })
    }
}
