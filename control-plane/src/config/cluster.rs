//! `[cluster]`: where this conductor and the others reach each other, and with which certificates.

use super::SettingsError;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use url::Url;

/// Where `ferric cluster` keeps its files in a state directory.
pub const FOLDER: &str = "cluster";
pub const CA: &str = "ca.pem";
pub const CERTIFICATE: &str = "certificate.pem";
pub const KEY: &str = "key.pem";

/// One conductor among others.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// For the other conductors, and nothing else.
    pub listen: SocketAddr,
    /// What the others are told: `https://ADDRESS:PORT`.
    pub url: String,
    /// The certificates (PEM) of the authorities whose conductors are believed; two while one replaces the other.
    pub ca: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// For a request that is handed to the owner of its node.
    pub forward_timeout_s: u64,
}

impl Cluster {
    pub const FORWARD_TIMEOUT_S: u64 = 60;
}

/// As it is written.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    listen: SocketAddr,
    url: Option<String>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    #[serde(default = "forward_timeout_s")]
    forward_timeout_s: u64,
}

fn forward_timeout_s() -> u64 {
    Cluster::FORWARD_TIMEOUT_S
}

impl Section {
    pub(super) fn check(self, state_dir: &Path) -> Result<Cluster, SettingsError> {
        if !(1..=3600).contains(&self.forward_timeout_s) {
            return Err(SettingsError::Value {
                setting: "cluster.forward_timeout_s",
                value: self.forward_timeout_s.to_string(),
                problem: "must be from 1 to 3600",
            });
        }
        let url = match self.url {
            Some(url) => checked_url(&url).map_err(|problem| SettingsError::Value {
                setting: "cluster.url",
                value: url,
                problem,
            })?,
            None if self.listen.ip().is_unspecified() => {
                return Err(SettingsError::Value {
                    setting: "cluster.listen",
                    value: self.listen.to_string(),
                    problem: "set cluster.url to what the other conductors reach, or listen on that address",
                });
            }
            None => format!("https://{}", self.listen),
        };
        let file =
            |set: Option<PathBuf>, name| set.unwrap_or_else(|| state_dir.join(FOLDER).join(name));
        Ok(Cluster {
            listen: self.listen,
            url,
            ca: file(self.ca, CA),
            certificate: file(self.certificate, CERTIFICATE),
            key: file(self.key, KEY),
            forward_timeout_s: self.forward_timeout_s,
        })
    }
}

/// `https://ADDRESS:PORT` without a slash at its end, or what is wrong with it.
pub(crate) fn checked_url(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "must have the form https://ADDRESS:PORT";
    let url = Url::parse(text).map_err(|_| FORM)?;
    let is_bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) if is_bare => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err(FORM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let section: Section = toml::from_str(text).unwrap();
        let outcome = section.check(Path::new("/state"));
        match (outcome, expected) {
            (Ok(cluster), Ok(url)) => assert_eq!(cluster.url, url, "{text}"),
            (Err(error), Err(part)) => {
                let error = error.to_string();
                assert!(error.contains(part), "{error} does not contain {part}");
            }
            (outcome, expected) => panic!("{text}: {outcome:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn the_others_are_told_where_to_call() {
        check("listen = '192.0.2.1:6390'", Ok("https://192.0.2.1:6390"));
        check("listen = '[::1]:6390'", Ok("https://[::1]:6390"));
        check(
            "listen = '0.0.0.0:6390'\nurl = 'https://one.example.org:6390/'",
            Ok("https://one.example.org:6390"),
        );
        check("listen = '0.0.0.0:6390'", Err("set cluster.url"));
        for url in [
            "http://192.0.2.1:1",
            "one:6390",
            "https://a/b",
            "https://u@a:1",
        ] {
            let text = format!("listen = '0.0.0.0:6390'\nurl = '{url}'");
            check(&text, Err("https://ADDRESS:PORT"));
        }
        check(
            "listen = '192.0.2.1:6390'\nforward_timeout_s = 0",
            Err("from 1 to 3600"),
        );
    }

    #[test]
    fn files_are_in_the_state_directory_unless_named() {
        let text = "listen = '192.0.2.1:6390'\nkey = '/etc/ferric/key.pem'";
        let cluster = toml::from_str::<Section>(text)
            .unwrap()
            .check(Path::new("/state"))
            .unwrap();
        assert_eq!(cluster.ca, Path::new("/state/cluster/ca.pem"));
        assert_eq!(cluster.key, Path::new("/etc/ferric/key.pem"));
    }
}
