//! Drives power, boot device, boot mode, secure boot, lights, BIOS settings and virtual media of a real Redfish service
//! through the redfish driver, reads its sensors and firmware, and prints each step.
//!
//! `redfish_probe ADDRESS [USER PASSWORD [CA]]`: switches the machine off and on, restarts it, interrupts it, and sets its
//! boot device, boot mode, secure boot, lights and BIOS settings, so give it a machine that nobody needs. Exit code 0 when each step did what it should, 1 otherwise.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use ferric_drivers::{
    BmcError, BootDevice, BootMode, DriverInfo, Drivers, Enabled, FakeMachines, Hardware,
    Management, MediaDevice, MediaSlot, Persistence, Power, PowerAction, PowerState, Progress,
    SecureBootState, Settings, Started, Target, Validation, VirtualMedia, resolve, validate,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

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
            media(&hardware).await?;
        }
        bios(&hardware).await
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

/// An image of our own goes into a drive and out of it; a BMC without drives says so.
async fn media(hardware: &Hardware) -> Outcome {
    let media = hardware.virtual_media.as_deref();
    let media = media.ok_or("redfish has virtual media")?;
    match media.slots().await {
        Err(error @ BmcError::NotOffered { .. }) => {
            step(&format!("no virtual media: {error}"));
            return Ok(());
        }
        other => step(&format!("{} virtual drives", other?.len())),
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/probe.iso", listener.local_addr()?);
    tokio::select! {
        biased;
        outcome = in_and_out(media, &url) => outcome,
        broken = serve(&listener) => broken,
    }
}

async fn in_and_out(media: &dyn VirtualMedia, url: &str) -> Outcome {
    let holds = async || -> Result<bool, BmcError> {
        let slots = media.slots().await?;
        let is_it =
            |slot: &MediaSlot| slot.inserted == Some(true) && slot.image.as_deref() == Some(url);
        Ok(slots.iter().any(is_it))
    };
    // The second time in the place of the first.
    for _ in 0..2 {
        media.attach(MediaDevice::Cdrom, url).await?;
        if !holds().await? {
            return Err("an image was attached, and no drive shows it".into());
        }
    }
    for _ in 0..2 {
        media.detach(&[MediaDevice::Cdrom]).await?;
        if holds().await? {
            return Err("an image was detached, and a drive shows it".into());
        }
    }
    step("an image attached and detached");
    Ok(())
}

/// The same few bytes for every request, for as long as it is polled.
async fn serve(listener: &TcpListener) -> Outcome {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await?;
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nprobe";
        stream.write_all(answer).await?;
        stream.shutdown().await?;
    }
}

/// Settings that hold after a restart, and the way back; a BMC without any says so.
async fn bios(hardware: &Hardware) -> Outcome {
    const SETTING: &str = "ProcTurboMode";
    let bios = hardware.bios.as_deref().ok_or("redfish has BIOS")?;
    let settings = match bios.settings().await {
        Err(error @ BmcError::NotOffered { .. }) => {
            step(&format!("no BIOS settings: {error}"));
            return Ok(());
        }
        other => other?,
    };
    let before = settings.get(SETTING).cloned();
    let described = bios.described_settings().await?;
    if described.len() != settings.len() {
        return Err(format!(
            "{} settings, and {} described",
            settings.len(),
            described.len()
        )
        .into());
    }
    step(&format!("{} BIOS settings", settings.len()));
    let wanted = || -> DriverInfo {
        let pair = (SETTING.to_owned(), "Disabled".into());
        [pair].into_iter().collect()
    };
    finish(hardware, bios.apply_configuration(wanted()).await?).await?;
    let shown = bios.settings().await?.get(SETTING).cloned();
    if shown != Some("Disabled".into()) {
        return Err(format!("after setting {SETTING} it is {shown:?}").into());
    }
    let again = bios.apply_configuration(wanted()).await?;
    if again != Started::Done {
        return Err(format!("what holds is set again: {again:?}").into());
    }
    step(&format!("{SETTING} set, and not again"));
    finish(hardware, bios.factory_reset().await?).await?;
    let shown = bios.settings().await?.get(SETTING).cloned();
    if shown != before {
        return Err(format!("after a factory reset {SETTING} is {shown:?}, not {before:?}").into());
    }
    step("a factory reset brings it back");
    Ok(())
}

/// Restarts the machine, and asks how far it is until it is done.
async fn finish(hardware: &Hardware, started: Started) -> Outcome {
    let Started::Pending { mut record, .. } = started else {
        return Err("settings hold before a restart".into());
    };
    hardware.power.set(PowerAction::Reboot, None).await?;
    let bios = hardware.bios.as_deref().ok_or("redfish has BIOS")?;
    for _ in 0..60 {
        match bios.poll(&record).await? {
            Progress::Done => return Ok(()),
            Progress::Failed(cause) => return Err(cause.into()),
            Progress::Pending(next) => record = next,
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Err("the settings do not hold a minute after the restart".into())
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
