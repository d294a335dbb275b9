//! `tests/run` with made-up suites.

use super::{Said, Tree};
use ferric_tests::images::top;
use ferric_tests::process::{Running, command};
use ferric_tests::wait;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

fn tree() -> Tree {
    let tree = Tree::with(&["tests/run", "tests/lib"]);
    tree.program("tests/setup", "exit 0");
    tree
}

/// `ordinary` of the made-up suites is yes.
fn suite(tree: &Tree, name: &str, budget_s: u32, body: &str) {
    let headers = format!("# about: made up\n# budget: {budget_s}\n# ordinary: yes\n");
    tree.program(&format!("tests/suites/{name}"), &(headers + body));
}

fn run(tree: &Tree, arguments: &str) -> Said {
    tree.bash(&format!("tests/run {arguments}"))
}

#[test]
fn every_suite_has_its_headers() {
    let mut count = 0;
    for entry in std::fs::read_dir(top().join("tests/suites")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let header = |key: &str| {
            let start = format!("# {key}: ");
            let mut lines = text.lines().filter_map(|line| line.strip_prefix(&start));
            let value = lines
                .next()
                .unwrap_or_else(|| panic!("{name} has no {key}"));
            assert_eq!(lines.next(), None, "{name} has two of {key}");
            value
        };
        assert!(!header("about").is_empty(), "{name}");
        let budget: u32 = header("budget").parse().unwrap();
        assert!(budget > 0, "{name}");
        assert!(
            ["yes", "in time", "no"].contains(&header("ordinary")),
            "{name}"
        );
        let (number, _) = name.split_once('-').unwrap();
        assert!(number.parse::<u32>().is_ok(), "{name}");
        let mode = entry.metadata().unwrap().permissions().mode();
        assert!(mode & 0o100 != 0, "{name} cannot be run");
        count += 1;
    }
    assert!(count > 10, "only {count} suites were found");
}

#[test]
fn suites_run_in_order_or_by_name() {
    let tree = tree();
    suite(&tree, "20-second", 60, "echo second >>said");
    suite(&tree, "10-first", 60, "echo first >>said");
    let said = run(&tree, "");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.out.contains("2 passed, 0 failed, 0 not run, "),
        "{said:?}"
    );
    assert_eq!(run(&tree, "first").code, Some(0));
    let order = std::fs::read_to_string(tree.path("said")).unwrap();
    assert_eq!(order, "first\nsecond\nfirst\n");
    let listed = run(&tree, "--list").out;
    assert!(
        listed.contains("second") && listed.contains("60 s  ordinary  made up"),
        "{listed}"
    );
}

#[test]
fn an_unknown_name_is_bad_usage() {
    let said = run(&tree(), "nothing");
    assert_eq!(said.code, Some(64));
    assert!(said.err.contains("no suite is called nothing"), "{said:?}");
}

#[test]
fn a_failure_is_told_with_the_end_of_its_log() {
    let tree = tree();
    suite(&tree, "10-bad", 60, "echo the reason >&2; exit 3");
    suite(&tree, "20-good", 60, "true");
    let said = run(&tree, "");
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("FAILED (exit 3)"), "{said:?}");
    assert!(said.out.contains("    | the reason"), "{said:?}");
    assert!(said.out.contains("1 passed, 1 failed"), "{said:?}");
}

#[test]
fn a_suite_over_its_budget_fails() {
    let tree = tree();
    suite(&tree, "10-slow", 1, "exec sleep 60");
    let said = run(&tree, "slow");
    assert_eq!(said.code, Some(1));
    assert!(
        said.out.contains("FAILED: over its budget of 1 s"),
        "{said:?}"
    );
}

#[test]
fn what_is_ordinary_in_time_is_not_begun_late_and_named() {
    let tree = tree();
    suite(&tree, "10-always", 60, "true");
    let late = "# about: made up\n# budget: 60\n# ordinary: in time\nexit 1";
    tree.program("tests/suites/20-late", late);
    let said = run(&tree, "");
    assert_eq!(said.code, Some(1), "there is time: {said:?}");
    let text = std::fs::read_to_string(tree.path("tests/run")).unwrap();
    assert!(text.contains("\nlast_beginning=2700\n"));
    let text = text.replace("\nlast_beginning=2700\n", "\nlast_beginning=0\n");
    tree.write("tests/run", &text);
    let said = run(&tree, "");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("NOT RUN, as this machine is slow: late."));
    assert!(said.out.contains("1 passed, 0 failed, 1 not run, "));
    assert_eq!(run(&tree, "late").code, Some(1), "by name it always runs");
    assert!(run(&tree, "--list").out.contains("60 s  in time   made up"));
}

#[test]
fn an_ordinary_check_that_takes_too_long_fails() {
    let tree = tree();
    let text = std::fs::read_to_string(tree.path("tests/run")).unwrap();
    assert!(text.contains("\nordinary_limit=5300\n"));
    tree.write(
        "tests/run",
        &text.replace("\nordinary_limit=5300\n", "\nordinary_limit=0\n"),
    );
    // What is set up counts too.
    tree.program("tests/setup", "sleep 1.1");
    suite(&tree, "10-good", 60, "true");
    let said = run(&tree, "");
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("FAILED: the ordinary check took "),
        "{said:?}"
    );
    assert_eq!(
        run(&tree, "good").code,
        Some(0),
        "named suites have no such limit"
    );
}

/// A new checkout begins with them; one that has built already keeps its own.
#[test]
fn what_was_built_of_other_crates_is_kept_for_the_next_checkout() {
    let body = "ls target/release/deps 2>/dev/null >before; mkdir -p target/release/{build,deps,.fingerprint/{foreign-1,ferric-1}}; \
                cd target/release; touch .fingerprint/{foreign,ferric}-1/x deps/{libforeign-1.rlib,libferric-1.rlib,test-1} ferric";
    let tree = tree();
    suite(&tree, "18-build", 60, body);
    tree.write("Cargo.toml", "one");
    tree.write("Cargo.lock", "one");
    let fresh = || {
        std::fs::remove_dir_all(tree.path("target")).unwrap();
        assert_eq!(run(&tree, "build").code, Some(0));
        std::fs::read_to_string(tree.path("before")).unwrap()
    };
    assert_eq!(run(&tree, "build").code, Some(0));
    assert_eq!(std::fs::read_to_string(tree.path("before")).unwrap(), "");
    assert_eq!(fresh(), "libforeign-1.rlib\n");
    assert!(!tree.path("target/release/whole").exists());
    std::fs::remove_dir_all(tree.path("target")).unwrap();
    suite(
        &tree,
        "10-look",
        60,
        "cd target/release && ls -A . * >../../seen",
    );
    assert_eq!(run(&tree, "look").code, Some(0));
    let seen = std::fs::read_to_string(tree.path("seen")).unwrap();
    assert!(
        seen.contains("foreign-1") && !seen.contains("ferric"),
        "{seen}"
    );
    tree.write("Cargo.lock", "two");
    assert_eq!(fresh(), "", "of another state");
    let kept = std::fs::read_dir(tree.path("cache/ferric/dependencies")).unwrap();
    assert_eq!(kept.count(), 1, "one state is kept");
}

#[test]
fn two_runs_do_not_meet() {
    let tree = tree();
    suite(&tree, "10-good", 60, "true");
    tree.write("target/test-run.lock", "");
    let file = std::fs::File::open(tree.path("target/test-run.lock")).unwrap();
    let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap();
    tree.write("target/test-run/of-the-other-run", "");
    let said = run(&tree, "");
    assert_eq!(said.code, Some(75), "{said:?}");
    assert!(tree.path("target/test-run/of-the-other-run").exists());
    drop(lock);
    assert_eq!(run(&tree, "").code, Some(0));
    assert!(!tree.path("target/test-run/of-the-other-run").exists());
}

/// Also by a process that takes its time and is not told by the suite.
#[test]
fn an_interrupted_run_leaves_no_files() {
    let tree = tree();
    let body = "bash -c 'end() { trap \"\" TERM; sleep 1; mkdir -p target/test-run/late; exit; }; \
                trap end TERM; touch up; while :; do sleep 0.1; done' &\n\
                exec sleep 60";
    suite(&tree, "10-busy", 60, body);
    let mut start = command(tree.path("tests/run"));
    start.env("XDG_CACHE_HOME", tree.path("cache"));
    let log = tree.path("log");
    let mut run = Running::start("tests/run", &mut start, &log).unwrap();
    let minute = Duration::from_secs(60);
    wait::until("the suite to run", minute, || {
        run.check()?;
        Ok(tree.path("up").exists().then_some(()))
    })
    .unwrap();
    run.signal(Signal::SIGTERM);
    wait::until("the run to end", minute, || {
        Ok(run.check().is_err().then_some(()))
    })
    .unwrap();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("tests/run: interrupted during busy"), "{log}");
    assert!(!tree.path("target/test-run").exists());
}
