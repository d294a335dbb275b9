"""What may be done to a node, and to what hangs on it, in each state that a node comes to rest in.

Those that no request leads to on both servers are in node_put_in_state.py.
"""

from corpus import LATEST, add, around, mac, remove, replace, uid
from corpus.node_states import VERBS

STEP = {"interface": "deploy", "step": "erase_devices", "args": {}}
# Each server is its own web server of images: the first path is found there, also by HEAD, the other one is not.
FOUND, MISSING = "${base}", "${base}nothing"


def fill(group):
    group.get("/", None, save={"base": "default_version.links.0.href"})
    for number, (state, enter) in enumerate(STATES.items()):
        seed = f"in-{state.replace(' ', '-')}"
        node = group.node(seed, resource_class="class", automated_clean=False)
        things(group, node, seed, number)
        enter(group, node)
        refused_verbs(group, node, LEGAL[state])
        # Whoever switches off a machine whose ramdisk is waited for ends the wait, with ferric.
        requests(group, node, seed, number, ("power on",) if state in ("wait call-back", "service wait") else ("power on", "power off"))
        group.get(f"/v1/nodes/{node}")
        deletions(group, node, seed)


def things(group, node, seed, number):
    """What hangs on it. Its power is known: that of Ironic's fake machines is not, before it is set."""
    group.put(f"/v1/nodes/{node}/states/power", body={"target": "power off"})
    group.wait(f"/v1/nodes/{node}", "power_state", "power off")
    group.post("/v1/ports", body={"uuid": uid(f"{seed} port"), "node_uuid": node, "address": mac(9000 + number)})
    group.post("/v1/portgroups", body={"uuid": uid(f"{seed} group"), "node_uuid": node, "name": f"{seed}-group"})
    group.post("/v1/volume/connectors", body={"uuid": uid(f"{seed} connector"), "node_uuid": node, "type": "iqn", "connector_id": seed})
    group.post("/v1/volume/targets", body={"uuid": uid(f"{seed} target"), "node_uuid": node, "volume_type": "iscsi", "volume_id": seed, "boot_index": 0})


def manageable(group, node):
    group.provision(node, "manage", "manageable")


def available(group, node):
    manageable(group, node)
    group.provision(node, "provide", "available")


def active(group, node):
    available(group, node)
    group.provision(node, "active", "active")


def rescue(group, node):
    active(group, node)
    group.provision(node, "rescue", "rescue", rescue_password="secret")


def waiting(verb, state, setup, **fields):
    """A wait that nobody ends, as the ramdisk never comes."""
    def enter(group, node):
        setup(group, node)
        group.patch(f"/v1/nodes/{node}", body=[patch for name, value in fields.items() for patch in add(f"/{name}", value)])
        group.provision(node, verb, state)
    return enter


def failed(enter, verb, state):
    """What comes of a wait that is ended."""
    def then(group, node):
        enter(group, node)
        group.provision(node, verb, state)
    return then


def deploying(image, state):
    """A deploy by a ramdisk that never comes."""
    def enter(group, node):
        available(group, node)
        # What hangs on the node is a target to boot from, which Ironic asks this of before it lets it be deployed.
        fields = {"/properties/capabilities": "iscsi_boot:true", "/deploy_interface": "direct"}
        image_fields = {"image_source": image, "image_os_hash_algo": "sha256", "image_os_hash_value": "0" * 64}
        fields |= {f"/instance_info/{name}": value for name, value in image_fields.items()}
        group.patch(f"/v1/nodes/{node}", body=[patch for path, value in fields.items() for patch in add(path, value)])
        group.provision(node, "active", state)
    return enter


def service_wait(group, node):
    """A step that nobody but a ramdisk can offer."""
    active(group, node)
    in_maintenance(group, node, add("/deploy_interface", "direct"))
    group.provision(node, "service", "service wait", service_steps=[STEP])


def in_maintenance(group, node, patch):
    """A patch of what is not changed otherwise in most states."""
    group.put(f"/v1/nodes/{node}/maintenance")
    group.patch(f"/v1/nodes/{node}", body=patch)
    group.delete(f"/v1/nodes/{node}/maintenance")


def switched_off(enter):
    """With the power known again: what a failure leaves of it is not the same in both."""
    def then(group, node):
        enter(group, node)
        group.put(f"/v1/nodes/{node}/states/power", body={"target": "power off"})
        group.wait(f"/v1/nodes/{node}", "power_state", "power off")
    return then


INSPECT_WAIT = waiting("inspect", "inspect wait", manageable, inspect_interface="agent")
CLEAN_WAIT = waiting("provide", "clean wait", manageable, deploy_interface="direct", automated_clean=True)
STATES = {
    "enroll": lambda group, node: None,
    "manageable": manageable,
    "available": available,
    "active": active,
    "rescue": rescue,
    "inspect wait": INSPECT_WAIT,
    "inspect failed": failed(INSPECT_WAIT, "abort", "inspect failed"),
    "clean wait": CLEAN_WAIT,
    "clean failed": failed(CLEAN_WAIT, "abort", "clean failed"),
    "wait call-back": deploying(FOUND, "wait call-back"),
    "deploy failed": switched_off(deploying(MISSING, "deploy failed")),
    "service wait": service_wait,
    # Both refuse: Ironic for the target to boot from, Ferric for want of an image.
    "adopt failed": switched_off(waiting("adopt", "adopt failed", manageable, deploy_interface="direct")),
}
# The verbs that move a node on from there. All others are refused.
LEGAL = {
    "enroll": {"manage"},
    "manageable": {"provide", "inspect", "clean", "adopt"},
    "available": {"active", "deploy", "manage"},
    "active": {"rebuild", "deleted", "undeploy", "rescue", "service"},
    "rescue": {"deleted", "undeploy", "rescue", "unrescue"},
    "inspect wait": {"abort"},
    "inspect failed": {"manage", "inspect"},
    "clean wait": {"abort"},
    "clean failed": {"manage"},
    "wait call-back": {"deleted", "undeploy", "abort"},
    "deploy failed": {"active", "deploy", "rebuild", "deleted", "undeploy"},
    "service wait": {"deleted", "undeploy", "abort"},
    "adopt failed": {"manage", "adopt"},
}
# What a verb needs to be more than a wrong request.
NEEDS = {"clean": {"clean_steps": [STEP]}, "service": {"service_steps": [STEP]}, "rescue": {"rescue_password": "secret"}}
PATCHES = [
    replace("/name", "renamed-{seed}"), add("/extra/a", 1), add("/properties/a", 1), add("/driver_info/a", 1), add("/instance_info/a", 1), replace("/resource_class", "other"), replace("/resource_class", "class"),
    replace("/driver", "manual-management"), replace("/driver", "fake-hardware"), replace("/boot_interface", "ipxe"), replace("/boot_interface", "fake"), replace("/network_interface", "noop"), replace("/console_interface", "no-console"),
    replace("/chassis_uuid", uid("nobody")), add("/instance_uuid", "{uid}"), remove("/instance_uuid"), replace("/conductor_group", ""), replace("/conductor_group", "nobody"), replace("/description", "text"), replace("/owner", "me"),
    replace("/lessee", "you"), replace("/shard", "s"), replace("/automated_clean", False), replace("/retired", True), replace("/retired", False), replace("/protected", True), replace("/protected", False), add("/network_data", {}),
    replace("/maintenance", True), replace("/maintenance", False), replace("/disable_power_off", False), replace("/parent_node", None), replace("/power_state", "power on"), replace("/provision_state", "available"),
]


def filled(value, seed):
    """A patch for this node."""
    if isinstance(value, str):
        return value.replace("{seed}", seed).replace("{uid}", uid(f"{seed} instance"))
    if isinstance(value, list):
        return [filled(item, seed) for item in value]
    return {key: filled(item, seed) for key, item in value.items()} if isinstance(value, dict) else value


def refused_verbs(group, node, legal):
    """Each verb that the state does not allow, with what it needs."""
    for verb, since in VERBS.items():
        if verb not in legal:
            for version in around(since):
                group.put(f"/v1/nodes/{node}/states/provision", version, body={"target": verb, **NEEDS.get(verb, {})})
    group.get(f"/v1/nodes/{node}/states")


def requests(group, node, seed, number, powers=("power on", "power off")):
    """What leaves the node in its state."""
    path = f"/v1/nodes/{node}"
    for patch in PATCHES:
        group.patch(path, body=filled(patch, seed))
    group.patch(path, body=replace("/name", seed))
    group.put(f"{path}/traits", body={"traits": ["CUSTOM_A"]})
    group.put(f"{path}/traits/CUSTOM_B")
    group.delete(f"{path}/traits/CUSTOM_B")
    group.delete(f"{path}/traits")
    group.put(f"{path}/states/raid", body={"logical_disks": []})
    group.put(f"{path}/management/boot_device", body={"boot_device": "pxe"})
    group.post(f"{path}/vifs", body={"id": uid(f"{seed} vif")})
    group.get(f"{path}/vifs")
    group.delete(f"{path}/vifs/{uid(f'{seed} vif')}")
    port = uid(f"{seed} port")
    for patch in (add("/extra/a", 1), replace("/address", mac(9100 + number)), replace("/pxe_enabled", False), add("/local_link_connection", {"port_id": "p", "switch_id": mac(9)}), replace("/physical_network", "net"),
                  add("/portgroup_uuid", uid(f"{seed} group")), remove("/portgroup_uuid"), replace("/name", f"{seed}-port"), replace("/description", "text"), replace("/is_smartnic", False), remove("/physical_network")):
        group.patch(f"/v1/ports/{port}", (38, LATEST), body=patch)
    made = uid(f"{seed} new port")
    group.post("/v1/ports", body={"uuid": made, "node_uuid": node, "address": mac(9200 + number)})
    group.delete(f"/v1/ports/{made}")
    for patch in (add("/extra/a", 1), replace("/address", mac(9300 + number)), replace("/mode", "802.3ad"), replace("/standalone_ports_supported", False), replace("/standalone_ports_supported", True), replace("/name", f"{seed}-other")):
        group.patch(f"/v1/portgroups/{uid(f'{seed} group')}", (38, LATEST), body=patch)
    made = uid(f"{seed} new group")
    group.post("/v1/portgroups", body={"uuid": made, "node_uuid": node})
    group.delete(f"/v1/portgroups/{made}")
    volumes(group, node, seed)
    group.post("/v1/allocations", body={"uuid": uid(f"{seed} allocation"), "name": f"backfill-{seed}", "node": node})
    group.delete(f"/v1/allocations/backfill-{seed}")
    group.get(f"{path}/validate")
    group.get(path)
    # The last ones, as they may end what the node waits for.
    for target in powers:
        group.put(f"{path}/states/power", body={"target": target})
        group.wait(path, "target_power_state", None)
        volumes(group, node, seed)


def volumes(group, node, seed):
    """Changes of volumes, which depend on the power."""
    for kind, fields in (("connectors", {"type": "wwpn", "connector_id": f"{seed} new"}), ("targets", {"volume_type": "iscsi", "volume_id": "new", "boot_index": 9})):
        made = uid(f"{seed} new {kind}")
        group.patch(f"/v1/volume/{kind}/{uid(f'{seed} {kind[:-1]}')}", body=add("/extra/a", 1))
        group.post(f"/v1/volume/{kind}", body={"uuid": made, "node_uuid": node, **fields})
        group.delete(f"/v1/volume/{kind}/{made}")


def deletions(group, node, seed):
    """Deleting what hangs on it, and it, at last in maintenance."""
    for path in (f"/v1/ports/{uid(f'{seed} port')}", f"/v1/portgroups/{uid(f'{seed} group')}", f"/v1/volume/connectors/{uid(f'{seed} connector')}", f"/v1/volume/targets/{uid(f'{seed} target')}", f"/v1/nodes/{node}"):
        group.delete(path)
    group.put(f"/v1/nodes/{node}/maintenance")
    group.delete(f"/v1/nodes/{node}")
    group.get(f"/v1/nodes/{node}")
