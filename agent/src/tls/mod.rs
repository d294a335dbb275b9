//! TLS of the command API: the agent's own certificate, and which versions and suites are spoken.

mod certificate;
mod client;
mod suites;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, VerifierBuilderError, WebPkiClientVerifier};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub use certificate::Certificate;
pub use client::client_config;

/// Why the server cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("making a certificate for {0}")]
    Generate(String, #[source] rcgen::Error),
    #[error("reading {0}")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("understanding a certificate or its key")]
    Pem(#[source] rustls_pki_types::pem::Error),
    #[error("setting up TLS")]
    Setup(#[source] rustls::Error),
    #[error("checking clients by the authorities in {0}")]
    ClientCa(PathBuf, #[source] VerifierBuilderError),
}

/// Makes aws-lc-rs the process's provider of cryptography; doing so twice does no harm.
pub fn install_provider() {
    // The error says that there is one already, which can only be the same.
    drop(default_provider().install_default());
}

/// How the server speaks TLS.
#[derive(Clone, Copy, Debug)]
pub struct ServerRules<'a> {
    /// `1.2`, or `1.3` for that alone.
    pub min_version: &'a str,
    /// OpenSSL's names of suites of TLS 1.2; all of our own if there are none.
    pub cipher_suites: &'a [String],
    /// Whoever connects must show a certificate of one of the authorities in this file.
    pub client_ca: Option<&'a Path>,
}

/// The server's side of TLS. The token in each request authenticates the conductor, so no client certificate is
/// asked for unless there is an authority for them.
///
/// # Errors
/// When the certificate does not fit, or the authorities cannot be used.
pub fn server_config(
    certificate: &Certificate,
    rules: ServerRules<'_>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut provider = default_provider();
    provider.cipher_suites = suites::allowed(provider.cipher_suites, rules.cipher_suites);
    let chain = CertificateDer::pem_slice_iter(certificate.pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(TlsError::Pem)?;
    let key =
        PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).map_err(TlsError::Pem)?;
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(suites::versions(rules.min_version))
        .map_err(TlsError::Setup)?
        .with_client_cert_verifier(client_verifier(rules.client_ca)?)
        .with_single_cert(chain, key)
        .map_err(TlsError::Setup)?;
    Ok(Arc::new(config))
}

fn client_verifier(authorities: Option<&Path>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Some(path) = authorities else {
        return Ok(Arc::new(NoClientAuth));
    };
    let roots = Arc::new(client::roots_of(path)?);
    let provider = Arc::new(default_provider());
    WebPkiClientVerifier::builder_with_provider(roots, provider)
        .build()
        .map_err(|error| TlsError::ClientCa(path.to_owned(), error))
}

#[cfg(test)]
mod tests;
