//! The agent's certificate: self-signed, for its IP address, sent to the conductor with each heartbeat.
//!
//! The conductor trusts exactly this certificate and only while the ramdisk runs, so the period of validity
//! protects nothing; a machine whose clock is wrong by years must still be reachable, so the period is unlimited.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use rcgen::{CertificateParams, DnType, KeyPair, SanType, SignatureAlgorithm};
use serde::{Deserialize, Serialize};

use super::TlsError;

/// A certificate chain and its key, as PEM text.
#[derive(Clone, Serialize, Deserialize)]
pub struct Certificate {
    pub pem: String,
    pub key_pem: String,
}

impl Certificate {
    /// Makes a certificate for an address, on the curve with this name: p256, p384 or p521.
    ///
    /// # Errors
    /// When the key cannot be made.
    pub fn generate(address: IpAddr, hostname: &str, curve: &str) -> Result<Self, TlsError> {
        let failed = |error| TlsError::Generate(address.to_string(), error);
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name(hostname));
        params.subject_alt_names = vec![SanType::IpAddress(address)];
        let key = KeyPair::generate_for(algorithm(curve)).map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    /// Reads a certificate and its key from files.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|error| TlsError::Read(path.to_owned(), error))
        };
        Ok(Self {
            pem: read(certificate)?,
            key_pem: read(key)?,
        })
    }
}

fn algorithm(curve: &str) -> &'static SignatureAlgorithm {
    match curve {
        "p256" => &rcgen::PKCS_ECDSA_P256_SHA256,
        "p521" => &rcgen::PKCS_ECDSA_P521_SHA512,
        _ => &rcgen::PKCS_ECDSA_P384_SHA384,
    }
}

/// A common name has at most 64 characters, and a host name may be longer.
fn common_name(hostname: &str) -> &str {
    let end = hostname
        .char_indices()
        .nth(64)
        .map_or(hostname.len(), |(index, _)| index);
    &hostname[..end]
}

#[cfg(test)]
mod tests {
    use super::super::{ServerRules, server_config};
    use super::*;

    fn generate(address: &str, curve: &str) -> Certificate {
        Certificate::generate(address.parse().unwrap(), "machine", curve).unwrap()
    }

    #[test]
    fn every_curve_makes_a_certificate_that_a_server_can_use() {
        for curve in ["p256", "p384", "p521"] {
            let certificate = generate("192.0.2.7", curve);
            assert!(certificate.pem.starts_with("-----BEGIN CERTIFICATE-----"));
            let rules = ServerRules {
                min_version: "1.2",
                cipher_suites: &[],
                client_ca: None,
            };
            server_config(&certificate, rules).unwrap();
        }
    }

    #[test]
    fn a_long_host_name_does_not_break_it() {
        assert_eq!(common_name(&"ä".repeat(100)).chars().count(), 64);
        assert_eq!(common_name("short"), "short");
    }

    /// Read with another implementation than the one that wrote it.
    #[test]
    fn the_certificate_is_as_a_conductor_checks_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.pem");
        fs::write(&path, generate("2001:db8::7", "p384").pem).unwrap();
        let arguments = ["x509", "-noout", "-text", "-in", path.to_str().unwrap()];
        let output = crate::run::run("openssl", &arguments).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for expected in [
            "CN = machine",
            "secp384r1",
            "IP Address:2001:DB8:0:0:0:0:0:7",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        assert!(!text.contains("CA:TRUE"), "{text}");
    }
}
