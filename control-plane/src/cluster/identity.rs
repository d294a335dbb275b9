//! This conductor's certificate, its key and the authorities that it believes, read again when the files change.
//!
//! A new connection takes what is there now, so that certificates and authorities are exchanged while the process runs.
//! Files that do not fit together, as in the middle of an exchange, leave what was good before.

use crate::conductor::{Certificate, CertificateKind};
use crate::config::Cluster;
use jiff::Timestamp;
use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_cert::der::Decode;

/// Why no connection to other conductors is possible.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    #[error("{} is missing: make it with `ferric cluster init` or `ferric cluster join`", .0.display())]
    Missing(PathBuf),
    #[error("reading {}", .path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} holds no usable {what} (PEM)", .path.display())]
    Empty { path: PathBuf, what: &'static str },
    #[error("{} is no certificate for conductor {host} (the setting host) by an authority of {}", .certificate.display(), .ca.display())]
    NotOurs {
        certificate: PathBuf,
        ca: PathBuf,
        host: String,
        source: Box<rustls::Error>,
    },
    #[error(
        "the name of conductor {0:?} is no name that a certificate can have: set host to a DNS name"
    )]
    Name(String),
    #[error("setting up TLS with {} and {}", .certificate.display(), .key.display())]
    Setup {
        certificate: PathBuf,
        key: PathBuf,
        source: Box<rustls::Error>,
    },
}

/// Both ends' TLS, for as long as the files stay as they are.
#[derive(Clone)]
struct Tls {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    certificates: Arc<[Certificate]>,
}

/// What tells whether a file is another one than before.
type Stamp = Vec<Option<(u64, i64, i64, u64)>>;

struct Current {
    tls: Tls,
    /// Of the files that were tried last, usable or not.
    stamp: Stamp,
}

pub(crate) struct Identity {
    files: Files,
    current: Mutex<Current>,
}

struct Files {
    host: String,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Identity {
    /// Reads the files; they must hold a certificate for `host`.
    pub(crate) fn load(cluster: &Cluster, host: &str) -> Result<Self, IdentityError> {
        let files = Files {
            host: host.to_owned(),
            ca: cluster.ca.clone(),
            certificate: cluster.certificate.clone(),
            key: cluster.key.clone(),
        };
        let stamp = files.stamp();
        let current = Mutex::new(Current {
            tls: files.read()?,
            stamp,
        });
        Ok(Self { files, current })
    }

    /// For connections of other conductors.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.tls().server
    }

    /// For connections to other conductors.
    pub(super) fn client(&self) -> Arc<ClientConfig> {
        self.tls().client
    }

    /// Those that are used from now on.
    pub(super) fn certificates(&self) -> Vec<Certificate> {
        self.tls().certificates.to_vec()
    }

    /// Three looks at small local files for each connection: cheaper than its key exchange by far.
    fn tls(&self) -> Tls {
        let mut current = self.current.lock();
        let stamp = self.files.stamp();
        if stamp != current.stamp {
            current.stamp = stamp;
            match self.files.read() {
                Ok(tls) => {
                    tracing::info!(
                        "the certificates of the cluster have changed and are used from now on"
                    );
                    current.tls = tls;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        error,
                        "the certificates of the cluster have changed and are not used"
                    );
                }
            }
        }
        current.tls.clone()
    }
}

impl Files {
    fn stamp(&self) -> Stamp {
        let of = |path: &PathBuf| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
        };
        [&self.ca, &self.certificate, &self.key].map(of).to_vec()
    }

    fn read(&self) -> Result<Tls, IdentityError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = certificates(&self.certificate)?;
        let roots = Arc::new(self.roots()?);
        self.check(&chain, &roots, &provider)?;
        let ends = self.ends(&chain)?;
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
        let clients = clients.build().map_err(|_| IdentityError::Empty {
            path: self.ca.clone(),
            what: "certificate",
        })?;
        let setup = |source| IdentityError::Setup {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source: Box::new(source),
        };
        let versions = &[&rustls::version::TLS13];
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .map_err(setup)?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain.clone(), private_key(&self.key)?)
            .map_err(setup)?;
        // A session that is taken up again shows no certificate, which may be nobody's any more.
        server.send_tls13_tickets = 0;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(setup)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, private_key(&self.key)?)
            .map_err(setup)?;
        client.resumption = rustls::client::Resumption::disabled();
        Ok(Tls {
            server: Arc::new(server),
            client: Arc::new(client),
            certificates: ends.into(),
        })
    }

    /// When this conductor's certificate ends, and when the authorities' do.
    fn ends(&self, chain: &[CertificateDer<'_>]) -> Result<Vec<Certificate>, IdentityError> {
        let own = chain.iter().take(1);
        let own = own.filter_map(|own| certificate(CertificateKind::Conductor, own));
        let authorities = certificates(&self.ca)?;
        let authorities = authorities.iter();
        let authorities = authorities.filter_map(|ca| certificate(CertificateKind::Authority, ca));
        Ok(own.chain(authorities).collect())
    }

    fn roots(&self) -> Result<RootCertStore, IdentityError> {
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(certificates(&self.ca)?);
        if usable == 0 {
            let path = self.ca.clone();
            return Err(IdentityError::Empty {
                path,
                what: "certificate",
            });
        }
        Ok(roots)
    }

    /// The others will look at it like this: better to know before the first of them does.
    fn check(
        &self,
        chain: &[CertificateDer<'static>],
        roots: &Arc<RootCertStore>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<(), IdentityError> {
        let not_ours = |source| IdentityError::NotOurs {
            certificate: self.certificate.clone(),
            ca: self.ca.clone(),
            host: self.host.clone(),
            source: Box::new(source),
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone());
        let verifier = verifier
            .build()
            .map_err(|error| not_ours(rustls::Error::General(error.to_string())))?;
        let (leaf, rest) = chain.split_first().ok_or_else(|| IdentityError::Empty {
            path: self.certificate.clone(),
            what: "certificate",
        })?;
        let (name, now) = (server_name(&self.host)?, UnixTime::now());
        let checked = verifier.verify_server_cert(leaf, rest, &name, &[], now);
        checked.map(drop).map_err(not_ours)
    }
}

/// `None`: it cannot be read, and nobody is kept from using it for that.
fn certificate(kind: CertificateKind, der: &CertificateDer<'_>) -> Option<Certificate> {
    let read = x509_cert::Certificate::from_der(der).ok()?;
    let ends = read.tbs_certificate.validity.not_after.to_unix_duration();
    let ends = i64::try_from(ends.as_secs()).ok()?;
    let ends = Timestamp::from_second(ends).ok()?;
    Some(Certificate { kind, ends })
}

/// A conductor's name, as its certificate has it.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, IdentityError> {
    let name = ServerName::try_from(host.to_owned());
    name.map_err(|_| IdentityError::Name(host.to_owned()))
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => IdentityError::Missing(path.to_owned()),
        _ => IdentityError::Read {
            path: path.to_owned(),
            source,
        },
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let pem = read(path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .filter_map(Result::ok)
        .collect();
    if found.is_empty() {
        return Err(IdentityError::Empty {
            path: path.to_owned(),
            what: "certificate",
        });
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, IdentityError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| IdentityError::Empty {
        path: path.to_owned(),
        what: "private key",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::certificates::{Authority, Member};
    use jiff::ToSpan;
    use jiff::civil::date;

    #[test]
    fn it_is_known_when_certificates_end() {
        let today = date(2026, 2, 28);
        let authority = Authority::make(today).unwrap();
        let member = Member {
            host: "one".to_owned(),
            url: "https://127.0.0.1:6390".to_owned(),
        };
        let issuing = Authority::from_key(&authority.key).unwrap();
        let pair = issuing.issue(&member, today).unwrap();
        for (kind, pem, years) in [
            (CertificateKind::Conductor, &pair.certificate, 3),
            (CertificateKind::Authority, &authority.certificate, 10),
        ] {
            let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
            let found = certificate(kind, &der).unwrap();
            let ends = today.checked_add(years.years()).unwrap();
            assert_eq!(found.ends.to_string(), format!("{ends}T00:00:00Z"));
            let before: Timestamp = format!("{ends}T00:00:00Z").parse().unwrap();
            assert_eq!(found.days_left(before), 0);
        }
        let nonsense = CertificateDer::from(vec![1, 2, 3]);
        assert_eq!(certificate(CertificateKind::Conductor, &nonsense), None);
    }
}
