"""Port groups."""

from corpus import LATEST, add, around, mac, remove, replace, uid

FIELDS = {
    "address": (23, None), "name": (23, "group"), "extra": (23, {"a": 1}), "standalone_ports_supported": (23, False), "mode": (26, "802.3ad"),
    "properties": (26, {"miimon": 100}), "physical_network": (102, "net"), "category": (103, "c"), "internal_info": (23, {"a": 1}), "dynamic_portgroup": (111, True),
    "nonsense": (23, 1),
}
VALUES = [
    {"address": "nonsense"}, {"address": None}, {"address": 1}, {"node_uuid": "portgroups-node"}, {"node_uuid": None}, {"node_uuid": uid("nobody")}, {"uuid": "nonsense"},
    {"name": "a b"}, {"name": ""}, {"name": uid("x")}, {"name": "x" * 255}, {"name": "x" * 256}, {"name": None}, {"name": 1}, {"name": "detail"}, {"extra": []}, {"extra": None},
    {"standalone_ports_supported": "x"}, {"standalone_ports_supported": "false"}, {"mode": "nonsense"}, {"mode": 1}, {"mode": None}, {"properties": []}, {"properties": None},
    {"physical_network": "x" * 65}, {"category": "x" * 81}, {"category": "x" * 80},
]


def fill(group):
    node = group.node("portgroups-node", shard="s1")
    other = group.node("portgroups-other")

    def body(seed, **fields):
        return {"uuid": uid(seed), "node_uuid": node, **fields}

    for version in around(23, 1):
        made = body(f"portgroup at {version}", address=mac(3000 + version), name=f"at-{version}")
        group.post("/v1/portgroups", version, body=made)
        group.get(f"/v1/portgroups/{made['uuid']}", version)
        group.patch(f"/v1/portgroups/{made['uuid']}", version, body=add("/extra/a", 1))
        group.get(f"/v1/portgroups/at-{version}/ports", version)
        group.delete(f"/v1/portgroups/{made['uuid']}", version)
        group.delete(f"/v1/portgroups/{made['uuid']}", version)
    for name, (since, value) in FIELDS.items():
        for version in around(since):
            fields = {name: mac(3200 + version) if name == "address" else f"group-{version}" if name == "name" else value}
            made = body(f"portgroup {name} {version}", **fields)
            group.post("/v1/portgroups", version, body=made)
            group.get(f"/v1/portgroups/{made['uuid']}", follows=True)
            group.delete(f"/v1/portgroups/{made['uuid']}", follows=True)
    for number, fields in enumerate(VALUES):
        made = body(f"portgroup value {number}", **fields)
        made = {key: value for key, value in made.items() if not (key == "node_uuid" and value is None)}
        group.post("/v1/portgroups", body=made)
        if made.get("uuid") == uid(f"portgroup value {number}"):
            group.get(f"/v1/portgroups/{made['uuid']}", follows=True)
            group.delete(f"/v1/portgroups/{made['uuid']}", follows=True)
    for body_ in ({}, [], {"node_uuid": node, "address": mac(3900), "nonsense": 1}, {"address": mac(3900)}):
        group.post("/v1/portgroups", body=body_)
    full = body("portgroup-full", name="portgroup-full", address=mac(3999), extra={"a": 1}, mode="balance-rr", properties={"a": 1}, physical_network="net", category="c")
    group.post("/v1/portgroups", body=full)
    for version in range(22, LATEST + 1):
        group.get(f"/v1/portgroups/{full['uuid']}", version)
    for ident in ("portgroup-full", "nobody", uid("nobody"), mac(3999)):
        group.get(f"/v1/portgroups/{ident}", (22, 23, LATEST))
    for query, since in ((f"node={node}", 23), ("node=portgroups-node", 23), ("node=nobody", 23), (f"address={mac(3999)}", 23), ("address=nonsense", 23), ("shard=s1", 106),
                         ("conductor_groups=x", 99), ("conductor_groups=", 99), ("fields=uuid,name", 23), ("fields=nonsense", 23), ("fields=mode", 26), ("fields=category", 103),
                         ("detail=true", 43), ("detail=true&fields=uuid", 43), ("limit=1", 23), ("limit=0", 23), (f"marker={full['uuid']}", 23), (f"marker={uid('nobody')}", 23),
                         ("sort_key=name", 23), ("sort_key=address&sort_dir=desc", 23), ("sort_key=extra", 23), ("sort_key=properties", 23), ("sort_key=nonsense", 23), ("more=1", 23)):
        for version in around(since):
            group.get(f"/v1/portgroups?{query}", version)
        group.get(f"/v1/portgroups/detail?{query}")
    group.get("/v1/portgroups", around(23))
    group.get("/v1/portgroups/detail", around(23))
    group.get(f"/v1/nodes/{node}/portgroups", around(24))
    group.get(f"/v1/nodes/{node}/portgroups/detail", around(24))
    path = f"/v1/portgroups/{full['uuid']}"
    for patch in (add("/extra/b", 1), remove("/extra/b"), replace("/address", "nonsense"), replace("/address", mac(3998)), remove("/address"), replace("/name", "a b"), remove("/name"),
                  replace("/name", "renamed"), replace("/node_uuid", other), replace("/node_uuid", uid("nobody")), remove("/node_uuid"), replace("/mode", "x"), remove("/mode"),
                  replace("/properties", {"x": 1}), remove("/properties"), replace("/standalone_ports_supported", "x"), replace("/standalone_ports_supported", False),
                  remove("/standalone_ports_supported"), replace("/uuid", uid("x")), remove("/uuid"), replace("/internal_info", {}), replace("/dynamic_portgroup", True), [], {}, replace("/nonsense", 1),
                  replace("/physical_network", "other"), replace("/category", "other"), remove("/category"), remove("/physical_network"), remove("/mode"), replace("/address", None), replace("/extra", [])):
        group.patch(path, body=patch)
        # What only one of them does is taken back.
        for field, value in (("/node_uuid", node), ("/standalone_ports_supported", True), ("/physical_network", "net"), ("/category", "c")):
            if patch and patch[0]["path"] == field:
                group.patch(path, body=replace(field, value))
    for query in ("fields=uuid", "fields=nonsense", "fields=mode,category", "fields=", "more=1", "detail=true", "fields=node_uuid", "fields=links", "fields=created_at"):
        group.get(f"{path}?{query}", (23, LATEST))
    for name, (since, value) in FIELDS.items():
        for version in around(since):
            if name not in ("address", "name", "nonsense", "internal_info", "extra"):
                group.patch(path, version, body=replace(f"/{name}", value))
    for name, value in (("standalone_ports_supported", True), ("mode", "balance-rr"), ("properties", {"a": 1}), ("physical_network", "net"), ("category", "c")):
        group.patch(path, body=replace(f"/{name}", value))
    group.get(path)
    group.patch(path, (25, 26), body=replace("/mode", "active-backup"))
    group.patch(f"/v1/portgroups/{uid('nobody')}", body=add("/extra/a", 1))
    group.patch("/v1/portgroups", body=add("/extra/a", 1))
    members(group, node, full)
    for method in ("PUT", "PATCH", "DELETE"):
        group.ask(method, "/v1/portgroups", (22, LATEST), body=[])
    group.delete("/v1/portgroups/nobody", (22, 23, LATEST))


def members(group, node, full):
    """Ports in a group."""
    port = uid("portgroup-member")
    group.post("/v1/ports", (23, 24), body=lambda version: {"uuid": uid(f"portgroup member {version}"), "node_uuid": node, "address": mac(4000 + version), "portgroup_uuid": full["uuid"]})
    group.post("/v1/ports", body={"uuid": port, "node_uuid": node, "address": mac(4999), "portgroup_uuid": full["uuid"]})
    group.get(f"/v1/portgroups/{full['uuid']}/ports", around(24))
    group.get(f"/v1/portgroups/{full['uuid']}/ports/detail", around(24))
    group.get(f"/v1/ports?portgroup={full['uuid']}", around(24))
    group.get("/v1/ports?portgroup=renamed")
    for query in ("limit=1", "limit=0", "fields=uuid", "fields=nonsense", "detail=true", "more=1", "sort_key=address", "sort_key=nonsense", f"address={mac(4999)}"):
        group.get(f"/v1/portgroups/{full['uuid']}/ports?{query}")
        group.get(f"/v1/portgroups/{full['uuid']}/ports/detail?{query}")
    for ident in (uid("nobody"), "nobody", "a%20b"):
        group.get(f"/v1/portgroups/{ident}/ports", (24, LATEST))
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        group.ask(method, f"/v1/portgroups/{full['uuid']}/ports", LATEST, body={})
    group.get(f"/v1/portgroups/{full['uuid']}/more")
    group.patch(f"/v1/portgroups/{full['uuid']}", body=replace("/standalone_ports_supported", False))
    group.patch(f"/v1/portgroups/{full['uuid']}", body=replace("/standalone_ports_supported", True))
    group.patch(f"/v1/portgroups/{full['uuid']}", body=replace("/address", mac(4999)))
    away = uid("portgroup-away")
    group.post("/v1/portgroups", body={"uuid": away, "node_uuid": uid("portgroups-other")})
    loose = uid("portgroup-loose")
    group.post("/v1/ports", body={"uuid": loose, "node_uuid": node, "address": mac(4998)})
    for member in (port, loose):
        for patch in (add("/portgroup_uuid", away), replace("/portgroup_uuid", away)):
            group.patch(f"/v1/ports/{member}", body=patch)
            group.get(f"/v1/ports/{member}?fields=portgroup_uuid", follows=True)
    group.patch(f"/v1/ports/{port}", body=replace("/portgroup_uuid", full["uuid"]))
    group.delete(f"/v1/portgroups/{full['uuid']}")
    group.patch(f"/v1/ports/{port}", body=remove("/portgroup_uuid"))
    group.patch(f"/v1/ports/{port}", body=replace("/portgroup_uuid", uid("nobody")))
    group.delete(f"/v1/ports/{port}")
    group.delete(f"/v1/ports/{uid('portgroup member 24')}")
    group.delete(f"/v1/portgroups/{full['uuid']}")
