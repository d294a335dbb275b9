//! Where hardware managers of others are, and how long they may think.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::options::{OptionError, Options};

/// A conductor waits 60 s for a list, for which a program may need all of this and then a moment to be ended.
const MOST: Duration = Duration::from_secs(50);

const FOLDER: &str = "/usr/lib/ferric/hardware-managers";

/// Hardware managers that are programs of their own.
#[derive(Clone, Debug)]
pub struct ManagerSettings {
    /// Each executable file in it is one.
    pub folder: PathBuf,
    /// For an answer to anything but a step.
    pub timeout: Duration,
}

impl ManagerSettings {
    pub(super) fn from_options(options: &Options) -> Result<Self, OptionError> {
        let absolute = |text: &str| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
        let folder = options.parsed("hardware_managers", "an absolute path", absolute)?;
        let name = "hardware_manager_timeout";
        let timeout = options.seconds(name, 30)?;
        if timeout.is_zero() || timeout > MOST {
            return Err(OptionError {
                name,
                wanted: "above 0, and at most 50 s",
                value: options.text(name).unwrap_or_default().to_owned(),
            });
        }
        Ok(Self {
            folder: folder.unwrap_or_else(|| Path::new(FOLDER).to_owned()),
            timeout,
        })
    }
}
