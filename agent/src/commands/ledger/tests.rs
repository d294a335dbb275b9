//! The rules of the list of commands.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::*;
use crate::commands::failure::ErrorKind;

fn ledger(directory: &tempfile::TempDir) -> Ledger {
    agreeing(directory, &Extensions::all())
}

fn agreeing(directory: &tempfile::TempDir, agreed: &Extensions) -> Ledger {
    Ledger::open(StateDir::open(directory.path()).unwrap(), agreed)
}

static NO_PARAMS: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

fn order(name: &str) -> Order<'_> {
    Order {
        name,
        params: &NO_PARAMS,
        id: None,
        epoch: None,
    }
}

fn begin(ledger: &Ledger, name: &str) -> (Uuid, Progress) {
    match ledger.begin(&order(name)) {
        Ok(Begun::New { id, progress, .. }) => (id, progress),
        Ok(Begun::Known(_)) => panic!("{name} is known"),
        Err(refusal) => panic!("{refusal:?}"),
    }
}

fn refusal(ledger: &Ledger, order: &Order<'_>) -> Refusal {
    ledger.begin(order).err().expect("refused")
}

#[test]
fn one_command_runs_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory);
    let (id, _) = begin(&ledger, "standby.sync");
    assert_eq!(ledger.list()[0].command_status, CommandStatus::Running);
    let busy = Refusal::Busy("sync".to_owned());
    assert_eq!(refusal(&ledger, &order("standby.power_off")), busy);
    assert_eq!(
        refusal(&ledger, &order("nonsense")),
        Refusal::Unknown(Unknown::Form)
    );
    assert_eq!(refusal(&ledger, &order("no.such")), busy);
    ledger.finish(id, Ok(Value::Null));
    let result = ledger.get(id).unwrap();
    assert_eq!(
        (result.command_status, result.command_result),
        (CommandStatus::Succeeded, None)
    );
    begin(&ledger, "standby.power_off");
    let names: Vec<String> = ledger
        .list()
        .into_iter()
        .map(|result| result.command_name)
        .collect();
    assert_eq!(names, ["sync", "power_off"]);
}

#[test]
fn a_command_that_is_not_known_is_not_listed() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory);
    let unknown = Unknown::Extension("no".to_owned());
    assert_eq!(
        refusal(&ledger, &order("no.such")),
        Refusal::Unknown(unknown)
    );
    assert!(ledger.list().is_empty());
}

/// As Ironic's agent: it is the one command that is known and yet is refused before it is listed.
#[test]
fn node_information_cannot_be_set() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory);
    let refused = refusal(&ledger, &order("poll.set_node_info"));
    assert_eq!(refused, Refusal::Invalid(NOT_STANDALONE));
    assert!(ledger.list().is_empty());
    let (id, _) = begin(&ledger, "standby.sync");
    let refused = refusal(&ledger, &order("poll.set_node_info"));
    assert_eq!(refused, Refusal::Busy("sync".to_owned()));
    ledger.finish(id, Ok(Value::Null));
}

#[test]
fn sending_a_command_twice_starts_it_once() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory);
    let chosen = Uuid::new_v4();
    let order = Order {
        id: Some(chosen),
        ..order("standby.sync")
    };
    assert!(matches!(ledger.begin(&order), Ok(Begun::New { id, .. }) if id == chosen));
    assert!(matches!(ledger.begin(&order), Ok(Begun::Known(id)) if id == chosen));
    ledger.finish(chosen, Ok(Value::Null));
    assert!(matches!(ledger.begin(&order), Ok(Begun::Known(id)) if id == chosen));
    assert_eq!(ledger.list().len(), 1);
}

#[test]
fn an_older_epoch_is_refused_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let at = |epoch| Order {
        epoch: Some(epoch),
        ..order("standby.sync")
    };
    let first = ledger(&directory);
    let Ok(Begun::New { id, .. }) = first.begin(&at(7)) else {
        panic!("refused")
    };
    first.finish(id, Ok(Value::Null));
    let stale = Refusal::StaleEpoch { sent: 6, seen: 7 };
    assert_eq!(refusal(&first, &at(6)), stale);
    drop(first);
    let second = ledger(&directory);
    assert_eq!(refusal(&second, &at(6)), stale);
    assert!(second.begin(&at(7)).is_ok());
}

#[test]
fn a_command_that_ran_when_the_agent_ended_has_failed() {
    let directory = tempfile::tempdir().unwrap();
    let first = ledger(&directory);
    let (done, _) = begin(&first, "standby.sync");
    first.finish(done, Ok(json!({"result": "x"})));
    let (running, _) = begin(&first, "standby.power_off");
    drop(first);
    let second = ledger(&directory);
    assert!(second.resume().is_none(), "it must not be done twice");
    assert_eq!(
        second.get(done).unwrap().command_result,
        Some(json!({"result": "x"}))
    );
    let result = second.get(running).unwrap();
    assert_eq!(result.command_status, CommandStatus::Failed);
    let error = result.command_error.unwrap();
    assert_eq!(error.kind, "CommandExecutionError");
    assert!(error.details.contains("restarted"), "{}", error.details);
}

fn kept(directory: &tempfile::TempDir) -> bool {
    directory.path().join("running.json").exists()
}

#[test]
fn a_command_that_may_be_run_again_goes_on_under_its_id() {
    let directory = tempfile::tempdir().unwrap();
    let params = json!({"image_info": {"id": "i", "urls": ["u"], "checksum": "c"}});
    let params = params.as_object().unwrap();
    let order = Order {
        params,
        ..order("standby.prepare_image")
    };
    let Ok(Begun::New { id, .. }) = ledger(&directory).begin(&order) else {
        panic!("refused")
    };
    for _ in 0..3 {
        let resumed = ledger(&directory).resume().unwrap();
        assert_eq!((resumed.id, resumed.command), (id, Command::PrepareImage));
        assert_eq!(&resumed.params, params);
    }
    let last = ledger(&directory);
    assert!(last.resume().is_none());
    let result = last.get(id).unwrap();
    assert_eq!(result.command_status, CommandStatus::Failed);
    let details = result.command_error.unwrap().details;
    assert!(details.contains("restarted 4 times"), "{details}");
    assert!(!kept(&directory));
}

#[test]
fn an_order_is_kept_no_longer_than_its_command_runs() {
    let directory = tempfile::tempdir().unwrap();
    let first = ledger(&directory);
    let (id, _) = begin(&first, "standby.sync");
    assert!(kept(&directory));
    first.finish(id, Ok(Value::Null));
    assert!(!kept(&directory));
    let (id, _) = begin(&first, "standby.sync");
    first.run_once();
    assert!(!kept(&directory));
    first.finish(id, Ok(Value::Null));
    // Died before the order was forgotten.
    std::fs::write(directory.path().join("running.json"), "{}").unwrap();
    assert!(ledger(&directory).resume().is_none());
    assert!(!kept(&directory));
}

#[test]
fn the_same_order_is_known_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let order = order("image.install_bootloader");
    let first = ledger(&directory);
    let Ok(Begun::New { id, .. }) = first.begin(&order) else {
        panic!("refused")
    };
    let busy = Refusal::Busy("install_bootloader".to_owned());
    assert_eq!(refusal(&first, &order), busy);
    drop(first);
    let second = ledger(&directory);
    assert!(second.resume().is_some());
    assert!(matches!(second.begin(&order), Ok(Begun::Known(known)) if known == id));
    let other = json!({"root_uuid": "r"});
    let params = other.as_object().unwrap();
    assert_eq!(
        refusal(
            &second,
            &Order {
                params,
                ..order.clone()
            }
        ),
        busy
    );
    let id = Some(Uuid::new_v4());
    assert_eq!(refusal(&second, &Order { id, ..order }), busy);
}

#[tokio::test]
async fn what_fails_as_the_agent_ends_is_left_to_the_next_one() {
    let directory = tempfile::tempdir().unwrap();
    let first = ledger(&directory);
    let (id, _) = begin(&first, "image.install_bootloader");
    first.end();
    first.finish(id, Err(Failure::new(ErrorKind::ImageWrite, "cancelled")));
    let result = first.wait(id).await.unwrap();
    assert_eq!(result.command_status, CommandStatus::Running);
    drop(first);
    let second = ledger(&directory);
    assert_eq!(second.resume().unwrap().id, id);
    second.finish(id, Ok(Value::Null));
    let result = second.get(id).unwrap();
    assert_eq!(result.command_status, CommandStatus::Succeeded);
}

#[test]
fn progress_is_shown_while_a_command_runs_and_kept_when_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory);
    let (id, progress) = begin(&ledger, "flow.start_flow");
    assert_eq!(ledger.get(id).unwrap().ferric_progress, None);
    progress.written(5);
    assert_eq!(
        ledger.list()[0]
            .ferric_progress
            .as_ref()
            .unwrap()
            .bytes_written,
        5
    );
    ledger.finish(id, Err(Failure::new(ErrorKind::ImageWrite, "no")));
    assert_eq!(
        ledger
            .get(id)
            .unwrap()
            .ferric_progress
            .unwrap()
            .bytes_written,
        5
    );
}

#[test]
fn large_results_do_not_stay_in_the_list() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory);
    let (id, _) = begin(&ledger, "log.collect_system_logs");
    let logs = json!({"system_logs": "x".repeat(100_000)});
    ledger.finish(id, Ok(logs.clone()));
    assert_eq!(ledger.get(id).unwrap().command_result, Some(logs));
    begin(&ledger, "standby.sync");
    assert!(serde_json::to_string(&ledger.list()).unwrap().len() < 1000);
}

#[tokio::test]
async fn waiting_ends_with_the_command() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Arc::new(ledger(&directory));
    let (id, _) = begin(&ledger, "standby.sync");
    let finish = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        ledger.finish(id, Ok(Value::Null));
    };
    let (result, ()) = tokio::join!(ledger.wait(id), finish);
    assert!(result.unwrap().is_done());
    assert_eq!(ledger.wait(Uuid::nil()).await, None);
}

#[test]
fn what_a_failed_command_has_done_is_told_only_where_that_was_agreed_on() {
    let told = |agreed: &Extensions| {
        let directory = tempfile::tempdir().unwrap();
        let ledger = agreeing(&directory, agreed);
        let (id, _) = begin(&ledger, "clean.execute_clean_step");
        let failure = Failure::new(ErrorKind::Cleaning, "sdb").with_done(json!({"sda": 1}));
        ledger.finish(id, Err(failure));
        let result = ledger.get(id).unwrap();
        assert_eq!(result.command_status, CommandStatus::Failed);
        assert_eq!(result.command_error.unwrap().details, "sdb");
        // As after a restart of the agent.
        drop(ledger);
        let again = agreeing(&directory, agreed).get(id).unwrap();
        assert_eq!(again.command_result, result.command_result);
        result.command_result
    };
    assert_eq!(told(&Extensions::all()), Some(json!({"sda": 1})));
    let ironic = Extensions::all().without(Extension::EraseRecords);
    assert_eq!(told(&ironic), None);
}

/// The end may come between two looks of who waits.
#[test]
fn who_waits_is_told_the_end_however_close_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for _ in 0..1000 {
        let (id, _) = begin(&ledger, "standby.sync");
        let ready = std::sync::Barrier::new(2);
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                ready.wait();
                ledger.finish(id, Ok(Value::Null));
            });
            ready.wait();
            runtime.block_on(ledger.wait(id)).unwrap()
        });
        assert_eq!(result.command_status, CommandStatus::Succeeded);
    }
}
