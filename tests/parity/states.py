"""The state of a node on one server: waiting for it, bringing it back to one, and putting it into one."""

import time

import corpus
from exchange import dig
from servers import Failed

POLL_S = 0.05

# A node that came here goes nowhere by itself.
RESTING = {
    "enroll", "manageable", "available", "active", "rescue", "error", "deploy failed", "clean failed", "inspect failed",
    "adopt failed", "rescue failed", "unrescue failed", "service failed",
}

# From a state to the next verb on the way to another one.
WAYS = {
    "manageable": {
        "enroll": "manage", "available": "manage", "clean failed": "manage", "inspect failed": "manage", "adopt failed": "manage",
        "clean wait": "abort", "inspect wait": "abort", "active": "deleted", "deploy failed": "deleted",
    },
    "available": {
        "enroll": "manage", "manageable": "provide", "clean failed": "manage", "active": "deleted", "deploy failed": "deleted",
        "error": "deleted", "wait call-back": "deleted", "clean wait": "abort", "rescue": "deleted",
    },
    "active": {
        "manageable": "provide", "available": "active", "service failed": "abort", "service wait": "abort", "rescue": "unrescue",
        "rescue failed": "unrescue", "deploy failed": "active",
    },
}

# Where a node is meant to go from the states that it is put into; from others it goes nowhere.
TARGETS = {
    "rescue wait": "rescue", "rescue failed": "rescue", "unrescue failed": "active", "deploy hold": "active", "clean hold": "manageable",
    "service hold": "active", "service failed": "active",
}


def reach(peer, step):
    """`None` once the server is where this step, which is no request, wants it; else a sentence."""
    if isinstance(step, corpus.Place):
        return place(peer, step)
    return restore(peer, step) if isinstance(step, corpus.Restore) else wait(peer, step)


def node_state(peer, path):
    """(provision state or None, whether something goes on, the whole answer)."""
    answer = peer.ask(corpus.Step("GET", path, corpus.LATEST))
    state = dig(answer.body, "provision_state")
    waits = isinstance(state, str) and state.endswith(("wait", "call-back", "hold"))
    target = dig(answer.body, "target_provision_state")
    moving = dig(answer.body, "reservation") or (target and not waits and not str(state).endswith("failed"))
    return state, bool(moving), answer


def wait(peer, step):
    """`None` once the server shows what is waited for; else a sentence."""
    deadline = time.monotonic() + corpus.WAIT_S
    while True:
        state, moving, answer = node_state(peer, step.path)
        value = dig(answer.body, step.key)
        if isinstance(step, corpus.Contains):
            shown = isinstance(value, str) and step.part in value
            return None if shown else f"{step.key} of {step.path} is {value!r}, without {step.part!r}"
        of_node = step.key in ("provision_state", "power_state")
        if value in step.values and not (of_node and moving):
            return None
        decided = step.key == "state" and value in ("active", "error")
        at_rest = step.key == "provision_state" and state in RESTING and not moving
        if answer.status >= 400 or decided or at_rest or time.monotonic() > deadline:
            expected = " or ".join(map(str, step.values))
            return f"{step.key} of {step.path} is {value!r} (status {answer.status}), not {expected}: {dig(answer.body, 'last_error')}"
        time.sleep(POLL_S)


def restore(peer, step):
    """`None` once the node is at rest in that state; else a sentence."""
    deadline = time.monotonic() + 2 * corpus.WAIT_S
    while time.monotonic() < deadline:
        state, moving, answer = node_state(peer, step.path)
        if answer.status >= 400:
            return f"{step.path} is not there"
        if state == step.state and not moving:
            if dig(answer.body, "maintenance"):
                peer.ask(corpus.Step("DELETE", f"{step.path}/maintenance", corpus.LATEST))
            return None
        verb = WAYS[step.state].get(state)
        if verb and not moving:
            if state.endswith("failed"):
                peer.ask(corpus.Step("DELETE", f"{step.path}/maintenance", corpus.LATEST))
            peer.ask(corpus.Step("PUT", f"{step.path}/states/provision", corpus.LATEST, {"target": verb}))
        time.sleep(POLL_S)
    return f"{step.path} is {state!r} and cannot be brought to {step.state!r}: {dig(answer.body, 'last_error')}"


def place(peer, step):
    """`None` once the node is in that state: by a request where the server gets there by itself, else as the server has it."""
    if step.request and not peer.server.writes_states:
        peer.ask(corpus.Step("PUT", f"{step.path}/states/provision", corpus.LATEST, step.request))
    else:
        fields = {"provision_state": step.state, "target_provision_state": TARGETS.get(step.state), **step.fields}
        try:
            peer.server.write_node(step.node, fields)
        except Failed as error:
            return str(error)
    return wait(peer, corpus.Wait(step.path, "provision_state", (step.state,)))
