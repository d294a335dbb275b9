"""Clients that ask machines' listener for a kernel and read next to nothing of it."""

import json
import pathlib
import tempfile

from place import NODE, open_files, wait
from wire import Wire, ask, expect, head

PLACES = 200
FILES = tempfile.TemporaryDirectory()
KERNEL = pathlib.Path(FILES.name, "kernel")
with KERNEL.open("wb") as kernel:
    # More than the system holds for anybody.
    kernel.truncate(64 << 20)
CONFIG = f"""
[http]
connections = {PLACES}
answer_stall_s = 600
[boot]
kernel = "{KERNEL}"
ramdisk = "{KERNEL}"
[images]
allowed_paths = ["{FILES.name}"]
[conductor]
automated_clean = false
"""


def waits_for_ramdisk(ferric):
    """A node that is to boot the ramdisk, and never does."""
    source = {"image_source": f"file://{KERNEL}"}
    node = {**NODE, "deploy_interface": "direct", "boot_interface": "ipxe", "instance_info": source}
    _, made = expect(ferric.port, 201, "POST", "/v1/nodes", body=json.dumps(node).encode())
    uuid = json.loads(made)["uuid"]
    port = {"node_uuid": uuid, "address": "52:54:00:00:00:01"}
    expect(ferric.port, 201, "POST", "/v1/ports", body=json.dumps(port).encode())

    def is_now(state):
        return json.loads(ask(ferric.port, "GET", f"/v1/nodes/{uuid}")[2])["provision_state"] == state

    for target, then in (("manage", "manageable"), ("provide", "available"), ("active", "wait call-back")):
        body = json.dumps({"target": target}).encode()
        expect(ferric.port, 202, "PUT", f"/v1/nodes/{uuid}/states/provision", body=body)
        wait(f"the node is in {then}", lambda then=then: is_now(then))
    return uuid


def slow(ferric):
    """Clients that read a kernel byte by byte from every place make room for lookups."""
    uuid = waits_for_ramdisk(ferric)
    before = open_files(ferric)
    wires = [Wire(ferric.machines, head("GET", f"/boot/files/{uuid}/kernel")) for _ in range(PLACES)]
    try:
        for wire in wires:
            assert wire.head()[0] == 200
        # A connection and a file each.
        wait("all are served", lambda: open_files(ferric) >= before + 2 * PLACES)
        for number in range(30):
            wires[number].socket.recv(1)
            status, _, body = ask(ferric.machines, "GET", f"/v1/lookup?node_uuid={uuid}")
            assert status == 200, (status, body)
        # Places of those who asked are let go of a moment after their answers.
        wait("no more are served than there are places", lambda: open_files(ferric) <= before + 2 * PLACES)
    finally:
        for wire in wires:
            wire.close()


CHECKS = [slow]
