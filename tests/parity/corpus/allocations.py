"""Allocations, and the one of a node."""

from corpus import LATEST, add, around, remove, replace, uid

VALUES = [
    {"resource_class": None}, {"resource_class": ""}, {"resource_class": 1}, {"resource_class": "x" * 81}, {"traits": ["nonsense"]}, {"traits": "CUSTOM_A"}, {"traits": []}, {"traits": ["CUSTOM_A"]},
    {"candidate_nodes": []}, {"candidate_nodes": ["nobody"]}, {"candidate_nodes": [uid("nobody")]}, {"candidate_nodes": "x"}, {"candidate_nodes": [1]}, {"node": "nobody"}, {"name": "a b"}, {"name": ""},
    {"name": uid("x")}, {"name": "x" * 256}, {"uuid": "nonsense"}, {"extra": []}, {"extra": {"a": 1}}, {"owner": "me"}, {"owner": 1}, {"state": "active"}, {"last_error": "x"}, {"node_uuid": uid("nobody")}, {"nonsense": 1},
]


def fill(group):
    for number in range(3):
        node = group.available(f"allocations-{number}", resource_class="class", owner="me" if number == 2 else None)
        # A node whose power is unknown is no candidate.
        group.put(f"/v1/nodes/{node}/states/power", body={"target": "power off"})
        group.wait(f"/v1/nodes/{node}", "power_state", "power off")
    for version in around(52, 1, 57, 58, 60):
        made = {"uuid": uid(f"allocation {version}"), "name": f"at-{version}", "resource_class": "class", "candidate_nodes": ["allocations-0"]}
        group.get("/v1/allocations", version)
        group.post("/v1/allocations", version, body=made)
        if version >= 52:
            group.wait(f"/v1/allocations/{made['uuid']}", "state", "active")
        group.get(f"/v1/allocations/{made['uuid']}?fields=uuid,name,state,resource_class", version)
        group.get(f"/v1/allocations/at-{version}?fields=state", version)
        group.patch(f"/v1/allocations/{made['uuid']}", version, body=add("/extra/a", 1))
        group.delete(f"/v1/allocations/{made['uuid']}", version)
        group.delete(f"/v1/allocations/{made['uuid']}", version)
    for number, fields in enumerate(VALUES):
        body = {"uuid": uid(f"allocation value {number}"), "resource_class": "class", "candidate_nodes": ["allocations-0"], **fields}
        group.post("/v1/allocations", body=body)
        if "uuid" not in fields:
            group.wait(f"/v1/allocations/{body['uuid']}", "state", "active", "error", None)
            group.delete(f"/v1/allocations/{body['uuid']}")
    group.post("/v1/allocations", body={})
    group.post("/v1/allocations", body=[])
    named(group)
    nobody(group)
    backfill(group)


def named(group):
    """One that must get this node."""
    made = uid("allocation-full")
    group.post("/v1/allocations", body={"uuid": made, "name": "allocation-full", "resource_class": "class", "candidate_nodes": ["allocations-1"], "extra": {"a": 1}})
    group.wait(f"/v1/allocations/{made}", "state", "active")
    for version in range(51, LATEST + 1):
        group.get(f"/v1/allocations/{made}", version)
    group.get("/v1/nodes/allocations-1", (51, 52, LATEST))
    node = uid("allocations-1")
    group.get(f"/v1/nodes/{node}/allocation", around(52))
    for query, since in ((f"node={node}", 52), ("node=allocations-1", 52), ("node=nobody", 52), ("resource_class=class", 52), ("resource_class=x", 52), ("state=active", 52), ("state=nonsense", 52), ("owner=me", 60),
                         ("fields=uuid,name", 52), ("fields=nonsense", 52), ("fields=owner", 60), ("limit=1", 52), ("limit=0", 52), (f"marker={made}", 52), (f"marker={uid('nobody')}", 52), ("sort_key=name", 52),
                         ("sort_key=extra", 52), ("sort_key=traits", 52), ("sort_key=candidate_nodes", 52), ("sort_key=nonsense", 52), ("detail=true", 52), ("more=1", 52)):
        group.get(f"/v1/allocations?{query}", around(since))
    for patch in (replace("/name", "renamed"), remove("/name"), replace("/name", "a b"), add("/extra/b", 1), remove("/extra"), replace("/resource_class", "x"), replace("/state", "error"),
                  replace("/node_uuid", uid("x")), replace("/traits", []), [], {}, replace("/nonsense", 1), replace("/owner", "x")):
        group.patch(f"/v1/allocations/{made}", body=patch)
    group.patch(f"/v1/allocations/{uid('nobody')}", (56, 57, LATEST), body=add("/extra/a", 1))
    group.patch(f"/v1/nodes/{node}", body=replace("/instance_uuid", uid("x")))
    group.post("/v1/allocations", body={"uuid": made, "resource_class": "class"})
    group.delete(f"/v1/nodes/{node}/allocation", (51, 52))
    group.delete(f"/v1/nodes/{node}/allocation")
    group.get(f"/v1/nodes/{node}?fields=allocation_uuid,instance_uuid")
    for method in ("PUT", "PATCH", "DELETE"):
        group.ask(method, "/v1/allocations", (51, LATEST), body=[])


def nobody(group):
    """One that nothing fits."""
    for seed, fields in (("class", {"resource_class": "none-has-this"}), ("traits", {"resource_class": "class", "traits": ["CUSTOM_NONE"]}), ("owner", {"resource_class": "class", "owner": "stranger", "candidate_nodes": ["allocations-2"]})):
        made = uid(f"allocation nobody {seed}")
        group.post("/v1/allocations", body={"uuid": made, **fields})
        group.wait(f"/v1/allocations/{made}", "state", "error")
        group.get(f"/v1/allocations/{made}")
        group.delete(f"/v1/allocations/{made}")


def backfill(group):
    """One for a node that is deployed already."""
    node = group.active("allocations-active", resource_class="class")
    for version in around(58):
        made = uid(f"allocation backfill {version}")
        group.post("/v1/allocations", version, body={"uuid": made, "node": node})
        group.get(f"/v1/allocations/{made}", LATEST)
        group.get(f"/v1/nodes/{node}?fields=allocation_uuid,instance_uuid,provision_state")
        group.delete(f"/v1/allocations/{made}")
    group.post("/v1/allocations", body={"node": node, "candidate_nodes": [node]})
    group.post("/v1/allocations", body={"node": node, "resource_class": "other"})
    group.post("/v1/allocations", body={"node": "allocations-0"})
    group.put(f"/v1/nodes/{node}/maintenance")
    group.delete(f"/v1/nodes/{node}/allocation")
