//! `vm-testbed/demo` where another user has built: in a checkout whose target/ cannot be written.

use super::{Said, Tree, chmod};
use nix::unistd::geteuid;

fn built_by_another_user() -> Tree {
    let tree = Tree::with(&["vm-testbed/demo", "tests/lib"]);
    tree.program("tests/setup", "exit 0");
    for name in ["ferric", "ferric-testbed"] {
        tree.program(&format!("target/release/{name}"), "");
    }
    tree.program(
        "target/release/ferric-demo",
        "echo \"the demo runs in $FERRIC_LAB_DIR\"",
    );
    for name in ["ferric-agent.kernel", "ferric-agent.initramfs", "os.qcow2"] {
        tree.write(&format!("target/images/{name}"), "");
    }
    tree
}

/// As a user to whom modes mean something.
fn demo(tree: &Tree) -> Said {
    for folder in ["target", "target/release", "target/images"] {
        chmod(&tree.path(folder), 0o555);
    }
    let user = match geteuid().is_root() {
        true => "setpriv --reuid=65534 --regid=65534 --clear-groups",
        false => "",
    };
    let said = tree.bash(&format!("{user} vm-testbed/demo"));
    for folder in ["target", "target/release", "target/images"] {
        chmod(&tree.path(folder), 0o755);
    }
    said
}

#[test]
fn what_is_there_is_used() {
    let said = demo(&built_by_another_user());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("target/ is another user's"), "{said:?}");
    assert!(
        said.out.ends_with("the demo runs in /var/tmp\n"),
        "{said:?}"
    );
}

#[test]
fn what_is_missing_is_told_in_one_line() {
    let tree = built_by_another_user();
    std::fs::remove_file(tree.path("target/images/os.qcow2")).unwrap();
    let said = demo(&tree);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.err
            .contains("os.qcow2 is missing: run the demo as that user"),
        "{said:?}"
    );
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
}
