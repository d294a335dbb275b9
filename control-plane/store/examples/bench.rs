//! Figures of a store on this machine: `cargo run --release -p ferric-store --example bench [DIRECTORY|URL]`. The embedded
//! store is made in the directory; the URL is that of an empty PostgreSQL database.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState;
use ferric_store::{
    DatabaseUrl, Entity, Expectation, FieldValue, PostgresStore, Query, RedbStore, SortOrder,
    Store, StoreError, Table, Transaction,
};
use jiff::Timestamp;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

const NODES: u32 = 30_000;
const LOAD_GROUP: u32 = 250;
const CALLERS: u32 = 64;
const SPELL: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = std::env::args_os().nth(1);
    let url = place.as_ref().and_then(|place| place.to_str());
    let url = url.filter(|place| DatabaseUrl::is_one(place));
    let url: Option<DatabaseUrl> = url.map(str::parse).transpose()?;
    let within = match (&url, place) {
        (None, Some(place)) => PathBuf::from(place),
        (Some(_), _) | (None, None) => std::env::temp_dir(),
    };
    let directory = within.join(format!("ferric-store-bench-{}", Uuid::new_v4()));
    std::fs::create_dir(&directory)?;
    let outcome = match url {
        Some(url) => measure_server(&url, &directory.join("store.key")).await,
        None => measure_file(&directory.join("ferric.redb")).await,
    };
    std::fs::remove_dir_all(&directory)?;
    Ok(outcome?)
}

async fn measure_file(path: &Path) -> Result<(), StoreError> {
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(path)?);
    measure(&store).await?;
    drop(store);
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    println!("file: {} MiB", size >> 20);
    let start = Instant::now();
    drop(RedbStore::open(path)?);
    println!("open and close again: {:?}", start.elapsed());
    Ok(())
}

async fn measure_server(url: &DatabaseUrl, key: &Path) -> Result<(), StoreError> {
    let store: Arc<dyn Store> = Arc::new(PostgresStore::open(url, key).await?);
    measure(&store).await
}

async fn measure(store: &Arc<dyn Store>) -> Result<(), StoreError> {
    load(store.as_ref()).await?;
    single_commits(store.as_ref()).await?;
    group_commits(store).await?;
    reads(store.as_ref()).await
}

fn id(number: u32) -> NodeId {
    // Spread, as random UUIDs are.
    NodeId(Uuid::from_u128(
        u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
    ))
}

/// About as large as a real one: 3 KB.
fn node(number: u32) -> Node {
    let mut node = Node::new(id(number), "redfish", Timestamp::UNIX_EPOCH);
    node.name = Some(format!("rack{}-node{number}", number / 40));
    node.provision_state = ProvisionState::ALL[number as usize % 6];
    node.resource_class = Some(format!("class-{}", number % 7));
    let disk = json!({"name": "/dev/nvme0n1", "size": 1_920_383_410_176_u64, "serial": "S4YPNE0N500123", "wwn": "0x5002538e40a1b2c3"});
    node.properties
        .insert("disks".to_owned(), json!([disk, disk, disk, disk]));
    node.extra
        .insert("notes".to_owned(), json!("n".repeat(1200)));
    node.driver_info
        .insert("redfish_password".to_owned(), json!("secret"));
    node
}

async fn load(store: &dyn Store) -> Result<(), StoreError> {
    let start = Instant::now();
    for first in (0..NODES).step_by(LOAD_GROUP as usize) {
        let mut transaction = Transaction::new();
        for number in first..first + LOAD_GROUP {
            transaction = transaction.put(&node(number));
        }
        store.commit(transaction).await?;
    }
    println!(
        "load of {NODES} nodes, {LOAD_GROUP} to a transaction: {:?}",
        start.elapsed()
    );
    Ok(())
}

/// Reads a node, changes its state, and commits it at the revision that was read.
async fn visit(store: &dyn Store, number: u32) -> Result<(), StoreError> {
    let key = node(number).key();
    let Some(record) = store.get(&key).await? else {
        return Ok(());
    };
    let mut node: Node = record.decode()?;
    node.maintenance = !node.maintenance;
    let unchanged = Expectation::Revision(key, record.revision);
    store
        .commit(Transaction::new().expect(unchanged).put(&node))
        .await?;
    Ok(())
}

async fn single_commits(store: &dyn Store) -> Result<(), StoreError> {
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < SPELL {
        visit(store, count * 7919 % NODES).await?;
        count += 1;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    println!("one caller, read and durable commit: {rate:.0}/s");
    Ok(())
}

async fn group_commits(store: &Arc<dyn Store>) -> Result<(), StoreError> {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = Arc::clone(store);
        callers.spawn(async move {
            let mut count = 0_u32;
            while start.elapsed() < SPELL {
                // Each caller has its own nodes.
                visit(store.as_ref(), (caller + count * CALLERS) % NODES).await?;
                count += 1;
            }
            Ok::<_, StoreError>(count)
        });
    }
    let mut total = 0;
    for count in callers.join_all().await {
        total += count?;
    }
    let rate = f64::from(total) / start.elapsed().as_secs_f64();
    println!("{CALLERS} callers, read and durable commit: {rate:.0}/s");
    Ok(())
}

async fn reads(store: &dyn Store) -> Result<(), StoreError> {
    let start = Instant::now();
    for number in 0..1000 {
        store.get(&node(number * 29).key()).await?;
    }
    println!("get: {:?}", start.elapsed() / 1000);
    let state = vec![FieldValue::Text("active".to_owned())];
    let of_state = || Query::all(Table::Node).filter("provision_state", state.clone());
    let limit = 1000;
    let first = Query {
        limit,
        ..of_state()
    };
    let last = Query {
        order: SortOrder::Descending,
        ..first.clone()
    };
    let sorted = Query {
        sort: Some("name".to_owned()),
        ..first.clone()
    };
    let marker = Query {
        marker: Some(id(20_000).to_string()),
        limit,
        ..Query::all(Table::Node)
    };
    let name = vec![FieldValue::Text("rack500-node20000".to_owned())];
    let by_name = Query::all(Table::Node).filter("name", name);
    for (what, query, expected) in [
        ("page of 1000 by state", first, 1000),
        ("the same from the end", last, 1000),
        ("the same sorted by name", sorted, 1000),
        ("page of 1000 behind a marker", marker, 1000),
        ("one node by name", by_name, 1),
        ("all of a state", of_state(), 5000),
        ("all nodes", Query::all(Table::Node), 30_000),
    ] {
        let start = Instant::now();
        let found = store.page(&query).await?.records.len();
        println!("{what}: {:?}", start.elapsed());
        assert_eq!(found, expected, "{what}");
    }
    let start = Instant::now();
    let outlines = store.outlines(&Query::all(Table::Node)).await?;
    println!("outlines of all nodes: {:?}", start.elapsed());
    assert_eq!(outlines.len(), 30_000);
    Ok(())
}
