"""What may be done to a node in states that no request leads to on both servers: what comes of a rescue, of a failed tear-down or
service, and holds.

Ironic leaves out the steps that hold, its fake boot interface refuses to rescue by a ramdisk, and nothing that fake machines
do fails a tear-down, a rescue, the way back from one, or a service. Whoever aborts a service has the instance again.
"""

from corpus import LATEST, add, around, uid
from corpus.node_in_state import STEP, active, available, deletions, manageable, refused_verbs, requests, rescue, things

RESCUE = {"target": "rescue", "rescue_password": "secret"}
SERVICE = {"target": "service", "service_steps": [{"interface": "bios", "step": "factory_reset"}]}
HOLD = {"interface": "deploy", "step": "hold", "args": {}}
FAILED = {"last_error": "it has failed"}


def held(kind, priority=0):
    """The step that holds, as a node shows it."""
    return {f"{kind}_step": {"interface": "deploy", "step": "hold", "priority": priority, "abortable": True}}


def by_ramdisk(group, node):
    """One that waits for it does so with the machine on."""
    group.patch(f"/v1/nodes/{node}", body=add("/rescue_interface", "agent"))
    active(group, node)


# From a state to how a node gets near, what leads further by itself, what Ironic's node shows then, and the verbs that are allowed.
STATES = {
    "rescue wait": (by_ramdisk, RESCUE, {"power_state": "power on"}, {"deleted", "undeploy", "abort"}),
    "rescue failed": (active, None, FAILED, {"rescue", "unrescue", "deleted", "undeploy"}),
    "unrescue failed": (rescue, None, FAILED, {"rescue", "unrescue", "deleted", "undeploy"}),
    "service failed": (active, None, FAILED, {"deleted", "undeploy", "abort", "rescue", "service"}),
    "error": (active, None, FAILED, {"rebuild", "deleted", "undeploy"}),
    "deploy hold": (available, {"target": "active", "deploy_steps": [{**HOLD, "priority": 90}]}, held("deploy", 90), {"abort", "unhold"}),
    "clean hold": (manageable, {"target": "clean", "clean_steps": [HOLD]}, held("clean"), {"abort", "unhold"}),
    "service hold": (active, {"target": "service", "service_steps": [HOLD]}, held("service"), {"abort", "unhold", "service"}),
}


def fill(group):
    for number, (state, (enter, request, fields, legal)) in enumerate(STATES.items(), start=50):
        seed = f"put-{state.replace(' ', '-')}"
        node = group.node(seed, resource_class="class", automated_clean=False)
        things(group, node, seed, number)
        enter(group, node)
        group.place(node, state, request, **fields)
        group.get(f"/v1/nodes/{node}")
        refused_verbs(group, node, legal)
        # Whoever switches off a machine that is being rescued ends that with ferric.
        requests(group, node, seed, number, ("power on",) if state == "rescue wait" else ("power on", "power off"))
        looks(group, node, state)
        in_maintenance(group, node, legal)
        group.get(f"/v1/nodes/{node}")
        deletions(group, node, seed)
    bodies(group)
    rescue_wait(group)
    ways_out(group)
    holds(group)


def looks(group, node, state):
    """Lists and views, also of versions before the state came."""
    path = f"/v1/nodes/{node}"
    for version in (1, 37, 38, 84, 85, 86, 87, LATEST):
        group.get(f"{path}/states", version)
    group.get(f"/v1/nodes?provision_state={state.replace(' ', '%20')}", (8, 9, 37, 38, LATEST))
    group.get(f"/v1/lookup?node_uuid={uid('nobody')}")
    group.post(f"/v1/continue_inspection?node_uuid={node}", body={"inventory": {"interfaces": []}})


def in_maintenance(group, node, legal):
    """Which verbs that are allowed otherwise are not, where that moves nothing."""
    path = f"/v1/nodes/{node}"
    group.put(f"{path}/maintenance", body={"reason": "why"})
    group.get(f"{path}?fields=maintenance,maintenance_reason,fault,provision_state,target_provision_state")
    for verb in sorted({"rescue", "unrescue", "service"} & legal):
        group.put(f"{path}/states/provision", body={"rescue": RESCUE, "unrescue": {"target": "unrescue"}, "service": SERVICE}[verb])
    if {"abort", "rescue"} <= legal:
        group.put(f"{path}/states/provision", body={"target": "abort"})
    for patch in (add("/extra/kept", 1), add("/rescue_interface", "no-rescue"), add("/rescue_interface", "nonsense"), add("/instance_uuid", uid("of maintenance")), [{"op": "remove", "path": "/instance_uuid"}]):
        group.patch(path, body=patch)
    group.delete(f"{path}/maintenance")
    group.get(f"{path}?fields=maintenance,maintenance_reason,fault,provision_state,target_provision_state,rescue_interface,extra")


def bodies(group):
    """Of verbs, where the state allows them."""
    node = group.node("put-bodies", automated_clean=False)
    active(group, node)
    group.place(node, "rescue failed", **FAILED)
    path = f"/v1/nodes/{node}/states/provision"
    for body in ({}, {"rescue_password": None}, {"rescue_password": ""}, {"rescue_password": " "}, {"rescue_password": 1}, {"rescue_password": []}, {"rescue_password": "x", "clean_steps": [STEP]},
                 {"rescue_password": "x", "runbook": "nobody"}):
        group.put(path, body={"target": "rescue", **body})
    for body in ({"rescue_password": "x"}, {"configdrive": "x"}, {"clean_steps": [STEP]}, {"service_steps": [STEP]}, {"deploy_steps": [{**STEP, "priority": 1}]}, {"disable_ramdisk": True}, {"runbook": "nobody"}, {"more": 1}):
        group.put(path, body={"target": "unrescue", **body})
    for version in around(38):
        group.put(path, version, body={"target": "rescue"})
    group.put(path, (1, 37), body={"target": "unrescue"})
    group.get(f"/v1/nodes/{node}?fields=provision_state,target_provision_state,last_error,instance_info")


def rescue_wait(group):
    """What ends it: an abort, and a tear-down."""
    node = group.node("put-rescue-aborted", automated_clean=False)
    path = f"/v1/nodes/{node}"
    by_ramdisk(group, node)
    group.place(node, "rescue wait", RESCUE, power_state="power on")
    group.get(f"/v1/lookup?node_uuid={node}", (21, 22, LATEST))
    group.post(f"/v1/heartbeat/{node}", body={"callback_url": "https://127.0.0.1:1/", "agent_version": "99.0", "agent_token": "wrong"})
    for what, value in (("boot_mode", "uefi"), ("secure_boot", True)):
        group.put(f"{path}/states/{what}", body={"target": value})
    group.put(f"{path}/states/provision", (12, 13), body={"target": "abort"})
    group.wait(path, "provision_state", "rescue failed")
    # By its name, as it is known by that to differ.
    group.get("/v1/nodes/put-rescue-aborted")
    group.get(f"/v1/lookup?node_uuid={node}")
    group.provision(node, "unrescue", "active")
    group.get(f"{path}?fields=provision_state,target_provision_state,last_error")
    group.place(node, "rescue wait", RESCUE, power_state="power on")
    group.provision(node, "deleted", "available")
    group.get(f"{path}?fields=provision_state,target_provision_state,last_error,instance_info,rescue_interface")


def ways_out(group):
    """Each verb that is allowed, and what it leads to."""
    node = group.node("put-out", automated_clean=False)
    path = f"/v1/nodes/{node}"
    active(group, node)
    for state, verbs in (
        ("rescue failed", (("unrescue", 38, "active"), ("rescue", 38, "rescue"), ("undeploy", 73, "available"))),
        ("unrescue failed", (("unrescue", 38, "active"), ("rescue", 38, "rescue"), ("deleted", 1, "available"))),
        ("service failed", (("abort", 13, "active"), ("service", 87, "active"), ("rescue", 38, "rescue"), ("deleted", 1, "available"))),
        ("error", (("undeploy", 73, "available"), ("deleted", 1, "available"))),
    ):
        for verb, since, end in verbs:
            group.place(node, state, **FAILED)
            body = {"rescue": RESCUE, "service": SERVICE}.get(verb, {"target": verb})
            group.put(f"{path}/states/provision", since, body=body)
            group.wait(path, "provision_state", end)
            group.get(f"{path}?fields=provision_state,target_provision_state,last_error,maintenance,fault,instance_info")
    # With Ironic it fails, and the node stays where it is.
    group.place(node, "error", **FAILED)
    group.put(f"{path}/states/provision", body={"target": "rebuild"})
    group.wait(path, "provision_state", "active", "error")


def holds(group):
    """An abort of one that cleans, and going on is of the version 1.85."""
    node = group.node("put-held", automated_clean=False)
    path = f"/v1/nodes/{node}"
    manageable(group, node)
    group.place(node, "clean hold", {"target": "clean", "clean_steps": [HOLD]}, **held("clean"))
    group.put(f"{path}/states/provision", (1, 84), body={"target": "unhold"})
    group.put(f"{path}/states/provision", 12, body={"target": "abort"})
    group.put(f"{path}/states/provision", 13, body={"target": "abort"})
    group.wait(path, "provision_state", "clean failed")
    group.contains(path, "last_error", "aborted")
    group.get(f"{path}?fields=provision_state,target_provision_state,maintenance,fault,clean_step")
