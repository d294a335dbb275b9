"""A thousand nodes in one request, as many as one may have."""

import json

from memory import at_most
from place import wait
from wire import expect

CONFIG = ""
COUNT = 1000
CLASS = "many"
DEFAULTS = {"driver": "fake-hardware", "network_interface": "noop", "resource_class": CLASS, "extra": {"a": "x" * 1000}}
BULK = "/ferric/v1/nodes/bulk"
# Several times what a thousand nodes take, the store's memory of them among it.
BOUND_MIB = 128


def bulk(ferric, action, nodes, defaults):
    """What the request came to when nothing of it waits any more: a result for each node, in their order."""
    body = json.dumps({"action": action, "nodes": nodes, "defaults": defaults}).encode()
    [answer] = at_most(ferric, lambda: expect(ferric.port, (200, 202), "POST", BULK, body=body)[1], 1, BOUND_MIB)
    ident = json.loads(answer)["id"]

    def shown():
        return json.loads(expect(ferric.port, 200, "GET", f"/ferric/v1/bulk/{ident}?limit={COUNT}")[1])

    def is_over():
        counts = shown()["counts"]
        return counts["queued"] + counts["running"] == 0

    wait(f"{action} of {len(nodes)} is over", is_over)
    found = shown()
    assert [result["number"] for result in found["results"]] == list(range(len(nodes))), found["counts"]
    return found


def expect_all(found, state, status):
    """Of each node the same."""
    other = [result for result in found["results"] if (result["state"], result["status"]) != (state, status)]
    assert not other and found["counts"][state] == COUNT, (len(other), other[:3], found["counts"])


def names(ferric, state):
    """Of our nodes in this state, with their UUIDs."""
    listed = expect(ferric.port, 200, "GET", f"/v1/nodes?resource_class={CLASS}&provision_state={state}&fields=uuid,name")[1]
    return {node["name"]: node["uuid"] for node in json.loads(listed)["nodes"]}


def thousand(ferric):
    """A thousand nodes are enrolled, made manageable and deleted by a request each, with a result for each node."""
    wanted = [f"many-{number}" for number in range(COUNT)]
    nodes = [{"name": name, "ports": [f"52:54:00:{number >> 8:02x}:{number & 255:02x}:01"]} for number, name in enumerate(wanted)]
    enrolled = bulk(ferric, "enrol", nodes, DEFAULTS)
    expect_all(enrolled, "done", 201)
    uuids = names(ferric, "enroll")
    assert [result["node_uuid"] for result in enrolled["results"]] == [uuids[name] for name in wanted]
    assert len(json.loads(expect(ferric.port, 200, "GET", "/v1/ports")[1])["ports"]) == COUNT
    again = bulk(ferric, "enrol", nodes, DEFAULTS)
    expect_all(again, "failed", 409)
    expect_all(bulk(ferric, "provision", wanted, {"target": "manage"}), "done", 202)
    assert names(ferric, "manageable") == uuids
    expect_all(bulk(ferric, "delete", wanted, {}), "done", 204)
    for state in ("enroll", "manageable"):
        assert not names(ferric, state), state
    assert json.loads(expect(ferric.port, 200, "GET", "/v1/ports")[1])["ports"] == []


CHECKS = [thousand]
