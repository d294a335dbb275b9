//! Every file of every corpus passes, and every check has a fuzzer and a corpus.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::CHECKS;

fn folder(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(below)
}

/// What is in a folder, by its names.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|entry| name(entry.unwrap())).collect()
}

#[test]
fn every_input_of_the_corpora_passes() {
    for (name, check) in CHECKS {
        let corpus = folder("corpus").join(name);
        let inputs = names(&corpus);
        assert!(!inputs.is_empty(), "{corpus:?} is empty");
        for input in inputs {
            let path = corpus.join(&input);
            let bytes = fs::read(&path).unwrap();
            // A check that panics says what is wrong, but not with which input.
            if let Err(panic) = std::panic::catch_unwind(|| check(&bytes)) {
                panic!("{}: {:?}", path.display(), text(panic.as_ref()));
            }
        }
    }
}

fn text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text")
}

#[test]
fn every_check_passes_with_nothing_and_with_bytes_of_one_kind() {
    for (_, check) in CHECKS {
        check(&[]);
        for byte in [0, 1, b'0', 0x7f, 0x80, 0xff] {
            for length in [1, 2, 47, 48, 512, 2048, 5000] {
                check(&vec![byte; length]);
            }
        }
    }
}

#[test]
fn every_check_has_a_fuzzer_and_a_corpus() {
    let checks: BTreeSet<String> = CHECKS.map(|(name, _)| name.to_owned()).into();
    assert_eq!(names(&folder("corpus")), checks);
    let files = names(&folder("fuzz_targets"));
    let files: BTreeSet<String> = files
        .iter()
        .map(|file| file.strip_suffix(".rs").unwrap().to_owned())
        .collect();
    assert_eq!(files, checks);
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for name in &checks {
        let bin = format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
        assert!(
            manifest.contains(&bin),
            "{name} is no program of the manifest"
        );
        let target = fs::read_to_string(folder("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        let call = format!("check(\"{name}\", bytes)");
        assert!(target.contains(&call), "{name} checks something else");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), checks.len());
}
