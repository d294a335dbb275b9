# Which processes have to do with a folder. Sourced by tests/run and by suites.
# shellcheck shell=bash

# Programs in one of these folders, what works there, and what names something there on its command line: number and command.
processes_in() { # FOLDER...
  local folder process
  for folder in "$@"; do
    # By way of the standard input: whoever looks must not be found. That nothing is found is no failure, whoever calls.
    grep -lF -f - /proc/[0-9]*/cmdline 2>/dev/null <<<"$folder/" || true
    find /proc/[0-9]*/{exe,cwd} -maxdepth 0 -printf '%p %l/\n' 2>/dev/null |
      FOLDER=$folder/ awk 'index($0, " " ENVIRON["FOLDER"]) { print $1 }' || true
  done | cut -d / -f 3 | sort -nu | while read -r process; do
    [ "$process" != $$ ] && [ -e "/proc/$process" ] || continue
    echo "$process: $(tr '\0' ' ' <"/proc/$process/cmdline")" || true
  done 2>/dev/null || true
}

# Waits, for a while, until there are none.
wait_until_unused() { # FOLDER...
  local deadline=$((SECONDS + 60))
  while [ -n "$(processes_in "$@")" ] && [ $SECONDS -lt $deadline ]; do
    sleep 0.2
  done
}
