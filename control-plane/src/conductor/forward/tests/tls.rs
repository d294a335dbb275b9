//! Who gets in, whom a conductor believes to have reached, and what becomes of that when certificates are exchanged.

use super::fixture::{Cell, NODE, Running, certify, today};
use crate::cluster::certificates::Authority;
use crate::cluster::{HttpPeers, Identity};
use crate::conductor::steps::chain;
use crate::conductor::{CertificateKind, Conductor, Peer, PeerError, Peers};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(30);

/// What `from` is told when it hands a call for a node that does not exist to `to`, as the conductor of this name.
async fn ask(from: &Arc<Identity>, to: &Running, host: &str) -> Result<String, PeerError> {
    let peer = Peer {
        host: host.to_owned(),
        address: to.cluster.url.clone(),
    };
    let call = format!(r#"{{"call":"boot_device","with":{{"node":"{NODE}"}}}}"#);
    let peers = HttpPeers::new(from.clone());
    let answer = peers.call(&peer, call.into_bytes(), LIMIT).await?;
    Ok(String::from_utf8(answer).unwrap())
}

/// Why the call was not even sent.
fn not_reached(outcome: Result<String, PeerError>) -> String {
    match outcome {
        Err(PeerError::NotReached(cause)) => chain(cause.as_ref()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn conductors_of_one_cluster_reach_each_other() {
    let cell = Cell::new();
    let (one, two) = cell.pair().await;
    let answer = ask(&two.identity, &one, "one").await.unwrap();
    assert!(answer.starts_with(r#"{"done":{"boot_setting""#), "{answer}");
    let answer = ask(&one.identity, &two, "two").await.unwrap();
    assert_eq!(answer, "\"not_mine\"");
}

#[tokio::test]
async fn a_conductor_knows_when_its_certificates_end() {
    let cell = Cell::new();
    let (one, _two) = cell.pair().await;
    let left = |conductor: &Conductor| {
        let certificates = conductor.certificates().into_iter();
        let left = certificates.map(|one| (one.kind, one.days_left(jiff::Timestamp::now()) / 365));
        left.collect::<Vec<_>>()
    };
    // Three years and ten, less what of today is over.
    let days = [
        (CertificateKind::Conductor, 2..=3),
        (CertificateKind::Authority, 9..=10),
    ];
    let found = left(&one.conductor);
    assert_eq!(found.len(), days.len());
    for ((kind, years), (expected, range)) in found.into_iter().zip(days) {
        assert_eq!(kind, expected);
        assert!(range.contains(&years), "{kind:?}: {years}");
    }
}

#[tokio::test]
async fn the_conductor_of_another_name_is_not_given_the_call() {
    let cell = Cell::new();
    let (one, two) = cell.pair().await;
    let cause = not_reached(ask(&two.identity, &one, "three").await);
    assert!(cause.contains("not valid for name"), "{cause}");
}

#[tokio::test]
async fn another_authority_is_believed_by_neither_side() {
    let cell = Cell::new();
    let (one, two) = cell.pair().await;
    let theirs = Authority::make(today()).unwrap();
    let mut cluster = two.cluster.clone();
    let folder = cell.folder.path().join("stranger");
    std::fs::create_dir(&folder).unwrap();
    for path in [&mut cluster.ca, &mut cluster.certificate, &mut cluster.key] {
        *path = folder.join(path.file_name().unwrap());
    }
    certify(&cluster, &theirs, "two");
    let stranger = Arc::new(Identity::load(&cluster, "two").unwrap());
    let cause = not_reached(ask(&stranger, &one, "one").await);
    assert!(cause.contains("certificate"), "{cause}");
    // It takes the server for what it is, and is turned away by it.
    std::fs::write(
        &cluster.ca,
        [theirs.certificate, cell.authority.certificate.clone()].concat(),
    )
    .unwrap();
    let stranger = Arc::new(Identity::load(&cluster, "two").unwrap());
    not_reached(ask(&stranger, &one, "one").await);
}

#[tokio::test]
async fn who_shows_no_certificate_is_not_listened_to() {
    let cell = Cell::new();
    let (one, _two) = cell.pair().await;
    let request = "GET /cluster/v1/hello HTTP/1.1\r\nhost: one\r\nconnection: close\r\n\r\n";
    let mut plain = TcpStream::connect(one.cluster.listen).await.unwrap();
    plain.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Turned away with an alert or a reset, as the systems of both sides have it.
    drop(plain.read_to_end(&mut answer).await);
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains("HTTP"), "{answer}");

    let certificate = reqwest::Certificate::from_pem(cell.authority.certificate.as_bytes());
    let client = reqwest::Client::builder()
        .tls_certs_only([certificate.unwrap()])
        .build()
        .unwrap();
    let url = format!("{}/cluster/v1/hello", one.cluster.url);
    assert!(client.get(url).send().await.is_err());
}

#[tokio::test]
async fn new_certificates_are_used_without_a_restart() {
    let cell = Cell::new();
    let (one, two) = cell.pair().await;
    assert!(ask(&two.identity, &one, "one").await.is_ok());
    let next = Authority::make(today()).unwrap();
    // Both authorities are believed while the certificates are exchanged, one conductor after the other.
    let both = [cell.authority.certificate.clone(), next.certificate.clone()].concat();
    for member in [&one, &two] {
        std::fs::write(&member.cluster.ca, &both).unwrap();
    }
    certify(&one.cluster, &next, "one");
    std::fs::write(&one.cluster.ca, &both).unwrap();
    assert!(ask(&two.identity, &one, "one").await.is_ok());
    assert!(ask(&one.identity, &two, "two").await.is_ok());
    certify(&two.cluster, &next, "two");
    assert!(ask(&two.identity, &one, "one").await.is_ok());
    // `two` believes the next one alone from now on; a certificate of the first is nobody's.
    certify(&one.cluster, &cell.authority, "one");
    std::fs::write(&one.cluster.ca, &both).unwrap();
    not_reached(ask(&two.identity, &one, "one").await);
}

#[tokio::test]
async fn files_that_do_not_fit_together_change_nothing() {
    let cell = Cell::new();
    let (one, two) = cell.pair().await;
    let good = std::fs::read(&two.cluster.key).unwrap();
    for wrong in ["", "no PEM", &cell.authority.key] {
        std::fs::write(&two.cluster.key, wrong).unwrap();
        assert!(ask(&two.identity, &one, "one").await.is_ok(), "{wrong}");
        let error = Identity::load(&two.cluster, "two")
            .err()
            .map(|error| chain(&error));
        let error = error.expect("it was taken");
        assert!(error.contains("key.pem"), "{error}");
    }
    std::fs::write(&two.cluster.key, good).unwrap();
    assert!(Identity::load(&two.cluster, "two").is_ok());
    let error = Identity::load(&two.cluster, "three")
        .err()
        .expect("it was taken");
    assert!(error.to_string().contains("conductor three"), "{error}");
    std::fs::remove_file(&two.cluster.ca).unwrap();
    let error = Identity::load(&two.cluster, "two")
        .err()
        .expect("it was taken");
    assert!(error.to_string().contains("ferric cluster"), "{error}");
}
