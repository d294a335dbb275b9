//! The QMP client against a QEMU that says given lines.

use super::*;

/// A QEMU that says the given lines: the first at once, each next one after an order was read.
async fn exchange(
    lines: &[&str],
    orders: &[&'static str],
) -> (
    Vec<anyhow::Result<Value>>,
    anyhow::Result<Option<ShutdownReason>>,
) {
    let (ours, theirs) = tokio::io::duplex(4096);
    let (reader, writer) = tokio::io::split(ours);
    let (qmp, connection) = connect(reader, writer);
    let qemu = async {
        let (reader, mut writer) = tokio::io::split(theirs);
        let mut heard = BufReader::new(reader).lines();
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                heard.next_line().await.unwrap();
            }
            writer.write_all(line.as_bytes()).await.unwrap();
        }
    };
    let asker = async {
        let mut answers = Vec::new();
        for order in orders {
            answers.push(qmp.execute(order, json!({})).await);
        }
        answers
    };
    let (end, (), answers) = tokio::join!(connection.run(), qemu, asker);
    (answers, end)
}

const GREETING: &str = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\n";

#[tokio::test]
async fn answers_go_to_their_askers_past_events() {
    let event = "{\"timestamp\": {}, \"event\": \"RTC_CHANGE\", \"data\": {}}\n{\"return\": {\"status\": \"running\"}}\n";
    let (answers, end) = exchange(
        &[GREETING, "{\"return\": {}}\n", event],
        &["qmp_capabilities", "query-status"],
    )
    .await;
    let answers: Vec<Value> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [json!({}), json!({"status": "running"})]);
    assert_eq!(end.unwrap(), None);
}

#[tokio::test]
async fn a_refusal_carries_what_qemu_said() {
    let (answers, _) = exchange(
        &[
            GREETING,
            "{\"error\": {\"class\": \"X\", \"desc\": \"no such device\"}}\n",
        ],
        &["eject"],
    )
    .await;
    let error = format!("{:#}", answers.into_iter().next().unwrap().unwrap_err());
    assert_eq!(error, "ordering eject: QEMU refused: no such device");
}

#[tokio::test]
async fn the_reason_of_the_end_is_kept() {
    for (reason, expected) in [
        ("guest-reset", ShutdownReason::GuestReset),
        ("guest-shutdown", ShutdownReason::GuestShutdown),
        ("host-qmp-quit", ShutdownReason::Other),
    ] {
        let event = format!(
            "{{\"event\": \"SHUTDOWN\", \"data\": {{\"guest\": true, \"reason\": \"{reason}\"}}}}\n"
        );
        let (_, end) = exchange(&[event.as_str()], &[]).await;
        assert_eq!(end.unwrap(), Some(expected));
    }
}

#[tokio::test]
async fn the_end_of_qemu_is_an_answer() {
    let (answers, _) = exchange(&[GREETING], &["query-status"]).await;
    assert!(answers[0].is_err());
}
