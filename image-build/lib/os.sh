# The operating-system image for demo and tests. Sourced by `build`.
# shellcheck shell=bash

name_os_image() {
    OS_DIGEST=$(digest "os $RELEASE" elements/ferric-apt elements/ferric-static elements/ferric-os \
        lib/apt lib/bin lib/dib.sh lib/os.sh lib/os_disk.py requirements.txt)
    OS_IMAGE=$IMAGES/os-$OS_DIGEST
}

provide_os_image() {
    [ ! -d "$OS_IMAGE" ] || return 0
    say "building the system image (some minutes; log: $LOG)"
    mkdir "$WORK/os" "$WORK/disk"
    run_dib "building the root of the system image" -t tar -o "$WORK/os-root" ferric-os
    logged "making the disk of the system image" \
        python3 "$BUILD_DIR/lib/os_disk.py" "$WORK/os-root.tar" "$WORK/disk" "$WORK/os"
    publish "$WORK/os" "os-$OS_DIGEST"
}

build_os() {
    name_os_image
    if manifest current os "$OS_DIGEST"; then
        return
    fi
    open_workshop
    provide_os_image
    place "$OS_IMAGE/os.qcow2" "$PRODUCTS/os.qcow2"
    manifest os "$OS_DIGEST" "$OS_IMAGE"
}
