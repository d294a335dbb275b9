//! The agent's settings: kernel command line, virtual media, INI files, flags; the later one wins, as with Ironic's.
//!
//! `Options` holds what was written, by Ironic's option names; `Settings` holds what was understood. Only
//! understood settings reach the rest of the program.

mod catalog;
mod cmdline;
mod containers;
mod direction;
mod discovery;
mod flags;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod ini;
mod log_filter;
mod managers;
mod options;
mod secret;
mod settings;

pub use direction::Direction;
pub use discovery::{DiscoveredService, Discovery, DiscoveryAnswer};
pub use flags::Flags;
pub use managers::ManagerSettings;
pub use options::OptionError;
pub use secret::Secret;
pub use settings::{
    AdvertiseSettings, ApiSettings, ClockSettings, ImageServerSettings, ImageSettings,
    InspectionSettings, ListenSettings, LookupSettings, OnClockFailure, Settings, TlsMode,
    TlsSettings,
};

use crate::media::{MediaError, VirtualMedia};
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
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(
        "no address of the API: set ipa-api-url on the kernel command line, api_url in a configuration file, or --api-url; \
         or, for an inspection and nothing else, ipa-inspection-callback-url"
    )]
    NoApi,
}

/// Reads everything that has a say, in order.
///
/// # Errors
/// When a file cannot be read or an option has a value that makes no sense.
pub fn load(flags: &Flags) -> Result<Settings, ConfigError> {
    load_beside(flags, None)
}

/// Reads virtual media too, if the machine was booted from such. On an ordinary host there are none to read.
///
/// # Errors
/// When a file cannot be read or an option has a value that makes no sense.
pub fn load_beside(flags: &Flags, media: Option<&VirtualMedia>) -> Result<Settings, ConfigError> {
    let mut parameters = KernelParameters::read(&flags.cmdline)?;
    let mut network_data = None;
    if parameters.get("boot_method") == Some("vmedia") {
        match media {
            Some(media) => network_data = read_media(&mut parameters, media)?,
            None => tracing::warn!("virtual media are read in a ramdisk only, and this is none"),
        }
    }
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
    let mut settings = Settings::from_options(&options, flags)?;
    settings.network_data = network_data;
    for option in options.unread() {
        match catalog::why_without_effect(&option) {
            Some(reason) => tracing::warn!(option, reason, "this option has no effect here"),
            None => tracing::warn!(option, "this option has no effect here"),
        }
    }
    Ok(settings)
}

/// What a BMC's medium says wins over the boot loader's command line; its files come to where all others are. Answers
/// with what it says of the networks.
fn read_media(
    parameters: &mut KernelParameters,
    media: &VirtualMedia,
) -> Result<Option<String>, MediaError> {
    match media.parameters()? {
        Some(text) => parameters.merge(KernelParameters::parse(&text)),
        None => tracing::info!("no virtual medium has parameters"),
    }
    for path in media.copy_configuration()? {
        tracing::info!(path = %path.display(), "a file of the virtual medium is used");
    }
    media.network_data()
}

#[cfg(test)]
mod tests;
