//! Who does what: from the names of implementations to handles. Registration of a new one is an arm in [`Drivers`].

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::fake::{self, FakeMachine, FakeMachines};
use crate::redfish::{BmcCache, RedfishInfo, System};
use crate::{DriverInfo, Hardware, InterfaceKind, Interfaces, Management, Power, Settings, Target};

/// Why no handle can be made; nothing was asked of the BMC yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A value of `driver_info` is missing or wrong.
    #[error("{0}")]
    DriverInfo(String),
    /// The certificates that the BMC is to be judged by cannot be used.
    #[error("preparing TLS for the BMC: check redfish_verify_ca in driver_info")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A name that no code stands behind.
    #[error("the {kind} interface '{name}' is not built in")]
    NotBuiltIn {
        /// The kind.
        kind: InterfaceKind,
        /// Its implementation.
        name: &'static str,
    },
}

/// Makes handles to machines, and keeps one session and one request budget for each BMC.
pub struct Drivers {
    bmcs: BmcCache,
    fakes: FakeMachines,
}

impl Drivers {
    /// With machines of `fakes` for the fake interfaces.
    pub fn new(settings: Settings, fakes: FakeMachines) -> Self {
        Self {
            bmcs: BmcCache::new(settings),
            fakes,
        }
    }

    /// The handles to a machine. No request is sent, so this does not fail because of the BMC.
    pub fn connect(
        &self,
        interfaces: &Interfaces,
        target: Target<'_>,
    ) -> Result<Hardware, ConnectError> {
        Ok(Hardware {
            power: self.power(interfaces, target)?,
            management: self.management(interfaces, target)?,
        })
    }

    fn power(
        &self,
        interfaces: &Interfaces,
        target: Target<'_>,
    ) -> Result<Arc<dyn Power>, ConnectError> {
        match interfaces.get(InterfaceKind::Power) {
            "redfish" => Ok(Arc::new(self.redfish(target)?)),
            "fake" => Ok(fake::power(&self.fake(target))),
            name => Err(ConnectError::NotBuiltIn {
                kind: InterfaceKind::Power,
                name,
            }),
        }
    }

    fn management(
        &self,
        interfaces: &Interfaces,
        target: Target<'_>,
    ) -> Result<Option<Arc<dyn Management>>, ConnectError> {
        match interfaces.get(InterfaceKind::Management) {
            "fake" => Ok(Some(fake::management(&self.fake(target)))),
            "redfish" => Ok(Some(Arc::new(self.redfish(target)?))),
            "noop" => Ok(None),
            name => Err(ConnectError::NotBuiltIn {
                kind: InterfaceKind::Management,
                name,
            }),
        }
    }

    /// Ends every session at the BMCs, for the end of the process.
    pub async fn close(&self) {
        self.bmcs.log_out().await;
    }

    fn redfish(&self, target: Target<'_>) -> Result<System, ConnectError> {
        let info = RedfishInfo::parse(target.driver_info)
            .map_err(|error| ConnectError::DriverInfo(error.to_string()))?;
        let bmc = self
            .bmcs
            .bmc(&info)
            .map_err(|source| ConnectError::Tls(Box::new(source)))?;
        Ok(System::new(bmc, &info, target.off_allowed))
    }

    fn fake(&self, target: Target<'_>) -> Arc<FakeMachine> {
        let address = target
            .driver_info
            .get("fake_address")
            .and_then(Value::as_str);
        let machine = self.fakes.machine(address.unwrap_or(target.name));
        if let Some(delay) = milliseconds(target.driver_info, "fake_delay_ms") {
            machine.set_delay(delay);
        }
        if let Some(delay) = milliseconds(target.driver_info, "fake_answer_delay_ms") {
            machine.set_answer_delay(delay);
        }
        machine
    }
}

fn milliseconds(driver_info: &DriverInfo, key: &str) -> Option<Duration> {
    let value = driver_info.get(key)?;
    let number = value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.map(Duration::from_millis)
}
