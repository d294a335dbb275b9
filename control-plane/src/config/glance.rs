//! `[glance]`: OpenStack's image service, who we are to it, and how machines get the bytes of its images.

use super::SettingsError;
use super::auth::{Login, Secret, WrittenCredentials, checked_url, default_domain};
use serde::Deserialize;
use std::path::PathBuf;

/// Where Glance is, and how its images are had.
#[derive(Clone, Debug)]
pub struct Glance {
    /// Without `/v2` and without a slash at its end.
    pub url: String,
    /// `None`: it asks for no token.
    pub login: Option<Login>,
    /// Certificates of the only authorities that are believed; `None`: those of the system.
    pub ca: Option<PathBuf>,
    pub access: Access,
    /// For an answer; a download ends when nothing comes for so long.
    pub timeout_s: u64,
    /// Also images that neither everybody nor our project may have, but that our credentials show us.
    pub allow_private_images: bool,
}

/// How a machine gets the bytes.
#[derive(Clone, Debug)]
pub enum Access {
    /// From the provisioning listener, which fetches them from Glance meanwhile.
    Proxy,
    /// From Glance itself, which asks for no token.
    Direct,
    /// From Swift, where Glance keeps them, by a URL that is signed for a while.
    TempUrl(TempUrl),
}

/// How temporary URLs of Swift are made.
#[derive(Clone, Debug)]
pub struct TempUrl {
    /// Of the object store, without API version and account.
    pub url: String,
    pub api_version: String,
    pub account: String,
    pub container: String,
    /// Letters of an image's UUID that stand in the name of its container; 0: there is one container.
    pub multiple_containers_seed: usize,
    pub key: Secret,
    pub digest: TempUrlDigest,
    pub duration_s: u64,
}

/// The hash of the signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TempUrlDigest {
    Sha1,
    #[default]
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AccessName {
    #[default]
    Proxy,
    Direct,
    TempUrl,
}

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GlanceSection {
    url: String,
    #[serde(default)]
    access: AccessName,
    auth_url: Option<String>,
    username: Option<String>,
    password: Option<Secret>,
    #[serde(default = "default_domain")]
    user_domain_name: String,
    project_name: Option<String>,
    #[serde(default = "default_domain")]
    project_domain_name: String,
    application_credential_id: Option<String>,
    application_credential_secret: Option<Secret>,
    ca: Option<PathBuf>,
    #[serde(default = "timeout_s")]
    timeout_s: u64,
    #[serde(default)]
    allow_private_images: bool,
    swift: Option<SwiftSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SwiftSection {
    url: String,
    #[serde(default = "api_version")]
    api_version: String,
    account: String,
    #[serde(default = "container")]
    container: String,
    #[serde(default)]
    multiple_containers_seed: usize,
    temp_url_key: Secret,
    #[serde(default)]
    temp_url_digest: TempUrlDigest,
    #[serde(default = "temp_url_duration_s")]
    temp_url_duration_s: u64,
}

fn timeout_s() -> u64 {
    30
}

fn api_version() -> String {
    "v1".to_owned()
}

fn container() -> String {
    "glance".to_owned()
}

fn temp_url_duration_s() -> u64 {
    1200
}

impl GlanceSection {
    pub(super) fn check(self) -> Result<Glance, SettingsError> {
        let url = checked_url("glance.url", &self.url)?;
        in_range("glance.timeout_s", self.timeout_s, 1, 300)?;
        let login = match self.auth_url {
            None if self.username.is_none() && self.application_credential_id.is_none() => None,
            None => {
                return Err(wrong(
                    "glance.auth_url",
                    "is missing: it is the URL of Keystone, to which the credentials belong",
                ));
            }
            Some(auth_url) => {
                let written = WrittenCredentials {
                    username: self.username,
                    password: self.password,
                    user_domain_name: self.user_domain_name,
                    project_name: self.project_name,
                    project_domain_name: self.project_domain_name,
                    application_credential_id: self.application_credential_id,
                    application_credential_secret: self.application_credential_secret,
                };
                let auth_url = checked_url("glance.auth_url", &auth_url)?;
                Some(Login::new(auth_url, written.check("[glance]")?))
            }
        };
        let access = match (self.access, self.swift) {
            (AccessName::TempUrl, Some(swift)) => Access::TempUrl(swift.check()?),
            (AccessName::TempUrl, None) => {
                return Err(wrong(
                    "[glance.swift]",
                    "is missing: glance.access = \"tempurl\" needs its url, account and temp_url_key",
                ));
            }
            (_, Some(_)) => {
                return Err(wrong(
                    "[glance.swift]",
                    "is read with glance.access = \"tempurl\" only: set that, or leave the section out",
                ));
            }
            (AccessName::Direct, None) if login.is_some() => {
                return Err(wrong(
                    "glance.access",
                    "= \"direct\" sends machines to a Glance that asks for no token, and there are credentials: \
                     use \"proxy\" or \"tempurl\"",
                ));
            }
            (AccessName::Direct, None) => Access::Direct,
            (AccessName::Proxy, None) => Access::Proxy,
        };
        Ok(Glance {
            url: url.strip_suffix("/v2").unwrap_or(&url).to_owned(),
            login,
            ca: self.ca,
            access,
            timeout_s: self.timeout_s,
            allow_private_images: self.allow_private_images,
        })
    }
}

impl SwiftSection {
    fn check(self) -> Result<TempUrl, SettingsError> {
        let duration_s = self.temp_url_duration_s;
        in_range("glance.swift.temp_url_duration_s", duration_s, 60, 604_800)?;
        let seed = u64::try_from(self.multiple_containers_seed).unwrap_or(u64::MAX);
        in_range("glance.swift.multiple_containers_seed", seed, 0, 32)?;
        for (setting, text) in [
            ("glance.swift.api_version", &self.api_version),
            ("glance.swift.account", &self.account),
            ("glance.swift.container", &self.container),
        ] {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if text.is_empty() || !text.bytes().all(plain) {
                return Err(SettingsError::Value {
                    setting,
                    value: text.clone(),
                    problem: "must be made of letters, digits, '-', '_' and '.'",
                });
            }
        }
        Ok(TempUrl {
            url: checked_url("glance.swift.url", &self.url)?,
            api_version: self.api_version,
            account: self.account,
            container: self.container,
            multiple_containers_seed: self.multiple_containers_seed,
            key: self.temp_url_key,
            digest: self.temp_url_digest,
            duration_s,
        })
    }
}

fn wrong(option: &'static str, problem: &str) -> SettingsError {
    SettingsError::Option {
        option,
        problem: problem.to_owned(),
    }
}

fn in_range(setting: &'static str, value: u64, least: u64, most: u64) -> Result<(), SettingsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(SettingsError::Value {
        setting,
        value: value.to_string(),
        problem: "is not a useful number: leave it out for the default",
    })
}

/// A section as a file has it, for tests.
#[cfg(test)]
pub(crate) fn glance_of(text: &str) -> Result<Glance, String> {
    let section: GlanceSection = toml::from_str(text).map_err(|error| error.to_string())?;
    section.check().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), &str>) {
        let outcome = glance_of(&format!("url = 'http://glance:9292/v2/'\n{text}"));
        match (outcome, expected) {
            (Ok(glance), Ok(())) => assert_eq!(glance.url, "http://glance:9292"),
            (Err(error), Err(part)) => {
                assert!(error.contains(part), "{error:?} does not contain {part:?}");
            }
            (outcome, expected) => panic!("{text:?}: {outcome:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn each_way_with_what_it_needs() {
        const LOGIN: &str =
            "auth_url = 'http://keystone:5000'\nusername = 'u'\npassword = 'hunter2'\n";
        const SWIFT: &str =
            "[swift]\nurl = 'http://swift'\naccount = 'AUTH_a'\ntemp_url_key = 'k'\n";
        check("", Ok(()));
        check(LOGIN, Ok(()));
        check("access = 'direct'", Ok(()));
        check("access = 'ftp'", Err("unknown variant `ftp`"));
        check("username = 'u'\npassword = 'p'", Err("glance.auth_url"));
        check("auth_url = 'http://k'", Err("[glance] needs either"));
        check(
            "auth_url = 'k'\nusername = 'u'\npassword = 'p'",
            Err("http://"),
        );
        check(&format!("access = 'direct'\n{LOGIN}"), Err("no token"));
        check("access = 'tempurl'", Err("[glance.swift] is missing"));
        check(&format!("access = 'tempurl'\n{LOGIN}{SWIFT}"), Ok(()));
        check(SWIFT, Err("tempurl"));
        let temp_url = format!("access = 'tempurl'\n{SWIFT}");
        check(
            &format!("{temp_url}temp_url_duration_s = 5"),
            Err("temp_url_duration_s = 5"),
        );
        check(
            &format!("{temp_url}multiple_containers_seed = 33"),
            Err("seed = 33"),
        );
        check(
            &format!("{temp_url}container = 'a/b'"),
            Err("letters, digits"),
        );
        check(
            &format!("{temp_url}temp_url_digest = 'md5'"),
            Err("unknown variant `md5`"),
        );
        let shown = format!("{:?}", glance_of(&format!("url = 'http://g'\n{LOGIN}")));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
