//! Rules for each source file: it says what it is for, stays small, and leaves nothing for later.

use super::{rust_files, top};

/// Lines of a file without its tests.
const FILE_LIMIT: usize = 600;
/// Lines of a file with them.
const FILE_LIMIT_WITH_TESTS: usize = 800;

fn complaints(check: impl Fn(&str) -> Option<String>) {
    let found: Vec<String> = rust_files()
        .iter()
        .filter_map(|file| {
            let text = std::fs::read_to_string(top().join(file)).unwrap();
            check(&text).map(|problem| format!("{}: {problem}", file.display()))
        })
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn files_open_with_what_they_are_for() {
    complaints(|text| (!text.starts_with("//!")).then(|| "does not open with //!".to_owned()));
}

#[test]
fn openings_are_ten_lines_at_most() {
    complaints(|text| {
        let opening = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .count();
        (opening > 10).then(|| format!("opens with {opening} lines of //!; move them to docs/"))
    });
}

#[test]
fn files_are_small() {
    complaints(|text| {
        let all = text.lines().count();
        let code = text
            .lines()
            .take_while(|line| *line != "#[cfg(test)]")
            .count();
        (code > FILE_LIMIT || all > FILE_LIMIT_WITH_TESTS)
            .then(|| format!("{code} lines, {all} with tests: which noun is hiding in it?"))
    });
}

#[test]
fn nothing_is_left_for_later() {
    // Put together, so that this file does not complain about itself.
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X"].concat(),
    ];
    complaints(|text| {
        let word = words.iter().find(|word| {
            text.split(|c: char| !c.is_alphanumeric())
                .any(|part| part == **word)
        });
        word.map(|word| format!("contains {word}: make it an issue"))
    });
}

#[test]
fn modules_have_names() {
    let vague = [
        "utils.rs",
        "util.rs",
        "helpers.rs",
        "helper.rs",
        "misc.rs",
        "common.rs",
    ];
    let found: Vec<_> = rust_files()
        .into_iter()
        .filter(|file| vague.contains(&file.file_name().unwrap().to_str().unwrap()))
        .collect();
    assert!(found.is_empty(), "{found:?} say nothing");
}
