//! Secure boot keys by the `SecureBoot` resource of a system.

use async_trait::async_trait;
use serde_json::json;

use super::System;
use crate::{BmcError, KeysReset, SecureBoot};

#[async_trait]
impl SecureBoot for System {
    async fn reset_keys(&self, reset: KeysReset) -> Result<(), BmcError> {
        let system = System::read(self).await?;
        let Some(path) = system.link("/SecureBoot") else {
            return Err(BmcError::NotOffered {
                address: self.bmc.name().to_owned(),
                wanted: "secure boot keys (the system has no SecureBoot resource)".to_owned(),
                offered: vec!["what its other resources hold".to_owned()],
            });
        };
        let secure_boot = self.bmc.get(path).await?;
        let default = format!("{}/Actions/SecureBoot.ResetKeys", secure_boot.path);
        let target = secure_boot.text("/Actions/#SecureBoot.ResetKeys/target");
        let kind = match reset {
            KeysReset::ToDefault => "ResetAllKeysToDefault",
            KeysReset::Clear => "DeleteAllKeys",
        };
        let body = json!({"ResetKeysType": kind});
        self.bmc.post(target.unwrap_or(&default), &body).await
    }
}
