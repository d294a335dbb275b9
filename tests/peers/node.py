"""A node at Ironic's API, and what was seen of it while something was waited for."""

import http.client
import json
import urllib.error
import urllib.request

from lab import BMC_PASSWORD, BMC_USER, RAMDISK, WEB
from servers import DIRECT
from waiting import Failed, until

ANSWER_S = 60
# A ramdisk takes minutes to boot where machines are emulated on a busy host.
PATIENCE_S = 1200
HEADERS = {"X-OpenStack-Ironic-API-Version": "latest", "Content-Type": "application/json"}


def ask(url, method="GET", body=None):
    """The parsed answer, once the node is not busy with another request."""
    return until(f"{method} {url} to be let in", ANSWER_S, lambda: attempt(url, method, body))[0]


def attempt(url, method, body):
    """The answer in a tuple, or `None` where the node is locked."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with DIRECT.open(urllib.request.Request(url, data, HEADERS, method=method), timeout=ANSWER_S) as answer:
            text = answer.read()
            return (json.loads(text) if text else None,)
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")
        if error.code == 409 and "locked" in said:
            return None
        raise Failed(f"{method} {url}: {error.code} {said}") from error
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"{method} {url}: {error}") from error


def redfish(name, machine, bmc_port, **info):
    """What a node is created of whose machine is known to a BMC by this UUID."""
    ramdisk = {"kernel": f"{WEB}/ferric-agent.kernel", "ramdisk": RAMDISK}
    return {
        "name": name, "driver": "redfish", "properties": {"capabilities": "boot_mode:uefi"},
        "driver_info": {
            "redfish_address": f"http://127.0.0.1:{bmc_port}", "redfish_system_id": f"/redfish/v1/Systems/{machine}",
            "redfish_username": BMC_USER, "redfish_password": BMC_PASSWORD,
            **{f"{use}_{part}": url for use in ("deploy", "rescue") for part, url in ramdisk.items()}, **info,
        },
    }


class Node:
    """The node with this URL."""

    def __init__(self, url, lab):
        self.url, self.lab = url, lab
        self.agents, self.authorities, self.steps = set(), set(), set()

    @classmethod
    def create(cls, api, lab, body, mac):
        """Enrols it, with the port that it boots from."""
        made = ask(f"{api}/v1/nodes", "POST", body)
        ask(f"{api}/v1/ports", "POST", {"node_uuid": made["uuid"], "address": mac})
        return cls(f"{api}/v1/nodes/{made['uuid']}", lab)

    def show(self, part=""):
        """The node, or a part of what belongs to it."""
        return ask(self.url + part)

    def set(self, **fields):
        """Replaces fields."""
        ask(self.url, "PATCH", [{"op": "replace", "path": f"/{name}", "value": value} for name, value in fields.items()])

    def bring_to(self, verb, goal, fails=False, **more):
        """Asks for something, and waits until the node is where that leads to. `fails`: the goal is a failure."""
        before = self.show()["provision_updated_at"]
        ask(f"{self.url}/states/provision", "PUT", {"target": verb, **more})
        return until(f"{goal} after {verb}", PATIENCE_S, lambda: self.look(goal, before, fails))

    def look(self, goal, before, fails):
        """The node if it has arrived, with notes of what it was seen with on the way."""
        self.lab.lives()
        node = self.show()
        internal, state = node["driver_internal_info"], node["provision_state"]
        self.agents.add(internal.get("agent_url"))
        self.authorities.add(internal.get("agent_verify_ca"))
        for activity in ("clean_step", "deploy_step", "service_step"):
            self.steps.add((node.get(activity) or {}).get("step"))
        moved = node["provision_updated_at"] != before
        if state == goal and (fails or moved and node["target_provision_state"] in (None, goal)):
            return node
        refused = state == "enroll" and node["last_error"]
        if state.endswith("failed") or state == "error" or refused:
            raise Failed(f"the node is {state} instead of {goal}: {node['last_error']}")
        return None
