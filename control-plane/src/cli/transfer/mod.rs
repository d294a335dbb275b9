//! `ferric export` and `ferric import`: everything that is stored of nodes, from a Ferric, an Ironic or a file into a file or
//! a Ferric (`docs/transfer.md`). Power, disks and images are not touched: all that is done is in the API.

mod database;
mod database_url;
mod file;
mod importer;
mod ironic;
mod new_file;
mod own;
mod patient;
mod record;
mod secrets;
mod sink;

#[cfg(test)]
mod tests;

pub(super) use importer::Incomplete;

use super::client::Client;
use crate::process::stop_on_signal;
use anyhow::bail;
use importer::Importer;
use ironic::Access;
use patient::{Patience, Patient};
use secrets::Secrets;
use sink::Sink;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Where the API is.
#[derive(Debug, clap::Args)]
struct Api {
    /// Where the API is.
    #[arg(long, env = "FERRIC_URL", default_value = "http://127.0.0.1:6385")]
    url: String,
    /// A token of Keystone or of an issuer that the API knows.
    #[arg(long, env = "FERRIC_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Api {
    fn client(&self) -> anyhow::Result<Patient> {
        let client = Client::new(&self.url)?.with_token(self.token.clone());
        Ok(Patient::new(client, Patience::default()))
    }
}

/// A running Ironic, and what it does not show.
#[derive(Debug, clap::Args)]
struct FromIronic {
    /// Read from the Ironic at this URL instead: http://HOST:6385, with USER:PASSWORD@ for http_basic.
    #[arg(long, value_name = "URL")]
    from_ironic: Option<String>,
    #[command(flatten)]
    access: Access,
    /// A file with the secrets that the Ironic masks, a JSON object a line: uuid, driver_info, instance_info. - is standard
    /// input.
    #[arg(long, value_name = "FILE", requires = "from_ironic")]
    secrets: Option<PathBuf>,
    /// The Ironic's database, as `[database] connection` of ironic.conf has it: the secrets are read from there, with
    /// sqlite3, mysql or psql. What stands on a command line everybody on the machine can read: better by the environment.
    #[arg(
        long,
        value_name = "URL",
        env = "FERRIC_IRONIC_DATABASE",
        hide_env_values = true,
        requires = "from_ironic",
        conflicts_with = "secrets"
    )]
    database: Option<String>,
}

impl FromIronic {
    /// Reads all of it into the sink.
    async fn read(&self, url: &str, sink: &mut Sink) -> anyhow::Result<()> {
        let secrets = match (&self.secrets, &self.database) {
            (Some(file), _) => Secrets::parse(&file::whole(file)?)?,
            (None, Some(url)) => Secrets::parse(&database::read(url).await?)?,
            (None, None) => Secrets::default(),
        };
        let ironic = ironic::Ironic::open(url, &self.access, Patience::default()).await?;
        ironic.read(&secrets, sink).await
    }
}

/// Write all that is stored of nodes, ports, templates and the rest as JSON, a record a line.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    api: Api,
    #[command(flatten)]
    ironic: FromIronic,
    /// With passwords and other secrets, which are asterisks otherwise.
    #[arg(long, conflicts_with = "from_ironic")]
    with_secrets: bool,
    /// A new file that only its owner can read; default: standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn export(export: Export) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let _signals = stop_on_signal(&stop)?;
    match stop.run_until_cancelled(exported(export)).await {
        Some(outcome) => outcome,
        None => bail!("interrupted: there is no export"),
    }
}

/// Whatever it has begun is gone when it is dropped.
async fn exported(export: Export) -> anyhow::Result<()> {
    let ironic = &export.ironic;
    let is_secret = export.with_secrets || ironic.secrets.is_some() || ironic.database.is_some();
    let mut sink = Sink::file(export.output.as_deref(), is_secret)?;
    match &ironic.from_ironic {
        Some(url) => ironic.read(url, &mut sink).await?,
        None => own::read(&export.api.client()?, export.with_secrets, &mut sink).await?,
    }
    sink.end().await
}

/// Store the records of an export, or of a running Ironic, as they are.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    #[command(flatten)]
    api: Api,
    #[command(flatten)]
    ironic: FromIronic,
    /// What `ferric export` has written; - is standard input.
    #[arg(
        value_name = "FILE",
        required_unless_present = "from_ironic",
        conflicts_with = "from_ironic"
    )]
    file: Option<PathBuf>,
    /// Store what is on its way somewhere too, as if what is done to it had failed.
    #[arg(long)]
    force: bool,
    /// What became of each record as a line of JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn import(import: Import) -> anyhow::Result<()> {
    let importer = Importer::new(import.api.client()?, import.force, import.json);
    let mut sink = Sink::api(importer);
    match (&import.ironic.from_ironic, &import.file) {
        (Some(url), _) => import.ironic.read(url, &mut sink).await?,
        (None, Some(file)) => file::read(file, &mut sink).await?,
        (None, None) => bail!("there is neither a file nor --from-ironic"),
    }
    sink.end().await
}
