//! `[healthcheck]`: whether load balancers and the like are told that the API is up. The names are Ironic's.

use super::SettingsError;
use ferric_model::network::Network;
use std::path::PathBuf;
use std::time::Duration;

/// As it is written.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    enabled: bool,
    detailed: bool,
    disable_by_file_path: Option<PathBuf>,
    enable_by_file_paths: Vec<PathBuf>,
    allowed_source_ranges: Vec<String>,
    ignore_proxied_requests: bool,
    store_timeout_s: u64,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            enabled: false,
            detailed: false,
            disable_by_file_path: None,
            enable_by_file_paths: Vec::new(),
            allowed_source_ranges: Vec::new(),
            ignore_proxied_requests: false,
            store_timeout_s: 5,
        }
    }
}

/// Checked.
#[derive(Clone, Debug)]
pub struct Healthcheck {
    /// Whether whoever asks is told what was looked at, and of the process.
    pub detailed: bool,
    /// As long as there is such a file, the API is said to be down.
    pub disable_by_file: Option<PathBuf>,
    /// It is said to be down as well while one of these is missing.
    pub enable_by_files: Vec<PathBuf>,
    /// Who is answered; nobody named: everybody.
    pub allowed_source_ranges: Vec<Network>,
    /// Whether what comes by a proxy is not answered.
    pub ignore_proxied_requests: bool,
    /// For one read of the store.
    pub store_timeout: Duration,
}

impl Section {
    /// `None` where it is off.
    pub(super) fn check(self) -> Result<Option<Healthcheck>, SettingsError> {
        if self.store_timeout_s == 0 || self.store_timeout_s > 60 {
            return Err(SettingsError::Value {
                setting: "healthcheck.store_timeout_s",
                value: self.store_timeout_s.to_string(),
                problem: "must be from 1 to 60",
            });
        }
        let ranges = self.allowed_source_ranges.iter().map(|text| {
            Network::parse(text).map_err(|problem| SettingsError::Option {
                option: "healthcheck.allowed_source_ranges",
                problem: format!("has the entry {text:?}: {problem}"),
            })
        });
        let allowed_source_ranges = ranges.collect::<Result<_, _>>()?;
        Ok(self.enabled.then_some(Healthcheck {
            detailed: self.detailed,
            disable_by_file: self.disable_by_file_path,
            enable_by_files: self.enable_by_file_paths,
            allowed_source_ranges,
            ignore_proxied_requests: self.ignore_proxied_requests,
            store_timeout: Duration::from_secs(self.store_timeout_s),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Option<Healthcheck>, String> {
        let section: Section = toml::from_str(text).map_err(|error| error.to_string())?;
        section.check().map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_off_unless_it_is_switched_on() {
        assert!(check("").unwrap().is_none());
        let on = check("enabled = true").unwrap().unwrap();
        assert!(on.allowed_source_ranges.is_empty() && on.disable_by_file.is_none());
        assert_eq!(on.store_timeout, Duration::from_secs(5));
        assert!(!on.detailed);
        let detailed = check("enabled = true\ndetailed = true");
        assert!(detailed.unwrap().unwrap().detailed);
        let near = check("enabled = true\nallowed_source_ranges = ['192.0.2.0/24', '::1']");
        assert_eq!(near.unwrap().unwrap().allowed_source_ranges.len(), 2);
    }

    #[test]
    fn what_makes_no_sense_is_refused_also_where_it_is_off() {
        let refused = |text: &str, part: &str| {
            let error = check(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        refused("backends = ['disable_by_file']", "unknown field `backends`");
        refused("store_timeout_s = 0", "must be from 1 to 60");
        refused(
            "allowed_source_ranges = ['192.0.2.0/99']",
            "is not a network",
        );
    }
}
