//! Which certificates of a BMC are taken, over real TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{connect, drivers, fake_bmc, quick};
use crate::{BmcError, PowerState};

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // A client that refuses our certificate ends the handshake.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A certificate as many BMCs make it for themselves, marked as a CA and without a name: for their side, and in PEM.
pub(super) fn identity() -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (Arc::new(config), certificate.pem())
}

async fn self_signed_bmc() -> (SocketAddr, String, JoinSet<()>) {
    let (config, pem) = identity();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = TlsListener {
        listener,
        acceptor: TlsAcceptor::from(config),
    };
    let mut server = JoinSet::new();
    server.spawn(async move {
        axum::serve(listener, fake_bmc::plain_service())
            .await
            .unwrap()
    });
    (address, pem, server)
}

#[tokio::test]
async fn a_self_signed_certificate_is_taken_only_where_the_operator_says_so() {
    let (address, pem, _server) = self_signed_bmc().await;
    let (_, foreign, _other) = self_signed_bmc().await;
    let directory = tempfile::tempdir().unwrap();
    let (own, other) = (
        directory.path().join("own/bmc.pem"),
        directory.path().join("other.pem"),
    );
    std::fs::create_dir(own.parent().unwrap()).unwrap();
    std::fs::write(&own, pem).unwrap();
    std::fs::write(&other, foreign).unwrap();
    let cases = [
        (json!(false), true),
        (json!("False"), true),
        (json!(own), true),
        (json!(own.parent()), true),
        (json!(other), false),
        (json!(true), false),
        (Value::Null, false),
    ];
    for (verify, is_taken) in cases {
        // Without a scheme, https is meant.
        let info = json!({"redfish_address": address.to_string(), "redfish_verify_ca": verify});
        let power = connect(&drivers(quick()), info.as_object().unwrap())
            .power
            .get()
            .await;
        match power {
            Ok(power) => assert!(is_taken && power == Some(PowerState::Off), "{verify}"),
            Err(error) => {
                assert!(
                    !is_taken && matches!(error, BmcError::Certificate { .. }),
                    "{verify}: {error:?}"
                );
                assert!(
                    !error.is_transient(),
                    "a certificate does not get better by trying again"
                );
            }
        }
    }
}
