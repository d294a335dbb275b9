//! Servers with TLS: whose certificates are believed, and who shows one.

use super::super::of_text;
use super::{Asked, hear, may_switch};
use crate::api::access::policy::Answers;
use crate::config::Http;
use crate::config::auth::{ClientFiles, PolicyServers, Trust};
use crate::listener::{Admission, Limits, bind, serve};
use crate::server_tls::{Files, ServerTls};
use crate::testing::Authority;
use axum::Router;
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A file of this name with this text.
fn put(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A server that says yes to whoever shows a certificate of `clients`; the check that asks it.
async fn start(
    folder: &TempDir,
    servers: &Authority,
    clients: &Authority,
) -> (String, JoinSet<()>) {
    crate::tls::install_provider();
    let (certificate, key) = servers.issue();
    let files = Files {
        certificate: put(folder, "server.pem", &certificate),
        key: put(folder, "server.key", &key),
        client_ca: Some(put(folder, "clients.pem", &clients.pem())),
    };
    let tls = Arc::new(ServerTls::load(&files).unwrap());
    let listener = bind("127.0.0.1:0".parse().unwrap(), "a test");
    let listener = listener.await.unwrap();
    let check = format!("https://{}/yes", listener.local_addr().unwrap());
    let router = Router::new()
        .fallback(hear)
        .with_state(Arc::<Mutex<Vec<Asked>>>::default());
    let mut task = JoinSet::new();
    let served = (Admission::Tls(tls), router);
    let limits = Limits::new(Http::default());
    task.spawn(serve(listener, served, limits, CancellationToken::new()));
    (check, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_show_who_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new(), Authority::new());
    let (check, _task) = start(&folder, &servers, &clients).await;
    let ca = put(&folder, "ca.pem", &servers.pem());
    let other_ca = put(&folder, "other.pem", &Authority::new().pem());
    let (certificate, key) = clients.issue();
    let both = put(&folder, "both.pem", &format!("{certificate}{key}"));
    let ours = ClientFiles {
        certificate: put(&folder, "client.pem", &certificate),
        key: Some(put(&folder, "client.key", &key)),
    };
    let in_one = ClientFiles {
        certificate: both,
        key: None,
    };
    for (trust, identity, expected) in [
        (Trust::File(ca.clone()), Some(ours.clone()), true),
        (Trust::File(ca.clone()), Some(in_one), true),
        (Trust::Anybody, Some(ours.clone()), true),
        (Trust::File(ca), None, false),
        (Trust::File(other_ca), Some(ours.clone()), false),
        (Trust::System, Some(ours), false),
    ] {
        let shown = format!("{trust:?}, {identity:?}");
        let settings = PolicyServers {
            trust,
            identity,
            ..PolicyServers::default()
        };
        let text = format!("'baremetal:node:set_power_state': '{check}'");
        let policy = of_text(&text).asking(&settings).unwrap();
        let is_let = may_switch(&policy, "ours", &Answers::default());
        assert_eq!(is_let, expected, "{shown}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    crate::tls::install_provider();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, _) = Authority::new().issue();
    let only = put(&folder, "only.pem", &certificate);
    let no_pem = put(&folder, "no.pem", "nothing");
    let missing = folder.path().join("missing.pem");
    let with = |trust: Trust, certificate: Option<PathBuf>| PolicyServers {
        trust,
        identity: certificate.map(|certificate| ClientFiles {
            certificate,
            key: None,
        }),
        ..PolicyServers::default()
    };
    for (settings, expected) in [
        (
            with(Trust::File(missing.clone()), None),
            "missing.pem (auth.remote_ssl_ca_crt_file)",
        ),
        (
            with(Trust::File(no_pem), None),
            "no.pem (auth.remote_ssl_ca_crt_file) has no certificates in PEM",
        ),
        (
            with(Trust::System, Some(missing)),
            "missing.pem (auth.remote_ssl_client_crt_file)",
        ),
        (
            with(Trust::System, Some(only)),
            "only.pem (auth.remote_ssl_client_crt_file) and its key",
        ),
    ] {
        let asks = of_text("'baremetal:node:get': 'https://opa/'");
        let error = asks.asking(&settings).map(drop).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        // Who asks nobody needs none of them.
        let alone = of_text("'baremetal:node:get': '@'").asking(&settings);
        assert!(alone.is_ok(), "{expected}");
    }
}
