//! Handshakes in memory: which versions are spoken, and who may connect.

use std::time::Duration;

use rustls::ClientConfig;
use rustls::ProtocolVersion;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::config::ApiSettings;

/// Files of certificates, and what is made of them.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A self-signed certificate is its own authority.
    fn certificate(&self, name: &str) -> Certificate {
        let address = "192.0.2.7".parse().unwrap();
        let certificate = Certificate::generate(address, name, "p256").unwrap();
        std::fs::write(self.path(&format!("{name}.crt")), &certificate.pem).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), &certificate.key_pem).unwrap();
        certificate
    }

    /// A client that trusts the server, with a certificate of its own if there is one.
    fn client(&self, min_version: &str, own: Option<&str>) -> ClientConfig {
        let of = |end: &str| own.map(|own| self.path(&format!("{own}.{end}")));
        let settings = ApiSettings {
            urls: Vec::new(),
            request_timeout: Duration::from_secs(1),
            global_request_id: None,
            version: None,
            insecure: false,
            ca_file: Some(self.path("server.crt")),
            cert_file: of("crt"),
            key_file: of("key"),
            tls_min_version: min_version.to_owned(),
        };
        client_config(&settings).unwrap()
    }
}

/// Both sides' greeting, and one byte: what the server thinks of a client's certificate shows no earlier.
async fn handshake(
    server: Arc<ServerConfig>,
    client: ClientConfig,
) -> std::io::Result<ProtocolVersion> {
    let (near, far) = tokio::io::duplex(64 << 10);
    let accept = async {
        let mut stream = TlsAcceptor::from(server).accept(far).await?;
        stream.write_all(b"x").await?;
        stream.flush().await?;
        std::io::Result::Ok(stream)
    };
    let connect = async {
        let name = ServerName::try_from("192.0.2.7").unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        let mut stream = connector.connect(name, near).await?;
        stream.read_u8().await?;
        Ok(stream.get_ref().1.protocol_version().unwrap())
    };
    let (accepted, connected) = tokio::join!(accept, connect);
    accepted?;
    connected
}

fn limited_to_1_2(files: &Files) -> ClientConfig {
    let roots = client::roots_of(&files.path("server.crt")).unwrap();
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn rules(min_version: &str) -> ServerRules<'_> {
    ServerRules {
        min_version,
        cipher_suites: &[],
        client_ca: None,
    }
}

#[tokio::test]
async fn the_least_version_is_kept_by_both_sides() {
    let files = Files::new();
    let certificate = files.certificate("server");
    let server = |min_version| server_config(&certificate, rules(min_version)).unwrap();
    let newest = handshake(server("1.2"), files.client("1.2", None)).await;
    assert_eq!(newest.unwrap(), ProtocolVersion::TLSv1_3);
    let oldest = handshake(server("1.2"), limited_to_1_2(&files)).await;
    assert_eq!(oldest.unwrap(), ProtocolVersion::TLSv1_2);
    assert!(
        handshake(server("1.3"), limited_to_1_2(&files))
            .await
            .is_err()
    );
    let mut only_1_2 = default_provider();
    only_1_2
        .cipher_suites
        .retain(|suite| suite.tls13().is_none());
    let chain = CertificateDer::pem_slice_iter(certificate.pem.as_bytes());
    let old = ServerConfig::builder_with_provider(Arc::new(only_1_2))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            chain.collect::<Result<_, _>>().unwrap(),
            PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).unwrap(),
        );
    let old = Arc::new(old.unwrap());
    let old_with = |client| handshake(Arc::clone(&old), client);
    assert!(old_with(files.client("1.2", None)).await.is_ok());
    assert!(old_with(files.client("1.3", None)).await.is_err());
}

#[tokio::test]
async fn with_an_authority_for_clients_only_those_of_it_may_connect() {
    let files = Files::new();
    let certificate = files.certificate("server");
    files.certificate("conductor");
    files.certificate("stranger");
    let authority = files.path("conductor.crt");
    for min_version in ["1.2", "1.3"] {
        let rules = ServerRules {
            client_ca: Some(&authority),
            ..rules(min_version)
        };
        let server = server_config(&certificate, rules).unwrap();
        let as_client = |own| handshake(Arc::clone(&server), files.client("1.2", own));
        assert!(as_client(Some("conductor")).await.is_ok());
        assert!(as_client(Some("stranger")).await.is_err());
        assert!(as_client(None).await.is_err());
    }
}

#[test]
fn authorities_that_are_none_are_named() {
    let files = Files::new();
    let certificate = files.certificate("server");
    std::fs::write(files.path("empty"), "").unwrap();
    for (name, expected) in [("empty", "by the authorities in"), ("absent", "reading")] {
        let path = files.path(name);
        let rules = ServerRules {
            client_ca: Some(&path),
            ..rules("1.2")
        };
        let error = server_config(&certificate, rules).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
}
