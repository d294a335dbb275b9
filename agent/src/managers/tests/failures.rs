//! What programs do instead of answering. Nothing of them may be left, and nobody may wait for them for ever.

use std::time::Instant;

use serde_json::Value;

use super::*;

fn run_step(script: &str) -> Result<Value, String> {
    let folder = Folder::with(&format!("if [ $1 = run_step ]; then\n{script}\nfi"));
    let (_managers, manager) = folder.manager();
    let result = manager.run_step(order("flash"), &Progress::default());
    result.map_err(|error| sentence(&error))
}

fn check_fails(script: &str, expected: &str) {
    let error = run_step(script).unwrap_err();
    let expected = format!("hardware manager acme, run_step: {expected}");
    assert_eq!(error, expected, "{script}");
}

/// A process that nobody has reaped yet is gone, too.
fn is_gone(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The process whose number a script has written.
fn process(folder: &Folder, file: &str) -> String {
    let read = || fs::read_to_string(folder.path(file)).unwrap_or_default();
    until("no number was written", || read().ends_with('\n'));
    read().trim().to_owned()
}

#[test]
fn a_crash_is_an_error_that_says_why() {
    check_fails(
        "echo first >&2; echo no such fan >&2; exit 3",
        "it ended with exit status: 3: no such fan",
    );
    check_fails(
        "kill -9 $$",
        "it ended with signal: 9 (SIGKILL) and did not say why",
    );
    check_fails(
        "echo '{\"result\": 1}'; exit 4",
        "it ended with exit status: 4 and did not say why",
    );
    check_fails("true", "it ended without an answer");
}

#[test]
fn an_error_of_its_own_is_told_whatever_the_exit_status() {
    check_fails(
        "echo '{\"error\": \"the fan is stuck\"}'",
        "the fan is stuck",
    );
    let script = "echo noise >&2; echo '{\"error\": \"the fan is stuck\"}'; exit 1";
    check_fails(script, "the fan is stuck");
}

/// What such a program is doing must not stop half-way: its end is waited for.
#[test]
fn garbage_is_an_error_after_the_end_of_the_program() {
    let folder = Folder::with(
        r#"
        if [ $1 = run_step ]; then
            echo "Flashing fan 2..."; sleep 0.3; echo >"$0.done"; echo '{"result": 1}'
        fi"#,
    );
    let (_managers, manager) = folder.manager();
    let error = manager
        .run_step(order("flash"), &Progress::default())
        .unwrap_err();
    let expected =
        "it wrote \"Flashing fan 2...\", which is no line of the protocol: expected value";
    let text = sentence(&error);
    assert!(text.contains(expected), "{text}");
    assert!(folder.path("acme.done").exists());
}

#[test]
fn a_flood_is_ended() {
    let expected = "it was ended because it wrote more than it may: 1 MiB in a line, 64 MiB in all";
    let lines = "phase=$(printf '%01000d' 0); exec yes '{\"progress\": {\"phase\": \"'$phase'\"}}'";
    check_fails(lines, expected);
    check_fails("yes | tr -d '\\n'", expected);
}

#[test]
fn a_step_may_tell_for_days_how_far_it_is() {
    use crate::managers::process::{MAX_OUTPUT, most_bytes};
    assert_eq!(most_bytes(Duration::ZERO), MAX_OUTPUT);
    let days = 30 * 86400;
    let ten_lines_a_second = days * 10 * 200;
    assert!(most_bytes(Duration::from_secs(days)) > ten_lines_a_second);
}

#[test]
fn a_flood_into_the_log_does_no_harm() {
    let script = "yes oops | head -c 5000000 >&2; echo '{\"result\": 1}'";
    assert_eq!(run_step(script), Ok(json!(1)));
}

#[test]
fn a_program_that_does_not_read_what_it_is_told_may_answer() {
    let folder = Folder::with("[ $1 != run_step ] || echo '{\"result\": 1}'");
    let (_managers, manager) = folder.manager();
    let order = StepOrder {
        args: Map::from_iter([("image".to_owned(), json!("x".repeat(1 << 20)))]),
        ..order("flash")
    };
    let result = manager.run_step(order, &Progress::default());
    assert_eq!(result.unwrap(), json!(1));
}

#[test]
fn a_program_that_hangs_is_ended_with_its_children() {
    let folder = Folder::new();
    folder.write("1", r#"sleep 60 & echo $! >"$0.pid"; wait"#);
    folder.write("2", r#"trap "" TERM; sleep 60 & echo $! >"$0.pid"; wait"#);
    folder.write("3", "name=good");
    let begun = Instant::now();
    let managers = folder.find_within(Duration::from_secs(1));
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(names(&managers), ["good"]);
    for name in ["1", "2"] {
        let expected =
            format!("hardware manager {name}, describe: it did not answer within 1s and was ended");
        assert_eq!(managers.failures[name], expected);
        let pid = process(&folder, &format!("{name}.pid"));
        until("a child lives on", || is_gone(&pid));
    }
}

#[test]
fn what_a_program_leaves_behind_ends_with_it() {
    let folder = Folder::with(
        r#"
        if [ $1 = run_step ]; then
            sleep 60 & echo $! >"$0.pid"; echo '{"result": 1}'
        fi"#,
    );
    let (_managers, manager) = folder.manager();
    let begun = Instant::now();
    let result = manager.run_step(order("flash"), &Progress::default());
    assert_eq!(result.unwrap(), json!(1));
    assert!(begun.elapsed() < Duration::from_secs(10));
    let pid = process(&folder, "acme.pid");
    until("a child lives on", || is_gone(&pid));
}

/// A child that has left the group holds the output open; the result is there all the same.
#[test]
fn nobody_waits_for_a_child_that_has_gone_its_own_way() {
    let begun = Instant::now();
    let result = run_step("setsid sleep 8 & sleep 0.2; echo '{\"result\": 1}'");
    assert_eq!(result, Ok(json!(1)));
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[test]
fn a_step_ends_with_the_agent_and_no_other_begins() {
    let folder = Folder::with(
        r#"
        if [ $1 = run_step ]; then
            sleep 60 & echo $! >"$0.pid"; wait; echo '{"result": 1}'
        fi"#,
    );
    let (managers, manager) = folder.manager();
    let run = || {
        let result = manager.run_step(order("flash"), &Progress::default());
        sentence(&result.unwrap_err())
    };
    let expected = "hardware manager acme, run_step: it was ended because the agent ends";
    std::thread::scope(|scope| {
        let running = scope.spawn(run);
        let pid = process(&folder, "acme.pid");
        managers.stop();
        assert_eq!(running.join().unwrap(), expected);
        until("a child lives on", || is_gone(&pid));
    });
    assert_eq!(run(), expected);
}
