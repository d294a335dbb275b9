//! The documents: each path of the code map exists, each folder of code is on it, each decision is linked.

use super::{rust_files, top};

fn architecture() -> String {
    std::fs::read_to_string(top().join("docs/architecture.md")).unwrap()
}

/// Paths in back quotes that end in `/` or in a file's extension.
fn paths(text: &str) -> Vec<&str> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|quoted| !quoted.contains([' ', '<', '*', '{', '$']))
        .filter(|quoted| !quoted.starts_with('/') && !quoted.starts_with("target/"))
        .filter(|quoted| {
            quoted.ends_with('/') || quoted.ends_with(".rs") || quoted.ends_with(".md")
        })
        .collect()
}

#[test]
fn what_the_map_names_exists() {
    let text = architecture();
    let named = paths(&text);
    assert!(named.len() > 10, "the map names {} paths only", named.len());
    let missing: Vec<_> = named
        .into_iter()
        .filter(|path| !top().join(path).exists())
        .collect();
    assert!(
        missing.is_empty(),
        "docs/architecture.md names what is not there: {missing:?}"
    );
}

#[test]
fn every_folder_of_code_is_on_the_map() {
    let text = architecture();
    let folder_of =
        |file: &std::path::PathBuf| file.parent().map(|parent| format!("{}/", parent.display()));
    let mut missing: Vec<_> = rust_files()
        .iter()
        .filter(|file| {
            file.starts_with("agent")
                || file.starts_with("control-plane")
                || file.starts_with("drivers")
        })
        .filter_map(folder_of)
        .filter(|folder| folder.matches('/').count() == 3 && !text.contains(&format!("`{folder}`")))
        .collect();
    missing.dedup();
    assert!(
        missing.is_empty(),
        "not in docs/architecture.md: {missing:?}"
    );
}

#[test]
fn every_decision_is_linked() {
    let text = architecture();
    let decisions = std::fs::read_dir(top().join("docs/decisions")).unwrap();
    for decision in decisions {
        let name = decision.unwrap().file_name().into_string().unwrap();
        assert!(
            text.contains(&name),
            "docs/architecture.md does not link docs/decisions/{name}"
        );
        let lines = std::fs::read_to_string(top().join("docs/decisions").join(&name))
            .unwrap()
            .lines()
            .count();
        assert!(
            lines <= 60,
            "docs/decisions/{name} has {lines} lines, 60 are enough"
        );
    }
}

#[test]
fn the_map_is_short() {
    let lines = architecture().lines().count();
    assert!(
        lines <= 300,
        "docs/architecture.md has {lines} lines, 300 are enough"
    );
}
