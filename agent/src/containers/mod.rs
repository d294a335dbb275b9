//! Steps that are containers, run by podman or docker, and systems that are installed from one (`bootc`).
//!
//! Steps of a file in the ramdisk are trusted; an image that a step's arguments name must be allowed, and may then not
//! choose how it is run. The program is started without a shell, and no argument of it comes from an image's name.

mod bootc;
#[cfg(test)]
mod podman;
mod rules;
mod steps_file;
#[cfg(test)]
mod testing;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

pub(crate) use bootc::complete;
pub use bootc::{Bootc, BootcError, Places};
pub use rules::{Rules, Runner};
pub use steps_file::{ContainerStep, read as read_steps};

use crate::commands::shortened;
use crate::host::SystemPermit;
use crate::image::Stop;
use crate::run::{Limits, RunError, run_until, run_within};

/// For pulling an image, and for all that its container does.
const PULL_TIME: Duration = Duration::from_secs(2 * 3600);
const RUN_TIME: Duration = Duration::from_secs(7 * 86400);
/// For saying its version. A list of steps, which a conductor waits 60 s for, may have to ask both programs.
const VERSION_LIMITS: Limits = Limits {
    time: Duration::from_secs(4),
    output_bytes: 4096,
};

/// Programs that are looked for.
const RUNNERS: [Runner; 2] = [Runner::Podman, Runner::Docker];

/// The step that runs an image of its arguments, and its old name.
pub const GENERIC_STEPS: [&str; 2] = ["generic_container_step", "container_clean_step"];

#[derive(Debug, Error)]
pub enum ContainerError {
    #[error("reading the steps of containers in {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the steps of containers in {path} cannot be used: {reason}")]
    Steps { path: PathBuf, reason: String },
    #[error("container_url must be the name of an image, not {0:?}")]
    Image(String),
    #[error(
        "the container image {0} is not in [container]allowed_containers, and [container]allow_arbitrary_containers \
         is not set"
    )]
    NotPermitted(String),
    #[error("{runner}, which [container]runner names, cannot be used in this ramdisk")]
    Runner {
        runner: &'static str,
        #[source]
        source: RunError,
    },
    #[error("pulling the container image {image}")]
    Pull {
        image: String,
        #[source]
        source: RunError,
    },
    #[error("running the container image {image}")]
    Run {
        image: String,
        #[source]
        source: RunError,
    },
}

/// What a step says of its container; options are a list, or a text with blanks between them.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    pub container_url: Value,
    #[serde(default)]
    pub pull_options: Value,
    #[serde(default)]
    pub run_options: Value,
}

/// Where a step comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The ramdisk itself: whoever built it meant it so.
    Ramdisk,
    /// The arguments of a step, such as those of a runbook.
    Arguments,
}

/// A container as it is going to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    image: String,
    pull_options: Vec<String>,
    run_options: Vec<String>,
}

impl Container {
    /// Applies the rules.
    ///
    /// # Errors
    /// When the image may not be run.
    pub fn permitted(
        wanted: &Wanted,
        origin: Origin,
        rules: &Rules,
    ) -> Result<Self, ContainerError> {
        let image = wanted.container_url.as_str().unwrap_or_default();
        if !is_image(image) {
            return Err(ContainerError::Image(wanted.container_url.to_string()));
        }
        let may_choose = origin == Origin::Ramdisk || rules.allow_arbitrary;
        if !may_choose && !rules.allows(image) {
            tracing::error!(image, allowed = ?rules.allowed, "a container image is not permitted");
            return Err(ContainerError::NotPermitted(image.to_owned()));
        }
        let chosen = |options: &Value, usual: &[String]| {
            let options =
                rules::options(options).filter(|options| may_choose && !options.is_empty());
            options.unwrap_or_else(|| usual.to_vec())
        };
        Ok(Self {
            image: image.to_owned(),
            pull_options: chosen(&wanted.pull_options, &rules.pull_options),
            run_options: chosen(&wanted.run_options, &rules.run_options),
        })
    }

    /// Pulls the image and runs it to its end.
    ///
    /// # Errors
    /// When the program is not there, or the container fails.
    pub fn run(
        &self,
        _permit: &SystemPermit,
        runner: &RunnerProgram,
    ) -> Result<(), ContainerError> {
        let version = run_within(&runner.program, &["--version"], VERSION_LIMITS);
        version.map_err(|source| ContainerError::Runner {
            runner: runner.name,
            source,
        })?;
        let pulled = runner.run("pull", &self.pull_options, &self.image, PULL_TIME);
        pulled.map_err(|source| ContainerError::Pull {
            image: self.image.clone(),
            source,
        })?;
        let ran = runner.run("run", &self.run_options, &self.image, RUN_TIME);
        ran.map_err(|source| ContainerError::Run {
            image: self.image.clone(),
            source,
        })?;
        tracing::info!(self.image, "a container has done its work");
        Ok(())
    }
}

/// What the name of an image must be, to be taken for nothing else.
fn is_image(image: &str) -> bool {
    let is_sound = |byte: u8| byte.is_ascii_graphic();
    !image.is_empty() && !image.starts_with('-') && image.bytes().all(is_sound)
}

/// The program that runs containers.
#[derive(Clone, Debug)]
pub struct RunnerProgram {
    name: &'static str,
    program: String,
    stop: Stop,
}

impl RunnerProgram {
    /// `stop` ends whatever it runs.
    #[must_use]
    pub fn new(runner: Runner, stop: &Stop) -> Self {
        Self {
            name: runner.name(),
            program: runner.name().to_owned(),
            stop: stop.clone(),
        }
    }

    /// The options may hold passwords, so errors do not show them.
    fn run(
        &self,
        command: &str,
        options: &[String],
        image: &str,
        time: Duration,
    ) -> Result<(), RunError> {
        let options = options.iter().map(String::as_str);
        let arguments: Vec<&str> = std::iter::once(command)
            .chain(options)
            .chain([image])
            .collect();
        let limits = Limits {
            time,
            ..Limits::default()
        };
        let ended = run_until(&self.program, &arguments, limits, &self.stop);
        let output =
            ended.map_err(|error| error.called(&format!("{} {command} {image}", self.name)))?;
        let text = shortened(String::from_utf8_lossy(&output.stdout).into_owned());
        tracing::info!(
            command,
            image,
            output = text.trim(),
            "a container program ended"
        );
        Ok(())
    }
}

/// Whether this ramdisk has a program that runs containers.
#[must_use]
pub fn is_available() -> bool {
    RUNNERS
        .iter()
        .any(|runner| run_within(runner.name(), &["--version"], VERSION_LIMITS).is_ok())
}

#[cfg(test)]
mod tests;
