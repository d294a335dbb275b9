//! The tree's own rules: sizes, openings, who may use whom, and a code map that is true.

mod manifests;
mod map;
mod sources;

use std::path::{Path, PathBuf};

/// The top of the checkout.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the checkout")
        .to_owned()
}

/// Every Rust file of ours, relative to the top.
fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![top()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".rs") {
                files.push(path.strip_prefix(top()).unwrap().to_owned());
            }
        }
    }
    assert!(
        files.len() > 50,
        "the tree was not found from {}",
        top().display()
    );
    files.sort();
    files
}
