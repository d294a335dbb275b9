"""What the machine with two disks goes through: a partition image, service, software RAID, and the erasure of all data.

No loader comes with a partition image, so that nothing ever runs from these disks: what they hold is what the agent wrote.
"""

import hashlib
import json
import subprocess
import uuid

from lab import PAIR_BMC_PORT, PAIR_MAC, PAIR_MIB, PAIR_NAME, PAIR_SERIALS, WEB
from node import Node, ask, redfish
from waiting import Failed, until

MIB, GIB = 1 << 20, 1 << 30
# Patterns of what the conductor logs as errors of this node. The second one is Ironic's own: after service it forgets where the
# agent is before it asks it for its logs. The third one is a heartbeat that was on its way when the deploy failed.
ERRORS = (
    "failed to install a bootloader when deploying node {node}",
    "failed to invoke collect_system_logs agent command for node {node}. error: agent driver requires agent_url",
    "invalid or missing agent_token received for node {node}",
)
REASON_S = 60
HOST_NAME = "pair-from-config-drive"
CONFIG_DRIVE = {"meta_data": {"hostname": HOST_NAME}}
ROOT_MIB, SWAP_MIB = 1024, 64
# What the agent says of a boot loader that it is asked for, and how it is told to go on without one.
NO_LOADER = "brings no boot loader"
WITHOUT_LOADER = "%default% ipa-ignore-bootloader-failure=1"
# Kinds of partitions of a GPT, as sfdisk has them, and what lies on the disk.
ESP, SWAP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"
LINUX, RAID = "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "A19D880F-05FC-4D3B-A006-743F0F84911E"
LAYOUT = [(ESP, 550), (SWAP, SWAP_MIB), (LINUX, 64), (LINUX, ROOT_MIB)]
BURN_IN_S = 10
VOLUME = "pair-mirror"
TARGET = {"logical_disks": [
    {"controller": "software", "raid_level": "1", "size_gb": "MAX", "volume_name": VOLUME, "is_root_volume": True},
]}
# Of version 1.2, with the place in its partition.
SUPERBLOCK, SUPERBLOCK_AT = bytes.fromhex("fc4e2ba901000000"), 4096
MARK = b"no partition table tells of this"


def tell(lab, conductor, report):
    """All of it, from `enroll` to `manageable`; what the conductor may log as errors of it."""
    body = redfish(PAIR_NAME, lab.pair, PAIR_BMC_PORT, agent_burnin_cpu_timeout=BURN_IN_S)
    body["properties"]["root_device"] = {"serial": PAIR_SERIALS[0]}
    node = Node.create(conductor.url, lab, {**body, "raid_interface": "agent", "automated_clean": False}, PAIR_MAC)
    node.bring_to("manage", "manageable")
    node.bring_to("provide", "available")
    image = make_image(lab)
    refused_loader(node, image, report)
    deployed(node, lab, image, report)
    serviced(node, lab, report)
    node.bring_to("deleted", "available")
    node.bring_to("manage", "manageable")
    mirrored(node, lab, report)
    erased(node, lab, report)
    return [error.format(node=node.show()["uuid"]) for error in ERRORS]


class Image:
    """A partition image that the web server has."""

    def __init__(self, path, root_uuid):
        self.content, self.root_uuid = path.read_bytes(), root_uuid
        self.info = {
            "image_source": f"{WEB}/{path.name}", "image_type": "partition", "image_disk_format": "raw",
            "image_os_hash_algo": "sha512", "image_os_hash_value": hashlib.sha512(self.content).hexdigest(),
            "root_gb": ROOT_MIB >> 10, "swap_mb": SWAP_MIB,
        }


def make_image(lab):
    """A file system with a file in it."""
    content = lab.folder / "root"
    content.mkdir()
    (content / "hello").write_text("from a partition image\n" * 100_000)
    path, root_uuid = lab.web / "root.ext4", str(uuid.uuid4())
    tool("mkfs.ext4", "-q", "-F", "-U", root_uuid, "-d", content, path, "64M")
    return Image(path, root_uuid)


def tool(*command):
    """What a program of the host says."""
    english = {"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=english, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Failed(f"{command[0]}: {done.stderr}")
    return done.stdout


def refused_loader(node, image, report):
    """Ironic asks for a boot loader, which nobody has."""
    node.set(instance_info=image.info)
    node.bring_to("active", "deploy failed", fails=True, configdrive=CONFIG_DRIVE)
    # It is away for a moment, while Ironic switches the machine off.
    said = until("the reason of the failure", REASON_S, lambda: node.show()["last_error"])
    told = "Failed to install a bootloader" in said and NO_LOADER in said
    report.is_true("a partition image: the deploy fails for want of a boot loader", told, said)


def deployed(node, lab, image, report):
    """The same, with an agent that need not install one."""
    node.set(instance_info={**image.info, "kernel_append_params": WITHOUT_LOADER})
    node.steps.clear()
    shown = node.bring_to("active", "active", configdrive=CONFIG_DRIVE)
    report.is_true("a partition image: deployed by write_image", "write_image" in node.steps, node.steps)
    found = shown["driver_internal_info"].get("root_uuid_or_disk_id")
    report.is_true("a partition image: Ironic knows the root file system's UUID", found == image.root_uuid, found)
    disk = lab.disk(PAIR_NAME, 0)
    there = partitions(disk)
    layout = [(kind, size // MIB) for kind, _, size in there]
    report.is_true("a partition image: the disk has the partitions that were asked for", layout == LAYOUT, there)
    if layout != LAYOUT:
        return
    esp, swap, drive, root = ((start, size) for _, start, size in there)
    report.is_true("a partition image: the root is the image", read(disk, root[0], len(image.content)) == image.content)
    has_swap = read(disk, swap[0] + 4086, 10) == b"SWAPSPACE2"
    report.is_true("a partition image: the swap space can be used", has_swap)
    report.is_true("a partition image: the EFI system partition has a FAT", b"FAT" in read(disk, esp[0], 512))
    content = read(disk, *drive)
    has_drive = content[0x8001:0x8006] == b"CD001" and HOST_NAME.encode() in content
    report.is_true("a partition image: the config drive is there, with the host name", has_drive)


def partitions(disk):
    """Kind, first byte and length of each partition, in their order on the disk."""
    table = json.loads(tool("sfdisk", "--json", disk))["partitiontable"]
    sector = table["sectorsize"]
    found = [(one["type"].upper(), one["start"] * sector, one["size"] * sector) for one in table["partitions"]]
    return sorted(found, key=lambda one: one[1])


def read(path, offset, length):
    """Bytes of a disk."""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def serviced(node, lab, report):
    """A step of the agent on a node that keeps its instance."""
    before = digests(lab)
    node.steps.clear()
    shown = node.bring_to("service", "active", service_steps=[{"interface": "deploy", "step": "burnin_cpu"}])
    report.is_true("serviced: by burnin_cpu of the agent", "burnin_cpu" in node.steps, node.steps)
    report.is_true("serviced: the machine is on again", shown["power_state"] == "power on", shown["power_state"])
    report.is_true("serviced: not a byte of the instance is another", digests(lab) == before)


def digests(lab):
    """Of all bytes of both disks."""
    found = []
    for disk in disks(lab):
        with disk.open("rb") as file:
            found.append(hashlib.file_digest(file, "sha256").hexdigest())
    return found


def disks(lab):
    """The files behind them."""
    return [lab.disk(PAIR_NAME, number) for number in range(len(PAIR_SERIALS))]


def mirrored(node, lab, report):
    """A RAID 1 of both disks, of which one had partitions."""
    ask(f"{node.url}/states/raid", "PUT", TARGET)
    shown = clean(node, ("deploy", "erase_devices_metadata"), ("raid", "create_configuration"))
    made = {key: value for key, value in shown["raid_config"].items() if key != "last_updated"}
    report.is_true("software RAID: the node has the volume that was wanted", made == TARGET, shown["raid_config"])
    capabilities = shown["properties"]["capabilities"].split(",")
    report.is_true("software RAID: its level is a capability", "raid_level:1" in capabilities, capabilities)
    members = [(kind, start) for disk in disks(lab) for kind, start, _ in partitions(disk)]
    two = [kind for kind, _ in members] == [RAID] * len(PAIR_SERIALS)
    report.is_true("software RAID: each disk has a partition for it, and no other", two, members)
    if not two:
        return
    found = [superblock(disk, start) for disk, (_, start) in zip(disks(lab), members, strict=True)]
    same = None not in found and len(set(found)) == 1
    report.is_true("software RAID: both are members of one volume", same, found)
    name, level, count = found[0][1:] if same else (None, None, None)
    as_wanted = same and name.split(":")[-1] == VOLUME and (level, count) == (1, len(PAIR_SERIALS))
    report.is_true("software RAID: it is a mirror of two, with its name", as_wanted, found)


def superblock(disk, start):
    """UUID, name, level and number of disks of the volume that a partition belongs to, or `None`."""
    block = read(disk, start + SUPERBLOCK_AT, 256)
    if not block.startswith(SUPERBLOCK):
        return None
    level, count = (int.from_bytes(block[at : at + 4], "little") for at in (72, 92))
    return block[16:32].hex(), block[32:64].rstrip(b"\0").decode(errors="replace"), level, count


def clean(node, *steps):
    """Manual cleaning by these steps, after which the machine is off; the node."""
    node.steps.clear()
    wanted = [{"interface": interface, "step": step} for interface, step in steps]
    shown = node.bring_to("clean", "manageable", clean_steps=wanted)
    if shown["power_state"] != "power off":
        raise Failed(f"after cleaning the machine is {shown['power_state']}")
    return shown


def erased(node, lab, report):
    """The volume goes, and then everything."""
    for disk in disks(lab):
        with disk.open("r+b") as file:
            file.seek(GIB)
            file.write(MARK)
    written = [not is_empty(disk) for disk in disks(lab)]
    report.is_true("all data erased: there is something on each disk before", all(written), written)
    shown = clean(node, ("raid", "delete_configuration"), ("deploy", "erase_devices"))
    report.is_true("software RAID: deleted, the node has none", shown["raid_config"] == {}, shown["raid_config"])
    report.is_true("all data erased: by erase_devices", "erase_devices" in node.steps, node.steps)
    sizes = [disk.stat().st_size for disk in disks(lab)]
    report.is_true("all data erased: the disks are as long as they were", sizes == [PAIR_MIB * MIB] * len(sizes), sizes)
    empty = [is_empty(disk) for disk in disks(lab)]
    report.is_true("all data erased: each byte of both disks is zero", all(empty), empty)


def is_empty(path):
    """Whether a disk reads as zeroes."""
    zeroes = bytes(MIB)
    with path.open("rb") as file:
        return all(piece == zeroes[: len(piece)] for piece in iter(lambda: file.read(MIB), b""))
