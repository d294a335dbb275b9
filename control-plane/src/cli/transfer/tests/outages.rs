//! The other side has no time, is restarted, or goes away for good.

use super::{HASTE, patient, played, record};
use crate::cli::client::{Client, ClientError};
use crate::cli::transfer::importer::Importer;
use crate::cli::transfer::own;
use crate::cli::transfer::patient::{Patience, Patient};
use crate::cli::transfer::sink::Sink;
use http::StatusCode;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What a Ferric with one chassis and nothing else says, one connection each.
fn answer(path: &str) -> Value {
    match path {
        "/ferric/v1/export" => json!({"format": 1, "counts": {"chassis": 1}}),
        path if path.contains("kind=chassis") => {
            json!({"records": [{"kind": "chassis", "document": {"uuid": "c"}}], "next": null})
        }
        _ => json!({"records": [], "next": null}),
    }
}

/// How a request is dealt with.
#[derive(Clone, Copy)]
enum Fate {
    Answered,
    /// 503, with the header.
    Busy(Option<u32>),
    /// The connection ends without an answer, as that of a conductor that is killed.
    Cut,
    /// The same in the middle of an answer.
    CutLater,
}

/// A Ferric whose requests meet these fates one after the other, and the last of them ever after; its address.
async fn ferric(fates: Vec<Fate>) -> (String, JoinSet<()>) {
    crate::tls::install_provider();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut fates, mut last) = (fates.into_iter(), Fate::Answered);
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let request = String::from_utf8(request).unwrap();
            let path = request.split(' ').nth(1).unwrap();
            last = fates.next().unwrap_or(last);
            let body = answer(path).to_string();
            let (status, more, length) = match last {
                Fate::Answered => ("200 OK", String::new(), body.len()),
                Fate::Busy(after) => {
                    let header = after.map(|after| format!("Retry-After: {after}\r\n"));
                    ("503 No", header.unwrap_or_default(), body.len())
                }
                Fate::Cut => continue,
                Fate::CutLater => ("200 OK", String::new(), body.len() + 1),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    (address, tasks)
}

async fn export(patient: &Patient, path: &Path) -> anyhow::Result<()> {
    let mut sink = Sink::file(Some(path), false)?;
    own::read(patient, false, &mut sink).await?;
    sink.end().await
}

#[tokio::test]
async fn an_export_goes_on_after_the_other_side_was_away() {
    let fates = vec![
        Fate::Busy(None),
        Fate::Answered,
        Fate::Cut,
        Fate::Busy(None),
        Fate::CutLater,
        Fate::Answered,
    ];
    let (address, _tasks) = ferric(fates).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export");
    export(&patient(&address), &path).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "nothing twice: {text}");
    assert_eq!(lines[1]["document"]["uuid"], "c");
}

async fn fails(fates: Vec<Fate>, patience: Patience) -> ClientError {
    let (address, _tasks) = ferric(fates).await;
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(&format!("http://{address}")).unwrap();
    let patient = Patient::new(client, patience);
    let path = folder.path().join("export");
    let error = export(&patient, &path).await.unwrap_err();
    let left = folder.path().read_dir().unwrap().count();
    assert_eq!(left, 0, "nothing is left of it");
    error.downcast().unwrap()
}

#[tokio::test]
async fn an_export_that_fails_in_the_end_leaves_nothing() {
    let short = Patience {
        limit: Duration::from_millis(100),
        ..HASTE
    };
    let error = fails(vec![Fate::Answered, Fate::Busy(None)], short).await;
    assert!(matches!(error, ClientError::Busy { .. }), "{error}");
    let error = fails(vec![Fate::Answered, Fate::Cut], short).await;
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    // Longer than anybody is going to wait: that is no reason to ask earlier, nor to wait.
    let error = fails(vec![Fate::Answered, Fate::Busy(Some(3600))], HASTE).await;
    assert!(matches!(error, ClientError::Busy { .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_address_is_told_of_at_once() {
    let patience = Patience {
        first: Duration::from_secs(600),
        limit: Duration::from_secs(3600),
        ..HASTE
    };
    let error = fails(vec![Fate::Cut], patience).await;
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn nobody_is_asked_earlier_than_it_wants() {
    let (address, _tasks) = ferric(vec![Fate::Busy(Some(1)), Fate::Answered]).await;
    let began = Instant::now();
    patient(&address).get("/ferric/v1/export").await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_record_whose_node_changes_hands_is_sent_again() {
    let sent = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&sent);
    let (address, _tasks) = played(move |_| {
        *counted.lock() += 1;
        let created = json!({"kind": "port", "uuid": "p1", "outcome": "created", "status": 201});
        let busy = json!({"kind": "port", "uuid": "p2", "outcome": "refused", "status": 503, "error_message": "later"});
        let results = match *counted.lock() {
            1 => json!([created, busy]),
            2 => json!([busy]),
            _ => json!([created]),
        };
        (StatusCode::OK, json!({"results": results}))
    })
    .await;
    let mut sink = Sink::api(Importer::new(patient(&address), false, true));
    for uuid in ["p1", "p2"] {
        sink.take(record(uuid)).await.unwrap();
    }
    sink.end().await.unwrap();
    assert_eq!(*sent.lock(), 3);
}
