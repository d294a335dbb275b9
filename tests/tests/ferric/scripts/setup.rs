//! `tests/setup` with made-up package managers: what it says, what it refuses to remove, when it installs anew.

use super::{Said, Tree};

fn tree() -> Tree {
    let tree = Tree::with(&["tests/setup", "image-build/lib/root.sh"]);
    tree.write("image-build/packages.txt", "bash\n");
    tree.write("tests/packages.txt", "no-such-package # made up\n");
    tree
}

/// With the functions of the script and nothing done yet.
fn functions(tree: &Tree, script: &str) -> Said {
    let text = std::fs::read_to_string(tree.path("tests/setup")).unwrap();
    let (functions, _) = text.split_once("\nmkdir -p \"$cache\"").unwrap();
    tree.write("tests/functions", functions);
    tree.bash(&format!(
        "mkdir -p cache/ferric; export PATH=\"$PWD/bin:$PATH\"; . tests/functions; {script}"
    ))
}

#[test]
fn root_of_a_user_namespace_is_told_who_can_install() {
    let said = tree().bash("unshare --user --map-root-user tests/setup packages");
    assert_eq!(
        said.code,
        Some(1),
        "does this host allow user namespaces? {said:?}"
    );
    let plain = "these packages are missing: no-such-package; only root outside of a user namespace can install them";
    assert!(said.err.contains(plain), "{said:?}");
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
}

/// Installs with an apt-get that would remove a package; gives what was said and what apt-get was asked for.
fn install(removed: &str) -> (Said, Vec<String>) {
    let tree = tree();
    let apt = format!(
        "echo \"$*\" >>calls; removed='{removed}'\n\
         case \"$*\" in\n*--no-remove*) [ -z \"$removed\" ] || exit 100 ;;\n\
         *--simulate*) echo \"Remv $removed [1:9]\" ;;\nesac"
    );
    tree.program("bin/apt-get", &apt);
    let said = functions(&tree, "install_packages qemu-utils=1");
    let calls = std::fs::read_to_string(tree.path("calls")).unwrap();
    (said, calls.lines().map(str::to_owned).collect())
}

#[test]
fn nothing_is_removed_where_that_is_possible() {
    let (said, calls) = install("");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(calls.len(), 2);
    assert!(
        calls[1].contains("--no-remove") && !calls[1].contains("--simulate"),
        "{calls:?}"
    );
}

#[test]
fn a_package_of_qemu_is_removed_and_told() {
    let (said, calls) = install("qemu-block-extra");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.out
            .contains("removing, since they are of another version: qemu-block-extra"),
        "{said:?}"
    );
    let last = calls.last().unwrap();
    assert!(
        !last.contains("--no-remove") && !last.contains("--simulate"),
        "{calls:?}"
    );
}

#[test]
fn no_other_package_is_removed() {
    let (said, calls) = install("openssh-server");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.err.contains("apt-get would remove: openssh-server"),
        "{said:?}"
    );
    assert!(
        calls.iter().all(|call| call.contains("--simulate")),
        "{calls:?}"
    );
}

#[test]
fn a_tool_of_another_version_is_installed_anew() {
    let tree = tree();
    tree.program("bin/cargo", "echo \"cargo $*\"  >>calls");
    tree.program(
        "cache/ferric/tools/bin/cargo-deny",
        "echo cargo-deny 0.20.2",
    );
    let same = functions(&tree, "tool cargo-deny 0.20.2");
    assert_eq!(same.code, Some(0), "{same:?}");
    assert!(!tree.path("calls").exists());
    for tool in ["tool cargo-deny 0.21.0", "tool cargo-other 1.0.0"] {
        let other = functions(&tree, tool);
        assert_eq!(other.code, Some(0), "{other:?}");
    }
    let calls = std::fs::read_to_string(tree.path("calls")).unwrap();
    assert!(
        calls.contains("cargo-deny@0.21.0") && calls.contains("cargo-other@1.0.0"),
        "{calls}"
    );
}
