//! The header `Authorization: Basic`: base64 of a user's name, a colon and the password.

use crate::auth::Refusal;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, header};

pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: Vec<u8>,
}

impl Credentials {
    /// `None`: there is no such header; 400 for one that cannot be read, as Ironic has it.
    pub(super) fn read(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Ok(None);
        };
        let value = value.to_str().ok().and_then(|value| {
            let (scheme, rest) = value.trim().split_once(char::is_whitespace)?;
            Some((scheme, rest.trim()))
        });
        let Some((scheme, token)) = value else {
            return Err(Refusal::Malformed("Could not parse Authorization header"));
        };
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(Refusal::Malformed(
                "Unsupported authorization type: only Basic is understood",
            ));
        }
        Self::decode(token)
            .map(Some)
            .ok_or(Refusal::Malformed("Could not decode authorization token"))
    }

    fn decode(token: &str) -> Option<Self> {
        let pair = BASE64_STANDARD.decode(token).ok()?;
        let colon = pair.iter().position(|byte| *byte == b':')?;
        Some(Self {
            user: String::from_utf8(pair.get(..colon)?.to_vec()).ok()?,
            password: pair.get(colon + 1..)?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(value: &str) -> Result<Option<Credentials>, Refusal> {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        Credentials::read(&HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
    }

    #[test]
    fn what_can_be_read() {
        for value in ["Basic YTpiOmM=", "basic   YTpiOmM=", " BASIC YTpiOmM= "] {
            let credentials = read(value).unwrap().unwrap();
            assert_eq!(credentials.user, "a", "{value}");
            assert_eq!(credentials.password, b"b:c", "{value}");
        }
        assert!(Credentials::read(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        for value in [
            "Basic",
            "",
            "Bearer YTpi",
            "Basic a:b",
            "Basic YWI=",
            "Basic YTpi YTpi",
            "Basic /zpi",
            "Básic YTpi",
        ] {
            let outcome = read(value).err();
            assert!(
                matches!(outcome, Some(Refusal::Malformed(_))),
                "{value}: {outcome:?}"
            );
        }
    }
}
