//! The set of fake machines that a process knows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::kept::Kept;
use super::machine::FakeMachine;

/// The fake machines by name. Clones share them, so that a test can restart a conductor around them.
#[derive(Clone, Debug, Default)]
pub struct FakeMachines {
    machines: Arc<Mutex<BTreeMap<String, Arc<FakeMachine>>>>,
    folder: Option<PathBuf>,
}

impl FakeMachines {
    /// Machines whose state is kept in files of this folder and outlives the process. Without one it does not.
    pub fn kept_in(folder: Option<PathBuf>) -> Self {
        Self {
            machines: Arc::default(),
            folder,
        }
    }

    /// The machine of that name; it comes into being when first asked for.
    pub fn machine(&self, name: &str) -> Arc<FakeMachine> {
        let kept = || self.folder.as_ref().map(|folder| Kept::new(folder, name));
        self.machines
            .lock()
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(FakeMachine::new(name, kept())))
            .clone()
    }
}
