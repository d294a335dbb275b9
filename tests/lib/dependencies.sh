# Keeps what cargo built of the crates that are not this project's own, so that a new checkout does not build it again.
# It is kept for one state of Cargo.lock, Cargo.toml and the compiler; cargo looks itself whether it fits. Sourced by
# tests/run.
# shellcheck shell=bash

kept=${XDG_CACHE_HOME:-$HOME/.cache}/ferric/dependencies

dependencies_key() {
  { rustc -vV && cat Cargo.lock Cargo.toml; } | sha256sum | cut -c1-16
}

# Into target/release, when that is not there.
take_dependencies() {
  local from
  [ -e Cargo.lock ] || return 0
  from=$kept/$(dependencies_key)
  [ -e target/release ] || [ ! -e "$from/whole" ] || {
    rm -rf target/release.part
    cp -a --reflink=auto "$from" target/release.part && rm target/release.part/whole &&
      mv target/release.part target/release
  }
}

# From target/release; what was kept of another state goes. Failing to is no failure of a check.
keep_dependencies() {
  local to part
  [ -e Cargo.lock ] || return 0
  to=$kept/$(dependencies_key)
  part=$to.$$
  [ ! -e "$to/whole" ] || return 0
  rm -rf "$kept" && mkdir -p "$part" && (
    cd target/release &&
      # Programs and tests have no dot in their names; everything of the project's own begins with its name.
      find .fingerprint build deps \( -name '*ferric*' -prune \) -o -type f \( -path 'deps/*.*' -o -not -path 'deps/*' \) -print0 |
      xargs -0 cp -a --reflink=auto --parents --target-directory "$part"
  ) && mv "$part" "$to" && : >"$to/whole"
}
