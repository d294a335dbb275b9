# The kernel package shall make no initramfs: the ramdisk needs none, the system image makes its own at the end.
export INITRD=No
