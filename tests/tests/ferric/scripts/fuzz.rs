//! `tests/fuzz/check` with made-up fuzzers: what is found fails it and is shown; what is learnt is kept.

use super::{Said, Tree};

/// Writes down how it was called, and learns something.
const GOOD: &str = "\
printf '%s\\n' \"$@\" >\"called-$(basename \"$0\")\"
echo 'stat::number_of_executed_units: 12'
echo input >\"${@: -2:1}/learnt\"";

/// Leaves behind what it has found, as libFuzzer does.
const BAD: &str = "\
for argument in \"$@\"; do
  case $argument in -artifact_prefix=*) printf 'an evil input' >\"${argument#*=}crash-1\" ;; esac
done
echo 'panicked at the third byte' >&2
exit 77";

/// With a cargo-fuzz that has these fuzzers.
fn tree(fuzzers: &[(&str, &str)]) -> Tree {
    let tree = Tree::with(&["tests/fuzz"]);
    tree.program("bin/cargo", "echo \"$*\" >>cargo-calls");
    tree.program("bin/rustc", "echo 'host: made-up'");
    tree.program("bin/c++", "exit 1");
    let names: Vec<&str> = fuzzers.iter().map(|(name, _)| *name).collect();
    let script = format!(
        "case $1 in\n--version) echo 'cargo-fuzz 0.13.2' ;;\nlist) printf '%s\\n' {} ;;\nbuild) echo \"$*\" >built ;;\nesac",
        names.join(" ")
    );
    tree.program("cache/ferric/tools/bin/cargo-fuzz", &script);
    for (name, text) in fuzzers {
        tree.program(&format!("target/fuzz/made-up/release/{name}"), text);
        tree.write(&format!("agent/fuzz/corpus/{name}/seed"), "seed");
    }
    tree
}

fn check(tree: &Tree, arguments: &str) -> Said {
    tree.bash(&format!(
        "PATH=\"$PWD/bin:$PATH\" tests/fuzz/check {arguments}"
    ))
}

fn read(tree: &Tree, name: &str) -> String {
    std::fs::read_to_string(tree.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn each_fuzzer_has_its_time_and_keeps_what_it_learns() {
    let tree = tree(&[("first", GOOD), ("second", GOOD)]);
    let said = check(&tree, "7");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.ends_with("2 passed, 7 s each\n"), "{said:?}");
    for name in ["first", "second"] {
        let line = format!("{name}: 12 inputs tried, 1 kept\n");
        assert!(said.out.contains(&line), "{said:?}");
        let kept = format!("cache/ferric/fuzz/{name}");
        assert_eq!(read(&tree, &format!("{kept}/learnt")), "input\n");
        let called = read(&tree, &format!("called-{name}"));
        let called: Vec<&str> = called.lines().collect();
        assert!(called.contains(&"-max_total_time=7"), "{called:?}");
        let (learnt, seeds) = (tree.path(&kept), format!("agent/fuzz/corpus/{name}"));
        let folders = [learnt.to_str().unwrap(), seeds.as_str()];
        assert!(called.ends_with(&folders), "{called:?}");
    }
    assert!(read(&tree, "built").contains("--sanitizer none"));
    assert!(read(&tree, "cargo-calls").contains("fetch --locked"));
}

#[test]
fn what_is_found_is_shown_and_kept_and_fails_the_check() {
    let tree = tree(&[("bad", BAD), ("good", GOOD)]);
    let said = check(&tree, "1");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("bad: FAILED with 77"), "{said:?}");
    assert!(
        said.out.contains("    | panicked at the third byte\n"),
        "{said:?}"
    );
    // "an evil input"
    assert!(said.out.contains("\nYW4gZXZpbCBpbnB1dA==\n"), "{said:?}");
    assert!(said.out.contains("good: 12 inputs tried"), "{said:?}");
    let kept = read(&tree, "target/fuzz/findings/bad/crash-1");
    assert_eq!(kept, "an evil input");
}

#[test]
fn a_fuzzer_that_tries_nothing_fails_and_others_are_not_run() {
    let tree = tree(&[("idle", "exit 0"), ("bad", BAD)]);
    let said = check(&tree, "1 idle");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("idle: FAILED with 0"), "{said:?}");
    assert!(said.out.contains("no input was left behind"), "{said:?}");
    assert!(!said.out.contains("bad: "), "{said:?}");
}

#[test]
fn a_time_that_is_none_is_refused() {
    for time in ["0", "1m", "''"] {
        let said = check(&tree(&[("good", GOOD)]), time);
        assert_eq!(said.code, Some(64), "{said:?}");
        assert!(said.err.contains("whole number of seconds"), "{said:?}");
    }
}
