"""Hundreds of nodes that are to be cleaned and deployed at once wait for their turn, also at a server that is killed."""

import json
import uuid

from many import BULK, bulk
from place import wait
from wire import expect

COUNT, ROOM = 200, 20
CONFIG = f"""
[conductor]
max_concurrent_deploy = {ROOM}
max_concurrent_clean = {ROOM}
"""
DEFAULTS = {"driver": "fake-hardware", "network_interface": "noop"}
# Long enough that the room is full before the first one is ready.
WAIT = {"interface": "deploy", "step": "wait", "args": {"seconds": 2}}
CLEANS, DEPLOYS = {"deleting", "cleaning", "clean wait"}, {"deploying", "wait call-back"}


def send(ferric, request):
    return json.loads(expect(ferric.port, (200, 202), "POST", BULK, body=json.dumps(request).encode())[1])


def counts(ferric, ident):
    return json.loads(expect(ferric.port, 200, "GET", f"/ferric/v1/bulk/{ident}?limit=1")[1])["counts"]


def moves(ferric):
    """All changes of state that there were, in the order of their commits."""
    after, found = 0, []
    while True:
        path = f"/ferric/v1/events?kind=state_changed&after={after}"
        listed = json.loads(expect(ferric.port, 200, "GET", path)[1])
        found += listed["events"]
        if listed["next"] == after:
            return found
        after = listed["next"]


def most_at_a_time(found, states):
    """How many nodes were in these states at the same time, at most; and how often one came into them."""
    now, inside, most, entered = {}, set(), 0, 0
    for event in found:
        node = event["node"]
        # None is missing, or the count would be wrong.
        assert event["from"] == now.get(node, "enroll"), (event, now.get(node))
        now[node] = event["to"]
        if event["to"] in states:
            entered += node not in inside
            inside.add(node)
        else:
            inside.discard(node)
        most = max(most, len(inside))
    return most, entered


def expect_all(found, status):
    other = [result for result in found["results"] if (result["state"], result["status"]) != ("done", status)]
    assert not other and found["counts"]["done"] == COUNT, (len(other), other[:3], found["counts"])


def turns(ferric):
    """Of 200 nodes in a request as many are cleaned or deployed at a time as there is room for, each once, also after SIGKILL."""
    names = [f"turn-{number}" for number in range(COUNT)]
    expect_all(bulk(ferric, "enrol", [{"name": name} for name in names], DEFAULTS), 201)
    expect_all(bulk(ferric, "provision", names, {"target": "manage"}), 202)
    expect_all(bulk(ferric, "provision", names, {"target": "clean", "clean_steps": [WAIT]}), 202)
    assert most_at_a_time(moves(ferric), CLEANS) == (ROOM, COUNT)
    expect_all(bulk(ferric, "provision", names, {"target": "provide"}), 202)

    deploy = {"target": "active", "deploy_steps": [{**WAIT, "priority": 50}]}
    ident = str(uuid.uuid4())
    request = {"id": ident, "action": "provision", "nodes": names, "defaults": deploy, "wait_s": 0}
    sent = send(ferric, request)
    assert sent["id"] == ident and sent["counts"]["queued"] > 0, sent["counts"]
    wait("a quarter is deployed", lambda: counts(ferric, ident)["done"] >= COUNT // 4)
    ferric.crash()
    # Whoever was not answered sends the same request again.
    again = send(ferric, request)
    assert again["created_at"] == sent["created_at"], (sent["created_at"], again["created_at"])
    assert again["counts"]["queued"] > 0, again["counts"]
    assert [result["number"] for result in again["results"]] == list(range(COUNT))

    def is_over():
        now = counts(ferric, ident)
        return now["queued"] + now["running"] == 0

    wait("all are deployed", is_over)
    shown = json.loads(expect(ferric.port, 200, "GET", f"/ferric/v1/bulk/{ident}?limit={COUNT}")[1])
    expect_all(shown, 202)
    found = moves(ferric)
    assert most_at_a_time(found, DEPLOYS) == (ROOM, COUNT)
    runs = {result["node_uuid"]: result["run"] for result in shown["results"]}
    for event in found:
        if event["to"] in DEPLOYS | {"active"}:
            assert (event["bulk"], event["run"]) == (ident, runs[event["node"]]), event

    before = len(found)
    expect_all(bulk(ferric, "provision", names, {"target": "deleted"}), 202)
    found = moves(ferric)
    most, _ = most_at_a_time(found, CLEANS)
    assert most == ROOM, most
    ends = [event["node"] for event in found[before:] if event["to"] == "available"]
    assert sorted(ends) == sorted(runs), len(ends)


CHECKS = [turns]
