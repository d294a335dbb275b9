//! Who may use whom: the manifests are read, so that a ban does not rest on good will.

use super::top;
use std::collections::BTreeSet;

/// The direct dependencies that a crate's manifest names, without those of its tests.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(top().join(manifest).join("Cargo.toml")).unwrap();
    text.split("\n[")
        .filter(|section| section.starts_with("dependencies]"))
        .flat_map(|section| section.lines().skip(1))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// A crate and what it must not use.
fn ban(manifest: &str, banned: &[&str]) {
    let used = dependencies(manifest);
    assert!(
        !used.is_empty(),
        "{manifest} names no dependencies: is the manifest read right?"
    );
    let found: Vec<_> = banned.iter().filter(|name| used.contains(**name)).collect();
    assert!(found.is_empty(), "{manifest} must not use {found:?}");
}

const IO: &[&str] = &[
    "tokio",
    "reqwest",
    "hyper",
    "axum",
    "redb",
    "async-trait",
    "nix",
    "tracing",
];
const OURS: &[&str] = &[
    "ferric",
    "ferric-agent",
    "ferric-agent-protocol",
    "ferric-drivers",
    "ferric-model",
    "ferric-store",
    "ferric-tests",
];

#[test]
fn the_protocol_has_no_io() {
    ban("agent/protocol", IO);
    ban("agent/protocol", OURS);
}

#[test]
fn the_model_has_no_io() {
    ban("control-plane/model", IO);
}

#[test]
fn drivers_see_no_store_and_no_node() {
    ban(
        "drivers",
        &["ferric", "ferric-model", "ferric-store", "redb", "axum"],
    );
}

#[test]
fn the_agent_knows_no_conductor() {
    ban(
        "agent",
        &[
            "ferric",
            "ferric-drivers",
            "ferric-model",
            "ferric-store",
            "redb",
        ],
    );
}

#[test]
fn the_store_knows_no_http() {
    ban(
        "control-plane/store",
        &[
            "axum",
            "hyper",
            "reqwest",
            "http",
            "ferric-drivers",
            "ferric-agent-protocol",
        ],
    );
}

#[test]
fn only_the_store_knows_its_engine() {
    ban("control-plane", &["redb", "tokio-postgres"]);
}

#[test]
fn the_testbed_uses_nothing_of_ours() {
    ban("vm-testbed", OURS);
}

/// Whether a source of the crate names it. Cargo compiles what no line uses all the same.
fn is_used(manifest: &str, dependency: &str) -> bool {
    // The one package here whose library has another name.
    let library = match dependency {
        "md-5" => "md5".to_owned(),
        other => other.replace('-', "_"),
    };
    let named = |text: &str| {
        text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .any(|word| word == library)
    };
    let folders = ["src/", "tests/", "examples/"].map(|part| format!("{manifest}/{part}"));
    super::rust_files()
        .iter()
        .filter(|path| folders.iter().any(|folder| path.starts_with(folder)))
        .any(|path| named(&std::fs::read_to_string(top().join(path)).unwrap()))
}

#[test]
fn every_dependency_is_used() {
    let crates = [
        "agent",
        "agent/protocol",
        "drivers",
        "control-plane",
        "control-plane/model",
        "control-plane/sim",
        "control-plane/store",
        "vm-testbed",
        "tests",
        "tests/bare",
    ];
    let unused: Vec<_> = crates
        .iter()
        .flat_map(|manifest| {
            dependencies(manifest)
                .into_iter()
                .map(move |name| (manifest, name))
        })
        // These make the features of programs and tests the same; see the manifest.
        .filter(|(manifest, name)| {
            **manifest != "tests" || !["proptest", "tokio"].contains(&name.as_str())
        })
        .filter(|(manifest, name)| !is_used(manifest, name))
        .collect();
    assert!(unused.is_empty(), "nothing uses {unused:?}");
}
