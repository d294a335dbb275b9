"""One node in every version, its fields, and lists of nodes: filters, paging, sorting, fields."""

from corpus import LATEST, add, around, replace, uid

FIELDS = {
    "uuid": 1, "driver": 1, "driver_info": 1, "extra": 1, "properties": 1, "instance_info": 1, "instance_uuid": 1, "chassis_uuid": 1,
    "maintenance": 1, "maintenance_reason": 1, "console_enabled": 1, "power_state": 1, "target_power_state": 1,
    "provision_state": 1, "target_provision_state": 1, "provision_updated_at": 1, "last_error": 1, "reservation": 1,
    "created_at": 1, "updated_at": 1, "links": 1, "ports": 1, "states": 14, "portgroups": 24, "volume": 32,
    "driver_internal_info": 3, "name": 5, "inspection_started_at": 6, "inspection_finished_at": 6, "clean_step": 7,
    "raid_config": 12, "target_raid_config": 12, "network_interface": 20, "resource_class": 21, "boot_interface": 31,
    "storage_interface": 33, "traits": 37, "rescue_interface": 38, "bios_interface": 40, "fault": 42, "deploy_step": 44,
    "conductor_group": 46, "automated_clean": 47, "protected": 48, "protected_reason": 48, "conductor": 49, "owner": 50,
    "description": 51, "allocation_uuid": 52, "retired": 61, "retired_reason": 61, "lessee": 65, "network_data": 66,
    "boot_mode": 75, "secure_boot": 75, "shard": 82, "parent_node": 83, "firmware_interface": 86, "service_step": 87,
    "disable_power_off": 95, "instance_name": 104, "health": 109,
    # Columns that are never shown.
    "id": 1, "chassis_id": 1, "conductor_affinity": 1, "allocation_id": 1, "verify_step": 1, "nonsense": 1,
}
SORT_KEYS = [
    "uuid", "name", "driver", "created_at", "updated_at", "provision_state", "power_state", "instance_uuid", "maintenance",
    "resource_class", "owner", "lessee", "conductor_group", "shard", "description", "id", "extra", "properties", "driver_info",
    "instance_info", "driver_internal_info", "clean_step", "traits", "raid_config", "network_data", "links", "nonsense", "fault",
    "retired", "protected", "provision_updated_at", "target_power_state", "last_error", "boot_interface", "parent_node",
    "instance_name", "conductor", "allocation_uuid", "chassis_uuid", "reservation", "health", "",
]


def fill(group):
    full = group.node(
        "show-full", resource_class="small", owner="o1", lessee="l1", description="d1", conductor_group="", shard="s1",
        driver_info={"username": "u", "password": "p", "ipmi_password": "x", "token": "t", "plain": 1, "nested": {"password": "p"}},
        instance_info={"configdrive": "abc", "image_url": "http://a/b", "image_source": "http://a/c", "secret_key": "s", "a": {"b": [1, None]}},
        properties={"cpu_arch": "x86_64", "capabilities": "boot_mode:uefi", "memory_mb": 1024},
        extra={"a": 1, "b": {"c": [1, 2, {"d": None}]}, "password": "seen"}, automated_clean=False, retired=True, retired_reason="old",
        disable_power_off=False, instance_name="i1", instance_uuid=uid("instance"),
    )
    bare = group.node("show-bare")
    secrets(group)
    for version in range(1, LATEST + 1):
        group.get(f"/v1/nodes/{full}", version)
    for version in (1, 4, 5, 20, 50, 90, LATEST):
        for ident in (bare, "show-bare", "SHOW-BARE", bare.upper(), uid("nobody"), "nobody", "show-bare.json"):
            group.get(f"/v1/nodes/{ident}", version)
    fields(group, full)
    lists(group)


def secrets(group):
    """In keys, inside texts, in lists and where there are none."""
    node = group.node(
        "show-secrets",
        driver_info={
            "kernel_append_params": "nofb rescue_password=hush x=1", "arguments": "--token hush rest", "json": '{"admin_password": "hush", "n": "1"}',
            "urls": ["https://h/i?token=hush&x=1", {"private_key": "k", "note": "secret = 'hush' end"}], "note": "a password-protected disk",
            "cephAdminKey": "k", "swifthashsuffix": "s", "rabbitcookie": "c", "sys_pswd": "p", "snmp_auth_key": "s", "tokens": ["t"], "key": "seen",
            "passwd": "p", "login_credential": "c", "ipmi_hex_kg_key": "h", "no_password": "", "no_token": None, "secrets": {"a": 1},
        },
        instance_info={"image_source": "http://h/i?token=hush", "configdrive": "", "nested": {"text": "sslkey=k\nfernetkey = f"}},
    )
    group.get(f"/v1/nodes/{node}", (1, LATEST))
    # Both have been changed, whether or not they take the second one.
    group.patch(f"/v1/nodes/{node}", body=add("/extra/a", 1))
    group.patch(f"/v1/nodes/{node}", body=replace("/driver_info/kernel_append_params", "nofb rescue_password=****** x=1"))


def fields(group, node):
    for name, since in FIELDS.items():
        for version in around(max(since, 8)):
            group.get(f"/v1/nodes/{node}?fields={name}", version)
        group.get(f"/v1/nodes?fields={name}", around(max(since, 8)))
    for query in ("fields=uuid,name", "fields=uuid,,name", "fields=", "fields=,", "fields=uuid&fields=name", "fields=uuid,uuid", "fields=UUID",
                  "fields=uuid%2Cname", "fields=uuid, name".replace(" ", "%20")):
        group.get(f"/v1/nodes/{node}?{query}", (7, 8, LATEST))
        group.get(f"/v1/nodes?{query}", (7, 8, LATEST))
        group.get(f"/v1/nodes/detail?{query}", (8, LATEST))


def lists(group):
    for number in range(6):
        group.node(f"list-{number}", resource_class=f"c{number % 2}", shard=f"s{number % 2}" if number else None, description=f"text {number}",
                   owner=f"o{number % 3}", lessee="l2" if number == 3 else None, driver="manual-management" if number == 5 else "fake-hardware",
                   parent_node=uid("show-bare") if number == 4 else None, instance_name="i2" if number == 2 else None)
    group.put(f"/v1/nodes/{uid('list-1')}/maintenance", body={"reason": "why"})
    for version in (1, 4, 5, 8, 42, 43, 82, 83, LATEST):
        group.get("/v1/nodes", version)
        group.get("/v1/nodes/detail", version)
    filters(group)
    paging(group)
    for key in SORT_KEYS:
        group.get(f"/v1/nodes?sort_key={key}", LATEST)
        group.get(f"/v1/nodes?sort_key={key}&sort_dir=desc&fields=uuid", LATEST)
    for since, key in ((5, "name"), (21, "resource_class"), (50, "owner"), (82, "shard")):
        group.get(f"/v1/nodes?sort_key={key}", around(since))


def filters(group):
    gated = {
        "instance_uuid": (1, [uid("instance"), uid("nobody"), "nonsense", ""]),
        "chassis_uuid": (1, [uid("nobody"), "nonsense"]),
        "associated": (1, ["true", "false", "True", "1", "0", "yes", "no", "on", "off", "t", "nonsense", ""]),
        "maintenance": (1, ["true", "false", "nonsense", ""]),
        "provision_state": (9, ["enroll", "available", "nonsense", "inspect%20wait", "NOSTATE", ""]),
        "driver": (16, ["fake-hardware", "manual-management", "nonsense", ""]),
        "resource_class": (21, ["c0", "nonsense", ""]),
        "fault": (42, ["power%20failure", "clean%20failure", "rescue%20abort%20failure", "service%20failure", "nonsense", "none", ""]),
        "conductor_group": (46, ["", "a", "A%20b"]),
        "conductor": (49, ["parity", "nonsense"]),
        "owner": (50, ["o1", "nonsense", ""]),
        "lessee": (65, ["l2", "nonsense"]),
        "description_contains": (51, ["text", "TEXT", "3", "%25", "_", ""]),
        "retired": (61, ["true", "false", "nonsense"]),
        "project": (65, ["o1", "l2", "nonsense"]),
        "shard": (82, ["s0", "s0,s1", "nonsense", ""]),
        "sharded": (82, ["true", "false", "nonsense"]),
        "parent_node": (83, [uid("show-bare"), "show-bare", uid("nobody"), "nonsense"]),
        "include_children": (83, ["true", "false", "nonsense"]),
        "instance_name": (104, ["i2", "nonsense"]),
        "detail": (43, ["true", "false", "nonsense", ""]),
    }
    for name, (since, values) in gated.items():
        for number, value in enumerate(values):
            group.get(f"/v1/nodes?{name}={value}", around(since) if number == 0 else LATEST)
            group.get(f"/v1/nodes/detail?{name}={value}", around(since) if number == 0 else LATEST)
    for query in ("maintenance=true&associated=false", "driver=fake-hardware&resource_class=c1&owner=o1", "instance_uuid=" + uid("instance") + "&limit=1",
                  "detail=true&fields=uuid", "detail=false&fields=uuid", "detail=true&limit=2", "shard=s1&sharded=true", "conductor=parity&limit=2"):
        group.get(f"/v1/nodes?{query}", LATEST)


def paging(group):
    for query in ("limit=1", "limit=2", "limit=7", "limit=8", "limit=100", "limit=1000", "limit=1001", "limit=0", "limit=-1", "limit=x", "limit=",
                  "limit=1.5", "limit=99999999999999999999", f"marker={uid('list-2')}", f"limit=2&marker={uid('list-2')}",
                  f"marker={uid('nobody')}", "marker=list-2", "marker=nonsense", "marker=", f"limit=2&marker={uid('list-2')}&sort_key=name&sort_dir=desc",
                  "sort_dir=asc", "sort_dir=desc", "sort_dir=DESC", "sort_dir=nonsense", "sort_dir=", "limit=2&fields=uuid,name",
                  "limit=2&detail=true", "limit=2&resource_class=c1", "limit=2&maintenance=false", "limit=2&sort_key=name", "limit=1&shard=s0,s1",
                  "limit=1&include_children=true", "limit=2&associated=false", f"limit=1&instance_uuid={uid('instance')}"):
        group.get(f"/v1/nodes?{query}", (1, LATEST))
        group.get(f"/v1/nodes/detail?{query}", LATEST)
