//! Temporary URLs of Swift: who has one may read that one object until it expires, and needs no token. Pure.

use crate::config::glance::{TempUrl, TempUrlDigest};
use aws_lc_rs::hmac;
use jiff::Timestamp;

/// A URL for reading the object that Glance keeps this image in, good for the configured time from `now` on.
pub(super) fn of_image(settings: &TempUrl, id: &str, now: Timestamp) -> String {
    let duration = i64::try_from(settings.duration_s).unwrap_or(i64::MAX);
    let expires = now.as_second().saturating_add(duration);
    let path = format!(
        "/{}/{}/{}/{id}",
        settings.api_version,
        settings.account,
        container(settings, id)
    );
    let algorithm = match settings.digest {
        TempUrlDigest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        TempUrlDigest::Sha256 => hmac::HMAC_SHA256,
        TempUrlDigest::Sha512 => hmac::HMAC_SHA512,
    };
    let key = hmac::Key::new(algorithm, settings.key.reveal().as_bytes());
    let signature = hmac::sign(&key, format!("GET\n{expires}\n{path}").as_bytes());
    let signature: String = signature
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "{}{path}?temp_url_sig={signature}&temp_url_expires={expires}",
        settings.url
    )
}

/// As glance_store names them: with several containers by so many digits of the image's UUID, dashes not counted.
fn container(settings: &TempUrl, id: &str) -> String {
    let seed = settings.multiple_containers_seed;
    if seed == 0 {
        return settings.container.clone();
    }
    let dashes = id.bytes().take(seed).filter(|byte| *byte == b'-').count();
    let end = id.len().min(seed + dashes);
    let suffix = id.get(..end).unwrap_or(id).to_lowercase();
    format!("{}_{suffix}", settings.container)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::glance::{Access, glance_of};

    const ID: &str = "5be26c0b-03f2-4d2e-ae87-c02d7f33c781";

    fn settings(more: &str) -> TempUrl {
        let text = format!(
            "url = 'http://g'\naccess = 'tempurl'\n[swift]\nurl = 'http://swift:8080/'\naccount = 'AUTH_a'\n\
             temp_url_key = 'secret'\n{more}"
        );
        match glance_of(&text).unwrap().access {
            Access::TempUrl(settings) => settings,
            other => panic!("{other:?}"),
        }
    }

    fn check(more: &str, signature: &str) {
        let url = of_image(&settings(more), ID, Timestamp::UNIX_EPOCH);
        let (place, query) = url.split_once('?').unwrap();
        assert_eq!(place, format!("http://swift:8080/v1/AUTH_a/glance/{ID}"));
        assert_eq!(
            query,
            format!("temp_url_sig={signature}&temp_url_expires=1200")
        );
    }

    /// The signatures are those of `openssl dgst -hmac secret`.
    #[test]
    fn signed_as_swift_checks_it() {
        check(
            "",
            "34c3b7ddc836cc051dac8bcf2173aa3a7267c8a5d8854ce7b1f0eefa54a11916",
        );
        check(
            "temp_url_digest = 'sha1'",
            "ef20f226622293a9f404daefba453f670698c562",
        );
    }

    #[test]
    fn images_in_several_containers() {
        for (seed, expected) in [(0, "glance"), (3, "glance_5be"), (9, "glance_5be26c0b-0")] {
            let settings = settings(&format!("multiple_containers_seed = {seed}"));
            assert_eq!(container(&settings, ID), expected);
        }
    }
}
