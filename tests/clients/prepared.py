"""What the lists of commands and of calls share: names for what they make, and the API without a client."""

import json
import time
import urllib.request
import uuid

from cycle import Failed, mac

# What a ramdisk finds.
INVENTORY = {
    "interfaces": [{"name": "eth0", "mac_address": "{mac3}", "ipv4_address": "192.0.2.1"}],
    "cpu": {"count": 2, "architecture": "x86_64"},
    "memory": {"physical_mb": 2048},
    "disks": [{"name": "/dev/sda", "size": 1 << 34}],
    "boot": {"current_boot_mode": "uefi", "pxe_interface": "{mac3}"},
    "system_vendor": {"product_name": "box"},
    "bmc_address": "192.0.2.9",
}


class Api:
    """The API at the newest version."""

    def __init__(self, url, timeout):
        """The timeout in seconds is for each change of state."""
        self.url = url
        self.timeout = timeout

    def ask(self, path, body=None):
        """What GET answers, or POST where there is a body."""
        headers = {"X-OpenStack-Ironic-API-Version": "latest", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + "/v1/" + path, body and json.dumps(body).encode(), headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=self.timeout) as answer:
            return json.load(answer)

    def wait_for(self, path, state):
        """Looks until the object has the state and nothing works on it."""
        field, value = goal(path, state)
        end = time.monotonic() + self.timeout
        found = {}
        while time.monotonic() < end:
            found = self.ask(path)
            if found[field] == value and not found.get("reservation") and not found.get("target_power_state"):
                return
            time.sleep(0.1)
        raise Failed(f"{field} of {path} is not {value!r} after {self.timeout} s: {found}")

    def inspect(self, kept, name):
        """Sends what the ramdisk of the node would, whose UUID is kept under the name."""
        self.ask(f"continue_inspection?node_uuid={kept[name]}", {"inventory": filled(INVENTORY, kept)})
        self.wait_for(f"nodes/{kept[name]}", "manageable")

    def names(self, version):
        """What the words in braces stand for, before anything is made."""
        mark = f"{version}-{uuid.uuid4().hex[:6]}"
        nodes = ("node", "child", "held", "waiting", "adopted", "filed")
        kept = {name: f"{name}-{mark}" for name in (*nodes, "group", "allocation")}
        kept |= {"mark": mark, "MARK": mark.upper().replace("-", "_")}
        kept |= {"class": f"class-{mark}", "shard": f"shard-{mark}", "iqn": f"iqn.2001-01.example:{mark}"}
        kept |= {name: f"CUSTOM_{name}_{mark}".upper().replace("-", "_") for name in ("template", "runbook")}
        kept |= {name: mac() for name in ("mac", "mac2", "mac3", "mac4", "mac5", "mac6", "mac7")}
        kept |= {f"own_{number}": str(uuid.uuid4()) for number in range(1, 25)}
        # What an old version asks for, though it could not make it, is not there.
        missing = ("connector", "target", "rule", "event", "vif", "child_uuid", "template_uuid", "runbook_uuid", "allocation_uuid")
        kept |= {name: str(uuid.uuid4()) for name in missing}
        kept["conductor"] = self.ask("conductors")["conductors"][0]["hostname"]
        return kept


def goal(path, state):
    """The field of the object that a state is told by, and its value."""
    if state.startswith("console "):
        return "console_enabled", state == "console on"
    if state.startswith("secure boot "):
        return "secure_boot", state == "secure boot on"
    if state.startswith("boot mode "):
        return "boot_mode", state.removeprefix("boot mode ")
    if state.startswith("power "):
        return "power_state", state
    return "provision_state" if path.startswith("nodes/") else "state", state


def filled(value, kept):
    """The value with the words in braces replaced."""
    if isinstance(value, str):
        return value.format_map(kept)
    if isinstance(value, list):
        return [filled(part, kept) for part in value]
    if isinstance(value, dict):
        return {key: filled(part, kept) for key, part in value.items()}
    return value
