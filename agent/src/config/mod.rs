//! The agent's settings: kernel command line, then INI files, then flags; the later one wins, as in Ironic's agent.
//!
//! `Options` holds what was written, by Ironic's option names; `Settings` holds what was understood. Only
//! understood settings reach the rest of the program.

mod cmdline;
mod flags;
mod ini;
mod options;
mod secret;
mod settings;

pub use flags::Flags;
pub use options::OptionError;
pub use secret::Secret;
pub use settings::{
    AdvertiseSettings, ApiSettings, ImageServerSettings, ImageSettings, InspectionSettings,
    ListenSettings, LookupSettings, Settings, TlsMode, TlsSettings,
};

use cmdline::KernelParameters;
use options::Options;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("reading {path}")]
    Read {
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path}, line {line}: {what}")]
    Ini {
        path: std::path::PathBuf,
        line: usize,
        what: &'static str,
    },
    #[error(transparent)]
    Option(#[from] OptionError),
    #[error(
        "no address of the API: set ipa-api-url on the kernel command line, api_url in a configuration file, or --api-url"
    )]
    NoApi,
}

/// Reads everything that has a say, in order.
///
/// # Errors
/// When a file cannot be read or an option has a value that makes no sense.
pub fn load(flags: &Flags) -> Result<Settings, ConfigError> {
    let parameters = KernelParameters::read(&flags.cmdline)?;
    let mut options = Options::default();
    parameters.apply(&mut options);
    for directory in &flags.config_dirs {
        ini::read_directory(directory, &mut options)?;
    }
    // The one parameter that wins over the files, as in Ironic's agent: who starts a machine wants to see more.
    if let Some(debug) = parameters.get("ipa-debug") {
        options.set("debug", debug);
    }
    flags.apply(&mut options);
    let settings = Settings::from_options(&options, flags)?;
    for option in options.unread() {
        tracing::warn!(option, "this option has no effect here");
    }
    Ok(settings)
}

#[cfg(test)]
mod tests;
