"""Empties a server between two groups, so that none sees what another one left."""

from corpus import Step

# In the order in which they may go.
RESOURCES = [
    ("allocations", "allocations"),
    ("volume/connectors", "connectors"),
    ("volume/targets", "targets"),
    ("ports", "ports"),
    ("portgroups", "portgroups"),
    ("deploy_templates", "deploy_templates"),
    ("runbooks", "runbooks"),
    ("inspection_rules", "inspection_rules"),
    ("nodes", "nodes"),
    ("chassis", "chassis"),
]


def clear(peer):
    """Deletes all objects; nodes by way of maintenance, whatever state they are in."""
    peer.variables.clear()
    peer.known.clear()
    for path, key in RESOURCES:
        query = "?include_children=true" if key == "nodes" else ""
        # Children go before their parents, and what is refused once may go later.
        for _ in range(4):
            answer = peer.ask(Step("GET", f"/v1/{path}{query}", 115))
            found = answer.body.get(key, []) if answer.status == 200 else []
            for item in found:
                remove(peer, path, item["uuid"])
            if not found:
                break
    peer.variables.clear()
    peer.known.clear()


def remove(peer, path, ident):
    """One object; what goes at once needs no more requests."""
    gone = peer.ask(Step("DELETE", f"/v1/{path}/{ident}", 115)).status == 204
    if path == "nodes" and not gone:
        peer.ask(Step("PATCH", f"/v1/nodes/{ident}", 115, [{"op": "replace", "path": "/protected", "value": False}]))
        peer.ask(Step("PUT", f"/v1/nodes/{ident}/maintenance", 115, {"reason": "parity"}))
        peer.ask(Step("DELETE", f"/v1/{path}/{ident}", 115))
