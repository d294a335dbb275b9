//! TLS of the operators' listener: its certificate, and the authorities of clients where these must show one too.
//!
//! Read at start and again on SIGHUP; connections that are open keep what they began with. Files that do not fit
//! together leave what was good before.

use parking_lot::Mutex;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the files (PEM) are.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// The server's, with those between it and its authority behind it.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Authorities: whoever shows no certificate of one of them is turned away. `None`: nobody has to show one.
    pub client_ca: Option<PathBuf>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("reading {} ({setting})", .path.display())]
    Read {
        setting: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} ({setting}) holds no usable {what} (PEM)", .path.display())]
    Empty {
        setting: &'static str,
        path: PathBuf,
        what: &'static str,
    },
    #[error("api.tls.certificate {} and api.tls.key do not go together", .certificate.display())]
    Setup {
        certificate: PathBuf,
        source: Box<rustls::Error>,
    },
}

pub(crate) struct ServerTls {
    files: Files,
    current: Mutex<Arc<ServerConfig>>,
}

impl ServerTls {
    pub(crate) fn load(files: &Files) -> Result<Self, TlsError> {
        Ok(Self {
            current: Mutex::new(Arc::new(files.read()?)),
            files: files.clone(),
        })
    }

    /// For a new connection.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.lock())
    }

    /// Takes what is in the files now.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let config = Arc::new(self.files.read()?);
        *self.current.lock() = config;
        Ok(())
    }
}

impl Files {
    fn read(&self) -> Result<ServerConfig, TlsError> {
        let setup = |source| TlsError::Setup {
            certificate: self.certificate.clone(),
            source: Box::new(source),
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(setup)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let empty = || empty("api.tls.client_ca", path, "certificate");
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(certificates("api.tls.client_ca", path)?);
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(|_| empty())?)
            }
        };
        let chain = certificates("api.tls.certificate", &self.certificate)?;
        let mut config = builder
            .with_single_cert(chain, private_key("api.tls.key", &self.key)?)
            .map_err(setup)?;
        if self.client_ca.is_some() {
            // A session that is taken up again shows no certificate, which may be nobody's any more.
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        setting,
        path: path.to_owned(),
        source,
    })
}

fn empty(setting: &'static str, path: &Path, what: &'static str) -> TlsError {
    TlsError::Empty {
        setting,
        path: path.to_owned(),
        what,
    }
}

fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(setting, path)?;
    let found = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    let found: Vec<_> = found.collect();
    match found.is_empty() {
        true => Err(empty(setting, path, "certificate")),
        false => Ok(found),
    }
}

fn private_key(setting: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read(setting, path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| empty(setting, path, "private key"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Http;
    use crate::listener::{Admission, Limits, bind, serve};
    use crate::testing::Authority;
    use axum::Router;
    use axum::routing::get;
    use reqwest::{Certificate, Client, Identity};
    use std::net::SocketAddr;
    use tokio::task::JoinSet;
    use tokio_util::sync::CancellationToken;

    impl Authority {
        fn client(&self, shows: Option<(String, String)>) -> Client {
            let root = Certificate::from_pem(self.pem().as_bytes()).unwrap();
            let builder = Client::builder().tls_certs_only([root]).no_proxy();
            let builder = match shows {
                None => builder,
                Some((certificate, key)) => {
                    let pem = format!("{certificate}{key}");
                    builder.identity(Identity::from_pem(pem.as_bytes()).unwrap())
                }
            };
            builder.build().unwrap()
        }
    }

    struct Served {
        folder: tempfile::TempDir,
        tls: Arc<ServerTls>,
        address: SocketAddr,
        _task: JoinSet<()>,
    }

    impl Served {
        async fn start(authority: &Authority, clients: Option<&Authority>) -> Self {
            crate::tls::install_provider();
            let folder = tempfile::tempdir().unwrap();
            let place = |name: &str| folder.path().join(name);
            if let Some(clients) = clients {
                std::fs::write(place("clients"), clients.pem()).unwrap();
            }
            put(&folder, authority);
            let files = Files {
                certificate: place("certificate"),
                key: place("key"),
                client_ca: clients.map(|_| place("clients")),
            };
            let tls = Arc::new(ServerTls::load(&files).unwrap());
            let listener = bind("127.0.0.1:0".parse().unwrap(), "a test")
                .await
                .unwrap();
            let address = listener.local_addr().unwrap();
            let router = Router::new().route("/", get(async || "hello"));
            let served = (Admission::Tls(Arc::clone(&tls)), router);
            let mut task = JoinSet::new();
            task.spawn(serve(
                listener,
                served,
                Limits::new(Http::default()),
                CancellationToken::new(),
            ));
            Self {
                folder,
                tls,
                address,
                _task: task,
            }
        }

        async fn answers(&self, client: &Client) -> bool {
            let answer = client
                .get(format!("https://{}/", self.address))
                .send()
                .await;
            answer.is_ok_and(|answer| answer.status().is_success())
        }
    }

    fn put(folder: &tempfile::TempDir, authority: &Authority) {
        let (certificate, key) = authority.issue();
        std::fs::write(folder.path().join("certificate"), certificate).unwrap();
        std::fs::write(folder.path().join("key"), key).unwrap();
    }

    #[tokio::test]
    async fn a_certificate_is_exchanged_while_it_serves() {
        let (old, new) = (Authority::new(), Authority::new());
        let served = Served::start(&old, None).await;
        assert!(served.answers(&old.client(None)).await);
        assert!(!served.answers(&new.client(None)).await);
        put(&served.folder, &new);
        assert!(
            served.answers(&old.client(None)).await,
            "not before it is told"
        );
        served.tls.reload().unwrap();
        assert!(served.answers(&new.client(None)).await);
        assert!(!served.answers(&old.client(None)).await);
        std::fs::write(served.folder.path().join("key"), "no key").unwrap();
        let error = served.tls.reload().unwrap_err().to_string();
        assert!(
            error.contains("api.tls.key") && error.contains("private key"),
            "{error}"
        );
        let (_, foreign) = new.issue();
        std::fs::write(served.folder.path().join("key"), foreign).unwrap();
        let error = served.tls.reload().unwrap_err().to_string();
        assert!(error.contains("do not go together"), "{error}");
        assert!(
            served.answers(&new.client(None)).await,
            "what was good stays"
        );
    }

    #[tokio::test]
    async fn clients_show_a_certificate_where_they_must() {
        let (servers, clients) = (Authority::new(), Authority::new());
        let served = Served::start(&servers, Some(&clients)).await;
        assert!(!served.answers(&servers.client(None)).await);
        assert!(!served.answers(&servers.client(Some(servers.issue()))).await);
        assert!(served.answers(&servers.client(Some(clients.issue()))).await);
    }
}
