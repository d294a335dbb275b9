//! Who does what: from the names of implementations to handles. Registration of a new one is an arm in [`Drivers`].

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::fake::{FakeConsole, FakeHandle, FakeMachine, FakeMachines, OpenConsoles};
use crate::permit::Gate;
use crate::redfish::{BmcCache, RedfishInfo, System};
use crate::task_watch::TaskWatch;
use crate::{
    CallPermit, Console, DriverInfo, DriverPeriodic, Hardware, InterfaceKind, Interfaces, Power,
    Settings, Target, Vendor, fake, redfish,
};

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

/// Who stands behind the name of an implementation.
enum Implementation {
    Redfish(Arc<System>),
    Fake(Arc<FakeHandle>),
    /// Nobody, by that name.
    None(&'static str),
}

/// The jobs that find out how operations end.
fn watches() -> impl Iterator<Item = TaskWatch> {
    fake::WATCHES.iter().chain(redfish::WATCHES).copied()
}

/// Another way to machines than the drivers of this crate: a simulation's, which has no network and no BMC.
pub trait Connector: Send + Sync {
    /// The handles to the machine of this name, which ask the gate before they change anything.
    fn connect(&self, name: &str, gate: &Gate) -> Hardware;
}

/// Makes handles to machines, and keeps one session and one request budget for each BMC.
pub struct Drivers {
    bmcs: BmcCache,
    fakes: FakeMachines,
    /// Of fake machines.
    consoles: OpenConsoles,
    gate: Gate,
    call_timeout: Duration,
    periodics: Vec<Arc<dyn DriverPeriodic>>,
    connector: Option<Arc<dyn Connector>>,
}

impl Drivers {
    /// With machines of `fakes` for the fake interfaces.
    pub fn new(settings: Settings, fakes: FakeMachines) -> Self {
        let (gate, call_timeout) = (Gate::default(), settings.call_timeout);
        Self {
            bmcs: BmcCache::new(settings, gate.clone()),
            fakes,
            consoles: OpenConsoles::default(),
            gate,
            call_timeout,
            periodics: watches().map(|watch| Arc::new(watch) as _).collect(),
            connector: None,
        }
    }

    /// All machines are reached in this way, whatever their interfaces are.
    #[must_use]
    pub fn by_way_of(mut self, connector: Arc<dyn Connector>) -> Self {
        self.connector = Some(connector);
        self
    }

    /// From now on nothing is begun at any machine without this permit. Questions need none.
    pub fn ask_before_calls(&self, permit: Arc<dyn CallPermit>) {
        self.gate.set(permit);
    }

    /// The purpose of the periodic job that finds out how operations of this interface end; `None`: it has none that go on
    /// by themselves.
    pub fn watch_of(kind: InterfaceKind, implementation: &str) -> Option<&'static str> {
        watches()
            .find(|watch| watch.interface == kind && watch.implementation == implementation)
            .map(|watch| watch.purpose)
    }

    /// With one more periodic job.
    #[must_use]
    pub fn with_periodic(mut self, job: Arc<dyn DriverPeriodic>) -> Self {
        self.periodics.push(job);
        self
    }

    /// The periodic jobs of all drivers.
    pub fn periodics(&self) -> &[Arc<dyn DriverPeriodic>] {
        &self.periodics
    }

    /// The handles to a machine. No request is sent, so this does not fail because of the BMC.
    pub fn connect(
        &self,
        interfaces: &Interfaces,
        target: Target<'_>,
    ) -> Result<Hardware, ConnectError> {
        if let Some(connector) = &self.connector {
            return Ok(connector.connect(target.name, &self.gate));
        }
        let implementation = |kind| self.implementation(interfaces, kind, target);
        let power: Arc<dyn Power> = match implementation(InterfaceKind::Power)? {
            Implementation::Redfish(system) => system,
            Implementation::Fake(machine) => machine,
            Implementation::None(name) => {
                return Err(ConnectError::NotBuiltIn {
                    kind: InterfaceKind::Power,
                    name,
                });
            }
        };
        let mut hardware = Hardware {
            power,
            management: None,
            clock: None,
            secure_boot: None,
            indicators: None,
            sensors: None,
            virtual_media: None,
            bios: None,
            raid: None,
            firmware: None,
            console: self.console(interfaces, target)?,
            vendor: self.vendor(interfaces, target)?,
        };
        match implementation(InterfaceKind::Management)? {
            Implementation::Redfish(system) => {
                hardware.management = Some(system.clone());
                hardware.clock = Some(system.clone());
                hardware.secure_boot = Some(system.clone());
                hardware.indicators = Some(system.clone());
                hardware.sensors = Some(system.clone());
                hardware.virtual_media = Some(system);
            }
            Implementation::Fake(machine) => {
                hardware.management = Some(machine.clone());
                hardware.secure_boot = Some(machine.clone());
                hardware.indicators = Some(machine.clone());
                hardware.sensors = Some(machine.clone());
                hardware.virtual_media = Some(machine);
            }
            Implementation::None(_) => {}
        }
        match implementation(InterfaceKind::Bios)? {
            Implementation::Redfish(system) => hardware.bios = Some(system),
            Implementation::Fake(machine) => hardware.bios = Some(machine),
            Implementation::None(_) => {}
        }
        match implementation(InterfaceKind::Raid)? {
            Implementation::Redfish(system) => hardware.raid = Some(system),
            Implementation::Fake(machine) => hardware.raid = Some(machine),
            Implementation::None(_) => {}
        }
        match implementation(InterfaceKind::Firmware)? {
            Implementation::Redfish(system) => hardware.firmware = Some(system),
            Implementation::Fake(machine) => hardware.firmware = Some(machine),
            Implementation::None(_) => {}
        }
        Ok(hardware)
    }

    fn console(
        &self,
        interfaces: &Interfaces,
        target: Target<'_>,
    ) -> Result<Option<Arc<dyn Console>>, ConnectError> {
        let kind = InterfaceKind::Console;
        match interfaces.get(kind) {
            "fake" => Ok(Some(Arc::new(FakeConsole {
                machine: self.fake(target),
                open: self.consoles.clone(),
                gate: self.gate.clone(),
                limit: self.call_timeout,
            }))),
            name if name.starts_with("no-") => Ok(None),
            name => Err(ConnectError::NotBuiltIn { kind, name }),
        }
    }

    fn vendor(
        &self,
        interfaces: &Interfaces,
        target: Target<'_>,
    ) -> Result<Option<Arc<dyn Vendor>>, ConnectError> {
        Ok(
            match self.implementation(interfaces, InterfaceKind::Vendor, target)? {
                Implementation::Redfish(system) => Some(system),
                Implementation::Fake(machine) => Some(machine),
                Implementation::None(_) => None,
            },
        )
    }

    fn implementation(
        &self,
        interfaces: &Interfaces,
        kind: InterfaceKind,
        target: Target<'_>,
    ) -> Result<Implementation, ConnectError> {
        match interfaces.get(kind) {
            "redfish" => Ok(Implementation::Redfish(Arc::new(self.redfish(target)?))),
            "fake" => Ok(Implementation::Fake(Arc::new(self.fake_handle(target)))),
            name if name == "noop" || name.starts_with("no-") => Ok(Implementation::None(name)),
            // Volumes that the ramdisk makes are no business of a driver.
            "agent" => Ok(Implementation::None("agent")),
            name => Err(ConnectError::NotBuiltIn { kind, name }),
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

    fn fake_handle(&self, target: Target<'_>) -> FakeHandle {
        FakeHandle {
            machine: self.fake(target),
            gate: self.gate.clone(),
            limit: self.call_timeout,
        }
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
        if let Some(duration) = number(target.driver_info, "fake_async_steps_s") {
            machine.set_task_duration(Duration::from_secs(duration));
        }
        if let Some(delay) = milliseconds(target.driver_info, "fake_answer_delay_ms") {
            machine.set_answer_delay(delay);
        }
        machine
    }
}

fn milliseconds(driver_info: &DriverInfo, key: &str) -> Option<Duration> {
    number(driver_info, key).map(Duration::from_millis)
}

fn number(driver_info: &DriverInfo, key: &str) -> Option<u64> {
    let value = driver_info.get(key)?;
    value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}
