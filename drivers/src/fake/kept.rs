//! A fake machine's state in a file, so that it outlives the process as a real machine's does.
//!
//! The file is what counts: others may look at it, and change it while they hold the lock of the file beside it. It is
//! replaced whole, so that a reader, or the next process after a kill, never sees half of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::machine::Condition;
use super::panel::lights;
use crate::{BootDevice, BootMode, BootSetting, IndicatorState, Persistence, PowerState};

/// Where one machine's state is kept.
#[derive(Debug)]
pub(super) struct Kept {
    file: PathBuf,
    lock: PathBuf,
}

impl Kept {
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        let name = file_name(name);
        Self {
            file: folder.join(format!("{name}.json")),
            lock: folder.join(format!("{name}.lock")),
        }
    }

    /// Held until it is dropped, and by nobody who has died.
    pub(super) fn lock(&self) -> io::Result<File> {
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.lock)?;
        lock.lock()?;
        Ok(lock)
    }

    /// `None` for a machine that nobody has asked anything of yet.
    pub(super) fn read(&self) -> io::Result<Option<Condition>> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let unusable = || {
            let problem = format!("{} is not the state of a machine", self.file.display());
            io::Error::new(io::ErrorKind::InvalidData, problem)
        };
        let value = serde_json::from_str(&text).map_err(|_| unusable())?;
        parse(&value).map(Some).ok_or_else(unusable)
    }

    pub(super) fn write(&self, condition: &Condition) -> io::Result<()> {
        let draft = self.file.with_extension("new");
        fs::write(&draft, show(condition).to_string())?;
        fs::rename(draft, &self.file)
    }
}

/// Names come from `driver_info`: whatever could lead out of the folder is written as a number.
fn file_name(name: &str) -> String {
    let mut safe = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02x}"));
        }
    }
    safe
}

fn show(condition: &Condition) -> Value {
    let persistent = condition
        .boot
        .persistence
        .map(|persistence| persistence == Persistence::Continuous);
    json!({
        "power": condition.power.name(),
        "boot_device": condition.boot.device.map(BootDevice::name),
        "boot_persistent": persistent,
        "boot_mode": condition.mode.name(),
        "secure_boot": condition.secure_boot,
        "indicators": condition.lights.iter().map(|(light, state)| (light.clone(), state.name().into()))
            .collect::<serde_json::Map<_, _>>(),
        "interrupts": condition.interrupts,
        "boots": condition.boots,
        "booted_from": condition.booted_from.map(BootDevice::name),
    })
}

fn parse(value: &Value) -> Option<Condition> {
    let power = [PowerState::On, PowerState::Off]
        .into_iter()
        .find(|power| value["power"] == power.name())?;
    let mode = [BootMode::Uefi, BootMode::Bios]
        .into_iter()
        .find(|mode| value["boot_mode"] == mode.name())?;
    let device = |key: &str| match &value[key] {
        Value::Null => Some(None),
        Value::String(name) => name.parse().ok().map(Some),
        _ => None,
    };
    let persistence = match &value["boot_persistent"] {
        Value::Null => None,
        Value::Bool(true) => Some(Persistence::Continuous),
        Value::Bool(false) => Some(Persistence::Once),
        _ => return None,
    };
    // Older files have no lights.
    let mut shine = lights();
    for (light, state) in value["indicators"].as_object().into_iter().flatten() {
        let state: IndicatorState = state.as_str()?.parse().ok()?;
        shine.insert(light.clone(), state);
    }
    Some(Condition {
        power,
        boot: BootSetting {
            device: device("boot_device")?,
            persistence,
        },
        mode,
        secure_boot: value["secure_boot"].as_bool().unwrap_or(false),
        lights: shine,
        interrupts: value["interrupts"].as_u64().unwrap_or(0),
        boots: value["boots"].as_u64()?,
        booted_from: device("booted_from")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert_eq!(file_name("rack-1_a"), "rack-1_a");
        assert_eq!(file_name("../etc/x"), "%2e%2e%2fetc%2fx");
        assert_ne!(file_name("a%2f"), file_name("a/"));
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path(), "a");
        assert_eq!(kept.read().unwrap(), None);
        let condition = Condition {
            power: PowerState::On,
            boot: BootSetting {
                device: Some(BootDevice::Pxe),
                persistence: Some(Persistence::Once),
            },
            mode: BootMode::Bios,
            secure_boot: true,
            lights: lights(),
            interrupts: 1,
            boots: 7,
            booted_from: None,
        };
        kept.write(&condition).unwrap();
        assert_eq!(kept.read().unwrap(), Some(condition));
        for damage in ["", "[]", "{}", r#"{"power":"on"}"#] {
            fs::write(folder.path().join("a.json"), damage).unwrap();
            let error = kept.read().unwrap_err().to_string();
            assert!(error.contains("a.json is not the state"), "{error}");
        }
    }
}
