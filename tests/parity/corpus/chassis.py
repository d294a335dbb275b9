"""Chassis."""

from corpus import LATEST, add, around, remove, replace, uid

VALUES = [
    {}, {"description": "text"}, {"description": "x" * 255}, {"description": "x" * 256}, {"description": None}, {"description": 1}, {"extra": {"a": 1}}, {"extra": []}, {"extra": None},
    {"uuid": "nonsense"}, {"uuid": None}, {"nonsense": 1}, {"nodes": []}, {"created_at": "x"}, {"links": []},
]


def fill(group):
    group.get("/v1/chassis", (1, LATEST))
    for number, fields in enumerate(VALUES):
        made = {"uuid": uid(f"chassis value {number}"), **fields}
        group.post("/v1/chassis", (1,) if number else (1, LATEST), body=made)
        if "uuid" not in fields:
            group.get(f"/v1/chassis/{made['uuid']}", (1, LATEST))
    full = uid("chassis-full")
    group.post("/v1/chassis", body={"uuid": full, "description": "text", "extra": {"a": 1}})
    node = group.node("chassis-node", chassis_uuid=full)
    for ident in (full, uid("nobody"), "nonsense"):
        group.get(f"/v1/chassis/{ident}", (1, 24, LATEST))
        group.get(f"/v1/chassis/{ident}/nodes", (1, LATEST))
        group.get(f"/v1/chassis/{ident}/nodes/detail", (1, LATEST))
    for query, since in (("fields=uuid", 8), ("fields=uuid,description", 8), ("fields=nonsense", 8), ("detail=true", 43), ("detail=true&fields=uuid", 43), ("limit=1", 1), ("limit=0", 1),
                         (f"marker={full}", 1), (f"marker={uid('nobody')}", 1), ("sort_key=description", 1), ("sort_key=extra", 1), ("sort_key=nonsense", 1), ("sort_dir=desc", 1), ("more=1", 1)):
        for version in around(since):
            group.get(f"/v1/chassis?{query}", version)
        group.get(f"/v1/chassis/detail?{query}")
    group.get("/v1/chassis/detail", (1, LATEST))
    for query in ("fields=uuid", "fields=nonsense", "fields=", "detail=true", "more=1", "fields=nodes", "fields=created_at", "fields=links"):
        group.get(f"/v1/chassis/{full}?{query}", (7, 8, LATEST))
    for query in ("limit=1", "limit=0", "sort_key=name", "sort_key=nonsense", "sort_key=extra", "fields=uuid,name", "fields=nonsense", "detail=true", "more=1", f"marker={node}", f"marker={uid('nobody')}"):
        group.get(f"/v1/chassis/{full}/nodes?{query}")
        group.get(f"/v1/chassis/{full}/nodes/detail?{query}")
    group.get(f"/v1/chassis/{full.upper()}")
    group.get(f"/v1/chassis/{full}.json", (2, 90, 91))
    group.get(f"/v1/chassis/{full}/more")
    group.get(f"/v1/chassis/{full}/nodes/{node}")
    group.post("/v1/chassis", body={"uuid": full})
    group.post("/v1/chassis", body=[])
    group.post("/v1/chassis/detail", body={})
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        group.ask(method, f"/v1/chassis/{full}/nodes", LATEST, body={})
    group.put("/v1/chassis", body={})
    group.put(f"/v1/chassis/{full}", body={})
    group.get(f"/v1/chassis/{full}?fields=uuid", around(8))
    group.get(f"/v1/chassis/{full}/nodes?limit=1&fields=uuid")
    group.get(f"/v1/nodes?chassis_uuid={full}", (1, LATEST))
    for patch in (replace("/description", "new"), replace("/description", "x" * 256), remove("/description"), add("/extra/b", 1), remove("/extra/b"), remove("/extra/none"), remove("/extra"),
                  replace("/uuid", uid("x")), remove("/uuid"), replace("/nonsense", 1), [], {}, replace("/nodes", []), replace("/extra", []), add("/description", "added"), replace("/description", 1), replace("/created_at", "x"), replace("/links", [])):
        group.patch(f"/v1/chassis/{full}", body=patch)
    group.patch(f"/v1/chassis/{full}", (1, LATEST), body=add("/extra/a", 1))
    group.patch(f"/v1/chassis/{uid('nobody')}", body=add("/extra/a", 1))
    group.patch("/v1/chassis", body=add("/extra/a", 1))
    group.delete("/v1/chassis")
    group.delete(f"/v1/chassis/{full}")
    group.patch(f"/v1/nodes/{node}", (24, 25), body=remove("/chassis_uuid"))
    group.patch(f"/v1/nodes/{node}", (24, LATEST), body=add("/chassis_uuid", full))
    group.patch(f"/v1/nodes/{node}", body=replace("/chassis_uuid", uid("nobody")))
    group.delete(f"/v1/nodes/{node}")
    group.delete(f"/v1/chassis/{full}", (1, LATEST))
    group.delete("/v1/chassis/nonsense")
