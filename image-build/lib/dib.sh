# Runs diskimage-builder with this machine's own apt settings. Sourced by `build`.
# shellcheck shell=bash

# diskimage-builder lives in a virtual environment of the cache, made again when requirements.txt changes.
provide_dib() {
    DIB=$CACHE/dib-$(digest venv requirements.txt)
    [ -e "$DIB/complete" ] && return
    say "installing diskimage-builder into $DIB"
    rm -rf "$DIB"
    logged "making a Python environment" /usr/bin/python3 -m venv "$DIB"
    logged "installing diskimage-builder from PyPI" \
        "$DIB/bin/pip" install --disable-pip-version-check --requirement "$BUILD_DIR/requirements.txt"
    touch "$DIB/complete"
}

# What the elements and debootstrap need to know.
export_dib_environment() {
    interruptible python3 -B "$BUILD_DIR/lib/apt" "$RELEASE" "$WORK/apt" ||
        fail "reading the machine's apt settings failed: $(tail -n 1 "$LOG")"
    # shellcheck source=/dev/null
    . "$WORK/apt/environment"
    # A copy: the path of the checkout may hold what diskimage-builder's lists of paths cannot, and it looks through links.
    mkdir "$WORK/image-build"
    cp -R "$BUILD_DIR/elements" "$BUILD_DIR/lib" "$WORK/image-build"
    export ELEMENTS_PATH=$WORK/image-build/elements TMP_DIR=$WORK
    export DIB_RELEASE=$RELEASE DIB_PYTHON_VERSION=3 DIB_APT_MINIMAL_CREATE_INTERFACES=0
    export DIB_IMAGE_CACHE=$WORK/cache DIB_LOCKFILES=$WORK/locks
    # The second image of a run starts from the first one's debootstrap. It is not kept, so it never grows stale.
    export DIB_DEBOOTSTRAP_CACHE=1 DIB_DEBIAN_USE_DEBOOTSTRAP_CACHE=1
    # With a script of its own it is debootstrap, not mmdebstrap where there is one: that heeds other settings.
    export DIB_DEBIAN_DEBOOTSTRAP_SCRIPT=/usr/share/debootstrap/scripts/$RELEASE
    export DIB_FERRIC_APT=$WORK/apt DIB_FERRIC_PACK=$WORK/image-build/lib/pack-initramfs
    # Our own sudo comes first.
    export PATH=$WORK/image-build/lib/bin:$DIB/bin:$PATH
}

# run_dib WHAT OPTION... ELEMENT...
run_dib() {
    local what=$1
    shift
    is_root || fail "root is needed for $what, and root of a user namespace is not enough: run image-build/build as root once"
    provide_dib
    [ -d "$WORK/apt" ] || export_dib_environment
    mkdir -p "$DIB_IMAGE_CACHE"
    # In the working folder rather than in a tmpfs, where a killed build's loop device could not be told as ours.
    logged "$what" "$DIB/bin/disk-image-create" -n --no-tmpfs "$@"
}
