"""Hooks for schemathesis: paths name objects that are there, one of each kind, instead of made-up ones.

The server is at FERRIC_URL, with a node `n1` that cannot be deleted. What a request has deleted is made again, under the
same UUID, before the next one asks for it. At the end the file FOUND has a line for
each operation that names something: how often it was asked, and how often not 404.
"""

import atexit
import collections
import itertools
import os
import pathlib
import re
import time
import uuid

import requests
import schemathesis

URL = os.environ["FERRIC_URL"]
FOUND = pathlib.Path(os.environ["FOUND"])
NODE = "n1"
TRAIT = "CUSTOM_THERE"
# How often something is tried that another request may be in the way of.
PATIENCE = 100
# One in so many keeps the made-up names.
MADE_UP = 8
PARAMETER = re.compile(r"\{(\w+)\}")

session = requests.Session()
session.trust_env = False
session.headers["X-OpenStack-Ironic-API-Version"] = "latest"


def ask(method, path, body=None):
    """The answer of a request that must be right."""
    answer = session.request(method, URL + path, json=body, timeout=60)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
    return answer.json() if answer.content else None


def uid(name):
    """A UUID that is the same each time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"schema/{name}"))


OTHER = uid("node")
STEP = {"interface": "bios", "step": "factory_reset", "args": {}}
# Where objects are made, and of what, but for the UUID; with a number that is another one each time, as what is unique may
# have been given to something else meanwhile. An allocation for the active node is as if it had come first.
OBJECTS = {
    "node": ("/v1/nodes", lambda number: {"driver": "fake-hardware"}),
    "port": ("/v1/ports", lambda number: {"node_uuid": OTHER, "address": f"52:54:{number.to_bytes(4, 'big').hex(':')}"}),
    "portgroup": ("/v1/portgroups", lambda number: {"node_uuid": OTHER}),
    "chassis": ("/v1/chassis", lambda number: {}),
    "allocation": ("/v1/allocations", lambda number: {"resource_class": "nobody-has-it"}),
    "backfill": ("/v1/allocations", lambda number: {"node": NODE}),
    "template": ("/v1/deploy_templates", lambda number: {"name": f"CUSTOM_T{number}", "steps": [{**STEP, "priority": 9}]}),
    "runbook": ("/v1/runbooks", lambda number: {"name": f"CUSTOM_R{number}", "steps": [{**STEP, "order": 1}]}),
    "rule": ("/v1/inspection_rules", lambda number: {"actions": [{"op": "fail", "args": {"msg": "there"}}]}),
    "connector": ("/v1/volume/connectors", lambda number: {"node_uuid": OTHER, "type": "iqn", "connector_id": f"there-{number}"}),
    "target": ("/v1/volume/targets", lambda number: {
        "node_uuid": OTHER, "volume_type": "iscsi", "volume_id": "there", "boot_index": number}),
}
numbers = itertools.count(1000)
# Of the paths that begin so, which object `{ident}` is.
IDENTS = {
    "/v1/portgroups": "portgroup",
    "/v1/chassis": "chassis",
    "/v1/allocations": "allocation",
    "/v1/deploy_templates": "template",
    "/v1/runbooks": "runbook",
    "/v1/inspection_rules": "rule",
    "/v1/volume/connectors": "connector",
    "/v1/volume/targets": "target",
}


def there(name):
    """The UUID of this object; it is made if it is gone, and the node that it hangs on."""
    collection, body = OBJECTS[name]
    ident = uid(name)
    for _ in range(PATIENCE):
        if session.get(f"{URL}{collection}/{ident}", timeout=60).status_code != 404:
            return ident
        wanted = {"uuid": ident, **body(next(numbers))}
        if "node_uuid" in wanted:
            there("node")
        answer = session.post(URL + collection, json=wanted, timeout=60)
        if answer.status_code != 409:
            break
        # A request that came before holds the node.
        time.sleep(0.1)
    assert answer.status_code == 201, f"POST {collection}: {answer.status_code} {answer.text[:500]}"
    return ident


def bulk_request():
    """A request of which nothing waits. The same again is the same request."""
    body = {"id": uid("bulk"), "action": "provision", "defaults": {"target": "provide"}, "nodes": ["nobody"], "wait_s": 0}
    return ask("POST", "/ferric/v1/nodes/bulk", body)["id"]


def trait_of(template):
    """One that its owner has, unless that is a node that is held just now."""
    owner = f"/v1/nodes/{NODE}" if template.startswith("/v1/nodes") else f"/v1/runbooks/{there('runbook')}"
    session.put(f"{URL}{owner}/traits/{TRAIT}", timeout=60)
    return TRAIT


def node_of(template):
    """The node, with an allocation where that is asked for."""
    if template.endswith("/allocation"):
        there("backfill")
    return NODE


def first(path, *keys):
    """What these keys lead to in an answer; of a list its first item."""
    found = ask("GET", path)
    for key in keys:
        found = (found[0] if isinstance(found, list) else found)[key]
    return found


HOSTNAME = first("/v1/conductors", "conductors", "hostname")
EVENT = first(f"/v1/nodes/{NODE}/history", "history", "uuid")
SETTING = first(f"/v1/nodes/{NODE}/bios", "bios", "name")
INDICATOR = first(f"/v1/nodes/{NODE}/management/indicators", "indicators", "name")
for name in OBJECTS:
    there(name)
# Of each parameter of a path the name that is put there.
NAMES = {
    "node": node_of,
    "driver": lambda template: "fake-hardware",
    "port": lambda template: there("port"),
    "ident": lambda template: there(IDENTS[template.partition("/{")[0]]),
    "hostname": lambda template: HOSTNAME,
    "event": lambda template: EVENT,
    "setting": lambda template: SETTING,
    "indicator": lambda template: INDICATOR,
    "trait": trait_of,
    "request": lambda template: bulk_request(),
}
# A VIF that is attached needs a network interface and a free port: its name is made up.
UNKNOWN = {"vif"}
asked = collections.Counter()
found = collections.Counter()


def name_of(case):
    """The operation, or nothing where a method is tried that the document does not have."""
    operation = case.operation
    return f"{case.method.upper()} {operation.path}" if case.method.upper() == operation.method.upper() else None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts the names into the path, of most cases."""
    names = PARAMETER.findall(case.operation.path)
    asked[name_of(case)] += 1
    if names and asked[name_of(case)] % MADE_UP:
        known = {name: NAMES[name](case.operation.path) for name in names if name not in UNKNOWN}
        case.path_parameters = {**(case.path_parameters or {}), **known}


@schemathesis.hook
def after_call(context, case, response):
    """Counts what was there."""
    found[name_of(case)] += response.status_code != 404


@atexit.register
def tell():
    operations = sorted(operation for operation in asked if operation and PARAMETER.search(operation))
    FOUND.write_text("".join(f"{found[operation]} {asked[operation]} {operation}\n" for operation in operations))
