"""Ports."""

from corpus import LATEST, add, around, mac, remove, replace, uid

LINK = {"port_id": "p", "switch_id": mac(9), "switch_info": "s"}
FIELDS = {
    "pxe_enabled": (19, False), "local_link_connection": (19, LINK), "portgroup_uuid": (24, uid("nobody")), "physical_network": (34, "net"),
    "is_smartnic": (53, False), "name": (88, "port"), "description": (97, "text"), "vendor": (100, "v"), "category": (101, "c"),
    "available_for_dynamic_portgroup": (111, True), "extra": (1, {"a": 1}), "internal_info": (18, {"a": 1}), "created_at": (1, "x"), "links": (1, []),
    "node_id": (1, 1), "nonsense": (1, 1),
}
VALUES = [
    {"address": "nonsense"}, {"address": None}, {"address": 1}, {"address": ""}, {"address": "52-54-00-aa-bb-cc"}, {"address": "525400aabbcd"}, {"address": "52:54:00:AA:BB:CE"},
    {"node_uuid": None}, {"node_uuid": "nonsense"}, {"node_uuid": uid("nobody")}, {"node_uuid": "ports-node"}, {"node_uuid": 1}, {"uuid": "nonsense"}, {"uuid": None},
    {"extra": None}, {"extra": []}, {"pxe_enabled": "true"}, {"pxe_enabled": "nonsense"}, {"pxe_enabled": None}, {"physical_network": "x" * 64},
    {"physical_network": "x" * 65}, {"physical_network": ""}, {"physical_network": 1}, {"is_smartnic": "true"}, {"is_smartnic": True}, {"is_smartnic": "x"},
    {"local_link_connection": {}}, {"local_link_connection": None}, {"local_link_connection": []}, {"local_link_connection": {"port_id": "p"}},
    {"local_link_connection": {"switch_id": mac(9)}}, {"local_link_connection": {"port_id": "p", "switch_id": "nonsense"}},
    {"local_link_connection": {"port_id": "p", "switch_id": "0x0123456789abcdef"}}, {"local_link_connection": {"port_id": "p", "switch_id": "0123456789abcdef"}},
    {"local_link_connection": {**LINK, "nonsense": 1}}, {"local_link_connection": {"network_type": "unmanaged"}}, {"local_link_connection": {"network_type": "managed"}},
    {"local_link_connection": {"network_type": "nonsense"}}, {"local_link_connection": {"port_id": "p", "hostname": "h"}},
    {"is_smartnic": True, "local_link_connection": {"port_id": "p", "hostname": "h"}}, {"is_smartnic": True, "local_link_connection": LINK},
    {"local_link_connection": {"vtep-logical-switch": "a", "vtep-physical-switch": "b", "port_id": "p"}}, {"local_link_connection": {"switch_info": "s"}},
    {"name": ""}, {"name": "a b"}, {"name": "x" * 255}, {"name": "x" * 256}, {"name": uid("n")}, {"name": "detail"}, {"name": None}, {"description": "x" * 255}, {"description": "x" * 256},
    {"description": None}, {"vendor": "x" * 32}, {"vendor": "x" * 33}, {"category": "x" * 80}, {"category": "x" * 81}, {"portgroup_uuid": "nonsense"},
    {"portgroup_uuid": None}, {"available_for_dynamic_portgroup": "x"}, {"node_ident": "ports-node"}, {"node_ident": None},
]


def fill(group):
    node = group.node("ports-node", shard="s1", conductor_group="")
    other = group.node("ports-other")
    numbers = iter(range(1000, 9000))

    def body(seed, **fields):
        return {"uuid": uid(seed), "node_uuid": node, "address": mac(next(numbers)), **fields}

    creating(group, body)
    full = body("port-full", pxe_enabled=True, local_link_connection=LINK, physical_network="net", name="port-full", description="text", vendor="v", category="c",
                extra={"a": {"b": 1}})
    group.post("/v1/ports", body=full)
    group.post("/v1/ports", body={**body("port-other", name="port-other"), "node_uuid": other})
    for version in range(1, LATEST + 1):
        group.get(f"/v1/ports/{full['uuid']}", version)
    for ident in ("port-full", "nobody", uid("nobody"), full["address"], full["uuid"].upper()):
        group.get(f"/v1/ports/{ident}", (1, 87, 88, LATEST))
    listing(group, full, node)
    patching(group, full, node, other)
    deleting(group, full)


def creating(group, body):
    for name, (since, value) in FIELDS.items():
        for version in around(since):
            fields = {name: f"port-{version}" if name == "name" else value}
            made = body(f"port {name} {version}", **fields)
            group.post("/v1/ports", version, body=made)
            group.get(f"/v1/ports/{made['uuid']}", follows=True)
            group.delete(f"/v1/ports/{made['uuid']}", version, follows=True)
    for number, fields in enumerate(VALUES):
        made = body(f"port value {number}", **fields)
        made = {key: value for key, value in made.items() if not (key in ("address", "node_uuid") and value is None)}
        group.post("/v1/ports", body=made)
        if made.get("uuid") == uid(f"port value {number}"):
            group.get(f"/v1/ports/{made['uuid']}", follows=True)
            group.delete(f"/v1/ports/{made['uuid']}", follows=True)
    for version in (63, 64, 89, 90, 104, 105):
        for link in ({"network_type": "unmanaged"}, {"port_id": "p", "vtep-logical-switch": "a", "vtep-physical-switch": "b"}):
            made = body(f"port link {version} {link}", local_link_connection=link)
            group.post("/v1/ports", version, body=made)
            group.delete(f"/v1/ports/{made['uuid']}")
    for version in around(94):
        made = body(f"port ident {version}", node_ident="ports-node")
        del made["node_uuid"]
        group.post("/v1/ports", version, body=made)
        group.get(f"/v1/ports/{made['uuid']}")
    group.post("/v1/ports", body={"node_ident": "nobody", "address": mac(99999)})
    group.post("/v1/ports", (1, LATEST), body={})
    group.post("/v1/ports", body=[])


def listing(group, full, node):
    for version in (1, 8, 42, 43, LATEST):
        group.get("/v1/ports", version)
        group.get("/v1/ports/detail", version)
    for query, since in ((f"node={node}", 1), ("node=ports-node", 5), (f"node_uuid={node}", 1), ("node_uuid=ports-node", 1), ("node=nobody", 1), (f"node={uid('nobody')}", 1),
                         (f"address={full['address']}", 1), (f"address={full['address'].upper()}", 1), ("address=nonsense", 1), ("address=", 1), (f"address={mac(424242)}", 1),
                         (f"portgroup={uid('nobody')}", 24), ("portgroup=nobody", 24), ("shard=s1", 82), ("shard=s1,s2", 82), ("shard=none", 82), ("description_contains=text", 97),
                         ("conductor_groups=", 99), ("conductor_groups=x", 99), ("fields=uuid,address", 8), ("fields=nonsense", 8), ("fields=created_at", 8), ("fields=links", 8),
                         ("fields=node_uuid,uuid,address", 8), ("fields=node_id", 8), ("fields=name", 88), ("fields=description", 97), ("detail=true", 43),
                         ("detail=true&fields=uuid", 43), ("limit=1", 1), ("limit=0", 1), ("limit=-1", 1), (f"marker={full['uuid']}", 1), (f"marker={uid('nobody')}", 1),
                         ("marker=port-full", 1), ("sort_key=address", 1), ("sort_key=address&sort_dir=desc", 1), ("sort_key=nonsense", 1), ("sort_key=extra", 1),
                         ("sort_key=local_link_connection", 1), ("sort_key=internal_info", 1), ("sort_key=portgroup_uuid", 1), ("sort_key=node_uuid", 1), ("sort_key=physical_network", 1),
                         ("sort_key=name", 1), ("sort_key=description", 1), ("sort_key=created_at", 1), ("sort_key=pxe_enabled", 1), ("sort_dir=x", 1),
                         (f"address={full['address']}&node={node}", 1), (f"node={node}&limit=1", 1), ("name=port-full", 88)):
        for version in around(since):
            group.get(f"/v1/ports?{query}", version)
        group.get(f"/v1/ports/detail?{query}")
    for query in ("fields=uuid", "fields=address,extra", "fields=nonsense", "detail=true", "fields=created_at"):
        group.get(f"/v1/ports/{full['uuid']}?{query}", (7, 8, LATEST))


def patching(group, full, node, other):
    path = f"/v1/ports/{full['uuid']}"
    for name, (since, value) in FIELDS.items():
        for version in around(since):
            for patch in (add(f"/{name}", value), replace(f"/{name}", value), remove(f"/{name}")):
                group.patch(path, version, body=patch)
    for patch in (replace("/address", mac(31337)), replace("/address", "nonsense"), replace("/address", None), remove("/address"), replace("/node_uuid", other),
                  replace("/node_uuid", uid("nobody")), replace("/node_uuid", "ports-node"), remove("/node_uuid"), replace("/node_uuid", node), remove("/uuid"),
                  replace("/uuid", uid("x")), add("/extra/b", 1), remove("/extra/b"), remove("/extra/none"), replace("/extra", []),
                  add("/local_link_connection", LINK), add("/local_link_connection/port_id", "q"), add("/local_link_connection/nonsense", 1), remove("/local_link_connection/port_id"),
                  replace("/physical_network", "x" * 65), replace("/pxe_enabled", "x"), replace("/is_smartnic", True), replace("/is_smartnic", "x"), replace("/name", "port-other"),
                  replace("/name", "a b"), replace("/description", 1), replace("/category", "x" * 81), [], {}, [{"op": "move", "path": "/a", "from": "/b"}], replace("/nonsense", 1)):
        group.patch(path, body=patch)
    group.get(path)
    group.patch(f"/v1/ports/{uid('nobody')}", body=add("/extra/a", 1))
    group.patch("/v1/ports/port-full", (87, 88, LATEST), body=add("/extra/a", 1))
    group.patch("/v1/ports", body=add("/extra/a", 1))
    group.post("/v1/ports", body={"node_uuid": node, "address": mac(31337)})
    group.post("/v1/ports", body={"node_uuid": node, "address": mac(31338), "uuid": full["uuid"]})
    group.post("/v1/ports", body={"node_uuid": node, "address": mac(31339), "name": "port-other"})
    group.patch(f"/v1/ports/{uid('port-other')}", body=replace("/address", mac(31337)))
    active = group.active("ports-active")
    port = uid("port-active")
    for fields in ({}, {"pxe_enabled": False}):
        group.post("/v1/ports", body={"uuid": port, "node_uuid": active, "address": mac(31400), **fields})
    for patch in (replace("/address", mac(31401)), replace("/pxe_enabled", True), replace("/pxe_enabled", False), add("/local_link_connection", LINK), add("/extra/a", 1), replace("/physical_network", "x"),
                  replace("/description", "x"), replace("/name", "in-state"), replace("/node_uuid", other)):
        group.patch(f"/v1/ports/{port}", body=patch)
        group.put(f"/v1/nodes/{active}/maintenance")
        group.patch(f"/v1/ports/{port}", body=patch)
        group.delete(f"/v1/nodes/{active}/maintenance")
    group.delete(f"/v1/ports/{port}")


def deleting(group, full):
    group.delete("/v1/ports/port-other", (87, 88, LATEST))
    group.delete(f"/v1/ports/{uid('nobody')}", (1, LATEST))
    group.delete("/v1/ports")
    group.delete(f"/v1/ports/{full['address']}")
    group.delete(f"/v1/ports/{full['uuid']}", (1, LATEST))
    group.post("/v1/ports/detail", body={})
