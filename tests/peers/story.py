"""What the machine goes through, and what must hold on the way."""

import hashlib
import subprocess
import tarfile

import more
import switch
from lab import BMC_PORT, MAC, NAME, RAMDISK, SECOND_MAC, TAPS, TOP, WEB, tail
from node import PATIENCE_S, Node, redfish
from waiting import Failed, until

PARTS = ["network", "media", "more"]
HOST_NAME = "peer-from-config-drive"
PROMPT = f"{HOST_NAME} login:"
RESCUE_PASSWORD = "rescue me, please 1"
# What the killer says on the console, and then the agent.
KILLED = "the agent was killed when it had written"
BEGUN_AGAIN = "a command is begun again, as the agent was restarted"
# An emulated processor makes host keys slowly, and the first connection waits for them.
LOGIN_S = 900
CONNECT_S = 120
ANSWER_S = 300


def tell(lab, conductor, report, parts):
    """The parts, and then what the conductor says of them all."""
    node = enrolled(lab, conductor, report)
    if "network" in parts:
        inspected(node, conductor, report)
        cleaned(node, conductor, report)
        refused_image(node, conductor, report)
        deployed(node, lab, report)
        rescued(node, lab, report)
        unrescued(node, lab, report)
        undeployed(node, lab, report)
    if "media" in parts:
        media(node, lab, report)
    expected = ["checksum", 'moved to provision state "deploy failed"']
    if "more" in parts:
        expected += more.tell(lab, conductor, report)
    errors = unexpected(conductor.errors(), expected)
    report.is_true("the conductor has logged no error that was not to be expected", not errors, "\n".join(errors))


def unexpected(errors, expected):
    """Those that were neither provoked nor are Ironic's own."""
    return [line for line in errors if not any(text in line.lower() for text in expected)]


def enrolled(lab, conductor, report):
    """The node, with its BMC known to work."""
    node = Node.create(conductor.url, lab, redfish(NAME, lab.machine, BMC_PORT), MAC)
    node.bring_to("manage", "manageable")
    report.is_true("enrolled and managed: the conductor gets on with the BMC", True)
    return node


def inspected(node, conductor, report):
    """In-band inspection, with every hook that reads what the ramdisk sends."""
    shown = node.bring_to("inspect", "manageable")
    found = node.show("/inventory")
    inventory, more = found["inventory"], found["plugin_data"]
    macs = sorted(nic["mac_address"] for nic in inventory["interfaces"])
    report.is_true("inspected: the interfaces are known by their MACs", macs == [MAC, SECOND_MAC], inventory)
    disks = [(disk["size"], disk["serial"]) for disk in inventory["disks"]]
    report.is_true("inspected: the disk is known by size and serial", disks == [(6 << 30, "peer-root")], inventory)
    boot = inventory["boot"]
    came_from = boot["pxe_interface"].lower().replace("-", ":")
    as_it_was = boot["current_boot_mode"] == "uefi" and came_from.endswith(MAC)
    report.is_true("inspected: it was booted by UEFI from this interface", as_it_was, boot)
    collected = {"pci_devices", "numa_topology", "dmi", "usb_devices"}
    report.is_true("inspected: the collectors' findings are stored", collected <= set(more), sorted(more))
    ports = sorted((port["address"], port["pxe_enabled"]) for port in node.show("/ports/detail")["ports"])
    wanted = [(MAC, True), (SECOND_MAC, False)]
    report.is_true("inspected: the second interface has got a port, and is none to boot from", ports == wanted, ports)
    told_by_switch(node, more, report)
    extra = more.get("extra", {})
    disk = extra.get("disk", {}).get("vda", {})
    as_it_is = disk.get("size") == 6 and {"system", "memory", "network", "cpu"} <= set(extra)
    report.is_true("inspected: the hook extra-hardware has understood all groups of facts", as_it_is, extra)
    wanted = {"cpu_arch": "x86_64", "cpus": 1, "memory_mb": 1536}
    properties = {key: int(value) if str(value).isdigit() else value for key, value in shown["properties"].items()}
    as_found = wanted.items() <= properties.items() and "local_gb" in properties
    report.is_true("inspected: the hooks have set the properties", as_found, properties)
    archives = conductor.logs()
    has_journal = archives and any("journal" in name for name in names(archives[-1]))
    report.is_true("inspected: the ramdisk's logs can be unpacked, and hold its journal", has_journal, archives)


def told_by_switch(node, more, report):
    """LLDP, as two hooks of the conductor read it."""
    ports = {port["address"]: port["local_link_connection"] for port in node.show("/ports/detail")["ports"]}
    chassis = {"switch_id": switch.CHASSIS, "switch_info": switch.NAME}
    wanted = {mac: {**chassis, "port_id": switch.port(number)} for number, mac in enumerate((MAC, SECOND_MAC))}
    report.is_true("inspected: each port knows which port of which switch it is plugged into", ports == wanted, ports)
    heard = more.get("parsed_lldp", {}).values()
    parsed = sorted((said.get("switch_port_id", ""), said.get("switch_port_untagged_vlan_id", 0)) for said in heard)
    wanted = [(switch.port(number), switch.VLAN) for number in range(len(TAPS))]
    report.is_true("inspected: the hook parse-lldp has read ports and VLANs", parsed == wanted, more.get("parsed_lldp"))


def names(archive):
    """What is in an archive."""
    with tarfile.open(archive) as opened:
        return opened.getnames()


def cleaned(node, conductor, report):
    """Automated cleaning on the way to `available`."""
    node.bring_to("provide", "available")
    report.is_true("cleaned: by erase_devices_metadata", "erase_devices_metadata" in node.steps, node.steps)
    agents = node.agents - {None}
    report.is_true("cleaned: the agent was spoken to by https", agents and all(url.startswith("https://") for url in agents), agents)
    own = [path for path in node.authorities - {None} if path.startswith(str(conductor.folder / "certificates"))]
    report.is_true("cleaned: the agent's own certificate was what the conductor trusted", own, node.authorities)


def refused_image(node, conductor, report):
    """An image that is not what its checksum says."""
    before = len(conductor.logs())
    spoilt = {"image_os_hash_algo": "sha256", "image_os_hash_value": "0" * 64}
    node.set(instance_info={"image_source": f"{WEB}/os.qcow2", **spoilt})
    shown = node.bring_to("active", "deploy failed", fails=True)
    report.is_true("a spoilt checksum: the deploy fails for it", "checksum" in shown["last_error"].lower(), shown["last_error"])
    report.is_true("a spoilt checksum: the ramdisk's logs were fetched", len(conductor.logs()) > before, conductor.logs())


def deployed(node, lab, report):
    """The image with a config drive, although the agent is killed in the middle of it."""
    set_ramdisk(node, lab.add_to_ramdisk(TOP / "tests/agent-killer", "killing.initramfs"))
    digest = hashlib.sha512((lab.web / "os.qcow2").read_bytes()).hexdigest()
    node.set(instance_info={"image_source": f"{WEB}/os.qcow2", "image_os_hash_algo": "sha512", "image_os_hash_value": digest})
    before = len(lab.serial())
    node.steps.clear()
    node.bring_to(
        "active", "active", configdrive={"meta_data": {"hostname": HOST_NAME}},
        deploy_steps=[{"interface": "deploy", "step": "erase_devices_metadata", "priority": 95, "args": {}}],
    )
    asked_for = {"write_image", "erase_devices_metadata"}
    report.is_true("deployed: by write_image, and by a step of the request before it", asked_for <= node.steps, node.steps)
    said = lab.serial()[before:]
    report.is_true("deployed: the agent was killed in the middle of the image, once", said.count(KILLED) == 1, tail(said, 200))
    report.is_true("deployed: the next agent went on with the command", said.count(BEGUN_AGAIN) == 1, tail(said, 200))
    set_ramdisk(node, RAMDISK)
    prompt(lab, before)
    report.is_true("deployed: the machine asks for a login, with the config drive's host name", True)


def set_ramdisk(node, url):
    """What the machine boots to be deployed or cleaned."""
    node.set(**{"driver_info/deploy_ramdisk": url})


def prompt(lab, before):
    """Waits for the login prompt of the system that was deployed."""
    until(f"{PROMPT} on the serial line", PATIENCE_S, lambda: lab.lives() and PROMPT in lab.serial()[before:])


def rescued(node, lab, report):
    """The rescue ramdisk, and a login there."""
    node.bring_to("rescue", "rescue", rescue_password=RESCUE_PASSWORD)
    until("a login in the rescue ramdisk", LOGIN_S, lambda: login(lab, RESCUE_PASSWORD, "true").returncode == 0)
    who = login(lab, RESCUE_PASSWORD, "echo $EUID; cat /proc/sys/kernel/hostname")
    report.is_true("rescued: the user rescue logs in, as root of the ramdisk", who.stdout == "0\nferric-ramdisk\n", who)
    look = "mount -o ro /dev/disk/by-label/ferric-root /mnt && cat /mnt/etc/hostname && umount /mnt"
    read = login(lab, RESCUE_PASSWORD, look)
    report.is_true("rescued: the system on the disk has the config drive's host name", read.stdout == f"{HOST_NAME}\n", read)
    wrong = login(lab, "another password", "true")
    report.is_true("rescued: no other password is let in", wrong.returncode != 0 and "denied" in wrong.stderr, wrong)


def login(lab, password, command):
    """Runs a command by ssh, as `rescue`."""
    helper = lab.folder / "askpass"
    if not helper.exists():
        helper.write_text('#!/bin/sh\nprintf "%s\\n" "$PEER_PASSWORD"\n')
        helper.chmod(0o700)
    options = {
        "StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "PubkeyAuthentication": "no",
        "NumberOfPasswordPrompts": "1", "ConnectTimeout": CONNECT_S,
    }
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return lab.run(
        ["ssh", "-F", "none", *flags, f"rescue@{lab.address()}", command], ANSWER_S,
        SSH_ASKPASS=str(helper), SSH_ASKPASS_REQUIRE="force", PEER_PASSWORD=password,
    )


def unrescued(node, lab, report):
    """Back to the system that was deployed."""
    before = len(lab.serial())
    node.bring_to("unrescue", "active")
    prompt(lab, before)
    report.is_true("unrescued: the machine asks for a login again", True)


def undeployed(node, lab, report):
    """Back to `available`, by a cleaning that takes the partitions away."""
    report.is_true("the machine's disk has partitions", partition_table(lab.disk()) is not None)
    node.bring_to("deleted", "available")
    left = partition_table(lab.disk())
    report.is_true("undeployed: the machine's disk has no partitions", left is None, left)


def partition_table(disk):
    """As sfdisk sees it, or `None`."""
    english = {"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
    done = subprocess.run(["sfdisk", "--dump", disk], capture_output=True, text=True, check=False, env=english)
    if "does not contain a recognized partition table" in done.stderr:
        return None
    if done.returncode:
        raise Failed(f"sfdisk: {done.stderr}")
    return done.stdout


def media(node, lab, report):
    """Manual cleaning with a ramdisk from the virtual CD, whose agent has its token and settings from there."""
    if node.show()["provision_state"] == "available":
        node.bring_to("manage", "manageable")
    node.set(boot_interface="redfish-virtual-media")
    before = lab.fetched().count("GET /redfish/")
    node.steps.clear()
    node.bring_to("clean", "manageable", clean_steps=[{"interface": "deploy", "step": "erase_devices_express"}])
    has_fetched = lab.fetched().count("GET /redfish/") > before
    report.is_true("from a virtual CD: the BMC has fetched the image that the conductor made", has_fetched, tail(lab.fetched()))
    report.is_true("from a virtual CD: cleaned by erase_devices_express", "erase_devices_express" in node.steps, node.steps)
    report.is_true("from a virtual CD: the agent started from it", "boot_method=vmedia" in lab.serial(), tail(lab.serial()))
