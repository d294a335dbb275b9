//! The suite `rolling` with a made-up cargo: the older release is really built, and not taken to be this one.

use super::{Said, Tree};

/// As cargo does, it builds anew only what has a source that is newer than what was built.
const CARGO: &str = "\
case $PWD in
*/source)
  mkdir -p \"$CARGO_TARGET_DIR/release\"
  cp \"$CARGO_TARGET_DIR/release/deps/ferric\" \"$CARGO_TARGET_DIR/release/ferric\"
  [ ! src.rs -nt \"$CARGO_TARGET_DIR/release/deps/ferric\" ] || cp src.rs \"$CARGO_TARGET_DIR/release/ferric\"
  ;;
*)
  mkdir -p target/release/.fingerprint target/release/build target/release/deps
  cp this target/release/deps/ferric
  cp this target/release/ferric
  touch -d '1 hour ago' target/release/deps/ferric
  cp bin/trial target/release/ferric-cluster-test
  ;;
esac";

/// The commit is older than what was built of this release.
const GIT: &str = "\
case $1 in
archive) touch -d '1 day ago' older/src.rs; tar -c -C older . ;;
esac";

/// Shows the programs that it is given.
const TRIAL: &str = "\
while [ $# -gt 0 ]; do
  case $1 in
  --ferric) echo \"from $(cat \"$2\")\" ;;
  --upgraded) echo \"to $(cat \"$2\")\" ;;
  esac
  shift
done";

fn rolling(older: &str) -> Said {
    let tree = Tree::with(&["tests/suites/29-rolling"]);
    tree.program("bin/cargo", CARGO);
    tree.program("bin/git", GIT);
    tree.program("bin/trial", TRIAL);
    tree.write("this", "this release");
    tree.write("older/src.rs", older);
    tree.bash("PATH=\"$PWD/bin:$PATH\" tests/suites/29-rolling")
}

#[test]
fn the_older_release_is_built_of_its_own_sources() {
    let said = rolling("the older one");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.out, "from the older one\nto this release\n");
}

#[test]
fn two_programs_that_are_the_same_show_nothing() {
    let said = rolling("this release");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(said.out, "");
    assert!(said.err.contains("are the same program"), "{said:?}");
}
