# Ground of the image build: folders, failing with one line, cleaning up, the cache. Sourced by `build` and `check`.
# shellcheck shell=bash disable=SC2034

# An ordinary user's PATH may lack the tools for disks and file systems.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

BUILD_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REPOSITORY=$(dirname "$BUILD_DIR")
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/ferric
IMAGES=$CACHE/images
PRODUCTS=$REPOSITORY/target/images
LOG=$PRODUCTS/build.log
RELEASE=bookworm
CHILD=
WORK=
CLAIMED=

# shellcheck source=/dev/null
. "$BUILD_DIR/lib/root.sh"

say() { echo "image-build: $*"; }

# The one line that a failure ends with. What went before is in the log.
fail() {
    echo "image-build: $* (log: $LOG)" >&2
    exit 1
}

# Runs a command with its output in the log; the first argument names it for the one line.
logged() {
    local what=$1
    shift
    printf '\n=== %s %s\n' "$(date --utc +%T)" "$what" >>"$LOG"
    interruptible "$@" || fail "$what failed"
}

# A shell in the middle of a foreground command hears of a signal only when that ends, so it waits for a background one.
# Only the child's output goes to the log, so that "interrupted" is seen. The lock, descriptor 9, is the build's alone: a
# child that outlives it must not hold it.
interruptible() {
    "${CONTAINED[@]}" "$@" 9>&- >>"$LOG" 2>&1 &
    CHILD=$!
    local status=0
    wait "$CHILD" || status=$?
    CHILD=
    return "$status"
}

# Command prefix: a group of processes that ends as a whole. Root's have mounts of their own as well, which show nowhere
# else on the machine, and end with the build even if that is killed.
CONTAINED=(setsid setpriv --pdeathsig KILL)
[ "$(id -u)" != 0 ] || CONTAINED+=(unshare --mount --pid --fork --kill-child --mount-proc)

end_cleanly() {
    trap clean_up EXIT
    trap 'say "interrupted (log: $LOG)" >&2; exit 130' INT
    trap 'say "interrupted (log: $LOG)" >&2; exit 143' TERM HUP
}

clean_up() {
    # From here on everything is tried, whatever of it fails.
    set +e
    trap - ERR
    if [ -n "$CHILD" ]; then
        # unshare blocks the milder signals while it waits; its namespaces die with it. Itself, if it has no group yet.
        kill -KILL -- "-$CHILD" "$CHILD" 2>/dev/null
        wait "$CHILD" 2>/dev/null
    fi
    [ -z "$WORK" ] || clear_workshop "$WORK"
}

# One build at a time: they share the cache, and a second one finds there what the first one made. Where products and
# cache are another user's nothing can be made, but what is there may be all that is asked for.
claim_cache() {
    if ! { mkdir -p "$PRODUCTS" "$IMAGES" && exec 9>"$IMAGES/lock" && : >>"$LOG"; } 2>/dev/null; then
        LOG=$(mktemp --tmpdir ferric-image-build.XXXXXXXX.log)
        return
    fi
    flock --nonblock 9 || { say "waiting for another build" && flock 9; }
    : >"$LOG"
    CLAIMED=yes
}

# Everything half-made is in one folder, which goes away however the build ends.
open_workshop() {
    local stale
    [ -z "$WORK" ] || return 0
    [ -n "$CLAIMED" ] || fail "root is needed: $PRODUCTS or $IMAGES cannot be written"
    # diskimage-builder has its paths in lists, and does not quote them.
    [[ $CACHE != *[[:space:]:]* ]] ||
        fail "diskimage-builder needs a path without space and colon: set XDG_CACHE_HOME to one, instead of $CACHE"
    require_packages
    for stale in "$IMAGES"/work.*; do
        [ ! -e "$stale" ] || clear_workshop "$stale"
    done
    WORK=$(mktemp -d "$IMAGES/work.XXXXXXXX")
}

require_packages() {
    local missing
    missing=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p' |
        LC_ALL=C sort --unique | LC_ALL=C comm -13 - "$BUILD_DIR/packages.txt")
    [ -z "$missing" ] || fail "these Debian packages are missing: ${missing//$'\n'/ }"
}

# Also called on what a killed build left behind: its mounts went with its namespace, a loop device did not.
clear_workshop() {
    local try device file
    for try in 1 2 3 4 5; do
        losetup --list --noheadings --output NAME,BACK-FILE | while read -r device file; do
            [[ $file != "$1"/* ]] || losetup --detach "$device"
        done
        # The last processes of a killed namespace may still be writing.
        rm -rf --one-file-system "$1" 2>/dev/null && return
        sleep "$try"
    done
    say "could not remove $1" >&2
}

# Digest over words, and over files below image-build/: their content, names, and which of them are programs.
digest() {
    local words=$1
    shift
    (
        cd "$BUILD_DIR" || exit
        echo "$words"
        find "$@" -type f ! -name '*.rst' ! -name '*.pyc' -exec sha256sum {} + | LC_ALL=C sort -k 2
        find "$@" -type f -perm -u+x -printf 'program %p\n' | LC_ALL=C sort
    ) | sha256sum | cut -c 1-32
}

# Moves a finished folder into the cache in one step: a cache entry is whole or not there. Keeps the newest three of
# its kind.
publish() {
    local folder=$1 name=$2
    chmod -R a-w,a+rX "$folder" && chmod u+w "$folder"
    mv --no-target-directory "$folder" "$IMAGES/$name" || fail "moving $name into the cache failed"
    find "$IMAGES" -maxdepth 1 -name "${name%-*}-*" -printf '%T@ %p\0' | LC_ALL=C sort -z -r -n | tail -z -n +4 |
        cut -z -d ' ' -f 2- | xargs -0 --no-run-if-empty rm -rf --
}

# Copies a file to its place in one step. A copy, not a link: who writes to a product must not spoil the cache.
place() {
    cp --reflink=auto --no-preserve=mode "$1" "$2.new" || fail "writing $2 failed"
    mv "$2.new" "$2"
}
