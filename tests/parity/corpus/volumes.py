"""Volume connectors and targets."""

from corpus import LATEST, add, around, remove, replace, uid

CONNECTORS = [
    {"type": None}, {"type": ""}, {"type": "nonsense"}, {"type": 1}, {"connector_id": None}, {"connector_id": ""}, {"connector_id": 1}, {"extra": []}, {"extra": {"a": 1}}, {"node_uuid": "volumes-node"}, {"node_uuid": None},
    {"node_uuid": uid("nobody")}, {"uuid": "nonsense"}, {"nonsense": 1}, {"type": "wwpn"}, {"type": "x" * 33}, {"connector_id": "x" * 256},
]
TARGETS = [
    {"volume_type": None}, {"volume_type": ""}, {"volume_type": 1}, {"volume_id": None}, {"volume_id": ""}, {"boot_index": None}, {"boot_index": "x"}, {"boot_index": "5"}, {"boot_index": -1}, {"boot_index": 1.5}, {"properties": []},
    {"properties": {"auth_password": "x", "a": 1}}, {"extra": []}, {"extra": {"a": 1}}, {"node_uuid": "volumes-node"}, {"node_uuid": None}, {"node_uuid": uid("nobody")}, {"uuid": "nonsense"}, {"nonsense": 1},
]


def fill(group):
    node = group.node("volumes-node")
    other = group.node("volumes-other")
    for path in ("/v1/volume", f"/v1/nodes/{node}/volume"):
        group.get(path, (1, 31, 32, LATEST))
        group.get(f"{path}/nonsense")
        group.post(path, (31, LATEST), body={})
    for ident in ("volumes-node", "nobody", uid("nobody")):
        for part in ("", "/connectors", "/targets"):
            group.get(f"/v1/nodes/{ident}/volume{part}", (31, 32, LATEST))
    for method in ("PUT", "PATCH", "DELETE"):
        group.ask(method, "/v1/volume", LATEST, body={})
        group.ask(method, f"/v1/nodes/{node}/volume", LATEST, body={})
    kind(group, "connectors", node, other, {"type": "iqn", "connector_id": "iqn.{n}"}, CONNECTORS, [replace("/type", "wwnn"), replace("/type", None), replace("/connector_id", "new"), remove("/connector_id")])
    kind(group, "targets", node, other, {"volume_type": "iscsi", "volume_id": "v{n}", "boot_index": "{i}"}, TARGETS,
         [replace("/volume_type", "fibre_channel"), replace("/volume_id", "new"), replace("/boot_index", 99), replace("/boot_index", "x"), replace("/boot_index", -1), replace("/properties", {"a": 1}), remove("/properties"),
          add("/properties/b", 1), remove("/boot_index")])


def kind(group, what, node, other, pattern, values, patches):
    path = f"/v1/volume/{what}"

    def body(number, **fields):
        filled = {key: number if value == "{i}" else value.replace("{n}", str(number)) for key, value in pattern.items()}
        made = {"uuid": uid(f"{what} {number}"), "node_uuid": node, **filled, **fields}
        return {key: value for key, value in made.items() if value is not None}

    # Ironic wants the power of the node to be off before anything about its volumes changes.
    group.put(f"/v1/nodes/{node}/states/power", body={"target": "power off"})
    group.wait(f"/v1/nodes/{node}", "power_state", "power off")
    for number, version in enumerate(around(32, 1)):
        made = body(number)
        group.get(path, version)
        group.post(path, version, body=made)
        group.get(f"{path}/{made['uuid']}", version)
        group.patch(f"{path}/{made['uuid']}", version, body=add("/extra/a", 1))
        group.delete(f"{path}/{made['uuid']}", version)
        group.delete(f"{path}/{made['uuid']}", version)
        for method in ("PUT", "PATCH", "DELETE"):
            group.ask(method, path, version, body=[])
    for number, fields in enumerate(values):
        group.post(path, body=body(100 + number, **fields))
        group.get(f"{path}/{uid(f'{what} {100 + number}')}")
    full = body(500, extra={"a": 1})
    group.post(path, body=full)
    group.post(path, body=full)
    group.post(path, body={**full, "uuid": uid(f"{what} again")})
    for query, since in ((f"node={node}", 32), ("node=volumes-node", 32), ("node=nobody", 32), ("fields=uuid,extra", 32), ("fields=nonsense", 32), ("detail=true", 32), ("detail=true&fields=uuid", 32), ("limit=1", 32), ("limit=0", 32),
                         (f"marker={full['uuid']}", 32), (f"marker={uid('nobody')}", 32), ("sort_key=uuid", 32), ("sort_key=extra", 32), ("sort_key=properties", 32), ("sort_key=nonsense", 32), ("sort_dir=desc", 32), ("more=1", 32),
                         ("sort_key=connector_id", 32), ("sort_key=volume_id", 32), ("sort_key=boot_index", 32)):
        group.get(f"{path}?{query}", around(since, 42, 43))
        group.get(f"/v1/nodes/{node}/volume/{what}?{query}")
    for ident in (full["uuid"], uid("nobody"), "nonsense"):
        group.get(f"{path}/{ident}", (31, 32, LATEST))
        for query in ("fields=uuid", "fields=nonsense", "fields=", "more=1", "detail=true"):
            group.get(f"{path}/{ident}?{query}")
        group.get(f"/v1/nodes/{node}/volume/{what}/{ident}")
    for patch in (*patches, add("/extra/b", 1), remove("/extra/b"), remove("/extra"), replace("/node_uuid", other), replace("/node_uuid", uid("nobody")), replace("/uuid", uid("x")), remove("/uuid"), [], {}, replace("/nonsense", 1)):
        group.patch(f"{path}/{full['uuid']}", body=patch)
        # What only one of them does is taken back.
        if patch and patch[0]["path"] == "/node_uuid":
            group.patch(f"{path}/{full['uuid']}", body=replace("/node_uuid", node))
    group.get(f"{path}/{full['uuid']}")
    group.get(f"{path}/{full['uuid']}/more")
    group.put(f"{path}/{full['uuid']}", body={})
    group.post(f"{path}/{full['uuid']}", body={})
    group.post(path, body={})
    group.post(path, body=[])
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        group.ask(method, f"/v1/nodes/{node}/volume/{what}", LATEST, body={})
    group.put(f"/v1/nodes/{node}/states/power", body={"target": "power on"})
    group.wait(f"/v1/nodes/{node}", "power_state", "power on")
    group.patch(f"{path}/{full['uuid']}", body=add("/extra/c", 1))
    group.put(f"/v1/nodes/{other}/states/power", body={"target": "power off"})
    group.wait(f"/v1/nodes/{other}", "power_state", "power off")
    group.patch(f"{path}/{full['uuid']}", body=replace("/node_uuid", other))
    group.put(f"/v1/nodes/{node}/states/power", body={"target": "power off"})
    group.wait(f"/v1/nodes/{node}", "power_state", "power off")
    group.patch(f"{path}/{full['uuid']}", body=replace("/node_uuid", node))
    if what == "targets":
        group.patch(f"{path}/{full['uuid']}", body=add("/properties", {"auth_password": "secret"}))
        group.patch(f"{path}/{full['uuid']}", body=replace("/properties/auth_password", "******"))
        group.patch(f"{path}/{full['uuid']}", body=replace("/properties", {"auth_password": "******"}))
    group.delete(path)
    group.delete(f"{path}/{uid('nobody')}")
    group.delete(f"{path}/{full['uuid']}")
    group.delete(f"{path}/{full['uuid']}")
    group.delete(f"{path}/nonsense")
