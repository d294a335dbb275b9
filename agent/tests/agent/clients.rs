//! Whoever connects to the command API must show a certificate where the ramdisk has an authority for them; Ironic's agent
//! has an option for that and ignores it.

use std::net::IpAddr;

use ferric_agent::tls::Certificate;
use reqwest::Identity;
use reqwest::redirect::Policy;

use crate::conductor::{Asked, Conductor, TOKEN};
use crate::process::Place;

fn of_authority() -> Certificate {
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    // It is signed by itself, and so is its own authority.
    Certificate::generate(address, "conductor", "p256").unwrap()
}

/// The status of the answer to whoever shows this certificate, or none; nothing where there was no answer.
async fn status(beat: &Asked, shown: Option<&Certificate>) -> Option<u16> {
    let pem = beat.body["agent_verify_ca"].as_str().unwrap();
    let trusted = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    let mut builder = reqwest::Client::builder()
        .tls_certs_only([trusted])
        .redirect(Policy::none())
        .no_proxy();
    if let Some(shown) = shown {
        let both = format!("{}\n{}", shown.pem, shown.key_pem);
        builder = builder.identity(Identity::from_pem(both.as_bytes()).unwrap());
    }
    let url = beat.body["callback_url"].as_str().unwrap();
    let url = format!("{url}/v1/commands/?agent_token={TOKEN}");
    let answer = builder.build().unwrap().get(url).send().await;
    answer.ok().map(|answer| answer.status().as_u16())
}

#[tokio::test]
async fn where_clients_have_an_authority_the_token_alone_is_not_enough() {
    ferric_agent::tls::install_provider();
    let conductor = Conductor::start().await;
    let place = Place::new();
    let (own, of_another) = (of_authority(), of_authority());
    let authority = place.path().join("clients.pem");
    std::fs::write(&authority, &own.pem).unwrap();
    std::fs::write(
        place.path().join("conf/tls.conf"),
        format!("tls_client_ca_file = {}\n", authority.display()),
    )
    .unwrap();
    let _agent = place.start(&conductor, &[]);
    let beat = conductor.heartbeat(1).await;
    assert_eq!(status(&beat, Some(&own)).await, Some(200));
    assert_eq!(status(&beat, None).await, None);
    assert_eq!(status(&beat, Some(&of_another)).await, None);
}
