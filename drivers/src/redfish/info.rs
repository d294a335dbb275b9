//! How to reach a Redfish BMC, parsed once from `driver_info`.

use std::fmt;
use std::path::PathBuf;

use serde_json::Value;
use url::Url;

use crate::DriverInfo;

/// Everything that `driver_info` says about a Redfish BMC. Two equal values can share a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RedfishInfo {
    /// Scheme, host and port; the path is `/`.
    pub(crate) address: Url,
    /// The path of the system resource; `None`: the only one.
    pub(crate) system: Option<String>,
    pub(crate) login: Option<Login>,
    pub(crate) auth: AuthType,
    pub(crate) verify: Verify,
}

/// An account of the BMC.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Login")
            .field("user", &self.user)
            .field("password", &"***")
            .finish()
    }
}

/// How the account is shown to the BMC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthType {
    Basic,
    Session,
    /// A session where the BMC has them, else basic.
    Auto,
}

/// How the BMC's certificate is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verify {
    SystemCas,
    /// A file or a directory of CA certificates.
    Cas(PathBuf),
    Nothing,
}

/// A value of `driver_info` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InfoError {
    #[error("redfish_address is missing in driver_info")]
    NoAddress,
    #[error(
        "redfish_address '{0}' in driver_info is not the URL of a BMC: use for example https://192.0.2.7"
    )]
    Address(String),
    #[error(
        "redfish_system_id '{0}' in driver_info is not the path of a system: use for example /redfish/v1/Systems/1"
    )]
    System(String),
    #[error("redfish_password in driver_info needs a redfish_username")]
    NoUser,
    #[error("redfish_username in driver_info needs a redfish_password")]
    NoPassword,
    #[error("redfish_auth_type '{0}' in driver_info is none of basic, session, auto")]
    AuthType(String),
    #[error("redfish_auth_type session in driver_info needs redfish_username and redfish_password")]
    SessionNeedsLogin,
    #[error("redfish_verify_ca {0} in driver_info is neither true or false nor an absolute path")]
    VerifyCa(String),
    #[error("{0} in driver_info must be a text")]
    NotText(&'static str),
}

impl RedfishInfo {
    pub(crate) fn parse(info: &DriverInfo) -> Result<Self, InfoError> {
        let login = login(info)?;
        let auth = auth_type(info)?;
        if auth == AuthType::Session && login.is_none() {
            return Err(InfoError::SessionNeedsLogin);
        }
        Ok(Self {
            address: address(info)?,
            system: system(info)?,
            login,
            auth,
            verify: verify(info)?,
        })
    }
}

fn address(info: &DriverInfo) -> Result<Url, InfoError> {
    let given = text(info, "redfish_address")?.ok_or(InfoError::NoAddress)?;
    let with_scheme = if given.contains("://") {
        given.to_owned()
    } else {
        format!("https://{given}")
    };
    let wrong = || InfoError::Address(given.to_owned());
    let mut url = Url::parse(&with_scheme).map_err(|_| wrong())?;
    // Credentials have keys of their own; in the address they would end up in logs.
    let usable = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none();
    if !usable {
        return Err(InfoError::Address(url.host_str().unwrap_or("?").to_owned()));
    }
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// Accepts a path, and also the bare name of a member of the collection.
fn system(info: &DriverInfo) -> Result<Option<String>, InfoError> {
    let Some(given) = text(info, "redfish_system_id")? else {
        return Ok(None);
    };
    let is_plain = !given.contains(['?', '#', '\\'])
        && !given.contains("//")
        && !given.split('/').any(|part| part == "..");
    match given.strip_prefix('/') {
        _ if !is_plain => Err(InfoError::System(given.to_owned())),
        Some(rest) if !rest.is_empty() => Ok(Some(given.trim_end_matches('/').to_owned())),
        None if !given.contains('/') => Ok(Some(format!("/redfish/v1/Systems/{given}"))),
        _ => Err(InfoError::System(given.to_owned())),
    }
}

fn login(info: &DriverInfo) -> Result<Option<Login>, InfoError> {
    match (
        text(info, "redfish_username")?,
        text(info, "redfish_password")?,
    ) {
        (Some(user), Some(password)) => Ok(Some(Login {
            user: user.to_owned(),
            password: password.to_owned(),
        })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(InfoError::NoUser),
        (Some(_), None) => Err(InfoError::NoPassword),
    }
}

fn auth_type(info: &DriverInfo) -> Result<AuthType, InfoError> {
    match text(info, "redfish_auth_type")? {
        None | Some("auto") => Ok(AuthType::Auto),
        Some("basic") => Ok(AuthType::Basic),
        Some("session") => Ok(AuthType::Session),
        Some(other) => Err(InfoError::AuthType(other.to_owned())),
    }
}

/// Truth comes as a boolean or as a text, because command lines know only texts.
fn verify(info: &DriverInfo) -> Result<Verify, InfoError> {
    let wrong = |value: &Value| Err(InfoError::VerifyCa(value.to_string()));
    match info.get("redfish_verify_ca") {
        None | Some(Value::Null | Value::Bool(true)) => Ok(Verify::SystemCas),
        Some(Value::Bool(false)) => Ok(Verify::Nothing),
        Some(value @ Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(Verify::SystemCas),
            "false" | "no" | "off" | "0" => Ok(Verify::Nothing),
            _ if text.starts_with('/') => Ok(Verify::Cas(PathBuf::from(text))),
            _ => wrong(value),
        },
        Some(other) => wrong(other),
    }
}

/// A text that is there and not empty.
fn text<'a>(info: &'a DriverInfo, key: &'static str) -> Result<Option<&'a str>, InfoError> {
    match info.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(_) => Err(InfoError::NotText(key)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ADDRESS: &str = "https://192.0.2.7";

    fn parsed(driver_info: &Value) -> Result<RedfishInfo, String> {
        RedfishInfo::parse(driver_info.as_object().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_is_a_url_or_a_host() {
        let cases = [
            ("https://192.0.2.7", Some("https://192.0.2.7/")),
            ("192.0.2.7", Some("https://192.0.2.7/")),
            ("bmc.example:8443", Some("https://bmc.example:8443/")),
            (
                "http://[2001:db8::7]:8000",
                Some("http://[2001:db8::7]:8000/"),
            ),
            ("https://192.0.2.7/redfish/v1/", Some("https://192.0.2.7/")),
            (" https://192.0.2.7 ", Some("https://192.0.2.7/")),
            ("ftp://192.0.2.7", None),
            ("https://admin:secret@192.0.2.7", None),
            ("https://", None),
        ];
        for (address, expected) in cases {
            let info = parsed(&json!({"redfish_address": address}));
            assert_eq!(
                info.as_ref().ok().map(|info| info.address.as_str()),
                expected,
                "{address}: {info:?}"
            );
            assert!(!format!("{info:?}").contains("secret"), "{info:?}");
        }
    }

    #[test]
    fn a_system_is_a_path_or_a_member() {
        let cases = [
            ("/redfish/v1/Systems/1", Some("/redfish/v1/Systems/1")),
            ("/redfish/v1/Systems/1/", Some("/redfish/v1/Systems/1")),
            (
                "System.Embedded.1",
                Some("/redfish/v1/Systems/System.Embedded.1"),
            ),
            ("//192.0.2.1/redfish/v1/Systems/1", None),
            ("http://192.0.2.1/redfish/v1/Systems/1", None),
            ("/redfish/v1/../../secret", None),
            ("/redfish/v1/Systems/1?x=y", None),
            ("Systems/1", None),
            ("/", None),
        ];
        for (given, expected) in cases {
            let info = parsed(&json!({"redfish_address": ADDRESS, "redfish_system_id": given}));
            assert_eq!(
                info.as_ref().ok().and_then(|info| info.system.as_deref()),
                expected,
                "{given}: {info:?}"
            );
        }
    }

    #[test]
    fn each_wrong_value_is_named() {
        let cases = [
            (json!({}), "redfish_address is missing in driver_info"),
            (
                json!({"redfish_address": 7}),
                "redfish_address in driver_info must be a text",
            ),
            (
                json!({"redfish_address": ADDRESS, "redfish_username": "admin"}),
                "redfish_username in driver_info needs a redfish_password",
            ),
            (
                json!({"redfish_address": ADDRESS, "redfish_password": "x"}),
                "redfish_password in driver_info needs a redfish_username",
            ),
            (
                json!({"redfish_address": ADDRESS, "redfish_auth_type": "session"}),
                "redfish_auth_type session in driver_info needs redfish_username and redfish_password",
            ),
            (
                json!({"redfish_address": ADDRESS, "redfish_verify_ca": "bmc.pem"}),
                "redfish_verify_ca \"bmc.pem\" in driver_info is neither true or false nor an absolute path",
            ),
        ];
        for (driver_info, expected) in cases {
            assert_eq!(parsed(&driver_info).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let info = parsed(&json!({"redfish_address": ADDRESS, "redfish_username": "admin", "redfish_password": "secret"})).unwrap();
        assert!(!format!("{info:?}").contains("secret"));
    }
}
