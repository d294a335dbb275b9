//! The command line. It talks to the API like any other client and knows nothing that the API does not say.

mod bulk;
mod client;
mod cluster;
mod drain;
mod erase_key;
mod events;
mod node;
mod openapi;
mod output;
mod serve;
mod store;
mod stream;
mod transfer;
mod verify_erase;

pub use output::report;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Bare-metal provisioning: conductor, API and boot services in one binary.
#[derive(Debug, Parser)]
#[command(name = "ferric", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the conductor with its API and boot services.
    Serve(serve::Serve),
    /// Enrol nodes and take them through their life.
    Node(node::Arguments),
    /// One action on many nodes, and what became of it.
    Bulk(bulk::Arguments),
    /// What happened on all nodes, and what happens.
    Events(events::Arguments),
    /// Back up, restore, check and move the store.
    Store(store::Arguments),
    Export(transfer::Export),
    Import(transfer::Import),
    /// Print the OpenAPI document of the API.
    Openapi,
    /// Make one of several conductors.
    Cluster(cluster::Arguments),
    /// Have a conductor hand its nodes over and end.
    Drain(drain::Drain),
    /// Print the public key that a conductor's erase records are checked with.
    EraseKey(erase_key::EraseKey),
    /// Check a signed erase record. No conductor is asked.
    VerifyErase(verify_erase::VerifyErase),
    /// Show the rules of the API and whom they let.
    Policy {
        /// With the rules of this file, which is checked.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// How the process ends, by sysexits' numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    /// Bad usage or configuration.
    Usage = 64,
    /// A check found something wrong.
    Wrong = 65,
    /// What was asked for failed.
    Internal = 70,
    /// The conductor cannot be reached or is busy, or somebody else holds the node: try again.
    Retry = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Runs the command that was given.
///
/// # Errors
/// Whatever ended it, with the chain of causes.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Serve(serve) => serve::run(serve).await,
        Command::Node(arguments) => node::run(arguments).await,
        Command::Bulk(arguments) => bulk::run(arguments).await,
        Command::Events(arguments) => events::run(arguments).await,
        Command::Openapi => {
            openapi::run();
            Ok(())
        }
        Command::Export(export) => transfer::export(export).await,
        Command::Import(import) => transfer::import(import).await,
        Command::Store(arguments) => store::run(arguments).await,
        Command::Cluster(arguments) => cluster::run(arguments),
        Command::Drain(drain) => drain::run(drain).await,
        Command::EraseKey(arguments) => erase_key::run(arguments).await,
        Command::VerifyErase(arguments) => verify_erase::run(arguments),
        Command::Policy { file } => {
            let rules = crate::api::rules_for_people(file.as_deref())?;
            output::line(rules.trim_end());
            Ok(())
        }
    }
}
