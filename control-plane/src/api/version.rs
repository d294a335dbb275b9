//! Microversions: which one a request asks for. Pure; the headers of the answer are `envelope`'s.

use http::HeaderMap;
use std::fmt;

/// Asks for a version; the answer carries the one that was used under the same name.
pub(super) const VERSION: &str = "x-openstack-ironic-api-version";
pub(super) const MINIMUM_VERSION: &str = "x-openstack-ironic-api-minimum-version";
pub(super) const MAXIMUM_VERSION: &str = "x-openstack-ironic-api-maximum-version";
/// The form shared by all OpenStack services: `baremetal 1.N`, among others' separated by commas.
const SHARED_VERSION: &str = "openstack-api-version";
const SERVICE: &str = "baremetal";

/// `1.N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ApiVersion(pub(super) u16);

impl ApiVersion {
    pub(super) const MIN: Self = Self(1);
    pub(super) const MAX: Self = Self(115);
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "1.{}", self.0)
    }
}

/// Why a request's version cannot be served (406).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum VersionError {
    #[error("the value of the header X-OpenStack-Ironic-API-Version is not a version such as 1.89")]
    Malformed,
    #[error("this is version 1 of the API, and the header asks for {0}: supported are {min} to {max}", min = ApiVersion::MIN, max = ApiVersion::MAX)]
    OtherMajor(String),
    #[error("the version {0} is not supported by this server: supported are {min} to {max}", min = ApiVersion::MIN, max = ApiVersion::MAX)]
    OutOfRange(String),
}

/// The version to answer with: the shared header before Ironic's own, the lowest one when there is neither.
pub(super) fn negotiate(headers: &HeaderMap) -> Result<ApiVersion, VersionError> {
    let (own, shared) = (text(headers, VERSION)?, shared(headers)?);
    match shared.or(own) {
        None | Some("") => Ok(ApiVersion::MIN),
        Some(latest) if latest.eq_ignore_ascii_case("latest") => Ok(ApiVersion::MAX),
        Some(asked) => parse(asked),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, VersionError> {
    let value = headers.get(name).map(|value| value.to_str()).transpose();
    let value = value.map_err(|_| VersionError::Malformed)?;
    Ok(value.map(str::trim))
}

/// The last entry for this service counts.
fn shared(headers: &HeaderMap) -> Result<Option<&str>, VersionError> {
    let entries = text(headers, SHARED_VERSION)?
        .unwrap_or_default()
        .split(',');
    let mut ours = entries.filter_map(|entry| match entry.trim().split_once(' ') {
        Some((service, version)) if service.eq_ignore_ascii_case(SERVICE) => Some(version.trim()),
        Some(_) | None => None,
    });
    Ok(ours.next_back())
}

fn parse(asked: &str) -> Result<ApiVersion, VersionError> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (major, minor) = asked.split_once('.').ok_or(VersionError::Malformed)?;
    if !digits(major) || !digits(minor) {
        return Err(VersionError::Malformed);
    }
    if major.parse() != Ok(1) {
        return Err(VersionError::OtherMajor(asked.to_owned()));
    }
    let version = minor.parse().map(ApiVersion).ok();
    version
        .filter(|version| (ApiVersion::MIN..=ApiVersion::MAX).contains(version))
        .ok_or_else(|| VersionError::OutOfRange(asked.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(own: Option<&str>, shared: Option<&str>, expected: Result<u16, &str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in [(VERSION, own), (SHARED_VERSION, shared)] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
        }
        let found = negotiate(&headers).map(|version| version.0);
        let found = found.map_err(|error| error.to_string());
        match (found, expected) {
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned)),
        }
    }

    #[test]
    fn ironics_own_header() {
        check(None, None, Ok(1));
        check(Some(""), None, Ok(1));
        check(Some("1.1"), None, Ok(1));
        check(Some("1.89"), None, Ok(89));
        check(Some("1.02"), None, Ok(2));
        check(Some("latest"), None, Ok(115));
        check(Some("Latest"), None, Ok(115));
        check(Some("1.0"), None, Err("1.0 is not supported"));
        check(Some("1.116"), None, Err("1.116 is not supported"));
        check(
            Some("1.99999999999999999999"),
            None,
            Err("is not supported"),
        );
        check(Some("2.1"), None, Err("asks for 2.1"));
        for malformed in [
            "1", "abc", "1.2.3", "1.x", ".", "1.-1", "+1.5", "1.+5", "1. 5", "1.ä",
        ] {
            check(Some(malformed), None, Err("not a version"));
        }
    }

    #[test]
    fn the_shared_header_goes_first() {
        check(Some("1.33"), Some("baremetal 1.9"), Ok(9));
        check(None, Some("baremetal latest"), Ok(115));
        check(None, Some("compute 2.1, baremetal 1.7"), Ok(7));
        check(Some("1.33"), Some("compute 2.1"), Ok(33));
        check(None, Some("latest"), Ok(1));
        check(None, Some("baremetal x"), Err("not a version"));
        check(None, Some("bäremetal 1.7"), Err("not a version"));
    }
}
