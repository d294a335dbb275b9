//! The two tokens of a request, and how Keystone is asked about one.

use http::{HeaderMap, HeaderName};

const USER: HeaderName = HeaderName::from_static("x-auth-token");
const SERVICE: HeaderName = HeaderName::from_static("x-service-token");

/// Whether a token that has ended is taken, as far as Keystone is ready to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AllowExpired {
    Yes,
    No,
}

impl AllowExpired {
    pub(super) fn query(self) -> Vec<(&'static str, &'static str)> {
        let mut query = vec![("nocatalog", "1")];
        if self == Self::Yes {
            query.push(("allow_expired", "1"));
        }
        query
    }

    /// What is remembered of one is not of the other.
    pub(super) fn key(self) -> &'static [u8] {
        match self {
            Self::Yes => b"expired too",
            Self::No => b"",
        }
    }
}

/// The user's and the service's, where there are; an error for what can be no token.
pub(super) fn texts(headers: &HeaderMap) -> Result<(Option<&str>, Option<&str>), ()> {
    let text = |name: HeaderName| match headers.get(name) {
        None => Ok(None),
        Some(value) => value.to_str().map(|text| Some(text.trim())).map_err(|_| ()),
    };
    let given = |text: &&str| !text.is_empty();
    Ok((text(USER)?.filter(given), text(SERVICE)?.filter(given)))
}
