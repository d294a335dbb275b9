"""The requests, a file for each resource. `group` collects them; nothing here knows of the servers or how answers compare."""

import importlib
import pathlib
import uuid

LATEST = 115
# Half a minute is ample for fake hardware, also on a machine that has other things to do.
WAIT_S = 15


class Step:
    """A request to both servers, whose answers are compared. What `follows` is a look at what the step before has done, and
    left out where that ended differently.
    """

    def __init__(self, method, path, version, body=None, headers=None, save=None, follows=False):
        self.method = method
        self.path = path
        self.version = version
        self.body = body
        self.headers = headers or {}
        self.save = save or {}
        self.follows = follows
        # Which one of its group it is, from 1.
        self.number = 0

    def __str__(self):
        return f"{self.number} {self.method} {self.path} @{self.version}"


class Wait:
    """Both servers must come to show one of `values` (texts, or None) at `key` of `path`; not compared by itself."""

    def __init__(self, path, key, values):
        self.path = path
        self.key = key
        self.values = values


class Contains:
    """At `key` of `path` both servers must show a text with `part`: a client reads it."""

    def __init__(self, path, key, part):
        self.path = path
        self.key = key
        self.part = part


class Restore:
    """Both servers bring the node back to this state, from wherever their answers have led them; not compared."""

    def __init__(self, node, state):
        self.node = node
        self.path = f"/v1/nodes/{node}"
        self.state = state


class Place:
    """Both servers have the node in this state, though no request leads there on both: see `place` of states.py. What one of them
    gets there by is `request`, the body for its verb; `fields` are what the node of the other one shows besides. Not compared.
    """

    def __init__(self, node, state, request, fields):
        self.node = node
        self.path = f"/v1/nodes/{node}"
        self.state = state
        self.request = request
        self.fields = fields


class Group:
    """The steps of one file, in their order."""

    def __init__(self, name):
        self.name = name
        self.steps = []

    def ask(self, method, path, versions=LATEST, body=None, headers=None, save=None, follows=False):
        """The request in each of these versions. Body and path may be functions of the version."""
        versions = [versions] if isinstance(versions, int | None) else versions
        for version in versions:
            self.steps.append(
                Step(
                    method,
                    path(version) if callable(path) else path,
                    version,
                    body(version) if callable(body) else body,
                    headers,
                    save,
                    follows,
                )
            )
            self.steps[-1].number = len(self.steps)

    def get(self, path, versions=LATEST, **more):
        self.ask("GET", path, versions, **more)

    def post(self, path, versions=LATEST, **more):
        self.ask("POST", path, versions, **more)

    def put(self, path, versions=LATEST, **more):
        self.ask("PUT", path, versions, **more)

    def patch(self, path, versions=LATEST, **more):
        self.ask("PATCH", path, versions, **more)

    def delete(self, path, versions=LATEST, **more):
        self.ask("DELETE", path, versions, **more)

    def wait(self, path, key, *values):
        self.steps.append(Wait(path, key, values))

    def contains(self, path, key, part):
        self.steps.append(Contains(path, key, part))

    def restore(self, node, state):
        self.steps.append(Restore(node, state))

    def place(self, node, state, request=None, **fields):
        self.steps.append(Place(node, state, request, fields))

    def node(self, seed, **fields):
        """A node of fake hardware that this group needs; its UUID."""
        body = {"uuid": uid(seed), "name": seed, "driver": "fake-hardware", **fields}
        # Without authentication Ironic takes an owner by PATCH only.
        owner = body.pop("owner", None)
        self.post("/v1/nodes", body=body)
        if owner:
            self.patch(f"/v1/nodes/{body['uuid']}", body=add("/owner", owner))
        return body["uuid"]

    def provision(self, node, verb, *states, **body):
        """A verb, and its end: one of these states, with no target."""
        self.put(f"/v1/nodes/{node}/states/provision", body={"target": verb, **body})
        self.wait(f"/v1/nodes/{node}", "provision_state", *states)

    def available(self, seed, **fields):
        """A node that was made available."""
        node = self.node(seed, **fields)
        self.provision(node, "manage", "manageable")
        self.provision(node, "provide", "available")
        return node

    def active(self, seed, **fields):
        """A deployed node."""
        node = self.available(seed, **fields)
        self.provision(node, "active", "active")
        return node


def around(since, *others):
    """The versions to try what came with `since`: one below, that one, the highest, and others."""
    return sorted({version for version in (since - 1, since, LATEST, *others) if 1 <= version <= LATEST})


def uid(seed):
    """A UUID that is the same in each run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"parity/{seed}"))


def mac(number):
    """A locally administered address."""
    return f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def add(path, value):
    """A patch of one `add`."""
    return [{"op": "add", "path": path, "value": value}]


def replace(path, value):
    """A patch of one `replace`."""
    return [{"op": "replace", "path": path, "value": value}]


def remove(path):
    """A patch of one `remove`."""
    return [{"op": "remove", "path": path}]


def groups(only=()):
    """All groups in the order of their names, or only those named."""
    files = sorted(pathlib.Path(__file__).parent.glob("[a-z]*.py"))
    found = []
    for file in files:
        if only and file.stem not in only:
            continue
        group = Group(file.stem)
        importlib.import_module(f"corpus.{file.stem}").fill(group)
        found.append(group)
    return found
