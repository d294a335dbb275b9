//! Clients that may or may not speak to the agent, by what they trust and which TLS they know.

use std::time::Duration;

use reqwest::tls::Version;

use super::flow::Client;

const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the agent tells this client its status. Who is not served gets no answer at all: an answer that is no 200 is
/// neither.
pub(super) async fn is_served(client: Client, url: &str, pem: &str) -> Result<bool, String> {
    ferric_agent::tls::install_provider();
    let trusted = || {
        let certificate = reqwest::Certificate::from_pem(pem.as_bytes());
        certificate.map_err(|error| format!("the heartbeat's certificate: {error}"))
    };
    let builder = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let builder = match client {
        Client::Tls13 => builder
            .tls_certs_only([trusted()?])
            .tls_version_min(Version::TLS_1_3),
        Client::Tls12 => builder
            .tls_certs_only([trusted()?])
            .tls_version_max(Version::TLS_1_2),
        Client::Untrusting | Client::Plain => builder.tls_certs_only(None),
    };
    let url = match client {
        Client::Plain => url.replacen("https://", "http://", 1),
        Client::Tls13 | Client::Tls12 | Client::Untrusting => url.to_owned(),
    };
    let built = builder.build().map_err(|error| format!("{error:?}"))?;
    match built.get(format!("{url}/v1/status")).send().await {
        Ok(answer) if answer.status() == 200 => Ok(true),
        Ok(answer) => Err(format!("{client:?} is answered {}", answer.status())),
        Err(error) if error.is_timeout() => Err(format!("{client:?} is left waiting")),
        Err(_) => Ok(false),
    }
}
