//! TLS as a client: of the conductor's API and of image servers, with the same trust for both.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::{TlsError, suites};
use crate::config::ApiSettings;

/// The configured CA bundle, else the system's; a client certificate if there is one.
///
/// # Errors
/// When a configured file cannot be used.
pub fn client_config(settings: &ApiSettings) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(suites::versions(&settings.tls_min_version))
        .map_err(TlsError::Setup)?;
    let builder = if settings.insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer))
    } else {
        builder.with_root_certificates(roots(settings)?)
    };
    let (Some(certificate), Some(key)) = (&settings.cert_file, &settings.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    let read = |path: &Path| fs::read(path).map_err(|error| TlsError::Read(path.to_owned(), error));
    let chain = certificates(&read(certificate)?)?;
    let key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(TlsError::Pem)?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(TlsError::Setup)
}

/// A system without CA certificates can still be talked to without TLS, so that is no error here.
fn roots(settings: &ApiSettings) -> Result<RootCertStore, TlsError> {
    match &settings.ca_file {
        Some(path) => roots_of(path),
        None => Ok(store(rustls_native_certs::load_native_certs().certs)),
    }
}

/// The authorities in a file.
pub(super) fn roots_of(path: &Path) -> Result<RootCertStore, TlsError> {
    let pem = fs::read(path).map_err(|error| TlsError::Read(path.to_owned(), error))?;
    Ok(store(certificates(&pem)?))
}

/// Bundles may contain certificates that no verifier accepts as a root; the others count.
fn store(trusted: Vec<CertificateDer<'static>>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted);
    roots
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(TlsError::Pem)
}

/// What the operator asked for with `ipa-insecure`: whoever answers is believed.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
