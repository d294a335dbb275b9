//! One machine behind a BMC: the system resource.

use std::sync::Arc;

use super::resource::Resource;
use super::{Bmc, RedfishInfo};
use crate::{BmcError, OffAllowed};

#[derive(Clone)]
pub(crate) struct System {
    pub(super) bmc: Arc<Bmc>,
    configured: Option<String>,
    pub(super) off_allowed: OffAllowed,
}

impl System {
    pub(crate) fn new(bmc: Arc<Bmc>, info: &RedfishInfo, off_allowed: OffAllowed) -> Self {
        Self {
            bmc,
            configured: info.system.clone(),
            off_allowed,
        }
    }

    /// Reads the system as it is now.
    pub(super) async fn read(&self) -> Result<Resource, BmcError> {
        let Some(path) = &self.configured else {
            let path = self.bmc.only_system().await?;
            return match self.bmc.get(&path).await {
                Err(BmcError::Refused { status: 404, .. }) => {
                    self.bmc.forget_system();
                    self.bmc.get(&self.bmc.only_system().await?).await
                }
                other => other,
            };
        };
        self.bmc.get(path).await
    }
}
