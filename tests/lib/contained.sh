# Runs commands so that an interruption ends all that they started. Sourced by tests/run and vm-testbed/demo.
# shellcheck shell=bash

# `su` without `-` and many users have no sbin, where dnsmasq, losetup and sfdisk are.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# Some of what programs say is read here, and it is read in English.
export LC_ALL=C.UTF-8
# What runs on this machine and in a lab is not to be asked for by way of a proxy.
no_proxy=127.0.0.1,localhost,::1,192.168.100.0/24,${no_proxy:-${NO_PROXY:-}}
export no_proxy=${no_proxy%,}
export NO_PROXY=$no_proxy

child=
# A signal may come while the output goes to a log.
exec {terminal}>&2

# Seconds that a command's processes have to put away what they made, before they are killed.
GRACE=40

# Runs a command in a process group of its own and gives its exit status, when nothing of the group runs any more.
# Descriptor 8 is the lock of whoever sourced this: a process that is left must not hold it.
contained() {
  set -m
  "$@" </dev/null 8>&- &
  child=$!
  set +m
  wait "$child"
  local status=$?
  # 124, 137: `timeout` has told all of them already. Told twice, a program ends without putting anything away.
  [ $status = 124 ] || [ $status = 137 ] || kill -TERM -- "-$child" 2>/dev/null
  wait_for_group "$child"
  child=
  return $status
}

# Whether a process of this group is left; the dead that nobody has buried do not count. (Each `return` has its status:
# in a trap it would be that of the command before the trap.)
group_runs() {
  local stat
  kill -0 -- "-$1" 2>/dev/null || return 1
  for stat in /proc/[0-9]*/stat; do
    # State, parent and group follow the name, which may hold anything.
    stat=$(cat "$stat" 2>/dev/null) || continue
    [[ ${stat##*) } =~ ^([A-Z])\ [0-9]+\ $1\  ]] && [ "${BASH_REMATCH[1]}" != Z ] && return 0
  done
  return 1
}

# Waits until nothing of a process group that was told to end is left.
wait_for_group() {
  local deadline=$((SECONDS + GRACE))
  while group_runs "$1"; do
    [ $SECONDS -lt $deadline ] || kill -KILL -- "-$1" 2>/dev/null
    # Not even SIGKILL ends what hangs in the kernel.
    [ $SECONDS -lt $((deadline + 10)) ] || return 0
    sleep 0.1
  done
}

# Ends what runs, says what was going on ($doing) and calls `after_interruption` if there is one.
interrupted() {
  trap '' INT TERM HUP
  if [ -n "$child" ]; then
    kill -TERM -- "-$child" 2>/dev/null
    wait "$child"
    wait_for_group "$child"
  fi
  declare -F after_interruption >/dev/null && after_interruption
  echo "${program:-${0##*/}}: interrupted during $doing" >&"$terminal"
  exit 130
}
doing=its\ start
trap interrupted INT TERM HUP
