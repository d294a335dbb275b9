//! The non-maskable interrupt: a type of reset that resets nothing.

use super::System;
use crate::BmcError;

const NMI: &str = "Nmi";

impl System {
    pub(super) async fn send_nmi(&self) -> Result<(), BmcError> {
        let system = self.read().await?;
        let offered = self.offered(&system).await?;
        if let Some(offered) = offered.filter(|offered| !offered.iter().any(|name| name == NMI)) {
            return Err(BmcError::NotOffered {
                address: self.bmc.name().to_owned(),
                wanted: "an NMI (reset type Nmi)".to_owned(),
                offered,
            });
        }
        self.send_first_taken(&system, &[NMI]).await
    }
}
