# Runs commands so that an interruption ends all that they started. Sourced by tests/run and vm-testbed/demo.
# shellcheck shell=bash

# `su` without `-` and many users have no sbin, where dnsmasq, losetup and sfdisk are.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

child=
# A signal may come while the output goes to a log.
exec {terminal}>&2

# Runs a command in a process group of its own and gives its exit status.
contained() {
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  wait "$child"
  local status=$?
  child=
  return $status
}

# Ends what runs, says what was going on ($1) and calls `after_interruption` if there is one.
interrupted() {
  trap '' INT TERM HUP
  if [ -n "$child" ]; then
    kill -TERM -- "-$child" 2>/dev/null
    wait "$child"
  fi
  declare -F after_interruption >/dev/null && after_interruption
  echo "${program:-${0##*/}}: interrupted during $doing" >&"$terminal"
  exit 130
}
doing=its\ start
trap interrupted INT TERM HUP
