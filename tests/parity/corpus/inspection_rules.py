"""Inspection rules."""

from corpus import LATEST, add, around, remove, replace, uid

GOOD = {"actions": [{"op": "set-attribute", "args": {"path": "/extra/a", "value": 1}}], "conditions": [{"op": "eq", "args": {"values": ["{node.driver}", "fake-hardware"]}}]}
# Not among them: a UUID that is none. Ironic takes it, and can never again delete the rule, nor do without it.
VALUES = [
    {"description": "text"}, {"description": 1}, {"description": "x" * 256}, {"priority": 10}, {"priority": 0}, {"priority": 9999}, {"priority": 10000}, {"priority": -1}, {"priority": "x"}, {"sensitive": True}, {"sensitive": "x"},
    {"phase": "main"}, {"phase": "nonsense"}, {"phase": None}, {"uuid": None}, {"scope": "x"}, {"nonsense": 1}, {"actions": []}, {"actions": None}, {"actions": {}}, {"actions": [{}]}, {"actions": [{"op": "nonsense", "args": {}}]},
    {"actions": [{"op": "fail", "args": {"msg": "no"}}]}, {"actions": [{"op": "fail", "args": {}}]}, {"actions": [{"op": "fail", "args": {"nonsense": 1}}]}, {"actions": [{"op": "set-capability", "args": {"name": "a", "value": "b"}}]},
    {"actions": [{"op": "unset-capability", "args": {"name": "a"}}]}, {"actions": [{"op": "extend-attribute", "args": {"path": "/extra/l", "value": 1, "unique": True}}]}, {"actions": [{"op": "del-attribute", "args": {"path": "/extra/a"}}]},
    {"actions": [{"op": "add-trait", "args": {"name": "CUSTOM_A"}}]}, {"actions": [{"op": "remove-trait", "args": {"name": "CUSTOM_A"}}]}, {"actions": [{"op": "log", "args": {"msg": "m", "level": "debug"}}]},
    {"actions": [{"op": "log", "args": {"msg": "m", "level": "nonsense"}}]}, {"actions": [{"op": "set-plugin-data", "args": {"path": "a", "value": 1}}]}, {"actions": [{"op": "set-port-attribute", "args": {"port_id": "x", "path": "/extra/a", "value": 1}}]},
    {"actions": [{"op": "set-attribute", "args": {"path": "/extra/a", "value": "{item}"}, "loop": [1, 2]}]}, {"actions": [{"op": "set-attribute", "args": {"path": "/extra/a", "value": 1}, "loop": "x"}]}, {"actions": [{"op": "api-call", "args": {"url": "http://a/b"}}]},
    {"conditions": []}, {"conditions": None}, {"conditions": [{}]}, {"conditions": [{"op": "nonsense", "args": {}}]}, {"conditions": [{"op": "!eq", "args": {"values": [1, 2]}}]}, {"conditions": [{"op": "! eq", "args": {"values": [1, 2]}}]},
    {"conditions": [{"op": "is-true", "args": {"value": "x"}}]}, {"conditions": [{"op": "is-none", "args": {"value": "x"}}]}, {"conditions": [{"op": "is-empty", "args": {"value": "x"}}]}, {"conditions": [{"op": "matches", "args": {"value": "x", "regex": "x.*"}}]},
    {"conditions": [{"op": "contains", "args": {"value": "x", "regex": "("}}]}, {"conditions": [{"op": "one-of", "args": {"value": "x", "values": ["x"]}}]}, {"conditions": [{"op": "in-net", "args": {"address": "10.0.0.1", "subnet": "10.0.0.0/8"}}]},
    {"conditions": [{"op": "lt", "args": {"values": [1, 2], "force_strings": True}}]}, {"conditions": [{"op": "eq", "args": {"values": ["{item}", 2]}, "loop": [1], "multiple": "any"}]}, {"conditions": [{"op": "eq", "args": {"values": [1, 2]}, "multiple": "nonsense"}]},
    {"conditions": [{"op": "eq", "args": {"values": [1, 2]}, "nonsense": 1}]}, {"conditions": [{"op": "eq", "args": {"nonsense": 1}}]}, {"conditions": [{"op": "eq", "args": [1, 1]}]}, {"conditions": [{"op": "eq", "args": [[1, 1], False, 3]}]},
    {"actions": [{"op": "set-attribute", "args": ["/extra/a", 1]}]}, {"actions": [{"op": "set-attribute", "args": {"path": "/extra/a"}}]}, {"actions": [{"op": "set-attribute", "args": {"path": "/extra/a", "value": 1}, "loop": list(range(1001))}]},
    {"actions": [{"op": "api-call", "args": {"url": "http://a/b", "timeout": 61}}]}, {"actions": [{"op": "api-call", "args": {"url": "http://a/b", "retries": 11}}]}, {"actions": [{"op": "api-call", "args": {}}]},
    {"actions": [{"op": "set-attribute", "args": {"path": "/extra/a", "value": 1}, "nonsense": 1}]}, {"actions": [1]}, {"conditions": [1]}, {"conditions": [{"op": 1, "args": {}}]}, {"actions": [{"op": "del-port-attribute", "args": {"port_id": "x", "path": "/extra/a"}}]},
    {"actions": [{"op": "extend-port-attribute", "args": {"port_id": "x", "path": "/extra/a", "value": 1}}]}, {"actions": [{"op": "unset-plugin-data", "args": {"path": "a"}}]}, {"actions": [{"op": "extend-plugin-data", "args": {"path": "a", "value": 1}}]},
]


def fill(group):
    path = "/v1/inspection_rules"
    for version in around(96, 1):
        made = {"uuid": uid(f"rule {version}"), **GOOD}
        group.get(path, version)
        group.post(path, version, body=made)
        group.get(f"{path}/{made['uuid']}", version)
        group.patch(f"{path}/{made['uuid']}", version, body=replace("/description", "new"))
        group.delete(f"{path}/{made['uuid']}", version)
        group.delete(f"{path}/{made['uuid']}", version)
        group.put(path, version, body=[])
        group.patch(path, version, body=[])
    for number, fields in enumerate(VALUES):
        made = {"uuid": uid(f"rule value {number}"), **GOOD, **fields}
        group.post(path, body=made)
        if "uuid" not in fields:
            group.get(f"{path}/{made['uuid']}", follows=True)
            group.delete(f"{path}/{made['uuid']}", follows=True)
    group.post(path, body={})
    group.post(path, body={"actions": GOOD["actions"]})
    full = uid("rule-full")
    group.post(path, body={"uuid": full, "description": "text", "priority": 50, **GOOD})
    group.post(path, body={"uuid": uid("rule-sensitive"), "sensitive": True, **GOOD})
    group.post(path, body={"uuid": full, **GOOD})
    for query in ("", "?detail=true", "?detail=x", "?fields=uuid,priority", "?fields=nonsense", "?limit=1", "?limit=0", f"?marker={full}", f"?marker={uid('nobody')}", "?sort_key=priority", "?sort_key=actions", "?sort_key=nonsense",
                  "?sort_dir=desc", "?phase=main", "?phase=nonsense", "?detail=true&fields=uuid", "?more=1"):
        group.get(f"{path}{query}", around(96))
    for query in ("", "?fields=uuid", "?fields=nonsense", "?more=1"):
        group.get(f"{path}/{full}{query}", around(96))
        group.get(f"{path}/{uid('rule-sensitive')}{query}")
    for patch in (replace("/description", "x"), remove("/description"), replace("/priority", 7), replace("/priority", -5), replace("/priority", "x"), remove("/priority"), replace("/sensitive", True), replace("/sensitive", False),
                  replace("/phase", "main"), replace("/phase", "x"), replace("/actions", []), replace("/actions", GOOD["actions"]), add("/actions/-", GOOD["actions"][0]), remove("/actions"), replace("/conditions", []), remove("/conditions"),
                  add("/conditions/-", {"op": "nonsense"}), replace("/uuid", uid("x")), remove("/uuid"), [], {}, replace("/nonsense", 1), replace("/actions/0/op", "fail")):
        group.patch(f"{path}/{full}", body=patch)
    group.get(f"{path}/{full}")
    for patch in (replace("/sensitive", False), replace("/description", "x"), replace("/actions", GOOD["actions"])):
        group.patch(f"{path}/{uid('rule-sensitive')}", body=patch)
    group.get(f"{path}/{uid('rule-sensitive')}")
    for number, patch in enumerate((remove("/sensitive"), replace("/sensitive", None))):
        made = uid(f"rule sensitive {number}")
        group.post(path, body={"uuid": made, "sensitive": True, **GOOD})
        group.patch(f"{path}/{made}", body=patch)
        group.delete(f"{path}/{made}")
    group.get(f"{path}/{full.upper()}")
    group.get(f"{path}/{full}.json", (96, LATEST))
    group.get(f"{path}/{full}/more")
    for method in ("POST", "PUT"):
        group.ask(method, f"{path}/{full}", LATEST, body={})
    group.delete(f"{path}/nobody")
    group.post(path, body=[])
    group.get(f"{path}/nobody")
    group.get(f"{path}/{uid('nobody')}")
    group.patch(f"{path}/{uid('nobody')}", body=replace("/description", "x"))
    group.delete(f"{path}/{uid('nobody')}")
    group.delete(path, around(96))
    # The last one, as Ironic can never delete it. It is for no node.
    group.post(path, body={"uuid": "nonsense", "actions": GOOD["actions"], "conditions": [{"op": "eq", "args": {"values": ["{node.driver}", "nonsense"]}}]})
