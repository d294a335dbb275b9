//! Which cipher suites are spoken: rustls' own, or those of a list with OpenSSL's names.
//!
//! A list speaks of TLS 1.2 only; the suites of 1.3 are always there, as with OpenSSL.

use rustls::{CipherSuite, SupportedCipherSuite};

use super::TlsError;

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

pub(super) fn allowed(
    mut suites: Vec<SupportedCipherSuite>,
    names: &[String],
) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    if names.is_empty() {
        return Ok(suites);
    }
    let wanted: Vec<CipherSuite> = names.iter().filter_map(|name| suite(name)).collect();
    if wanted.is_empty() {
        return Err(TlsError::NoSuite(names.to_vec()));
    }
    suites.retain(|suite| suite.tls13().is_some() || wanted.contains(&suite.suite()));
    Ok(suites)
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
        let left = allowed(all.clone(), &names).unwrap();
        assert_eq!(
            left.iter().filter(|suite| suite.tls13().is_none()).count(),
            1
        );
        assert_eq!(
            left.iter().filter(|suite| suite.tls13().is_some()).count(),
            3
        );
        assert_eq!(allowed(all.clone(), &[]).unwrap().len(), all.len());
        assert!(allowed(all, &["SOMETHING-OLD".to_owned()]).is_err());
    }
}
