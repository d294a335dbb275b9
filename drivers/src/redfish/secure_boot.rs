//! Secure boot and its keys by the `SecureBoot` resource of a system.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::System;
use super::boot::shown_mode;
use super::patch::patch;
use super::resource::Resource;
use crate::{BmcError, BootMode, KeysReset, SecureBoot, SecureBootState, TakesEffect};

#[async_trait]
impl SecureBoot for System {
    async fn state(&self) -> Result<Option<SecureBootState>, BmcError> {
        let system = System::read(self).await?;
        let Some(path) = system.link("/SecureBoot") else {
            return Ok(None);
        };
        Ok(shown(&self.bmc.get(path).await?))
    }

    async fn set_state(&self, state: SecureBootState) -> Result<TakesEffect, BmcError> {
        let system = System::read(self).await?;
        let secure_boot = self.secure_boot(&system).await?;
        if shown(&secure_boot) == Some(state) {
            return Ok(TakesEffect::Now);
        }
        if state.is_on() && shown_mode(&system) == Some(BootMode::Bios) {
            return Err(BmcError::NotOffered {
                address: self.bmc.name().to_owned(),
                wanted: "secure boot in the boot mode bios".to_owned(),
                offered: vec!["it in the boot mode uefi".to_owned()],
            });
        }
        // Some BMCs take settings for the next boot in a resource of their own.
        let place = match secure_boot.link("/@Redfish.Settings/SettingsObject") {
            Some(path) => self.bmc.get(path).await?,
            None => secure_boot.clone(),
        };
        patch(
            &self.bmc,
            &place,
            &json!({"SecureBootEnable": state.is_on()}),
        )
        .await?;
        let after = self.bmc.get(&secure_boot.path).await?;
        Ok(if shown(&after) == Some(state) {
            TakesEffect::Now
        } else {
            TakesEffect::AtNextBoot
        })
    }

    async fn reset_keys(&self, reset: KeysReset) -> Result<(), BmcError> {
        let secure_boot = self.secure_boot(&System::read(self).await?).await?;
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

impl System {
    async fn secure_boot(&self, system: &Resource) -> Result<Resource, BmcError> {
        let Some(path) = system.link("/SecureBoot") else {
            return Err(BmcError::NotOffered {
                address: self.bmc.name().to_owned(),
                wanted: "secure boot (the system has no SecureBoot resource)".to_owned(),
                offered: vec!["what its other resources hold".to_owned()],
            });
        };
        self.bmc.get(path).await
    }
}

fn shown(secure_boot: &Resource) -> Option<SecureBootState> {
    let enabled = secure_boot.value("/SecureBootEnable");
    enabled.and_then(Value::as_bool).map(SecureBootState::of)
}
