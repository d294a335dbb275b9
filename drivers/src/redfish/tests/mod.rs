//! The driver over HTTP against a service in the same process, whose oddities are data.

mod bios;
mod boot;
mod boot_mode;
mod clock;
mod exchange;
mod fake_bmc;
mod firmware;
mod indicators;
mod nmi;
mod oddities;
mod permit;
mod power;
mod raid;
mod resources;
mod secure_boot;
mod sensors;
mod session;
mod stopped;
mod tls;
mod vendor;
mod virtual_media;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use self::fake_bmc::{FakeBmc, PASSWORD, USER};
use self::oddities::{Auth, Oddities};
use crate::{
    DriverInfo, Drivers, Enabled, FakeMachines, Hardware, Management, OffAllowed, Settings, Target,
    resolve,
};

/// Bounds that a test can wait for.
fn quick() -> Settings {
    Settings {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(5),
        backoff: Duration::from_millis(5),
        longest_backoff: Duration::from_millis(20),
        poll_interval: Duration::from_millis(5),
        power_state_change_timeout: Duration::from_secs(5),
        soft_power_off_timeout: Duration::from_secs(5),
        boot_device_timeout: Duration::from_millis(50),
        ..Settings::default()
    }
}

fn drivers(settings: Settings) -> Drivers {
    Drivers::new(settings, FakeMachines::default())
}

/// The `driver_info` of a machine behind this BMC.
fn info(bmc: &FakeBmc) -> DriverInfo {
    let given = json!({"redfish_address": bmc.url(), "redfish_username": USER, "redfish_password": PASSWORD});
    given.as_object().unwrap().clone()
}

fn with(mut info: DriverInfo, key: &str, value: Value) -> DriverInfo {
    info.insert(key.to_owned(), value);
    info
}

fn connect(drivers: &Drivers, info: &DriverInfo) -> Hardware {
    connect_with(drivers, info, OffAllowed::Yes)
}

fn connect_with(drivers: &Drivers, info: &DriverInfo, off_allowed: OffAllowed) -> Hardware {
    let interfaces = resolve("redfish", &Enabled::default(), &BTreeMap::new()).unwrap();
    drivers
        .connect(
            &interfaces,
            Target {
                name: "node",
                driver_info: info,
                off_allowed,
            },
        )
        .unwrap()
}

/// A BMC with these oddities and a machine behind it.
async fn machine(oddities: Oddities) -> (FakeBmc, Hardware) {
    let bmc = FakeBmc::start(oddities).await;
    let hardware = connect(&drivers(quick()), &info(&bmc));
    (bmc, hardware)
}

fn management(hardware: &Hardware) -> &dyn Management {
    hardware.management.as_deref().unwrap()
}

fn with_auth(auth: Auth) -> Oddities {
    Oddities {
        auth,
        ..Oddities::default()
    }
}
