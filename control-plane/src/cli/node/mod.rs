//! `ferric node ...`: one function a verb, each a call or two of the API.

mod create;
mod deploy;
mod erase_records;
mod explain;
mod plan;
mod show;
mod watch;

use super::client::Client;
use super::events;
use super::output::line;
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where the API is.
    #[arg(
        long,
        env = "FERRIC_URL",
        default_value = "http://127.0.0.1:6385",
        global = true
    )]
    url: String,
    /// A token for the API; a user and a password stand in the URL.
    #[arg(long, env = "FERRIC_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Enrol a node and its ports.
    Create(create::Create),
    /// All nodes, a line each.
    List,
    /// Everything about a node, as JSON.
    Show { node: String },
    /// Check the BMC and take the node to `manageable`.
    Manage(Change),
    /// Boot the ramdisk and find out what the machine is made of.
    Inspect(Change),
    /// Clean the disks and make the node `available`.
    Provide(Change),
    /// Write an image and boot it.
    Deploy(deploy::Deploy),
    /// Take the instance down and clean the disks.
    Undeploy(Change),
    /// Stop what the node waits for.
    Abort(Change),
    /// Forget the node and its ports.
    Delete { node: String },
    /// Follow a node with live progress.
    Watch(watch::Watch),
    /// Why the node is where it is, what it waits for, and what to do.
    Explain(explain::Explain),
    /// What a deploy would do; nothing is done.
    Plan(plan::Plan),
    /// What was done to the disks of the node to erase them, signed.
    EraseRecords(erase_records::EraseRecords),
    /// What happened to the node.
    Timeline {
        node: String,
        #[command(flatten)]
        view: events::View,
    },
}

/// A verb without arguments of its own.
#[derive(Debug, clap::Args)]
struct Change {
    node: String,
    /// Follow the node until it has got there, or failed.
    #[arg(long)]
    wait: bool,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.url)?.with_token(arguments.token);
    match arguments.verb {
        Verb::Create(create) => create.run(&client).await,
        Verb::List => show::list(&client).await,
        Verb::Show { node } => show::show(&client, &node).await,
        Verb::Manage(change) => provision(&client, change, "manage", "manageable").await,
        Verb::Inspect(change) => provision(&client, change, "inspect", "manageable").await,
        Verb::Provide(change) => provision(&client, change, "provide", "available").await,
        Verb::Deploy(deploy) => deploy.run(&client).await,
        Verb::Undeploy(change) => provision(&client, change, "deleted", "available").await,
        Verb::Abort(change) => {
            provision(
                &client,
                Change {
                    wait: false,
                    ..change
                },
                "abort",
                "",
            )
            .await
        }
        Verb::Delete { node } => {
            client
                .send(Method::DELETE, &format!("/v1/nodes/{node}"), None)
                .await?;
            line(&format!("{node} deleted"));
            Ok(())
        }
        Verb::Watch(watch) => watch.run(&client).await,
        Verb::Explain(explain) => explain.run(&client).await,
        Verb::Plan(plan) => plan.run(&client).await,
        Verb::EraseRecords(records) => records.run(&client).await,
        Verb::Timeline { node, view } => events::of_node(&client, &node, &view).await,
    }
}

async fn provision(
    client: &Client,
    change: Change,
    target: &str,
    goal: &str,
) -> anyhow::Result<()> {
    let node = &change.node;
    // Read before the request, so that the watch misses nothing that it causes.
    let after = watch::last_event(client, node).await?;
    client
        .send(
            Method::PUT,
            &format!("/v1/nodes/{node}/states/provision"),
            Some(&json!({ "target": target })),
        )
        .await?;
    match change.wait {
        true => watch::follow(client, node, after, Some(goal)).await,
        false => {
            line(&format!(
                "{node}: {target} accepted; follow it with `ferric node watch {node}`"
            ));
            Ok(())
        }
    }
}
