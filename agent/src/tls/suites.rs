//! Which versions and cipher suites are spoken: rustls' own, or those of a list with OpenSSL's names.
//!
//! A list speaks of TLS 1.2 only; the suites of 1.3 are always there, as with OpenSSL.

use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};

const NAMES: [(&str, CipherSuite); 6] = [
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

static ONLY_1_3: [&SupportedProtocolVersion; 1] = [&TLS13];
static FROM_1_2: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// From the least one on, which is `1.3` or `1.2`.
pub(super) fn versions(min_version: &str) -> &'static [&'static SupportedProtocolVersion] {
    match min_version {
        "1.3" => &ONLY_1_3,
        _ => &FROM_1_2,
    }
}

/// A list without a name that is known here, such as `HIGH:!aNULL`, limits nothing.
pub(super) fn allowed(
    mut suites: Vec<SupportedCipherSuite>,
    lists: &[String],
) -> Vec<SupportedCipherSuite> {
    let names = lists.iter().flat_map(|list| list.split([':', ',']));
    let wanted: Vec<CipherSuite> = names.filter_map(|name| suite(name.trim())).collect();
    if !wanted.is_empty() {
        suites.retain(|suite| suite.tls13().is_some() || wanted.contains(&suite.suite()));
    } else if !lists.is_empty() {
        tracing::warn!(
            ?lists,
            "none of these TLS suites is known; all of our own are spoken"
        );
    }
    suites
}

fn suite(name: &str) -> Option<CipherSuite> {
    let found = NAMES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, suite)| *suite)
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs::default_provider;

    use super::*;

    #[test]
    fn a_list_limits_tls_1_2_only() {
        let all = default_provider().cipher_suites;
        let names = [
            "ecdhe-ecdsa-aes128-gcm-sha256".to_owned(),
            "SOMETHING-OLD".to_owned(),
        ];
        let left = allowed(all.clone(), &names);
        assert_eq!(
            left.iter().filter(|suite| suite.tls13().is_none()).count(),
            1
        );
        assert_eq!(
            left.iter().filter(|suite| suite.tls13().is_some()).count(),
            3
        );
        assert_eq!(allowed(all.clone(), &[]), all);
        let joined = ["SOMETHING-OLD:ECDHE-RSA-AES256-GCM-SHA384, ECDHE-RSA-AES128-GCM-SHA256"];
        let left = allowed(all, &joined.map(str::to_owned));
        assert_eq!(
            left.iter().filter(|suite| suite.tls13().is_none()).count(),
            2
        );
    }

    #[test]
    fn a_list_of_which_nothing_is_known_limits_nothing() {
        let all = default_provider().cipher_suites;
        for list in ["SOMETHING-OLD", "HIGH:!aNULL:@SECLEVEL=2"] {
            assert_eq!(allowed(all.clone(), &[list.to_owned()]), all);
        }
    }
}
