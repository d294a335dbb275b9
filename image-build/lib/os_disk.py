"""Makes a GPT disk image that boots by BIOS and by UEFI from the root tar of diskimage-builder.

No loop device and no mount: mke2fs and mtools fill the file systems in plain files, so there is nothing to clean up
but files. The two patches that grub-bios-setup would make to GRUB's boot sectors are made here, for the same reason.
"""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

MIB = 1 << 20
SECTOR = 512
DISK_MIB = 2560
ESP_MIB = 16
BIOS_FIRST, ESP_FIRST, ROOT_FIRST = 1 * MIB, 2 * MIB, (2 + ESP_MIB) * MIB
ROOT_MIB = DISK_MIB - ROOT_FIRST // MIB - 1  # the last MiB is the backup GPT's

# The root partition is the third and last one: what follows it on a larger disk is free for it to grow.
PARTITIONS = f"""label: gpt
unit: sectors
first-lba: 34
start={BIOS_FIRST // SECTOR}, size={MIB // SECTOR}, type=21686148-6449-6E6F-744E-656564454649, name=bios
start={ESP_FIRST // SECTOR}, size={ESP_MIB * MIB // SECTOR}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp
start={ROOT_FIRST // SECTOR}, size={ROOT_MIB * MIB // SECTOR}, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root
"""

# GRUB's signed image looks for this file, then hands over to the one on the root file system.
ESP_GRUB_CFG = """search --no-floppy --label --set=root ferric-root
set prefix=($root)/boot/grub
configfile $prefix/grub.cfg
"""

# Offsets in GRUB's boot sectors: where boot.img finds the first sector of core.img, the jump that is blanked for
# BIOSes that pass a wrong drive number, and where core.img's own first sector finds the rest of it.
BOOT_KERNEL_SECTOR, BOOT_DRIVE_CHECK, CORE_BLOCK_LIST = 0x5C, 0x66, 0x1F4
BOOT_CODE_BYTES = 440


def run(*command: object, text: str | None = None) -> None:
    subprocess.run([str(word) for word in command], check=True, input=text, text=True)


def unpack_root(tar: Path, root: Path) -> None:
    root.mkdir()
    run("tar", "--extract", "--file", tar, "--directory", root, "--numeric-owner", "--xattrs", "--xattrs-include=*",
        "--exclude=./dev/*", "--exclude=./run/*", "--exclude=./tmp/*")
    for folder in ("dev", "proc", "run", "sys", "tmp"):
        (root / folder).mkdir(exist_ok=True)


def esp(root: Path, image: Path) -> None:
    with image.open("wb") as file:
        file.truncate(ESP_MIB * MIB)
    run("mkfs.vfat", "-n", "FERRIC-ESP", image)
    config = image.with_suffix(".cfg")
    config.write_text(ESP_GRUB_CFG)
    run("mmd", "-i", image, "::/EFI", "::/EFI/BOOT", "::/EFI/debian")
    run("mcopy", "-i", image, root / "usr/lib/shim/shimx64.efi.signed", "::/EFI/BOOT/BOOTX64.EFI")
    run("mcopy", "-i", image, root / "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "::/EFI/BOOT/grubx64.efi")
    run("mcopy", "-i", image, config, "::/EFI/debian/grub.cfg")


def root_file_system(root: Path, image: Path) -> None:
    with image.open("wb") as file:
        file.truncate(ROOT_MIB * MIB)
    # GRUB of Debian 12 cannot read the newest features; no reserved blocks and a small journal on a small disk.
    run("mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum_seed,^orphan_file", "-L", "ferric-root", "-m", "1",
        "-J", "size=16", "-E", "lazy_itable_init=1,lazy_journal_init=1", "-d", root, image)


def copy_in(image: Path, disk: Path, offset: int) -> None:
    """Copies a file into the disk, leaving holes where it has holes."""
    run("dd", f"if={image}", f"of={disk}", "bs=1M", f"seek={offset // MIB}", "conv=notrunc,sparse", "status=none")


def install_bios_grub(root: Path, disk: Path) -> None:
    boot = bytearray((root / "boot/grub/boot.img").read_bytes())
    core = bytearray((root / "boot/grub/core.img").read_bytes())
    first = BIOS_FIRST // SECTOR
    start, length, _segment = struct.unpack_from("<QHH", core, CORE_BLOCK_LIST)
    if len(boot) != SECTOR or len(core) > MIB or length != (len(core) - 1) // SECTOR:
        raise SystemExit(f"GRUB's images are not as expected: block list {start}+{length}, core of {len(core)} bytes")
    struct.pack_into("<Q", boot, BOOT_KERNEL_SECTOR, first)
    struct.pack_into("<H", boot, BOOT_DRIVE_CHECK, 0x9090)
    struct.pack_into("<Q", core, CORE_BLOCK_LIST, first + 1)
    with disk.open("r+b") as file:
        file.write(boot[:BOOT_CODE_BYTES])
        file.seek(BIOS_FIRST)
        file.write(core)


def contents(root: Path) -> dict[str, object]:
    query = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat=${binary:Package} ${Version}\\n"]
    lines = subprocess.run(query, check=True, capture_output=True, text=True).stdout.splitlines()
    kernel = max((root / "usr/lib/modules").iterdir()).name
    return {"kernel_version": kernel, "virtual_bytes": DISK_MIB * MIB, "packages": dict(line.split() for line in lines)}


def main() -> None:
    tar, work, product = (Path(argument) for argument in sys.argv[1:])
    root, disk = work / "root", work / "disk.raw"
    unpack_root(tar, root)
    with disk.open("wb") as file:
        file.truncate(DISK_MIB * MIB)
    run("sfdisk", "--quiet", disk, text=PARTITIONS)
    esp(root, work / "esp.img")
    copy_in(work / "esp.img", disk, ESP_FIRST)
    root_file_system(root, work / "root.img")
    copy_in(work / "root.img", disk, ROOT_FIRST)
    install_bios_grub(root, disk)
    run("qemu-img", "convert", "-c", "-O", "qcow2", "-W", "-m", os.cpu_count(), disk, product / "os.qcow2")
    (product / "contents.json").write_text(json.dumps(contents(root), indent=1, sort_keys=True) + "\n")


main()
