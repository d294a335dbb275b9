# Who root is. Sourced by the image build and by tests/setup.
# shellcheck shell=bash

# Whether this is root with all the rights of root: not one that `unshare --map-root-user` has made, which has one user
# and is root over nothing but that user's files.
is_root() {
  [ "$(id -u)" = 0 ] && [ "$(awk '{ ids += $3 } END { printf "%.0f", ids }' /proc/self/uid_map)" -gt 1 ]
}
