"""Which operations of docs/openapi.json the corpus does not ask for.

Each is asked in the version before it came, in the one that it came with, and in the highest.
"""

import json
import pathlib
import re

import corpus

OPENAPI = pathlib.Path(__file__).parent.parent.parent / "docs" / "openapi.json"
PARAMETER = re.compile(r"\\\{\w+\\\}")
METHODS = {"get", "put", "post", "patch", "delete"}

# The versions that paths came with, of Ironic's API reference; the longest that begins an operation counts, and 1.1 else.
SINCE = {
    "/v1/allocations": 52,
    "/v1/conductors": 49,
    "/v1/continue_inspection": 84,
    "/v1/deploy_templates": 55,
    "/v1/drivers/{driver}/raid": 12,
    "/v1/events": 54,
    "/v1/heartbeat": 22,
    "/v1/inspection_rules": 96,
    "/v1/lookup": 22,
    "/v1/nodes/{node}/allocation": 52,
    "/v1/nodes/{node}/bios": 40,
    "/v1/nodes/{node}/children": 83,
    "/v1/nodes/{node}/firmware": 86,
    "/v1/nodes/{node}/history": 78,
    "/v1/nodes/{node}/inventory": 81,
    "/v1/nodes/{node}/management/indicators": 63,
    "/v1/nodes/{node}/management/inject_nmi": 29,
    "/v1/nodes/{node}/portgroups": 24,
    "/v1/nodes/{node}/states/boot_mode": 76,
    "/v1/nodes/{node}/states/raid": 12,
    "/v1/nodes/{node}/states/secure_boot": 76,
    "/v1/nodes/{node}/traits": 37,
    "/v1/nodes/{node}/vifs": 28,
    "/v1/nodes/{node}/vmedia": 89,
    "/v1/nodes/{node}/volume": 32,
    "/v1/portgroups": 23,
    "/v1/portgroups/{ident}/ports": 24,
    "/v1/runbooks": 92,
    "/v1/runbooks/{ident}/traits": 112,
    "/v1/shards": 82,
    "/v1/volume": 32,
    # Later than the others of their paths.
    "/v1/allocations/{ident} PATCH": 57,
    "/v1/nodes/{node}/vmedia GET": 93,
}


def since(method, path):
    """The version that an operation came with."""
    begins = [name for name in SINCE if f"{path} {method}".startswith(name)]
    return SINCE[max(begins, key=len)] if begins else 1


def missing(groups):
    """A sentence for each version of an operation of Ironic's API that is not asked for, and for what is stale here."""
    asked = {}
    for group in groups:
        for step in group.steps:
            if isinstance(step, corpus.Step):
                path = step.path.partition("?")[0].rstrip("/")
                asked.setdefault((step.method, path), set()).add(step.version)
    found, operations = [], []
    for path, methods in json.loads(OPENAPI.read_text())["paths"].items():
        if path != "/v1" and not path.startswith("/v1/"):
            continue
        pattern = re.compile(PARAMETER.sub("[^/]+", re.escape(path)))
        for method in (name.upper() for name in sorted(set(methods) & METHODS)):
            operations.append(f"{path} {method}")
            hits = [versions for (name, place), versions in asked.items() if name == method and pattern.fullmatch(place)]
            first = since(method, path)
            lacking = {max(first - 1, 1), first, corpus.LATEST} - set().union(*hits)
            if lacking:
                found.append(f"the corpus does not ask for {method} {path} in the versions {sorted(lacking)}")
    unknown = [name for name in SINCE if not any(operation.startswith(name) for operation in operations)]
    return found + [f"docs/openapi.json has no operation for {name}, which is said to have come with a version" for name in unknown]
