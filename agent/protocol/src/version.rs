//! Versions of Ironic's API, as far as the agent cares: `1.68`.

use std::fmt;
use std::str::FromStr;

/// A version of the API; they are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    /// The major number, 1 until today.
    pub major: u16,
    /// The microversion.
    pub minor: u16,
}

/// Why a text is not a version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API version looks like 1.68, not like {0:?}")]
pub struct InvalidVersion(String);

impl ApiVersion {
    /// What is assumed of a server that does not say its version.
    pub const ASSUMED: Self = Self::new(1, 31);
    /// From here on a heartbeat carries `agent_version`.
    pub const AGENT_VERSION: Self = Self::new(1, 36);
    /// From here on the lookup hands out a token and the heartbeat must carry it.
    pub const AGENT_TOKEN: Self = Self::new(1, 62);
    /// From here on a heartbeat may carry the agent's certificate.
    pub const AGENT_VERIFY_CA: Self = Self::new(1, 68);
    /// From here on inspection data are answered like a lookup.
    pub const INSPECTION_LOOKUP: Self = Self::new(1, 84);

    /// A version from its two numbers.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ApiVersion {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidVersion(text.to_owned());
        let (major, minor) = text.trim().split_once('.').ok_or_else(invalid)?;
        Ok(Self::new(
            major.parse().map_err(|_| invalid())?,
            minor.parse().map_err(|_| invalid())?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number_not_by_text() {
        let version: ApiVersion = "1.115".parse().unwrap();
        assert!(version > ApiVersion::AGENT_VERIFY_CA);
        assert_eq!(version.min(ApiVersion::AGENT_TOKEN).to_string(), "1.62");
    }

    #[test]
    fn text_that_is_no_version_is_refused() {
        for text in ["", "1", "latest", "1.-2", "1.99999999"] {
            assert!(text.parse::<ApiVersion>().is_err(), "{text}");
        }
    }
}
