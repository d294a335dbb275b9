"""The same persons ask Ironic itself and `ferric` for the same things, with tokens of the same Keystone.

The suite `parity` compares the rules; this is about what comes of them: who is answered with what status, which objects are
in his lists, and which fields he is shown.
"""

import functools
import pathlib
import sys
import tempfile
import uuid

import keystone_peer
import server

TOP = pathlib.Path(__file__).parent.parent
sys.path.append(str(TOP / "parity"))
import servers  # noqa: E402: the suite `parity` starts its servers by it.

# Who has a role where: of the owner's project, the lessee's, a third one, and the system.
PROJECTS = ("lab", "tenant", "other")
ROLES = ("admin", "manager", "member", "reader")
SYSTEM_ROLES = ("admin", "member", "reader")
NODES = {
    "owned": {"owner": "lab"},
    "leased": {"owner": "lab", "lessee": "tenant"},
    "foreign": {"owner": "other"},
    "free": {},
}
# Told to who may see it and hidden from the rest.
TELLING = {"address": "192.0.2.1"}
STEPS = {"interface": "bios", "step": "factory_reset", "args": {}}
ACTIONS = [{"op": "set-attribute", "args": {"path": "/description", "value": "found"}}]
# Below a node.
PARTS = (
    "", "/states", "/validate", "/maintenance", "/management", "/management/boot_device", "/management/boot_device/supported",
    "/management/indicators", "/traits", "/vifs", "/history", "/inventory", "/bios", "/firmware", "/ports", "/portgroups", "/volume",
    "/volume/connectors", "/volume/targets", "/vendor_passthru/methods", "/allocation", "/children", "/states/console",
)
LISTS = (
    "nodes", "nodes?detail=true", "nodes?owner=${lab}", "nodes?lessee=${tenant}", "nodes?fields=uuid,owner,lessee,driver_info", "ports",
    "ports?detail=true", "portgroups", "volume/connectors", "volume/targets", "allocations", "chassis", "conductors", "drivers",
    "drivers/fake-hardware", "drivers/fake-hardware/properties", "drivers/fake-hardware/vendor_passthru/methods", "deploy_templates",
    "runbooks", "inspection_rules", "shards",
)
# Of a node: each is right for who may change it. None of them changes who sees it; nor do those of owner and lessee, to what
# they are.
PATCHES = {
    "extra/a": 1, "description": "text", "driver_info/a": 1, "properties/a": 1, "instance_info/a": 1,
    "resource_class": "class", "name": "${name}", "retired": False, "protected": False, "maintenance": False, "automated_clean": True,
    "conductor_group": "", "chassis_uuid": "${chassis}", "driver": "fake-hardware", "boot_interface": "fake",
    "shard": "s", "instance_uuid": "${instance}", "disable_power_off": False,
}
# What is not done at once is asked for in a wrong way: who may do it hears of that.
WRONG = {"target": "nonsense"}
VERBS = (
    ("PUT", "/states/power", WRONG), ("PUT", "/states/provision", WRONG), ("PUT", "/states/boot_mode", WRONG),
    ("PUT", "/states/secure_boot", WRONG), ("PUT", "/states/raid", {"nonsense": 1}), ("PUT", "/states/console", {"enabled": "nonsense"}),
    ("PUT", "/management/boot_device", {"boot_device": "pxe"}), ("PUT", "/maintenance", {"reason": "text"}), ("DELETE", "/maintenance", None),
    ("PUT", "/traits", {"traits": ["CUSTOM_A"]}), ("PUT", "/traits/CUSTOM_B", None), ("DELETE", "/traits/CUSTOM_B", None),
    ("POST", "/vifs", {}), ("POST", "/vmedia", {}), ("DELETE", "/traits", None), ("POST", "/vendor_passthru?method=nothing", {}),
)

# Differences that are meant (docs/compatibility.md, Access): of which requests, with what statuses, first Ironic's.
KNOWN = {
    "Ironic fails where it means to refuse": lambda method, path, was, now: (was, now) == (500, 403),
    "Ironic asks for the right to all volumes before it tells where a node's are":
        lambda method, path, was, now: path.endswith("/volume") and was == 403 and now in (200, 404),
    "a node that is hidden is as one that there is not":
        lambda method, path, was, now: path.endswith("/allocation") and (was, now) == (404, 400),
    "Ironic looks at what is asked for before it looks at who asks":
        lambda method, path, was, now: method in ("PUT", "POST") and was == 400 and now in (403, 404),
}


def uid(seed):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"access/{seed}"))


class Cloud:
    """Keystone's projects and users, with a token for each persona."""

    def __init__(self, keystone):
        self.projects = {name: keystone.project(name) for name in ("service", *PROJECTS)}
        own = keystone.user("ferric")
        keystone.grant(self.projects["service"], own, "service")
        self.tokens = {}
        for project in PROJECTS:
            for role in ROLES:
                name = f"{project}-{role}"
                keystone.grant(self.projects[project], keystone.user(name), role)
                self.tokens[name] = keystone.project_token(name, project)
        for role in SYSTEM_ROLES:
            name = f"system-{role}"
            keystone.call("PUT", f"/system/users/{keystone.user(name)}/roles/{keystone.role(role)}")
            self.tokens[name] = keystone.token(name, name, {"system": {"all": True}})

    def filled(self, value, **more):
        """The names in `${}` replaced."""
        if isinstance(value, str):
            for name, replacement in (self.projects | more).items():
                value = value.replace("${" + name + "}", replacement)
        return value


class Ironic(servers.Ironic):
    """Ironic that asks Keystone who somebody is."""

    def __init__(self, folder, programs, keystone):
        super().__init__(folder, "ironic")
        self.programs = pathlib.Path(programs)
        self.keystone = keystone
        self.headers = keystone_peer.with_token(keystone.admin)

    def config(self):
        settings = {
            "auth_url": f"{self.keystone.url}/v3", "www_authenticate_uri": f"{self.keystone.url}/v3", "auth_type": "password",
            "username": "ferric", "password": "ferric", "user_domain_name": "Default", "project_name": "service",
            "project_domain_name": "Default", "interface": "public",
        }
        own = "\n".join(f"{key} = {value}" for key, value in settings.items())
        text = super().config()
        changed = text.replace("auth_strategy = noauth", "auth_strategy = keystone")
        assert changed != text, text
        return f"{changed}\n[keystone_authtoken]\n{own}\n"

    def ask(self, path, method="GET", headers=None, body=None):
        return server.request(self.url + path, method, headers, body)


def prepare(peer, cloud):
    """The objects that everybody asks for, made by the administrator of the system."""
    headers = keystone_peer.with_token(cloud.tokens["system-admin"])

    def make(path, method="POST", **body):
        status, _, shown = peer.ask(f"/v1/{path}", method, headers, body or None)
        assert status < 300, f"{path} {body}: {status} {shown}"

    make("chassis", uuid=uid("chassis"))
    for number, (name, fields) in enumerate(NODES.items()):
        owners = {field: cloud.projects[project] for field, project in fields.items()}
        fake = {"driver": "fake-hardware", "network_interface": "noop", "driver_info": TELLING, "resource_class": "class"}
        make("nodes", uuid=uid(name), name=name, **fake, **owners)
        make("ports", uuid=uid(f"{name} port"), node_uuid=uid(name), address=f"52:54:00:00:00:{number:02x}")
        make("portgroups", uuid=uid(f"{name} group"), node_uuid=uid(name), name=f"{name}-group")
        make("volume/connectors", uuid=uid(f"{name} connector"), node_uuid=uid(name), type="iqn", connector_id=f"iqn.{name}")
        make("volume/targets", uuid=uid(f"{name} target"), node_uuid=uid(name), volume_type="iscsi", volume_id=name, boot_index=0)
        # Ironic's fake machines have no power before it is set, and volumes are changed while it is off.
        make(f"nodes/{name}/states/power", "PUT", target="power off")
        server.until(f"{name} is off", lambda node=name: is_off(peer, headers, node))
    make("deploy_templates", uuid=uid("template"), name="CUSTOM_TEMPLATE", steps=[{**STEPS, "priority": 10}])
    make("inspection_rules", uuid=uid("rule"), actions=ACTIONS, conditions=[])
    make("runbooks", uuid=uid("private book"), name="CUSTOM_PRIVATE", owner=cloud.projects["lab"], steps=[{**STEPS, "order": 1}])
    make("runbooks", uuid=uid("public book"), name="CUSTOM_PUBLIC", public=True, steps=[{**STEPS, "order": 1}])


def is_off(peer, headers, node):
    """Whether it is, and nobody works on it any more."""
    shown = peer.ask(f"/v1/nodes/{node}", headers=headers)[2]
    return (shown["power_state"], shown["target_power_state"], shown["reservation"]) == ("power off", None, None)


def enabled():
    """The part of the configuration with what Ironic has, too."""
    def names(values):
        return "[" + ", ".join(f"'{value}'" for value in values) + "]"

    interfaces = "\n".join(f"{kind} = {names(values)}" for kind, values in servers.INTERFACES.items())
    return f"[drivers]\nenabled_hardware_types = {names(servers.HARDWARE_TYPES)}\n[drivers.enabled_interfaces]\n{interfaces}\n"


def requests(cloud, persona):
    """What one persona asks for: method, path and body."""
    fill = functools.partial(cloud.filled, chassis=uid("chassis"))
    for path in LISTS:
        yield "GET", fill(path), None
    for name in NODES:
        node = f"nodes/{uid(name)}"
        yield "GET", f"nodes/{name}", None
        for part in PARTS:
            yield "GET", node + part, None
        for field, value in PATCHES.items():
            value = fill(value, name=name, instance=uid(f"{name} instance"))
            yield "PATCH", node, [{"op": "add", "path": f"/{field}", "value": value}]
        for field in ("owner", "lessee"):
            project = NODES[name].get(field)
            yield "PATCH", node, [{"op": "add", "path": f"/{field}", "value": project and cloud.projects[project]}]
        yield "PATCH", node, [{"op": "remove", "path": "/instance_uuid"}]
        for method, part, body in VERBS:
            yield method, node + part, body
        yield from things(name, persona)
    for kind, ident in (
        ("deploy_templates", "template"), ("inspection_rules", "rule"), ("runbooks", "private book"), ("runbooks", "public book"),
        ("chassis", "chassis"),
    ):
        yield "GET", f"{kind}/{uid(ident)}", None
    yield from creations(persona)


def things(name, persona):
    """What hangs on a node: looked at, changed, made and deleted."""
    made = f"{name} {persona}"
    for kind, thing, body in (
        ("ports", "port", {"address": "52:54:00:00:01:01"}), ("portgroups", "group", {}),
        ("volume/connectors", "connector", {"type": "iqn", "connector_id": f"iqn.{made}"}),
        ("volume/targets", "target", {"volume_type": "iscsi", "volume_id": made, "boot_index": 7}),
    ):
        path = f"{kind}/{uid(f'{name} {thing}')}"
        yield "GET", path, None
        yield "PATCH", path, [{"op": "add", "path": "/extra/a", "value": 1}]
        ident = uid(f"{made} {thing}")
        yield "POST", kind, {"uuid": ident, "node_uuid": uid(name), **body}
        yield "DELETE", f"{kind}/{ident}", None


def creations(persona):
    """What belongs to no node."""
    mark = persona.upper().replace("-", "_")
    for kind, body in (
        ("chassis", {}), ("nodes", {"driver": "fake-hardware", "network_interface": "noop", "name": f"made-{persona}"}),
        ("deploy_templates", {"name": f"CUSTOM_{mark}", "steps": [{**STEPS, "priority": 10}]}),
        ("runbooks", {"name": f"CUSTOM_{mark}", "steps": [{**STEPS, "order": 1}]}), ("inspection_rules", {"actions": ACTIONS, "conditions": []}),
    ):
        ident = uid(f"{persona} {kind}")
        yield "POST", kind, {"uuid": ident, **body}
        yield "GET", f"{kind}/{ident}", None
        yield "PATCH", f"{kind}/{ident}", [{"op": "add", "path": "/description", "value": "text"}]
        yield "DELETE", f"{kind}/{ident}", None


def seen(status, body):
    """What of an answer depends on who asks: the status, the objects of a list, and whether a node's settings are told."""
    if status not in (200, 201) or not isinstance(body, dict):
        return [status]
    found = []
    for name, value in body.items():
        # Each server has a history of its own.
        if isinstance(value, list) and name != "history":
            listed = [one for one in value if isinstance(one, dict)]
            found += [f"{name}: {one['uuid']}" for one in listed if "uuid" in one]
            found += [f"{name}: {one['name']}" for one in listed if name == "drivers"]
            found += [f"told: {one['uuid']}" for one in listed if "uuid" in one and tells(one)]
    if "uuid" in body:
        found += [f"this: {body['uuid']}", f"owner: {body.get('owner')}"]
        found += ["told"] * tells(body)
    return [status, *sorted(found)]


def tells(node):
    """Whether what was given with the node can be read."""
    info = node.get("driver_info")
    return isinstance(info, dict) and TELLING.items() <= info.items()


def compare(peers, cloud):
    """A sentence for each answer that differs and is not known to, and how many there were, and by status."""
    found, statuses, used = [], {}, set()
    for persona, token in cloud.tokens.items():
        headers = keystone_peer.with_token(token)
        for method, path, body in requests(cloud, persona):
            answers = [peer.ask(f"/v1/{path}", method, headers, body) for peer in peers]
            ironic, ferric = (seen(status, shown) for status, _, shown in answers)
            statuses[ironic[0]] = statuses.get(ironic[0], 0) + 1
            why = next((why for why, holds in KNOWN.items() if holds(method, path, ironic[0], ferric[0])), None)
            if ironic != ferric and why:
                used.add(why)
            elif ironic != ferric:
                found.append(f"{persona}: {method} {path} {body or ''}: Ironic {ironic}, ferric {ferric}; it says {answers[1][2]}")
    found += [f"no answer shows any more that {why}" for why in KNOWN.keys() - used]
    return found, statuses


def everybody(program):
    """projects and the system, by each role: Ironic with the same Keystone answers and shows the same"""
    with keystone_peer.Keystone() as keystone, tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(keystone)
        settings = keystone_peer.config(keystone, keystone_peer.OURS) + enabled()
        with Ironic(folder, sys.argv[2], keystone) as ironic, server.Ferric(program, settings) as ferric:
            ironic.wait_until_ready()
            for peer in (ironic, ferric):
                prepare(peer, cloud)
            found, statuses = compare((ironic, ferric), cloud)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"access: {sum(statuses.values())} requests by {len(cloud.tokens)} personas; by Ironic's status: {dict(sorted(statuses.items()))}")
    # Each kind of answer was among them: some are let, some are refused, and some do not see what is there.
    assert all(statuses.get(status, 0) > 100 for status in (200, 403, 404)), statuses
    assert not found, f"{len(found)} answers differ"


CHECKS = [everybody]
