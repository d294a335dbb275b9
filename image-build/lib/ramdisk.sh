# The ramdisk: a base that is cached, and the agent in an archive behind it. Sourced by `build`.
# shellcheck shell=bash

name_ramdisk_base() {
    RAMDISK_DIGEST=$(digest "ramdisk $RELEASE" elements/ferric-apt elements/ferric-static elements/ferric-ramdisk \
        lib/apt lib/bin lib/dib.sh lib/ramdisk.sh lib/pack-initramfs requirements.txt)
    RAMDISK_BASE=$IMAGES/ramdisk-$RAMDISK_DIGEST
}

# Makes the base unless the cache has it: kernel, base.initramfs and contents.json in RAMDISK_BASE.
provide_ramdisk_base() {
    [ ! -d "$RAMDISK_BASE" ] || return 0
    say "building the base of the ramdisk (some minutes; log: $LOG)"
    export DIB_FERRIC_OUTPUT=$WORK/ramdisk
    mkdir "$DIB_FERRIC_OUTPUT"
    run_dib "building the base of the ramdisk" -o "$WORK/ramdisk-image" ferric-ramdisk
    publish "$DIB_FERRIC_OUTPUT" "ramdisk-$RAMDISK_DIGEST"
}

# A small agent's functions that are the same are folded, and its relocations packed. lld does both, which is the linker of
# Rust's own toolchain. What is packed takes glibc 2.36, and Debian 12 has that. No profile of cargo can say so.
LINKED_SMALL=(-C link-arg=-Wl,--icf=all -C link-arg=-Wl,-z,pack-relative-relocs)

file_digest() { sha256sum "$1" | cut -d ' ' -f 1; }

provide_agent() {
    AGENT=${FERRIC_AGENT_BINARY:-}
    AGENT_PROFILE=none
    if [ -z "$AGENT" ]; then
        AGENT_PROFILE=${FERRIC_AGENT_PROFILE:-release}
        AGENT=$REPOSITORY/target/$AGENT_PROFILE/ferric-agent
        local build=(build --package=ferric-agent)
        case $AGENT_PROFILE in
        # With the features that all programs have together it is built with them.
        release) build=(build --workspace) ;;
        ramdisk) build=(rustc --package=ferric-agent -- "${LINKED_SMALL[@]}") ;;
        esac
        # What is for the compiler stands last.
        logged "building ferric-agent" cargo "${build[0]}" --profile "$AGENT_PROFILE" --locked --bin ferric-agent \
            --manifest-path "$REPOSITORY/Cargo.toml" --target-dir "$REPOSITORY/target" "${build[@]:1}"
    fi
    [ -f "$AGENT" ] || fail "there is no agent at $AGENT"
    AGENT_DIGEST=$(file_digest "$AGENT")
}

# A tree of the agent and of those of its shared libraries that the base lacks.
collect_agent() {
    local tree=$1 library name
    mkdir -p "$tree/usr/bin" "$tree/usr/lib/x86_64-linux-gnu"
    install -m 755 "$AGENT" "$tree/usr/bin/ferric-agent"
    # It may have been built anew while the base was made.
    AGENT_DIGEST=$(file_digest "$tree/usr/bin/ferric-agent")
    # A script has no libraries: ldd fails on it and names none.
    { ldd "$AGENT" 2>/dev/null || true; } | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | while read -r library; do
        name=$(basename "$library")
        jq --exit-status --arg name "$name" '.libraries | index($name)' "$RAMDISK_BASE/contents.json" >/dev/null ||
            install -m 644 "$library" "$tree/usr/lib/x86_64-linux-gnu/$name"
    done
}

# Stands first and is not compressed. Ironic's conductor takes a file that begins as zstd does for a compressed image, and
# fails to unpack this one, which goes on after the first archive.
empty_archive() { cpio --create --format=newc --quiet </dev/null; }

build_ramdisk() {
    provide_agent
    name_ramdisk_base
    if manifest current ramdisk "$RAMDISK_DIGEST" "$AGENT_DIGEST"; then
        return
    fi
    open_workshop
    provide_ramdisk_base
    collect_agent "$WORK/agent"
    logged "packing the agent" "$BUILD_DIR/lib/pack-initramfs" "$WORK/agent" "$WORK/agent.initramfs"
    # The kernel unpacks one archive after the other into the same root.
    { empty_archive && cat "$RAMDISK_BASE/base.initramfs" "$WORK/agent.initramfs"; } >"$WORK/initramfs"
    place "$RAMDISK_BASE/kernel" "$PRODUCTS/ferric-agent.kernel"
    place "$WORK/initramfs" "$PRODUCTS/ferric-agent.initramfs"
    manifest ramdisk "$RAMDISK_DIGEST" "$AGENT_DIGEST" "$RAMDISK_BASE" "$AGENT_PROFILE"
}
