//! BIOS settings, which hold after a restart only.

use std::time::Duration;

use ferric_drivers::{BmcError, DriverInfo, Hardware, PowerAction, Progress, Started};

use super::{Outcome, step};

/// Settings that hold after a restart, and the way back; a BMC without any says so.
pub(crate) async fn try_settings(hardware: &Hardware) -> Outcome {
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
