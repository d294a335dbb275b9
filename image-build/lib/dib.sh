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
    local settings
    settings=$(python3 "$BUILD_DIR/lib/apt_sources.py" "$RELEASE" "$WORK/apt.conf" 2>>"$LOG") ||
        fail "reading the machine's apt sources failed: $(tail -n 1 "$LOG")"
    eval "$settings"
    export ELEMENTS_PATH=$BUILD_DIR/elements TMP_DIR=$WORK
    export DIB_RELEASE=$RELEASE DIB_PYTHON_VERSION=3 DIB_APT_MINIMAL_CREATE_INTERFACES=0
    export DIB_IMAGE_CACHE=$WORK/cache DIB_LOCKFILES=$WORK/locks
    # The second image of a run starts from the first one's debootstrap. It is not kept, so it never grows stale.
    export DIB_DEBOOTSTRAP_CACHE=1 DIB_DEBIAN_USE_DEBOOTSTRAP_CACHE=1
    export DIB_FERRIC_APT_CONF=$WORK/apt.conf DIB_FERRIC_PACK=$BUILD_DIR/lib/pack-initramfs
    export DIB_FERRIC_CA_BUNDLE=${SSL_CERT_FILE:-${CURL_CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}}
    # debootstrap fetches with wget, which takes its certificates from here.
    [ ! -r "$DIB_FERRIC_CA_BUNDLE" ] || echo "ca_certificate = $DIB_FERRIC_CA_BUNDLE" >"$WORK/wgetrc"
    export WGETRC=$WORK/wgetrc
    # Our own sudo comes first.
    export PATH=$BUILD_DIR/lib/bin:$DIB/bin:$PATH
}

# run_dib WHAT OPTION... ELEMENT...
run_dib() {
    local what=$1
    shift
    [ "$(id -u)" = 0 ] || fail "root is needed for $what"
    provide_dib
    export_dib_environment
    mkdir -p "$DIB_IMAGE_CACHE"
    # In the working folder rather than in a tmpfs, where a killed build's loop device could not be told as ours.
    logged "$what" "$DIB/bin/disk-image-create" -n --no-tmpfs "$@"
}
