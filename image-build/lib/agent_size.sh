# How large the agent of a ramdisk may be. Sourced by `check`.
# shellcheck shell=bash

# Without its symbols, as it lies there.
AGENT_LIMIT_MIB=8

# agent_size_problem FILE PROFILE: prints what is wrong with an agent's size, or nothing. One that was built to be small is
# held to the limit, and no other one: its symbols alone may have more.
agent_size_problem() {
    local bytes
    [ "$2" = ramdisk ] || return 0
    bytes=$(stat --format=%s "$1")
    [ "$bytes" -le $((AGENT_LIMIT_MIB << 20)) ] ||
        echo "the small agent has $bytes bytes, $((bytes - (AGENT_LIMIT_MIB << 20))) more than $AGENT_LIMIT_MIB MiB:" \
            "what makes it small is in Cargo.toml, [profile.ramdisk], and in image-build/lib/ramdisk.sh"
}
