"""`PATCH /v1/nodes/{node}`: the dialect, the fields, and what may change in which state."""

from corpus import LATEST, add, around, remove, replace, uid

FIELDS = {
    "name": (5, "renamed"), "network_interface": (20, "noop"), "resource_class": (21, "rc"), "boot_interface": (31, "fake"),
    "console_interface": (31, "no-console"), "deploy_interface": (31, "direct"), "inspect_interface": (31, "agent"), "management_interface": (31, "noop"),
    "power_interface": (31, "fake"), "raid_interface": (31, "no-raid"), "vendor_interface": (31, "no-vendor"), "storage_interface": (33, "noop"),
    "rescue_interface": (38, "no-rescue"), "bios_interface": (40, "no-bios"), "conductor_group": (46, ""), "automated_clean": (47, False),
    "protected": (48, True), "protected_reason": (48, "why"), "owner": (50, "me"), "description": (51, "text"), "retired": (61, True),
    "retired_reason": (61, "old"), "lessee": (65, "you"), "network_data": (66, {}), "shard": (82, "s"), "firmware_interface": (86, "no-firmware"),
    "disable_power_off": (95, True), "instance_name": (104, "i"), "driver": (1, "fake-hardware"), "driver_info": (1, {"a": 1}), "extra": (1, {"a": 1}),
    "properties": (1, {"a": 1}), "instance_info": (1, {"a": 1}), "instance_uuid": (1, uid("patched")), "maintenance": (1, True),
    "chassis_uuid": (1, uid("nobody")), "parent_node": (83, uid("update-parent")),
    # Not to be set by anybody.
    "uuid": (1, uid("other")), "boot_mode": (75, "uefi"), "secure_boot": (75, True), "console_enabled": (1, True), "traits": (37, []), "conductor": (49, "parity"),
    "fault": (42, "power failure"), "deploy_step": (44, {}), "clean_step": (7, {}), "service_step": (87, {}), "health": (109, "OK"),
    "allocation_uuid": (52, uid("a")), "provision_state": (1, "available"), "target_provision_state": (1, "available"), "power_state": (1, "power on"),
    "last_error": (1, "x"), "reservation": (1, "x"), "maintenance_reason": (1, "x"), "raid_config": (12, {}), "target_raid_config": (12, {}),
    "driver_internal_info": (3, {}), "created_at": (1, "x"), "links": (1, []), "id": (1, 7), "nonsense": (1, 1),
}

PATCHES = [
    [], {}, None, [1], ["x"], [[]], [{}], [{"op": "add"}], [{"path": "/extra/a"}], [{"op": "add", "path": "/extra/a"}], [{"op": "replace", "path": "/extra/a"}],
    [{"op": "move", "path": "/extra/a", "from": "/extra/b"}], [{"op": "copy", "path": "/extra/a", "from": "/extra/b"}],
    [{"op": "test", "path": "/extra/a", "value": 1}], [{"op": "ADD", "path": "/extra/a", "value": 1}], [{"op": 1, "path": "/extra/a", "value": 1}],
    [{"op": "add", "path": "extra/a", "value": 1}], [{"op": "add", "path": "", "value": 1}], [{"op": "add", "path": "/", "value": 1}],
    [{"op": "add", "path": 1, "value": 1}], [{"op": "add", "path": "/extra/", "value": 1}], [{"op": "add", "path": "//a", "value": 1}],
    [{"op": "add", "path": "/extra/a", "value": 1, "more": 1}], add("/extra/ä", 1),
    add("/extra/a", 1), add("/extra/a", None), add("/extra/list", [1, 2]), add("/extra/list/-", 3), add("/extra/list/0", 0), add("/extra/list/9", 9),
    add("/extra/list/x", 9), replace("/extra/list/0", "r"), remove("/extra/list/0"), remove("/extra/list/-"), remove("/extra/list/17"), add("/extra/deep/er", 1),
    add("/extra/deep", {}), add("/extra/deep/er", {"a": 1}), replace("/extra/deep/er/a", 2), replace("/extra/none", 1), remove("/extra/none"),
    remove("/extra/deep"), remove("/extra"), replace("/extra", {"x": 1}), replace("/extra", None), replace("/extra", []), replace("/extra", "x"),
    add("/extra/list", [1]), replace("/extra/a/b", 1), add("/name/x", 1), add("/name/-", 1), remove("/name/x"), remove("/driver"), replace("/driver", None),
    replace("/driver", "nonsense"), replace("/driver", "manual-management"), remove("/uuid"), remove("/maintenance"), remove("/properties"),
    remove("/driver_info"), remove("/instance_info"), remove("/chassis_uuid"), remove("/instance_uuid"), remove("/name"), remove("/owner"),
    remove("/description"), remove("/resource_class"), remove("/conductor_group"), remove("/automated_clean"), remove("/network_data"), remove("/protected"),
    remove("/retired"), remove("/boot_interface"), remove("/deploy_interface"), remove("/disable_power_off"), remove("/shard"), remove("/parent_node"),
    replace("/maintenance", "true"), replace("/maintenance", False), replace("/maintenance", "nonsense"), replace("/maintenance", None),
    replace("/automated_clean", "nonsense"), replace("/automated_clean", None), replace("/protected", "x"), replace("/retired", "x"),
    replace("/retired", True), replace("/retired_reason", "x"), replace("/retired", False), replace("/retired_reason", "x"),
    replace("/description", "x" * 4097), replace("/description", 1), replace("/resource_class", "x" * 81), replace("/conductor_group", "a b"),
    replace("/conductor_group", "nobody"), replace("/name", "states"), replace("/name", ""), replace("/name", "a b"), replace("/name", uid("x")), replace("/name", None),
    replace("/boot_interface", "nonsense"), replace("/boot_interface", ""), replace("/boot_interface", None), replace("/boot_interface", 1),
    replace("/instance_uuid", "nonsense"), replace("/network_data", {"a": 1}), replace("/network_data", {"links": [], "networks": [], "services": []}),
    replace("/parent_node", "nobody"), replace("/parent_node", "x" * 37), replace("/chassis_uuid", "nonsense"), replace("/instance_name", ""),
    replace("/driver_info", {"password": "secret"}), replace("/driver_info/password", "******"), add("/driver_info/more", 1),
    replace("/instance_info", {"display_name": "shown"}), [*add("/extra/a", 1), *remove("/extra/a"), *add("/extra/b", 2)],
    [*add("/extra/c", 1), *add("/nonsense", 1)], [*replace("/name", "update-twice"), *replace("/name", "update-again")],
    [{"op": "replace", "path": "/properties/capabilities", "value": "a:b"}], add("/properties/capabilities", "a:b"), add("/properties/cpus", "x"),
]


def fill(group):
    parent = group.node("update-parent")
    for name, (since, value) in FIELDS.items():
        node = group.node(f"update-{name.replace('_', '-')}")
        for version in around(since):
            for patch in (add(f"/{name}", value), replace(f"/{name}", value), remove(f"/{name}")):
                group.patch(f"/v1/nodes/{node}", version, body=patch)
    node = group.node("update-dialect")
    for patch in PATCHES:
        group.patch(f"/v1/nodes/{node}", body=patch)
    group.get(f"/v1/nodes/{node}")
    for version in (4, 5, LATEST):
        group.patch("/v1/nodes/update-again", version, body=add("/extra/a", 1))
        group.patch(f"/v1/nodes/{uid('nobody')}", version, body=add("/extra/a", 1))
    group.patch("/v1/nodes", body=add("/extra/a", 1))
    keys(group)
    drivers(group)
    states(group)
    conflicts(group, parent)


def keys(group):
    node = group.node("update-keys")
    group.patch(f"/v1/nodes/{node}", body=add("/extra/a", 1))
    for path in ("/extra/a.b", "/extra/a~1b", "/extra/a~0b", "/extra/a b"):
        for patch in (add(path, 1), remove(path)):
            group.patch(f"/v1/nodes/{node}", around(98), body=patch)
    for path in ("/extra/a~", "/extra/a~2b", "/driver~1info/a"):
        group.patch(f"/v1/nodes/{node}", around(98), body=add(path, 1))


def drivers(group):
    node = group.node("update-driver")
    path = f"/v1/nodes/{node}"
    change = replace("/driver", "manual-management")
    group.patch(f"{path}?reset_interfaces=true", (44, 45, LATEST), body=add("/extra/a", 1))
    group.patch(f"{path}?reset_interfaces=nonsense", body=change)
    group.patch(f"{path}?reset_interfaces=false", body=change)
    group.patch(f"{path}?reset_interfaces=true", around(45), body=change)
    group.patch(f"{path}?reset_interfaces=true", body=[*replace("/driver", "fake-hardware"), *replace("/deploy_interface", "direct")])
    group.get(path)


def states(group):
    changes = [
        replace("/boot_interface", "fake"), replace("/deploy_interface", "direct"), replace("/resource_class", "other"), add("/extra/a", 1),
        replace("/protected", True), replace("/protected", False), replace("/retired", True), replace("/retired", False), replace("/instance_uuid", uid("i")),
        replace("/instance_uuid", uid("j")), remove("/instance_uuid"), replace("/name", "renamed-in-state"), replace("/driver_info", {"a": 2}),
        replace("/description", "x"), replace("/conductor_group", "x"), replace("/owner", "x"), replace("/network_data", {}),
        replace("/protected_reason", "x"), [*replace("/protected", True), *replace("/protected_reason", "x")], replace("/protected", False),
        [*replace("/retired", True), *replace("/retired_reason", "x")], replace("/retired", False),
    ]
    nodes = [
        group.node("state-enroll", resource_class="one"),
        group.available("state-available", resource_class="one"),
        group.active("state-active", resource_class="one"),
    ]
    manageable = group.node("state-manageable", resource_class="one")
    group.provision(manageable, "manage", "manageable")
    waiting = group.node("state-inspect-wait", resource_class="one", inspect_interface="agent")
    group.provision(waiting, "manage", "manageable")
    group.provision(waiting, "inspect", "inspect wait")
    for node in [*nodes, manageable, waiting]:
        for patch in changes:
            group.patch(f"/v1/nodes/{node}", body=patch)
        group.put(f"/v1/nodes/{node}/maintenance", body={"reason": "x"})
        group.patch(f"/v1/nodes/{node}", body=replace("/deploy_interface", "fake"))
        group.patch(f"/v1/nodes/{node}", body=replace("/resource_class", "third"))
        group.patch(f"/v1/nodes/{node}", body=replace("/maintenance", False))
        group.get(f"/v1/nodes/{node}", (1, 38, 39, LATEST))
    group.patch(f"/v1/nodes/{waiting}", (38, 39), body=add("/extra/b", 1))


def conflicts(group, parent):
    one, two = group.node("conflict-one", instance_uuid=uid("c1")), group.node("conflict-two")
    group.patch(f"/v1/nodes/{two}", body=replace("/name", "conflict-one"))
    group.patch(f"/v1/nodes/{two}", body=replace("/instance_uuid", uid("c1")))
    group.patch(f"/v1/nodes/{one}", body=replace("/instance_uuid", uid("c2")))
    group.patch(f"/v1/nodes/{one}", body=replace("/instance_uuid", uid("c1")))
    group.patch(f"/v1/nodes/{one}", body=replace("/parent_node", one))
    group.patch(f"/v1/nodes/{one}", body=replace("/parent_node", parent))
    group.patch(f"/v1/nodes/{one}", body=remove("/parent_node"))
