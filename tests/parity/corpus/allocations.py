"""Allocations, and the one of a node."""

from corpus import LATEST, add, around, remove, replace, uid

VALUES = [
    {"resource_class": None}, {"resource_class": ""}, {"resource_class": 1}, {"resource_class": "x" * 81}, {"traits": ["nonsense"]}, {"traits": "CUSTOM_A"}, {"traits": []}, {"traits": ["CUSTOM_A"]},
    {"candidate_nodes": []}, {"candidate_nodes": ["nobody"]}, {"candidate_nodes": [uid("nobody")]}, {"candidate_nodes": "x"}, {"candidate_nodes": [1]}, {"node": "nobody"}, {"name": "a b"}, {"name": ""},
    {"name": uid("x")}, {"name": "x" * 256}, {"name": "x" * 255}, {"name": None}, {"name": 1}, {"uuid": None}, {"uuid": 1}, {"extra": []}, {"extra": None}, {"extra": {"a": 1}}, {"owner": "me"}, {"owner": 1}, {"state": "active"}, {"last_error": "x"}, {"node_uuid": uid("nobody")}, {"nonsense": 1}, {"created_at": "x"}, {"links": []},
    {"traits": None}, {"traits": [1]}, {"traits": ["CUSTOM_" + "X" * 249]}, {"traits": ["CUSTOM_A", "CUSTOM_A"]}, {"candidate_nodes": None}, {"candidate_nodes": ["allocations-0", "allocations-0"]},
    {"candidate_nodes": ["allocations-0", "nobody"]}, {"candidate_nodes": [None]}, {"node": None}, {"node": 1}, {"node": ""}, {"owner": None}, {"owner": "x" * 256}, {"resource_class": "x" * 80}, {"resource_class": []},
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
            group.delete(f"/v1/allocations/{body['uuid']}", follows=True)
    for version in around(60):
        made = uid(f"allocation owner {version}")
        group.post("/v1/allocations", version, body={"uuid": made, "resource_class": "none-has-this", "owner": "me"})
        group.wait(f"/v1/allocations/{made}", "state", "error", None)
        group.get(f"/v1/allocations/{made}", version, follows=True)
        group.delete(f"/v1/allocations/{made}", follows=True)
    group.post("/v1/allocations", body={})
    group.post("/v1/allocations", body=[])
    named(group)
    nobody(group)
    fitting(group)
    backfill(group)
    released(group)
    # The last one, as Ironic can never delete it.
    group.post("/v1/allocations", body={"uuid": "nonsense", "resource_class": "none-has-this"})


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
    for ident in ("allocations-1", "nobody", uid("nobody"), "allocations-0"):
        group.get(f"/v1/nodes/{ident}/allocation", (52, LATEST))
    for query in ("fields=uuid,name", "fields=nonsense", "fields=", "more=1", "detail=true"):
        group.get(f"/v1/nodes/{node}/allocation?{query}")
        group.get(f"/v1/allocations/{made}?{query}")
    for method in ("POST", "PUT", "PATCH"):
        group.ask(method, f"/v1/nodes/{node}/allocation", (51, LATEST), body={})
    for ident in ("allocation-full", "nobody", uid("nobody"), "a%20b", made.upper(), f"{made}.json"):
        group.get(f"/v1/allocations/{ident}", (51, 52, 90, LATEST))
    group.get(f"/v1/allocations/{made}/more")
    for query, since in ((f"node={node}", 52), ("node=allocations-1", 52), ("node=nobody", 52), ("resource_class=class", 52), ("resource_class=x", 52), ("state=active", 52), ("state=nonsense", 52), ("owner=me", 60),
                         ("fields=uuid,name", 52), ("fields=nonsense", 52), ("fields=owner", 60), ("limit=1", 52), ("limit=0", 52), (f"marker={made}", 52), (f"marker={uid('nobody')}", 52), ("sort_key=name", 52),
                         ("sort_key=extra", 52), ("sort_key=traits", 52), ("sort_key=candidate_nodes", 52), ("sort_key=nonsense", 52), ("detail=true", 52), ("more=1", 52), ("state=allocating", 52), ("state=error", 52), ("sort_key=name&sort_dir=desc", 52), ("sort_dir=x", 52), ("limit=x", 52), ("limit=-1", 52), ("marker=allocation-full", 52),
                         ("sort_key=state", 52), ("sort_key=node_uuid", 52), ("sort_key=owner", 60), ("sort_key=created_at", 52), ("fields=", 52), ("fields=created_at,links", 52), ("resource_class=", 52), ("owner=", 60),
                         (f"node={node}&state=active", 52), (f"node={node}&resource_class=x", 52)):
        group.get(f"/v1/allocations?{query}", around(since))
    for patch in (replace("/name", "renamed"), remove("/name"), replace("/name", "a b"), add("/extra/b", 1), remove("/extra"), replace("/resource_class", "x"), replace("/state", "error"),
                  replace("/node_uuid", uid("x")), replace("/traits", []), [], {}, replace("/nonsense", 1), replace("/owner", "x"),
                  replace("/name", None), replace("/name", ""), replace("/name", uid("x")), add("/name", "again"), replace("/extra", []), replace("/extra", {}), remove("/nonsense"), replace("/uuid", uid("x")), remove("/uuid"),
                  replace("/candidate_nodes", []), replace("/last_error", "x"), [{"op": "test", "path": "/name", "value": "x"}], replace("/name", "allocation-full")):
        group.patch(f"/v1/allocations/{made}", body=patch)
    group.get(f"/v1/allocations/{made}")
    group.patch("/v1/allocations/allocation-full", (56, 57, LATEST), body=add("/extra/by", "name"))
    group.post("/v1/allocations", body={"name": "allocation-full", "resource_class": "none-has-this"})
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


def fitting(group):
    """What a node must be to be a candidate, and which one is tried first."""
    node = uid("allocations-0")
    group.put(f"/v1/nodes/{node}/traits", body={"traits": ["CUSTOM_A", "CUSTOM_B"]})
    candidates = ["allocations-0"]
    for number, fields in enumerate(({"traits": ["CUSTOM_A"]}, {"traits": ["CUSTOM_A", "CUSTOM_C"]}, {"name": "allocations-0"})):
        one(group, f"fitting {number}", candidate_nodes=candidates, **fields)
    group.put(f"/v1/nodes/{node}/maintenance")
    one(group, "of maintenance", candidate_nodes=candidates)
    group.delete(f"/v1/nodes/{node}/maintenance")
    # Who is named like a node gets it.
    one(group, "by name", name="allocations-2", owner="me")
    group.provision(node, "manage", "manageable")
    one(group, "of manageable", candidate_nodes=candidates)
    group.provision(node, "provide", "available")


def one(group, seed, **fields):
    """An allocation as it ends, and its end."""
    made = uid(f"allocation {seed}")
    group.post("/v1/allocations", body={"uuid": made, "resource_class": "class", **fields})
    group.wait(f"/v1/allocations/{made}", "state", "active", "error")
    group.get(f"/v1/allocations/{made}")
    group.delete(f"/v1/allocations/{made}")


def released(group):
    """An allocation goes with the deployment, and holds its node while that is in use."""
    made, node = uid("allocation released"), uid("allocations-1")
    group.post("/v1/allocations", body={"uuid": made, "resource_class": "class", "candidate_nodes": [node]})
    group.wait(f"/v1/allocations/{made}", "state", "active")
    group.provision(node, "active", "active")
    group.patch(f"/v1/nodes/{node}", body=remove("/instance_uuid"))
    group.delete(f"/v1/allocations/{made}")
    group.delete(f"/v1/nodes/{node}/allocation")
    group.get(f"/v1/nodes/{node}?fields=allocation_uuid,instance_uuid,provision_state")
    group.provision(node, "deleted", "available")
    group.get(f"/v1/allocations/{made}")
    group.get(f"/v1/nodes/{node}?fields=allocation_uuid,instance_uuid,provision_state")


def backfill(group):
    """One for a node that is deployed already."""
    node = group.active("allocations-active", resource_class="class")
    for version in around(58):
        made = uid(f"allocation backfill {version}")
        group.post("/v1/allocations", version, body={"uuid": made, "name": f"backfill-{version}", "node": node})
        group.get(f"/v1/allocations/backfill-{version}", LATEST, follows=True)
        group.get(f"/v1/nodes/{node}?fields=allocation_uuid,instance_uuid,provision_state")
        group.delete(f"/v1/allocations/backfill-{version}", follows=True)
    group.post("/v1/allocations", body={"node": node, "candidate_nodes": [node]})
    group.post("/v1/allocations", body={"node": node, "resource_class": "other"})
    group.post("/v1/allocations", body={"node": "allocations-0"})
    group.put(f"/v1/nodes/{node}/maintenance")
    group.delete(f"/v1/nodes/{node}/allocation")
