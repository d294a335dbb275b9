"""Whether two servers have the same: every list and every object of either, by their GETs at the newest version."""

import json

# Path, key of the list, whether each object has a path of its own.
LISTS = [
    ("/v1/chassis/detail", "chassis", "/v1/chassis/{}"),
    ("/v1/nodes/detail?include_children=true", "nodes", "/v1/nodes/{}"),
    ("/v1/ports/detail", "ports", "/v1/ports/{}"),
    ("/v1/portgroups/detail", "portgroups", "/v1/portgroups/{}"),
    ("/v1/volume/connectors?detail=True", "connectors", "/v1/volume/connectors/{}"),
    ("/v1/volume/targets?detail=True", "targets", "/v1/volume/targets/{}"),
    ("/v1/allocations", "allocations", "/v1/allocations/{}"),
    ("/v1/deploy_templates?detail=True", "deploy_templates", "/v1/deploy_templates/{}"),
    ("/v1/runbooks?detail=True", "runbooks", "/v1/runbooks/{}"),
    ("/v1/inspection_rules?detail=True", "inspection_rules", "/v1/inspection_rules/{}"),
    ("/v1/shards", "shards", None),
]
OF_NODES = ["states", "traits", "inventory", "allocation", "children", "ports", "portgroups", "volume/connectors", "volume/targets"]

# Whose the node is now, and when that one wrote it last.
OWN = {"conductor", "reservation", "updated_at"}
# Of a ramdisk's session or of a run: neither comes along.
SESSION = ("agent_", "clean_steps", "clean_step_index", "deploy_steps", "deploy_step_index", "service_steps", "service_step_index",
           "disk_erasure_concurrency")
# The step in hand when a run ended badly is of the run.
OF_RUNS = {"clean_step", "deploy_step", "service_step"}


def differences(one, other, ignore=frozenset()):
    """Sentences; `ignore` has the UUIDs of nodes that need not be there."""
    found, compared = [], 0
    for path, key, own in LISTS:
        if ignore and own is None:
            continue  # It counts those that are ignored, too.
        lists = [sorted(shown(peer.all(path, key) if own else peer.ask("GET", path)[key], ignore)) for peer in (one, other)]
        compared += 1
        found += unequal(path, *[[json.loads(text) for text in texts] for texts in lists])
        for uuid in [json.loads(text)["uuid"] for text in lists[0]] if own else []:
            paths = [own.format(uuid)]
            if key == "nodes":
                paths += [f"{paths[0]}/{part}" for part in OF_NODES]
            for path_of_one in paths:
                compared += 1
                found += of_path(path_of_one, one, other)
    return found, compared


def of_path(path, one, other):
    """Differences of one GET."""
    answers = [peer.answer("GET", path) for peer in (one, other)]
    if answers[0][0] != answers[1][0]:
        return [f"{path}: {answers[0][0]} and {answers[1][0]}"]
    if answers[0][0] != 200:
        return []
    return unequal(path, *[plain(body) for _, body in answers])


def shown(items, ignore):
    """Comparable texts of a list's items."""
    kept = [item for item in items if not ignore & {item.get("uuid"), item.get("node_uuid")}]
    return [json.dumps(plain(item), sort_keys=True) for item in kept]


def plain(value):
    """Without what differs between any two servers."""
    if isinstance(value, list):
        return sorted((plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if not isinstance(value, dict):
        return value
    dropped = {"links", "next", "href"}
    if "provision_state" in value:
        dropped |= OWN | OF_RUNS | {"ports", "portgroups", "states", "volume"}
    elif "uuid" in value and "links" in value:
        dropped |= {"ports", "nodes"} if "steps" not in value else set()
    kept = {key: plain(item) for key, item in value.items() if key not in dropped}
    if isinstance(kept.get("driver_internal_info"), dict):
        info = kept["driver_internal_info"]
        kept["driver_internal_info"] = {key: item for key, item in info.items() if not key.startswith(SESSION) and item != "******"}
    return kept


def unequal(path, one, other):
    """Where two values differ, as sentences."""
    if type(one) is not type(other):
        return [f"{path}: {short(one)} and {short(other)}"]
    if isinstance(one, dict):
        keys = sorted(one.keys() | other.keys())
        lost = object()
        pairs = [(key, one.get(key, lost), other.get(key, lost)) for key in keys]
        missing = [f"{path}/{key} is in one only" for key, a, b in pairs if lost in (a, b)]
        return missing + [line for key, a, b in pairs if lost not in (a, b) for line in unequal(f"{path}/{key}", a, b)]
    if isinstance(one, list):
        if len(one) != len(other):
            return [f"{path}: {len(one)} and {len(other)} items"]
        return [line for index, (a, b) in enumerate(zip(one, other)) for line in unequal(f"{path}[{index}]", a, b)]
    return [] if one == other else [f"{path}: {short(one)} and {short(other)}"]


def short(value):
    """A value as text, cut off."""
    text = json.dumps(value)
    return text if len(text) < 120 else text[:117] + "..."
