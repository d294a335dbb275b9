//! The HTTP client of one BMC.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

use super::info::{RedfishInfo, Verify};
use super::tls::{TlsError, client_config};
use crate::Settings;

/// BMCs close idle connections without a word; an action sent into such a one gets no answer and is not sent again.
const IDLE_CONNECTION: Duration = Duration::from_secs(10);

/// No proxy: a BMC is in a network of its own, and its credentials are nobody else's.
pub(super) fn client(info: &RedfishInfo, settings: &Settings) -> Result<Client, TlsError> {
    // Without TLS nothing is verified, and no CA is needed.
    let verify = if info.address.scheme() == "https" {
        &info.verify
    } else {
        &Verify::Nothing
    };
    let builder = Client::builder()
        .no_proxy()
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        .timeout(settings.connect_timeout + settings.read_timeout)
        .pool_idle_timeout(IDLE_CONNECTION)
        .redirect(same_origin())
        .user_agent(concat!("ferric/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(client_config(verify)?);
    Ok(builder
        .build()
        .expect("every part of the client's configuration is given by us"))
}

/// Follows a BMC around its own address only, because requests carry its credentials.
fn same_origin() -> Policy {
    Policy::custom(|attempt| {
        let is_same = attempt
            .previous()
            .first()
            .is_some_and(|first| first.origin() == attempt.url().origin());
        if is_same && attempt.previous().len() <= 3 {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}
