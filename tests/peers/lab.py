"""Two machines with their BMCs on a network of their own, and a web server there. All of it ends with the `with`."""

import os
import pathlib
import signal
import subprocess
import sys
import uuid

from servers import free_port
from waiting import Failed, until

TOP = pathlib.Path(__file__).resolve().parents[2]
ADDRESS = "192.168.100.1"
API_PORT = 6385
WEB_PORT = 8088
WEB = f"http://{ADDRESS}:{WEB_PORT}"
RAMDISK = f"{WEB}/ferric-agent.initramfs"
BMC_PORT = 8001
BMC_USER, BMC_PASSWORD = "admin", "testbed-secret"
# The machine boots from the first.
MAC, SECOND_MAC = "52:54:00:fe:00:01", "52:54:00:fe:00:02"
# The ends of their cables, as the testbed calls those of the first machine.
TAPS = ("m0n0", "m0n1")
NAME = "peer-1"
# The other machine, with small disks, as they are written to the end.
PAIR_NAME, PAIR_MAC, PAIR_BMC_PORT = "peer-pair", "52:54:00:fe:00:03", 8002
PAIR_SERIALS = ("pair-0", "pair-1")
PAIR_MIB = 1792
START_S = 120
LEASE_S = 20
STOP_S = 60
# Whatever proxies and authorities the caller's environment names: all that is asked for is in the lab.
WITHOUT = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")

# Ironic tells dnsmasq of a machine only where it boots from the network, and bids it ignore the interface afterwards.
# What boots from a virtual medium has an address by the second one.
PLAN = """name = "ironic-peers"

[dnsmasq]
ignore_unknown = false

[[forward]]
listen = "127.0.0.1:{api}"
to = "127.0.0.1:{inner}"

[[machine]]
name = "{name}"
uuid = "{uuid}"
firmware = "uefi"
cpus = 1
memory = 1536
nics = [{{ mac = "{mac}" }}, {{ mac = "{second}" }}]
bmc = {{ listen = "127.0.0.1:{bmc}", username = "{user}", password = "{password}" }}
disks = [{{ bus = "virtio", size = "6GiB", serial = "peer-root" }}]

[[machine]]
name = "{pair}"
uuid = "{pair_uuid}"
firmware = "uefi"
cpus = 1
memory = 1536
nics = [{{ mac = "{pair_mac}" }}]
bmc = {{ listen = "127.0.0.1:{pair_bmc}", username = "{user}", password = "{password}" }}
disks = [{pair_disks}]
"""
PAIR_DISK = '{{ bus = "virtio", size = "{mib}MiB", serial = "{serial}" }}'


class Lab:
    """The testbed's daemon and the web server, with their files in `folder`."""

    def __init__(self, folder, testbed, images):
        self.folder, self.testbed, self.images = folder, testbed, images
        self.state, self.web = folder / "lab", folder / "web"
        self.machine, self.pair = uuid.uuid4(), uuid.uuid4()
        self.api_port = free_port()
        self.processes = []

    def __enter__(self):
        self.web.mkdir()
        for image in ("ferric-agent.kernel", "ferric-agent.initramfs", "os.qcow2"):
            (self.web / image).symlink_to((self.images / image).resolve(strict=True))
        plan = self.folder / "lab.toml"
        plan.write_text(PLAN.format(
            api=self.api_port, inner=API_PORT, name=NAME, uuid=self.machine, mac=MAC, second=SECOND_MAC, bmc=BMC_PORT,
            user=BMC_USER, password=BMC_PASSWORD, pair=PAIR_NAME, pair_uuid=self.pair, pair_mac=PAIR_MAC, pair_bmc=PAIR_BMC_PORT,
            pair_disks=", ".join(PAIR_DISK.format(mib=PAIR_MIB, serial=serial) for serial in PAIR_SERIALS),
        ))
        try:
            self.start("testbed", [self.testbed, "--state", self.state, "up", plan])
            until("the lab", START_S, lambda: self.lives() and (self.state / "ready").exists())
            server, switch = (pathlib.Path(__file__).with_name(f"{name}.py") for name in ("web", "switch"))
            self.start("web", self.inside([sys.executable, "-B", server, ADDRESS, WEB_PORT, self.web]))
            self.start("switch", self.inside([sys.executable, "-B", switch, *TAPS]))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # The web server before the network that it is in.
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name, command):
        """Starts what runs as long as the lab, and no longer than this script, however that ends."""
        with (self.folder / f"{name}.log").open("ab") as log:
            guarded = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)]
            self.processes.append(subprocess.Popen(guarded, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment()))

    def inside(self, command):
        """The command that runs this one in the lab's network."""
        guarded = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        return [str(part) for part in (self.testbed, "--state", self.state, "exec", "--", *guarded)]

    def lives(self):
        """True, or why not."""
        if any(process.poll() is not None for process in self.processes):
            raise Failed(f"a process of the lab has ended\n{self.tails()}")
        return True

    def wait_until_ready(self):
        """Returns when the web server answers."""
        probe = f"import socket; socket.create_connection(('{ADDRESS}', {WEB_PORT}), 5)"
        until("the web server", START_S, lambda: self.lives() and self.run([sys.executable, "-c", probe]).returncode == 0)

    def run(self, command, patience_s=60, **more):
        """Runs a command in the lab's network to its end."""
        try:
            return subprocess.run(
                self.inside(command), capture_output=True, text=True, errors="replace", timeout=patience_s, check=False,
                stdin=subprocess.DEVNULL, env=environment(**more), start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            return subprocess.CompletedProcess(command, -1, "", f"{error}")

    def add_to_ramdisk(self, folder, name):
        """Puts the ramdisk with more files beside the others, and answers with its address."""
        command = [TOP / "image-build/add", folder, self.web / name]
        ramdisk = str(self.images / "ferric-agent.initramfs")
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environment(FERRIC_INITRAMFS=ramdisk),
        )
        if done.returncode:
            raise Failed(f"image-build/add: {done.stderr}")
        return f"{WEB}/{name}"

    def serial(self, name=NAME):
        """What a machine has said on its serial line since it was made."""
        log = self.state / "machines" / name / "serial.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def fetched(self):
        """What was asked of the web server."""
        return (self.folder / "web.log").read_text(errors="replace")

    def address(self):
        """The machine's address, of the newest lease. dnsmasq's file is empty for a moment each time that it is written."""
        return until("a lease of the machine", LEASE_S, self.newest_lease)

    def newest_lease(self):
        """Of those that the file has now."""
        leases = [line.split() for line in (self.state / "dnsmasq" / "leases").read_text().splitlines()]
        # By when they end: dnsmasq writes the one that it made last before the others. Each has five fields.
        found = [(int(lease[0]), lease[2]) for lease in leases if len(lease) == 5 and lease[1] == MAC]
        return max(found)[1] if found else None

    def disk(self, name=NAME, number=0):
        """The file behind a disk of a machine."""
        return self.state / "machines" / name / f"disk{number}.raw"

    def tails(self):
        """The ends of the logs."""
        named = {path.name: path.read_text(errors="replace") for path in self.folder.glob("*.log")}
        named |= {f"serial of {name}": self.serial(name) for name in (NAME, PAIR_NAME)}
        return "\n".join(f"--- {name}\n{tail(text)}" for name, text in named.items())


def tail(text, lines=30):
    """The last lines."""
    return "\n".join(text.splitlines()[-lines:])


def environment(**more):
    """What the programs get to know of ours."""
    return {**{name: value for name, value in os.environ.items() if name not in WITHOUT}, **more}
