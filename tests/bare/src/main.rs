//! `ferric-bare`: the yardstick of `ferric-bench-api`. What axum and redb can do on this machine when nothing is checked,
//! sealed, parsed or logged: the same answers, byte for byte, and writes that are as durable, by group commit.
//!
//! A crate of its own because that of the tests is not optimised.

mod database;
mod routes;

use anyhow::Context;
use clap::Parser;
use database::Database;
use routes::Samples;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;

#[derive(Debug, Parser)]
#[command(about = "Answers as it was told to, out of redb, as fast as that can be done")]
struct Arguments {
    #[arg(long)]
    listen: String,
    /// Holds `nodes` (a UUID and a MAC address a line) and the answers: `node.json`, `row.json`, `lookup.json`.
    /// The database is made there.
    #[arg(long)]
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let samples = Samples::read(&arguments.folder)?;
    let database = Database::fill(&arguments.folder.join("bare.redb"), &samples)?;
    let router = routes::router(Arc::new(database), &samples);
    let listener = TcpListener::bind(&arguments.listen)
        .await
        .with_context(|| format!("listening on {}", arguments.listen))?;
    axum::serve(listener, router).await?;
    Ok(())
}
