//! What somebody learns who has the database, a dump of it or the server's disk, but not the key.

use crate::Lab;
use ferric_model::event::{TimelineEvent, What};
use ferric_model::node::agent_session::{AgentSession, Token};
use ferric_store::conformance::node;
use ferric_store::{Entity, EventFilter, Store, Transaction};
use jiff::Timestamp;
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use uuid::Uuid;

const PASSWORD: &str = "hunter2-of-the-bmc";
const TOKEN: &str = "token-of-the-agent";
const QUOTED: &str = "secret-in-an-error";
const KEY_OF_PASSWORD: &str = "redfish_password";

/// As a dump writes bytes.
fn hex(text: &str) -> String {
    let mut hex = String::new();
    for byte in text.bytes() {
        write!(hex, "{byte:02x}").unwrap();
    }
    hex
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let mut windows = bytes.windows(text.len());
    windows.any(|window| window == text.as_bytes())
}

/// Whether any file below holds it.
fn any_file_holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return any_file_holds(&path, text);
        }
        path.is_file() && holds(&fs::read(&path).unwrap(), text)
    })
}

#[tokio::test]
async fn a_dump_and_the_servers_files_hold_no_secret() {
    let mut lab = Lab::start(&[]);
    let store = lab.open().await;
    let mut secretive = node(1);
    secretive
        .driver_info
        .insert(KEY_OF_PASSWORD.to_owned(), json!(PASSWORD));
    secretive.agent = Some(AgentSession {
        token: Some(Token(TOKEN.to_owned())),
        ..AgentSession::default()
    });
    let quoting = TimelineEvent {
        id: Uuid::nil(),
        node: node(1).uuid,
        at: Timestamp::UNIX_EPOCH,
        conductor: "c1".to_owned(),
        run: None,
        bulk: None,
        what: What::BmcError {
            error: QUOTED.to_owned(),
        },
    };
    for _ in 0..5 {
        let transaction = Transaction::new().put(&secretive).event(quoting.clone());
        store.commit(transaction).await.unwrap();
    }
    // They are there, for whoever has the key.
    let record = store.get(&node(1).key()).await.unwrap().unwrap();
    assert!(holds(&record.document, PASSWORD) && holds(&record.document, TOKEN));
    let events = store.events(&EventFilter::default()).await.unwrap();
    assert_eq!(events[0].event, quoting);
    drop(store);

    let dump = lab.server.dump(&lab.database);
    lab.server.psql(&lab.database, "CHECKPOINT");
    lab.server.kill();
    // Index values stand in clear: the searches would find the others too.
    assert!(dump.contains(&hex("fake-hardware")));
    assert!(any_file_holds(&lab.server.data(), "fake-hardware"));
    let key = fs::read_to_string(lab.key()).unwrap();
    for secret in [PASSWORD, TOKEN, QUOTED, KEY_OF_PASSWORD, key.trim()] {
        assert!(!dump.contains(secret), "{secret} stands in the dump");
        assert!(!dump.contains(&hex(secret)), "{secret} stands in the dump");
        assert!(
            !any_file_holds(&lab.server.data(), secret),
            "{secret} is on the disk"
        );
    }
    assert!(!dump.contains(key.trim()), "the key stands in the dump");
}

/// Copied over another record's place, a document does not open.
#[tokio::test]
async fn a_document_opens_in_its_own_place_only() {
    let lab = Lab::start(&[]);
    let store = lab.open().await;
    store
        .commit(Transaction::new().put(&node(1)).put(&node(2)))
        .await
        .unwrap();
    let swap = "UPDATE ferric_records SET document = (SELECT document FROM ferric_records WHERE place = 1) \
                WHERE place = 2";
    lab.server.psql(&lab.database, swap);
    assert!(store.get(&node(1).key()).await.is_ok());
    assert!(store.get(&node(2).key()).await.is_err());
}
