"""What inspection rules do to a node: each case is a rule, an inspection, and what is on the node then."""

from corpus import add, mac, replace, uid

MAC = mac(7101)
INVENTORY = {
    "interfaces": [{"name": "eth0", "mac_address": MAC, "ipv4_address": "192.0.2.1"}], "cpu": {"count": 2, "architecture": "x86_64", "flags": ["vmx"]}, "memory": {"physical_mb": 2048}, "disks": [{"name": "/dev/sda", "size": 1 << 34}],
    "bmc_address": "192.0.2.9", "system_vendor": {"product_name": "Server (12)", "manufacturer": "Dell Inc.", "serial_number": "abc"}, "boot": {"current_boot_mode": "uefi", "pxe_interface": MAC}, "hostname": "{node.driver}",
}
VENDOR = "{inventory[system_vendor][manufacturer]}"
CPUS = "{inventory[cpu][count]}"
FIELDS = "extra,properties,traits,description,driver_info,resource_class,instance_info,conductor_group"

CONDITIONS = [
    ("eq", {"values": [VENDOR, "Dell Inc."]}), ("eq", {"values": [VENDOR, "dell inc."]}), ("!eq", {"values": [VENDOR, "Dell Inc."]}), ("eq", {"values": [1, 1, 1]}), ("eq", {"values": [1, 1, 2]}), ("eq", {"values": [CPUS, 2]}),
    ("eq", {"values": [CPUS, "2"]}), ("eq", {"values": [CPUS, 2], "force_strings": True}), ("eq", {"values": [True, "True"]}), ("lt", {"values": [1, 2]}), ("lt", {"values": [1, 2, 3]}), ("lt", {"values": [2, 1]}), ("gt", {"values": [2, 1]}),
    ("gt", {"values": ["b", "a"]}), ("lt", {"values": ["10", "9"]}), ("lt", {"values": [10, 9], "force_strings": True}), ("is-empty", {"value": ""}), ("is-empty", {"value": []}), ("is-empty", {"value": "x"}),
    ("is-empty", {"value": 0}), ("is-empty", {"value": "{node.extra}"}), ("is-none", {"value": None}), ("is-none", {"value": "x"}), ("is-true", {"value": True}), ("is-true", {"value": "yes"}),
    ("is-true", {"value": "no"}), ("is-true", {"value": 1}), ("is-true", {"value": 2}), ("is-false", {"value": False}), ("is-false", {"value": "off"}), ("is-false", {"value": 0}), ("is-false", {"value": None}), ("is-false", {"value": "x"}),
    ("one-of", {"value": VENDOR, "values": ["HP", "Dell Inc."]}), ("one-of", {"value": 3, "values": [1, 2]}), ("!one-of", {"value": 3, "values": [1, 2]}), ("in-net", {"address": "{inventory[bmc_address]}", "subnet": "192.0.2.0/24"}),
    ("in-net", {"address": "10.0.0.1", "subnet": "192.0.2.0/24"}), ("in-net", {"address": "fe80::1", "subnet": "fe80::/64"}), ("matches", {"value": VENDOR, "regex": "Dell.*"}),
    ("matches", {"value": VENDOR, "regex": "Dell"}), ("matches", {"value": VENDOR, "regex": "Inc"}), ("contains", {"value": VENDOR, "regex": "Inc"}), ("contains", {"value": VENDOR, "regex": "(?i)DELL"}), ("contains", {"value": VENDOR, "regex": "^Inc"}),
    ("!contains", {"value": VENDOR, "regex": "HP"}), ("! contains", {"value": VENDOR, "regex": "HP"}), ("matches", {"value": "{inventory[system_vendor][product_name]}", "regex": r"Server \(\d+\)"}),
    ("eq", {"values": ["{node.driver}", "fake-hardware"]}), ("eq", {"values": ["{node[driver]}", "fake-hardware"]}),
    ("eq", {"values": ["{plugin_data[macs][0]}", MAC]}), ("eq", {"values": ["a {node.driver} b", "a fake-hardware b"]}),
]
# Each by itself, as such a one may fail the inspection.
ALONE = [("in-net", {"address": "nonsense", "subnet": "192.0.2.0/24"}), ("eq", {"values": ["{inventory[nothing]}", "x"]}), ("eq", {"values": ["{node.nothing}", "x"]})]
LOOPS = [
    {"op": "eq", "args": {"values": ["{item}", 2]}, "loop": [1, 2], "multiple": multiple} for multiple in ("any", "all", "last")
] + [
    {"op": "eq", "args": {"values": ["{item}", 1]}, "loop": [1, 2], "multiple": multiple} for multiple in ("any", "all", "first", "last")
] + [{"op": "eq", "args": {"values": ["{item[a]}", 1]}, "loop": [{"a": 1}]}, {"op": "eq", "args": {"values": [1, 1]}, "loop": []}]
ACTIONS = [
    [("set-attribute", {"path": "/extra/a", "value": 1})], [("set-attribute", {"path": "extra/a", "value": {"b": [1]}})], [("set-attribute", {"path": "extra/deep/er", "value": 1})], [("set-attribute", {"path": "description", "value": "of " + VENDOR})],
    [("set-attribute", {"path": "/resource_class", "value": "small"})], [("set-attribute", {"path": "/properties/cpus", "value": CPUS})], [("set-attribute", {"path": "/driver_info/address", "value": "https://{inventory[bmc_address]}"})],
    [("set-attribute", {"path": "/extra/a", "value": "{inventory[hostname]}"})],
    [("extend-attribute", {"path": "/extra/list", "value": 1})], [("extend-attribute", {"path": "/extra/list", "value": 1}), ("extend-attribute", {"path": "/extra/list", "value": 1})],
    [("extend-attribute", {"path": "/extra/list", "value": 1}), ("extend-attribute", {"path": "/extra/list", "value": 1, "unique": True})], [("extend-attribute", {"path": "/extra/kept", "value": 1})],
    [("del-attribute", {"path": "/extra/kept"})], [("set-capability", {"name": "a", "value": "b"})],
    [("set-capability", {"name": "a", "value": "b"}), ("set-capability", {"name": "c", "value": "d"})], [("unset-capability", {"name": "nothing"})], [("add-trait", {"name": "CUSTOM_RULE"})],
    [("add-trait", {"name": "CUSTOM_A"}), ("remove-trait", {"name": "CUSTOM_A"})], [("remove-trait", {"name": "CUSTOM_NOTHING"})], [("fail", {"msg": "no {node.driver}"})],
    [("log", {"msg": "seen {node.uuid}"})], [("log", {"msg": "m", "level": "error"})], [("set-plugin-data", {"path": "a.b", "value": 1})],
    [("set-plugin-data", {"path": "mine", "value": 1}), ("unset-plugin-data", {"path": "mine"})],
    [("set-port-attribute", {"port_id": uid("rules-port"), "path": "extra/a", "value": 1})], [("set-port-attribute", {"port_id": mac(7999), "path": "/extra/a", "value": 1})],
    [("extend-port-attribute", {"port_id": uid("rules-port"), "path": "/extra/list", "value": 1})],
    [("set-port-attribute", {"port_id": uid("rules-port"), "path": "/extra/a", "value": 1}), ("del-port-attribute", {"port_id": uid("rules-port"), "path": "/extra/a"})],
    [("set-attribute", {"path": "/extra/{item}", "value": 1}, ["x", "y"])], [("set-attribute", {"path": "/extra/{item[k]}", "value": "{item[v]}"}, [{"k": "p", "v": 1}])], [("add-trait", {"name": "CUSTOM_{item}"}, ["L1", "L2"])],
]
# Where ferric does what Ironic's documentation says, or what is safer: by the line of docs/compatibility.md. The node has its name then.
MEANT = [
    ("rule-comparisons", ("lt", {"values": [CPUS, 3]}), None),
    ("rule-documentation", ("matches", {"value": VENDOR, "regex": "Dell|Dell Inc"}), None),
    ("rule-documentation", ("is-none", {"value": "{node.lessee}"}), None),
    ("rule-documentation", None, ("set-capability", {"name": "known", "value": "2"})),
    ("rule-targets", None, ("set-attribute", {"path": "/nonsense", "value": 1})),
    ("rule-targets", None, ("set-attribute", {"path": "/provision_state", "value": "active"})),
    ("rule-targets", None, ("add-trait", {"name": "nonsense"})),
    ("rule-removals", None, ("del-attribute", {"path": "/extra/nothing"})),
    ("rule-removals", None, ("del-attribute", {"path": "/description"})),
    ("rule-removals", None, ("unset-capability", {"name": "known"})),
    ("rule-ports", None, ("set-port-attribute", {"port_id": MAC, "path": "/extra/a", "value": 1})),
]
HIT = [{"op": "set-attribute", "args": {"path": "/extra/hit", "value": True}}]


def fill(group):
    node = group.node("rules-node", inspect_interface="agent", extra={"kept": [0]}, properties={"capabilities": "known:1"})
    group.post("/v1/ports", body={"uuid": uid("rules-port"), "node_uuid": node, "address": MAC})
    group.provision(node, "manage", "manageable")
    conditions = [{"op": op, "args": args} for op, args in CONDITIONS] + LOOPS
    case(group, node, [{"conditions": [condition], "actions": [{"op": "set-attribute", "args": {"path": f"/extra/{number}", "value": True}}]} for number, condition in enumerate(conditions)])
    for op, args in ALONE:
        case(group, node, [{"conditions": [{"op": op, "args": args}], "actions": HIT}])
    for actions in ACTIONS:
        steps = [{"op": op, "args": args, **({"loop": loop[0]} if loop else {})} for op, args, *loop in actions]
        case(group, node, [{"conditions": [], "actions": steps}], ports=any("port" in op for op, *_ in actions), data=any("plugin" in op for op, *_ in actions))
    for line, condition, action in MEANT:
        conditions = [{"op": condition[0], "args": condition[1]}] if condition else []
        case(group, node, [{"conditions": conditions, "actions": [{"op": action[0], "args": action[1]}] if action else HIT}], line=line)
    case(group, node, [{"conditions": [], "actions": [{"op": "set-plugin-data", "args": {"path": "mine", "value": [1]}}, {"op": "extend-plugin-data", "args": {"path": "mine", "value": 2}}]}], line="rule-plugin-data")
    case(group, node, [{"conditions": [{"op": "eq", "args": {"values": ["{item}", 2]}, "loop": [1, 2], "multiple": "first"}], "actions": HIT}], line="rule-documentation")
    case(group, node, [{"conditions": [], "actions": [*HIT, {"op": "fail", "args": {"msg": "no"}}]}], line="rule-failures")
    # The one with the higher priority is the first.
    case(group, node, [{"conditions": [], "priority": priority, "actions": [{"op": "extend-attribute", "args": {"path": "/extra/kept", "value": priority}}]} for priority in (1, 9, 5)])
    yes, no = {"op": "eq", "args": {"values": [1, 1]}}, {"op": "eq", "args": {"values": [1, 2]}}
    for conditions in ([yes, yes], [yes, no], [no, no]):
        case(group, node, [{"conditions": conditions, "actions": HIT}])


def case(group, node, rules, ports=False, data=False, line=None):
    """The rules, an inspection, and what is there then; in the end all is as before. What differs on purpose is asked of the node by
    the name of its line."""
    look = line or node
    if line:
        group.patch(f"/v1/nodes/{node}", body=replace("/name", line))
    names = [uid(f"rule at work {number}") for number in range(len(rules))]
    for name, rule in zip(names, rules):
        group.post("/v1/inspection_rules", body={"uuid": name, **rule})
    group.provision(node, "inspect", "inspect wait")
    group.post(f"/v1/continue_inspection?node_uuid={node}", body={"inventory": INVENTORY})
    group.wait(f"/v1/nodes/{node}", "provision_state", "manageable", "inspect failed")
    group.get(f"/v1/nodes/{look}?fields={FIELDS},provision_state")
    if ports:
        group.get(f"/v1/ports/{uid('rules-port')}")
    if data:
        group.get(f"/v1/nodes/{node}/inventory")
    for name in names:
        group.delete(f"/v1/inspection_rules/{name}")
    group.restore(node, "manageable")
    group.patch(f"/v1/nodes/{look}", body=[*replace("/extra", {"kept": [0]}), *replace("/properties", {"capabilities": "known:1"}), *replace("/driver_info", {}), *add("/description", "none"), *add("/resource_class", "none")])
    group.delete(f"/v1/nodes/{node}/traits")
    if line:
        group.patch(f"/v1/nodes/{line}", body=replace("/name", "rules-node"))
        # One that is alike ends what was different.
        case(group, node, [])
    if ports:
        group.patch(f"/v1/ports/{uid('rules-port')}", body=replace("/extra", {}))
