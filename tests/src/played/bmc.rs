//! A fake machine's BMC from the other side: the file in which the conductor's fake driver keeps the machine.
//!
//! The machine itself looks here to see whether it was switched on, and writes here when it switches itself off.

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// One machine's file.
#[derive(Clone, Debug)]
pub struct Bmc {
    folder: PathBuf,
    name: String,
}

/// The machine as its BMC has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    pub on: bool,
    pub boots: u64,
    pub booted_from: Option<String>,
}

impl Bmc {
    pub fn new(folder: &Path, name: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.name))
    }

    /// A machine that nobody has asked anything of is off.
    pub fn look(&self) -> anyhow::Result<Condition> {
        let Ok(text) = fs::read_to_string(self.file()) else {
            return Ok(Condition::default());
        };
        let state: Value = serde_json::from_str(&text).context("reading a fake machine")?;
        Ok(Condition {
            on: state["power"] == "power on",
            boots: state["boots"].as_u64().unwrap_or(0),
            booted_from: state["booted_from"].as_str().map(str::to_owned),
        })
    }

    /// When the BMC was last told something. Reads leave no trace.
    pub fn last_change(&self) -> Option<Timestamp> {
        let changed = fs::metadata(self.file()).ok()?.modified().ok()?;
        Timestamp::try_from(changed).ok()
    }

    /// The machine switches itself off.
    pub fn switch_off(&self) -> anyhow::Result<()> {
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.folder.join(format!("{}.lock", self.name)))?;
        lock.lock()?;
        let mut state: Value = serde_json::from_str(&fs::read_to_string(self.file())?)?;
        state["power"] = json!("power off");
        let draft = self.folder.join(format!("{}.self", self.name));
        fs::write(&draft, state.to_string())?;
        fs::rename(draft, self.file())?;
        Ok(())
    }
}
