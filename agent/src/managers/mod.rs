//! Hardware managers: the built-in one, and programs of others that speak JSON over their standard input and output
//! (docs/hardware-managers.md).
//!
//! A program can do anything to the machine, so it needs a permit of the host guard. Whatever it does instead of answering
//! is an error with a sentence; it never takes the agent down, and nothing of it is left when a call is over.

mod answer;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod inspection;
mod log;
mod manager;
mod process;
mod program;
mod steps;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferric_agent_protocol::steps::StepKind;
use serde_json::Value;

use crate::commands::sentence;
use crate::config::ManagerSettings;
use crate::host::Host;
use crate::image::Stop;
use answer::CallError;
use manager::Extra;
use program::Program;

pub use manager::{Manager, StepOrder};
pub(crate) use steps::check_steps;
pub use steps::{Offer, deduplicate};

/// The name that lists of steps have for the built-in manager; it takes any machine.
pub const BUILT_IN: &str = "FerricAgent";
pub const BUILT_IN_SUPPORT: u32 = 1;

/// Steps that are containers are listed under this name, which is that of their manager in Ironic's agent.
pub const CONTAINERS: &str = "ContainerHardwareManager";

/// More than anybody needs; each costs the time of its answers.
const MAX_PROGRAMS: usize = 32;

/// What went wrong with a manager.
#[derive(Debug, thiserror::Error)]
#[error("hardware manager {name}, {call}")]
pub struct ManagerError {
    name: String,
    call: &'static str,
    #[source]
    source: CallError,
}

impl ManagerError {
    fn new(name: impl Into<String>, call: &'static str, source: CallError) -> Self {
        Self {
            name: name.into(),
            call,
            source,
        }
    }
}

/// The managers of others whose hardware this machine has.
#[derive(Debug, Default)]
pub struct Managers {
    /// The highest support comes first, and with the same support names from A to Z.
    managers: Vec<Arc<Manager>>,
    /// Why a program is none of them although it should, by the name of its file.
    failures: BTreeMap<String, String>,
    stop: Stop,
}

impl Managers {
    /// Asks each program of the folder what it is. Takes as long as the slowest answer: not for an async thread. `stop`
    /// ends whatever runs of them, now and later.
    #[must_use]
    pub fn find(
        settings: &ManagerSettings,
        only_devices: &[PathBuf],
        host: &Host,
        stop: &Stop,
    ) -> Self {
        let paths = programs(&settings.folder);
        if paths.is_empty() {
            return Self::default();
        }
        let permit = match host.permits_programs(only_devices) {
            Ok(permit) => permit,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, folder = %settings.folder.display(), "hardware managers are not used");
                return Self::default();
            }
        };
        let open = |path: PathBuf| {
            let program = Program::new(&permit, path, settings.timeout, stop);
            (program.file_name(), Manager::open(program))
        };
        let mut found = Self {
            stop: stop.clone(),
            ..Self::default()
        };
        for (file, opened) in together(paths, open) {
            match opened {
                Ok(Some(manager)) => found.add(file, manager),
                Ok(None) => {}
                Err(error) => found.fail(file, sentence(&error)),
            }
        }
        let rank = |manager: &Arc<Manager>| (Reverse(manager.support), manager.name.clone());
        found.managers.sort_by_cached_key(rank);
        found.initialize();
        found
    }

    fn add(&mut self, file: String, manager: Manager) {
        if self.managers.iter().any(|other| other.name == manager.name) {
            let text = format!("the name {} is that of another one", manager.name);
            self.fail(file, text);
        } else {
            self.managers.push(Arc::new(manager));
        }
    }

    fn fail(&mut self, file: String, text: String) {
        tracing::error!(file, text, "a hardware manager is not used");
        self.failures.insert(file, text);
    }

    /// In order, and one after the other: a later one may need what an earlier one has set up.
    fn initialize(&mut self) {
        for manager in std::mem::take(&mut self.managers) {
            if !manager.has(Extra::Initialize) {
                self.managers.push(manager);
                continue;
            }
            match manager.initialize() {
                Ok(()) => self.managers.push(manager),
                Err(error) => self.fail(manager.file_name(), sentence(&error)),
            }
        }
    }

    /// Ends whatever runs of them; from now on none is run.
    pub fn stop(&self) {
        self.stop.request();
    }

    /// Versions by names, the built-in one not among them.
    #[must_use]
    pub fn versions(&self) -> BTreeMap<String, String> {
        let versions = self.managers.iter();
        versions
            .map(|manager| (manager.name.clone(), manager.version.clone()))
            .collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.managers.is_empty()
    }

    /// The steps of all managers, in their order. All or nothing: with one missing, another manager's step would be run
    /// in place of its own.
    ///
    /// # Errors
    /// When a manager does not answer as it should.
    pub fn list_steps(
        &self,
        kind: StepKind,
        node: &Value,
        ports: &Value,
    ) -> Result<Vec<Offer>, ManagerError> {
        let list = |manager: Arc<Manager>| {
            let steps = manager.list_steps(kind, node, ports)?;
            Ok::<_, ManagerError>(Offer {
                name: manager.name.clone(),
                support: manager.support,
                manager: Some(manager),
                steps,
            })
        };
        together(self.managers.clone(), list).into_iter().collect()
    }
}

/// Does the same with all of them at the same time; the results are in the order of the items.
fn together<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads = items
            .into_iter()
            .map(|item| scope.spawn(move || work(item)));
        let threads: Vec<_> = threads.collect();
        threads
            .into_iter()
            .map(|thread| {
                let result = thread.join();
                result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// Executable files, by their names. Folders and other files may belong to them.
fn programs(folder: &Path) -> Vec<PathBuf> {
    let is_program = |path: &PathBuf| {
        let metadata = std::fs::metadata(path);
        let is_executable = |metadata: std::fs::Metadata| {
            metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
        };
        metadata.is_ok_and(is_executable)
    };
    let names = crate::host::names(folder);
    let visible = names.iter().filter(|name| !name.starts_with('.'));
    let mut paths: Vec<PathBuf> = visible
        .map(|name| folder.join(name))
        .filter(is_program)
        .collect();
    if paths.len() > MAX_PROGRAMS {
        tracing::error!(
            folder = %folder.display(),
            "only the first {MAX_PROGRAMS} hardware managers are used, of {}",
            paths.len()
        );
        paths.truncate(MAX_PROGRAMS);
    }
    paths
}
