#!/usr/bin/env python3
"""Drives a virtual BMC of a running lab with sushy, a Redfish client that we did not write.

Prints what it did; ends with a status other than 0 at the first mismatch. Run it inside the lab's network
(`ferric-testbed exec -- PYTHON sushy_drive.py ADDRESS USER PASSWORD`) with a Python that has `sushy`.
The machine ends as it should be left: off, without override, without medium.
"""

import argparse
import functools
import http.server
import os
import sys
import tempfile
import threading
import time

import requests
import sushy
from sushy import auth, exceptions

DEADLINE_S = 60
SECTOR = 2048


class Mismatch(Exception):
    """What the BMC said is not what it should have said."""


def check(what, found, expected):
    if found != expected:
        raise Mismatch(f"{what}: found {found!r}, expected {expected!r}")
    print(f"ok    {what}: {found!r}", flush=True)


def check_true(what, condition):
    if not condition:
        raise Mismatch(f"{what}: not so")
    print(f"ok    {what}", flush=True)


def check_refused(what, status, call):
    try:
        call()
    except exceptions.HTTPError as error:
        check(f"{what} is refused", error.status_code, status)
        return
    raise Mismatch(f"{what}: was accepted")


class Drive:
    def __init__(self, options):
        self.options = options
        self.system = None

    def connect(self, how):
        return sushy.Sushy(self.options.address, auth=how, verify=False)

    def basic(self, password=None):
        return auth.BasicAuth(self.options.user, password or self.options.password)

    def session(self, password=None):
        return auth.SessionAuth(self.options.user, password or self.options.password)

    def fresh(self):
        """The system as it is now: sushy does not notice by itself what it changed."""
        self.system.refresh(force=True)
        return self.system

    def wait_for_power(self, expected):
        deadline = time.monotonic() + DEADLINE_S
        while self.fresh().power_state != expected:
            if time.monotonic() > deadline:
                raise Mismatch(f"power did not become {expected} in {DEADLINE_S} s")
            time.sleep(0.2)
        check("power state", self.system.power_state, expected)

    # Each of the following is one subject of the BMC.

    def refusals(self):
        root = self.options.address + "/redfish/v1"
        answer = requests.get(root + "/Systems", verify=False, timeout=30)
        check("without credentials", answer.status_code, 401)
        check_true("the refusal has a challenge", answer.headers.get("WWW-Authenticate", "").startswith("Basic"))
        check_true("the refusal has a Redfish body", answer.json()["error"]["@Message.ExtendedInfo"][0]["MessageId"])
        check("the root needs none", requests.get(root + "/", verify=False, timeout=30).status_code, 200)
        for name, how in (("basic", self.basic("wrong")), ("session", self.session("wrong"))):
            try:
                self.connect(how).get_system_collection().get_members()
            except exceptions.AccessError as error:
                check(f"{name} with a wrong password", error.status_code, 401)
            else:
                raise Mismatch(f"{name}: a wrong password was accepted")

    def sessions(self):
        how = self.session()
        bmc = self.connect(how)
        token, path = how.get_session_key(), how.get_session_resource_id()
        check("systems seen in a session", len(bmc.get_system_collection().get_members()), 1)
        check("service of sessions", bmc.get_session_service().service_enabled, True)
        ours = [one.path for one in bmc.get_session_service().sessions.get_members()]
        check_true("our session is listed", any(path.endswith(one) for one in ours))
        how.close()
        headers = {"X-Auth-Token": token}
        answer = requests.get(self.options.address + "/redfish/v1/Systems", headers=headers, verify=False, timeout=30)
        check("the token of a closed session", answer.status_code, 401)

    def identity(self, bmc):
        members = bmc.get_system_collection().get_members()
        check("systems", len(members), 1)
        self.system = members[0]
        check("identity is the UUID", self.system.identity, self.system.uuid)
        check("found again by its path", bmc.get_system(self.system.path).uuid, self.system.uuid)
        manager = bmc.get_manager_collection().get_members()[0]
        check("manager of the system", [one.path for one in self.system.managers], [manager.path])
        check("system of the manager", [one.path for one in manager.systems], [self.system.path])
        chassis = bmc.get_chassis_collection().get_members()[0]
        check("chassis of the system", [one.path for one in self.system.chassis], [chassis.path])

    def inventory(self):
        system = self.system
        processors = system.processors.get_members()
        check_true("there are processors", processors)
        check("cores", sum(one.total_threads for one in processors), system.processors.summary.count)
        macs = sorted(system.ethernet_interfaces.summary or {})
        print(f"      memory {system.memory_summary.size_gib} GiB, MACs {macs}")
        if self.options.mac:
            check("MAC addresses", macs, sorted(mac.lower() for mac in self.options.mac))
        drives = [drive for storage in system.storage.get_members() for drive in storage.drives]
        sizes = sorted(drive.capacity_bytes for drive in drives)
        check("sizes by both views of storage", sorted(system.simple_storage.disks_sizes_bytes), sizes)
        if self.options.disk_bytes:
            check("sizes of the disks", sizes, sorted(self.options.disk_bytes))
        check_true("every drive has a serial", all(drive.serial_number for drive in drives))
        check_true("the BIOS has attributes", system.bios.attributes)

    def override(self, target, enabled):
        self.system.set_system_boot_options(target=target, enabled=enabled)
        self.check_override(target, enabled)

    def check_override(self, target, enabled):
        boot = self.fresh().boot
        check("boot override", (boot.target, boot.enabled), (target, enabled))

    def boot_and_power(self):
        none = (sushy.BOOT_SOURCE_TARGET_NONE, sushy.BOOT_SOURCE_ENABLED_DISABLED)
        pxe, disk, once = sushy.BOOT_SOURCE_TARGET_PXE, sushy.BOOT_SOURCE_TARGET_HDD, sushy.BOOT_SOURCE_ENABLED_ONCE
        continuous = sushy.BOOT_SOURCE_ENABLED_CONTINUOUS
        check_true("PXE, disk and CD can be chosen", {pxe, disk, sushy.BOOT_SOURCE_TARGET_CD}
                   <= set(self.system.get_allowed_system_boot_source_values()))

        self.override(pxe, once)
        self.system.reset_system(sushy.RESET_ON)
        self.wait_for_power(sushy.POWER_STATE_ON)
        self.check_override(*none)
        self.system.reset_system(sushy.RESET_ON)
        check("on while on changes nothing", self.fresh().power_state, sushy.POWER_STATE_ON)

        self.override(disk, continuous)
        for _ in range(2):
            self.system.reset_system(sushy.RESET_FORCE_RESTART)
            self.wait_for_power(sushy.POWER_STATE_ON)
            self.check_override(disk, continuous)
        self.override(pxe, once)
        self.system.reset_system(sushy.RESET_FORCE_RESTART)
        self.wait_for_power(sushy.POWER_STATE_ON)
        self.check_override(*none)
        self.override(disk, continuous)
        self.system.set_system_boot_options(enabled=sushy.BOOT_SOURCE_ENABLED_DISABLED)
        check("override after it is disabled", self.fresh().boot.enabled, sushy.BOOT_SOURCE_ENABLED_DISABLED)

        self.system.reset_system(sushy.RESET_NMI)
        self.system.reset_system(sushy.RESET_FORCE_OFF)
        self.wait_for_power(sushy.POWER_STATE_OFF)
        self.system.reset_system(sushy.RESET_FORCE_OFF)
        check("off while off changes nothing", self.fresh().power_state, sushy.POWER_STATE_OFF)
        check_refused("a restart of a machine that is off", 409,
                      lambda: self.system.reset_system(sushy.RESET_FORCE_RESTART))

    def boot_mode(self):
        mode = self.fresh().boot.mode
        both = {sushy.BOOT_SOURCE_MODE_UEFI, sushy.BOOT_SOURCE_MODE_BIOS}
        other = (both - {mode}).pop()
        for wanted in (other, mode):
            self.system.set_system_boot_options(mode=wanted)
            check("boot mode", self.fresh().boot.mode, wanted)

    def entity_tags(self):
        """Two clients that change the same thing: the second must look again."""
        address, how = self.options.address + self.system.path, (self.options.user, self.options.password)
        once = {"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}}
        none = {"Boot": {"BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": "Disabled"}}

        def patch(body, tag):
            return requests.patch(address, json=body, headers={"If-Match": tag}, auth=how, verify=False, timeout=30)

        old = requests.get(address, auth=how, verify=False, timeout=30).headers["ETag"]
        answer = patch(once, old)
        check("a change with the right tag", answer.status_code, 204)
        check("a change with an old tag", patch(none, old).status_code, 412)
        check("a change with the tag of the last change", patch(none, answer.headers["ETag"]).status_code, 204)
        wrong = {"Boot": {"BootSourceOverrideTarget": "Floppy"}}
        check("a target that there is not", patch(wrong, "*").status_code, 400)

    def media(self, bmc, image):
        for home in (self.system, bmc.get_manager_collection().get_members()[0]):
            drive = next(one for one in home.virtual_media.get_members() if sushy.VIRTUAL_MEDIA_CD in one.media_types)
            self.insert_and_eject(drive, image)

    def insert_and_eject(self, drive, image):
        check("a drive before", (drive.path, drive.inserted, drive.image), (drive.path, False, None))
        drive.insert_media(image)
        drive.refresh()
        name = image.rsplit("/", 1)[-1]
        check("the medium", (drive.inserted, drive.image, drive.image_name), (True, image, name))
        self.system.reset_system(sushy.RESET_ON)
        self.wait_for_power(sushy.POWER_STATE_ON)
        drive.insert_media(image)
        drive.refresh()
        check("another medium while the machine runs", drive.inserted, True)
        drive.eject_media()
        drive.refresh()
        check("a drive after", (drive.inserted, drive.image), (False, None))
        check_refused("an image that there is not", 400, lambda: drive.insert_media(image + ".missing"))
        drive.refresh()
        check("nothing is inserted by it", drive.inserted, False)
        self.system.reset_system(sushy.RESET_FORCE_OFF)
        self.wait_for_power(sushy.POWER_STATE_OFF)

    def leave(self):
        """Leaves the machine as it was found, whatever happened."""
        if self.system is None:
            return
        self.system.reset_system(sushy.RESET_FORCE_OFF)
        self.system.refresh(force=True)
        self.system.set_system_boot_options(
            target=sushy.BOOT_SOURCE_TARGET_NONE, enabled=sushy.BOOT_SOURCE_ENABLED_DISABLED)
        for drive in self.system.virtual_media.get_members():
            drive.refresh(force=True)
            if drive.inserted:
                drive.eject_media()

    def run(self, image):
        self.refusals()
        self.sessions()
        for name, how in (("basic authentication", self.basic()), ("a session", self.session())):
            print(f"---   with {name}", flush=True)
            bmc = self.connect(how)
            self.identity(bmc)
            self.system.reset_system(sushy.RESET_FORCE_OFF)
            self.wait_for_power(sushy.POWER_STATE_OFF)
            self.inventory()
            self.boot_and_power()
            self.boot_mode()
            self.entity_tags()
            self.media(bmc, image)


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve_image(directory):
    """An image of our own on loopback, where a BMC in the same network namespace can fetch it."""
    with open(os.path.join(directory, "medium.iso"), "wb") as image:
        image.write(os.urandom(64 * SECTOR))
    handler = functools.partial(Silent, directory=directory)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/medium.iso"


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help="as in http://127.0.0.1:8001")
    parser.add_argument("user")
    parser.add_argument("password")
    parser.add_argument("--mac", action="append", help="a MAC address the BMC must show; all of them or none")
    parser.add_argument("--disk-bytes", action="append", type=int, help="a size the BMC must show; all of them or none")
    options = parser.parse_args()
    options.address = options.address.rstrip("/")
    return options


def main():
    requests.packages.urllib3.disable_warnings()
    drive = Drive(parse())
    with tempfile.TemporaryDirectory() as directory:
        try:
            drive.run(serve_image(directory))
        except (Mismatch, exceptions.SushyError, requests.RequestException) as error:
            print(f"FAIL  {type(error).__name__}: {error}", file=sys.stderr)
            return 1
        finally:
            drive.leave()
    print("sushy and the BMC agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
