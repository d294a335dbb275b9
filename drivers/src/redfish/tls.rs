//! How a BMC's certificate is judged. The provider is named here, so that no process-wide default is needed.
//!
//! BMCs sign their own certificates, often in a form that is no valid server certificate (marked as a CA, without
//! names). Such a certificate is trusted only where the operator names exactly it as `redfish_verify_ca`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::info::Verify;

/// Where distributions keep the system's CAs, the first that exists holds.
const SYSTEM_CAS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Why no TLS is possible.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("reading CA certificates from {}", .path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} holds no usable certificate (PEM)", .path.display())]
    NoCertificate { path: PathBuf },
    #[error(
        "no CA certificates of the system found: install ca-certificates, or set redfish_verify_ca"
    )]
    NoSystemCas,
    #[error("setting up TLS")]
    Rustls(#[source] rustls::Error),
}

/// The verifier of the system's CAs, read once: it is the same for every BMC, and large.
static SYSTEM: Mutex<Option<Arc<WebPkiServerVerifier>>> = Mutex::new(None);

pub(crate) fn client_config(verify: &Verify) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let trust = match verify {
        Verify::Nothing => Trust::Anybody,
        Verify::SystemCas => Trust::Given {
            named: Vec::new(),
            by_authority: system_verifier(&provider)?,
        },
        Verify::Cas(path) => {
            let named = certificates(path)?;
            Trust::Given {
                by_authority: verifier(path, named.clone(), &provider)?,
                named,
            }
        }
    };
    let verifier = BmcVerifier {
        provider: provider.clone(),
        trust,
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Rustls)?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn system_verifier(provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let mut system = SYSTEM.lock();
    if let Some(known) = &*system {
        return Ok(known.clone());
    }
    let path = SYSTEM_CAS
        .iter()
        .map(Path::new)
        .find(|path| path.exists())
        .ok_or(TlsError::NoSystemCas)?;
    let read = verifier(path, certificates(path)?, provider)?;
    *system = Some(read.clone());
    Ok(read)
}

fn verifier(
    path: &Path,
    authorities: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(authorities);
    if usable == 0 {
        return Err(TlsError::NoCertificate {
            path: path.to_owned(),
        });
    }
    let built =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    built.map_err(|error| TlsError::Rustls(rustls::Error::General(error.to_string())))
}

/// The certificates of a PEM file, or of every file of a directory.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::Read {
        path: path.to_owned(),
        source,
    };
    let mut found = Vec::new();
    let files = if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(failed)?;
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?
    } else {
        vec![path.to_owned()]
    };
    for file in files.iter().filter(|file| !file.is_dir()) {
        let pem = std::fs::read(file).map_err(failed)?;
        found.extend(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok));
    }
    if found.is_empty() {
        Err(TlsError::NoCertificate {
            path: path.to_owned(),
        })
    } else {
        Ok(found)
    }
}

/// Judges the certificate of a BMC; signatures of the handshake are always checked.
#[derive(Debug)]
struct BmcVerifier {
    provider: Arc<CryptoProvider>,
    trust: Trust,
}

#[derive(Debug)]
enum Trust {
    Anybody,
    Given {
        named: Vec<CertificateDer<'static>>,
        by_authority: Arc<WebPkiServerVerifier>,
    },
}

impl ServerCertVerifier for BmcVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.trust {
            Trust::Anybody => Ok(ServerCertVerified::assertion()),
            Trust::Given { named, .. } if named.contains(end_entity) => {
                Ok(ServerCertVerified::assertion())
            }
            Trust::Given { by_authority, .. } => by_authority.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
