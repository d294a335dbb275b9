"""`POST /v1/nodes`: each field below, at and above the version it came with, and values that are refused."""

from corpus import LATEST, around, uid

FIELDS = {
    "name": (5, "made-{v}"), "network_interface": (20, "noop"), "resource_class": (21, "rc"), "boot_interface": (31, "fake"),
    "console_interface": (31, "fake"), "deploy_interface": (31, "fake"), "inspect_interface": (31, "fake"), "management_interface": (31, "fake"),
    "power_interface": (31, "fake"), "raid_interface": (31, "fake"), "vendor_interface": (31, "fake"), "storage_interface": (33, "noop"),
    "rescue_interface": (38, "no-rescue"), "bios_interface": (40, "no-bios"), "conductor_group": (46, ""), "automated_clean": (47, True),
    "owner": (50, "me"), "description": (51, "text"), "retired": (61, True), "lessee": (65, "you"), "network_data": (66, {}),
    "boot_mode": (75, "uefi"), "secure_boot": (75, True), "shard": (82, "s"), "parent_node": (83, "parent"), "firmware_interface": (86, "fake"),
    "disable_power_off": (95, False), "instance_name": (104, "i"), "driver_info": (1, {"a": 1}), "extra": (1, {"a": 1}), "properties": (1, {"a": 1}),
    "instance_info": (1, {"a": 1}), "instance_uuid": (1, uid("one")), "maintenance": (1, True), "console_enabled": (1, True),
    "chassis_uuid": (1, uid("nobody")),
    # Not to be set by anybody.
    "traits": (37, ["CUSTOM_A"]), "protected": (48, True), "protected_reason": (48, "why"), "conductor": (49, "parity"), "fault": (42, "power failure"),
    "deploy_step": (44, {}), "clean_step": (7, {}), "service_step": (87, {}), "health": (109, "OK"), "allocation_uuid": (52, uid("a")),
    "provision_state": (1, "available"), "power_state": (1, "power on"), "last_error": (1, "x"), "reservation": (1, "x"),
    "maintenance_reason": (1, "x"), "target_raid_config": (12, {}), "raid_config": (12, {}), "driver_internal_info": (3, {}),
    "created_at": (1, "2020-01-01T00:00:00+00:00"), "links": (1, []), "id": (1, 7), "nonsense": (1, 1),
}

GOOD = [
    {"maintenance": "true"}, {"maintenance": "yes"}, {"maintenance": None}, {"automated_clean": None}, {"automated_clean": "false"}, {"name": None},
    {"uuid": None}, {"extra": None}, {"properties": None}, {"driver_info": None}, {"instance_info": None}, {"name": "a" * 255}, {"name": "a.b-c_d~e"},
    {"name": "bmh~host-0"}, {"description": "x" * 4096}, {"conductor_group": "AbC-1._"}, {"secure_boot": "true"}, {"boot_mode": "bios"},
    {"boot_mode": "nonsense"}, {"retired_reason": "old", "retired": True}, {"resource_class": "x" * 80}, {"resource_class": None}, {"owner": None},
    {"network_data": {"links": [], "networks": [], "services": []}}, {"instance_name": "x" * 255}, {"instance_info": {"display_name": "shown"}},
    {"boot_interface": None}, {"driver": "manual-management"}, {"driver": "manual-management", "deploy_interface": "direct"},
    {"inspect_interface": "agent"}, {"shard": "x" * 255}, {"owner": "x" * 255}, {"disable_power_off": "false"}, {"description": ""},
    {"extra": {"ключ": "значение", "": 1}}, {"properties": {"capabilities": {"a": 1}}}, {"chassis_uuid": None}, {"name": "Ä".encode().hex()},
]

BAD = [
    {"driver": None}, {"driver": ""}, {"driver": 1}, {"driver": "nonsense"}, {"driver": "ipmi"}, {"uuid": "nonsense"}, {"uuid": 1}, {"uuid": ""},
    {"name": "states"}, {"name": "detail"}, {"name": "maintenance"}, {"name": "ports"}, {"name": "history"}, {"name": "validate"},
    {"name": "allocation"}, {"name": "vmedia"}, {"name": uid("name")}, {"name": ""}, {"name": "a b"}, {"name": "a/b"}, {"name": "a" * 256}, {"name": 5},
    {"name": "ä"}, {"maintenance": "nonsense"}, {"maintenance": 1}, {"maintenance": []}, {"extra": []}, {"extra": "x"}, {"extra": 1},
    {"properties": []}, {"driver_info": "x"}, {"instance_info": 1}, {"instance_uuid": "nonsense"}, {"chassis_uuid": "nonsense"}, {"description": "x" * 4097},
    {"description": 1}, {"resource_class": "x" * 81}, {"resource_class": 1}, {"conductor_group": "a b"}, {"conductor_group": "x" * 256}, {"conductor_group": 1},
    {"automated_clean": "nonsense"}, {"retired": "x"}, {"retired_reason": "old"}, {"network_data": {"a": 1}}, {"network_data": []}, {"network_data": {"links": 1}},
    {"deploy_interface": "nonsense"}, {"boot_interface": "pxe"}, {"power_interface": ""}, {"power_interface": 1}, {"instance_name": ""},
    {"instance_name": "x" * 256}, {"parent_node": "x" * 37}, {"parent_node": "nobody"}, {"parent_node": uid("nobody")}, {"shard": 1}, {"shard": "x" * 256},
    {"owner": 1}, {"owner": "x" * 256}, {"lessee": "x" * 256}, {"secure_boot": "x"}, {"boot_mode": 1}, {"console_enabled": "x"},
    {"conductor_group": "nobody-serves-this"}, {"driver": "manual-management", "deploy_interface": "fake"}, {"driver": "fake-hardware", "power_interface": "redfish"},
    {"properties": {"capabilities": 5}}, {"disable_power_off": "x"}, {"properties": {"memory_mb": "x"}}, {"properties": {"local_gb": -1}},
    {"maintenance": True, "nonsense": 1}, {"driver_info": {"a": None}},
]


def fill(group):
    group.node("parent")
    for name, (since, value) in FIELDS.items():
        for version in around(since):
            filled = value.replace("{v}", str(version)) if isinstance(value, str) else value
            if name == "instance_uuid":
                filled = uid(f"instance {version}")
            if name == "parent_node":
                filled = uid("parent")
            ident = uid(f"create {name} {version}")
            group.post("/v1/nodes", version, body={"uuid": ident, "driver": "fake-hardware", name: filled})
            group.get(f"/v1/nodes/{ident}", LATEST, follows=True)
    for version in (1, 2, 4, 5, 10, 11, 20, 31, 50, 83, LATEST):
        ident = uid(f"create at {version}")
        group.post("/v1/nodes", version, body={"uuid": ident, "driver": "fake-hardware"})
        group.get(f"/v1/nodes/{ident}", (1, 2, LATEST), follows=True)
        group.delete(f"/v1/nodes/{ident}", version)
        group.delete(f"/v1/nodes/{ident}", version)
    for number, fields in enumerate(GOOD + BAD):
        body = {"uuid": uid(f"create value {number}"), "driver": "fake-hardware", **fields}
        body = {key: value for key, value in body.items() if not (key == "driver" and value is None)}
        group.post("/v1/nodes", body=body)
        if "uuid" not in fields:
            group.get(f"/v1/nodes/{body['uuid']}", LATEST, follows=True)
    for version, name in ((5, "A_b"), (9, "A_b"), (10, "A_b"), (9, "a.b"), (9, "a" * 64), (10, "a" * 64), (9, "-a"), (9, "a-"), (5, "host~x"), (10, "host~x"), (9, "1.2.3.4")):
        group.post("/v1/nodes", version, body={"driver": "fake-hardware", "name": name})
    duplicates(group)
    deletes(group)


def duplicates(group):
    group.node("twice", instance_uuid=uid("twice instance"))
    group.post("/v1/nodes", body={"driver": "fake-hardware", "uuid": uid("twice")})
    group.post("/v1/nodes", body={"driver": "fake-hardware", "name": "twice"})
    group.post("/v1/nodes", body={"driver": "fake-hardware", "instance_uuid": uid("twice instance")})
    group.post("/v1/nodes", body={"driver": "fake-hardware"})
    group.post("/v1/nodes", (1, 5, 11, LATEST), body={})
    group.post("/v1/nodes", body={"driver": "fake-hardware", "name": "redfish-secrets", "driver_info": {"password": "******"}})


def deletes(group):
    group.delete("/v1/nodes", (1, LATEST))
    group.delete("/v1/nodes/nobody", (4, 5, LATEST))
    group.delete(f"/v1/nodes/{uid('nobody')}", (1, LATEST))
    with_instance = group.node("delete-instance", instance_uuid=uid("delete instance"))
    group.delete(f"/v1/nodes/{with_instance}")
    group.put(f"/v1/nodes/{with_instance}/maintenance")
    group.delete(f"/v1/nodes/{with_instance}")
    available = group.available("delete-available")
    group.delete(f"/v1/nodes/{available}")
    active = group.active("delete-active")
    group.delete(f"/v1/nodes/{active}")
    group.patch(f"/v1/nodes/{active}", body=[{"op": "replace", "path": "/protected", "value": True}])
    group.put(f"/v1/nodes/{active}/maintenance")
    group.delete(f"/v1/nodes/{active}")
    group.patch(f"/v1/nodes/{active}", body=[{"op": "replace", "path": "/protected", "value": False}])
    group.delete(f"/v1/nodes/{active}")
    parent = group.node("delete-parent")
    group.node("delete-child", parent_node=parent)
    group.delete(f"/v1/nodes/{parent}")
    group.get(f"/v1/nodes/{parent}", follows=True)
    group.delete("/v1/nodes/delete-child")
