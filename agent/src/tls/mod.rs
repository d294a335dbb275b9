//! TLS of the command API: the agent's own certificate, and which versions and suites are spoken.

mod certificate;
mod client;
mod suites;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
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
}

/// Makes aws-lc-rs the process's provider of cryptography; doing so twice does no harm.
pub fn install_provider() {
    // The error says that there is one already, which can only be the same.
    drop(default_provider().install_default());
}

/// The server's side of TLS. The token in each request authenticates the conductor, so no client certificate is
/// asked for, as with Ironic's agent.
///
/// # Errors
/// When the certificate does not fit.
pub fn server_config(
    certificate: &Certificate,
    min_version: &str,
    cipher_suites: &[String],
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut provider = default_provider();
    provider.cipher_suites = suites::allowed(provider.cipher_suites, cipher_suites);
    let versions: &[&rustls::SupportedProtocolVersion] = match min_version {
        "1.3" => &[&rustls::version::TLS13],
        _ => &[&rustls::version::TLS13, &rustls::version::TLS12],
    };
    let chain = CertificateDer::pem_slice_iter(certificate.pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(TlsError::Pem)?;
    let key =
        PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).map_err(TlsError::Pem)?;
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsError::Setup)?;
    Ok(Arc::new(config))
}
