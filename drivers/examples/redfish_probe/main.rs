//! Drives power, boot device, boot mode, secure boot, lights, BIOS settings and virtual media of a real Redfish service
//! through the redfish driver, reads its sensors and firmware, and prints each step.
//!
//! `redfish_probe ADDRESS [USER PASSWORD [CA]]`: switches the machine off and on, restarts it, interrupts it, and sets its
//! boot device, boot mode, secure boot, lights and BIOS settings, so give it a machine that nobody needs. Exit code 0 when each step did what it should, 1 otherwise.

mod bios;
mod media;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use ferric_drivers::{
    BmcError, BootDevice, BootMode, DriverInfo, Drivers, Enabled, FakeMachines, Hardware,
    Management, Persistence, Power, PowerAction, PowerState, SecureBootState, Settings, Target,
    Validation, resolve, validate,
};

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own that talks to its user"
)]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let keys = [
        "redfish_address",
        "redfish_username",
        "redfish_password",
        "redfish_verify_ca",
    ];
    if arguments.is_empty() || arguments.len() == 2 || arguments.len() > keys.len() {
        eprintln!("usage: redfish_probe ADDRESS [USER PASSWORD [CA]]");
        return ExitCode::from(64);
    }
    let pairs = keys.iter().zip(arguments);
    let driver_info = pairs
        .map(|(key, value)| ((*key).to_owned(), value.into()))
        .collect();
    match probe(&driver_info).await {
        Ok(()) => {
            println!("ok    all steps");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("FAIL  {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn probe(driver_info: &DriverInfo) -> Outcome {
    let drivers = Drivers::new(Settings::default(), FakeMachines::default());
    let hardware = connect(&drivers, driver_info)?;
    let management = hardware
        .management
        .clone()
        .ok_or("the redfish hardware type has management")?;
    let outcome = async {
        power(hardware.power.as_ref()).await?;
        boot(management.as_ref()).await?;
        boot_mode(management.as_ref()).await?;
        secure_boot(&hardware).await?;
        lights(&hardware).await?;
        nmi(management.as_ref()).await?;
        clock(&hardware).await?;
        sensors(&hardware).await?;
        firmware(&hardware).await?;
        if is_here(driver_info) {
            media::try_drives(&hardware).await?;
        }
        bios::try_settings(&hardware).await
    };
    let outcome = outcome.await;
    drivers.close().await;
    outcome?;
    refused_password(driver_info).await
}

fn connect(drivers: &Drivers, driver_info: &DriverInfo) -> Result<Hardware, Box<dyn Error>> {
    let interfaces = resolve("redfish", &Enabled::default(), &BTreeMap::new())?;
    match validate(
        ferric_drivers::InterfaceKind::Power,
        &interfaces,
        driver_info,
    ) {
        Validation::Valid => {}
        other => return Err(format!("driver_info: {other:?}").into()),
    }
    Ok(drivers.connect(
        &interfaces,
        Target {
            name: "probe",
            driver_info,
            off_allowed: ferric_drivers::OffAllowed::Yes,
        },
    )?)
}

async fn power(power: &dyn Power) -> Outcome {
    let offered: Vec<_> = power
        .supported()
        .await?
        .into_iter()
        .map(PowerAction::name)
        .collect();
    step(&format!("power actions: {}", offered.join(", ")));
    for action in [
        PowerAction::Off,
        PowerAction::On,
        PowerAction::On,
        PowerAction::Reboot,
        PowerAction::SoftOff,
        PowerAction::On,
    ] {
        let from = power.get().await?.map_or("unknown", PowerState::name);
        power.set(action, None).await?;
        let now = power.get().await?;
        if now != Some(action.leads_to()) {
            return Err(format!("after '{}' the power state is {now:?}", action.name()).into());
        }
        step(&format!(
            "'{}' from '{from}': now '{}'",
            action.name(),
            action.leads_to().name()
        ));
    }
    Ok(())
}

async fn sensors(hardware: &Hardware) -> Outcome {
    let sensors = hardware.sensors.as_ref().ok_or("no sensors interface")?;
    let readings = sensors.read().await?;
    for reading in &readings {
        let (name, health) = (
            &reading.name,
            reading.health.as_deref().unwrap_or("unknown"),
        );
        let value = reading
            .value
            .map_or(String::new(), |value| format!(" {value}"));
        step(&format!(
            "sensor {:?} '{name}':{value} health {health}",
            reading.kind
        ));
    }
    step(&format!("{} sensors", readings.len()));
    Ok(())
}

async fn boot(management: &dyn Management) -> Outcome {
    let offered: Vec<_> = management
        .supported_boot_devices()
        .await?
        .into_iter()
        .map(BootDevice::name)
        .collect();
    step(&format!("boot devices: {}", offered.join(", ")));
    let settings = [
        (BootDevice::Pxe, Persistence::Once, None),
        (BootDevice::Disk, Persistence::Continuous, None),
        (BootDevice::Cdrom, Persistence::Once, Some(BootMode::Bios)),
        (BootDevice::Pxe, Persistence::Once, Some(BootMode::Uefi)),
    ];
    for (device, persistence, mode) in settings {
        management
            .set_boot_device(device, persistence, mode)
            .await?;
        let read = management.boot_device().await?;
        if read.device != Some(device) {
            return Err(format!(
                "after setting {} the boot device is {read:?}",
                device.name()
            )
            .into());
        }
        let shown = management.boot_mode().await?;
        if mode.is_some_and(|mode| shown != Some(mode)) {
            return Err(format!("after setting {mode:?} the boot mode is {shown:?}").into());
        }
        step(&format!(
            "boot device {} {persistence:?}, mode {mode:?}: BMC shows {read:?}, mode {shown:?}",
            device.name()
        ));
    }
    Ok(())
}

async fn boot_mode(management: &dyn Management) -> Outcome {
    for mode in [BootMode::Bios, BootMode::Uefi] {
        let takes_effect = management.set_boot_mode(mode).await?;
        let shown = management.boot_mode().await?;
        if shown != Some(mode) {
            return Err(
                format!("after setting {mode:?} ({takes_effect:?}) it is {shown:?}").into(),
            );
        }
    }
    step("boot mode bios, then uefi");
    Ok(())
}

/// On and off again; a BMC without it says so.
async fn secure_boot(hardware: &Hardware) -> Outcome {
    let secure_boot = hardware
        .secure_boot
        .as_deref()
        .ok_or("redfish has secure boot")?;
    let before = secure_boot.state().await?;
    if before.is_none() {
        step("no secure boot");
        return Ok(());
    }
    for state in [SecureBootState::On, SecureBootState::Off] {
        let takes_effect = secure_boot.set_state(state).await?;
        let shown = secure_boot.state().await?;
        if shown != Some(state) {
            return Err(
                format!("after setting {state:?} ({takes_effect:?}) it is {shown:?}").into(),
            );
        }
    }
    step(&format!("secure boot on, then off; it was {before:?}"));
    Ok(())
}

/// Each light that there is does all that it can.
async fn lights(hardware: &Hardware) -> Outcome {
    let lights = hardware
        .indicators
        .as_deref()
        .ok_or("redfish has indicators")?;
    let found = lights.list().await?;
    for light in &found {
        let (component, name) = (light.component, &light.name);
        for state in &light.states {
            lights.set(component, name, *state).await?;
            let shown = lights.get(component, name).await?;
            if shown != *state {
                return Err(
                    format!("the light {name} was set to {state:?} and is {shown:?}").into(),
                );
            }
        }
        step(&format!(
            "light {name}@{}: {:?}",
            component.name(),
            light.states
        ));
    }
    step(&format!("{} lights", found.len()));
    Ok(())
}

/// Few emulators know it; one that does not says so.
async fn nmi(management: &dyn Management) -> Outcome {
    match management.inject_nmi().await {
        Ok(()) => step("an NMI was sent"),
        Err(error @ (BmcError::NotOffered { .. } | BmcError::Refused { .. })) => {
            step(&format!("no NMI: {error}"));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn clock(hardware: &Hardware) -> Outcome {
    let clock = hardware.clock.as_deref().ok_or("management has a clock")?;
    match clock.read().await {
        Ok(reading) => step(&format!("the BMC's clock shows {}", reading.datetime)),
        Err(error) => step(&format!("no clock: {error}")),
    }
    Ok(())
}

async fn firmware(hardware: &Hardware) -> Outcome {
    let firmware = hardware.firmware.as_deref().ok_or("redfish has firmware")?;
    for one in firmware.components().await? {
        step(&format!("firmware of {}: {}", one.component, one.version));
    }
    Ok(())
}

/// A BMC elsewhere cannot fetch what this program serves.
fn is_here(driver_info: &DriverInfo) -> bool {
    let address = driver_info["redfish_address"].as_str();
    address.is_some_and(|address| address.contains("://127.0.0.1:"))
}

/// A wrong password must be named as such, at once.
async fn refused_password(driver_info: &DriverInfo) -> Outcome {
    if !driver_info.contains_key("redfish_password") {
        return Ok(());
    }
    let mut wrong = driver_info.clone();
    wrong.insert("redfish_password".to_owned(), "not the password".into());
    let drivers = Drivers::new(Settings::default(), FakeMachines::default());
    match connect(&drivers, &wrong)?.power.get().await {
        Err(error @ BmcError::Credentials { .. }) => step(&format!("a wrong password: {error}")),
        other => return Err(format!("a wrong password led to {other:?}").into()),
    }
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "a program of its own that talks to its user"
)]
fn step(text: &str) {
    println!("ok    {text}");
}

fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
