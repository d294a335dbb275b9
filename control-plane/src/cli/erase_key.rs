//! `ferric erase-key`: the public key of a conductor's erase records, to be kept apart from them.

use super::client::Client;
use super::output::{aside, line};

#[derive(Debug, clap::Args)]
pub(super) struct EraseKey {
    /// The API of the conductor whose key it is: each has its own.
    #[arg(long, env = "FERRIC_URL", default_value = "http://127.0.0.1:6385")]
    url: String,
    /// A token for the API; a user and a password stand in the URL.
    #[arg(long, env = "FERRIC_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

pub(super) async fn run(arguments: EraseKey) -> anyhow::Result<()> {
    let client = Client::new(&arguments.url)?.with_token(arguments.token);
    let key = client.get("/ferric/v1/erase-key").await?;
    let text = |name: &str| key[name].as_str().unwrap_or_default();
    aside(&format!(
        "the key of conductor {}, with the fingerprint {}",
        text("conductor"),
        text("keyid")
    ));
    line(text("public_key").trim_end());
    Ok(())
}
