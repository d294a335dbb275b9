"""What came with a later version than the path that it belongs to, or is said below a node only: below that version, in it, and in the last."""

from corpus import LATEST, add, around, mac, uid
from corpus.node_in_state import FOUND, STEP, deploying

# Fields of nodes that lists can be sorted by, with their versions.
SORTED = {
    "network_interface": 20, "boot_interface": 31, "fault": 42, "conductor_group": 46, "protected": 48, "description": 51, "retired": 61, "lessee": 65, "parent_node": 83,
    "instance_name": 104,
}
OF_PORTS = {
    "internal_info": 18, "pxe_enabled": 19, "portgroup_uuid": 24, "physical_network": 34, "is_smartnic": 53, "name": 88, "description": 97, "vendor": 100, "category": 101,
    "available_for_dynamic_portgroup": 111,
}
OF_PORTGROUPS = {"mode": 26, "properties": 26, "physical_network": 102, "category": 103, "dynamic_portgroup": 111}
BOOK = [{"interface": "bios", "step": "factory_reset", "args": {}, "order": 1}]


def fill(group):
    group.get("/", None, save={"base": "default_version.links.0.href"})
    node = group.node("later", shard="s")
    members(group, node)
    fields(group)
    parts(group, node)
    records(group)
    verbs(group)
    abort(group)


def members(group, node):
    """The lists below a node, a chassis and a port group, with arguments."""
    chassis, portgroup = uid("later chassis"), uid("later portgroup")
    group.post("/v1/chassis", body={"uuid": chassis})
    group.patch(f"/v1/nodes/{node}", body=add("/chassis_uuid", chassis))
    for number in range(2):
        group.post("/v1/portgroups", body={"uuid": uid(f"later group {number}"), "node_uuid": node, "name": f"later-{number}", "address": mac(9900 + number)})
    group.post("/v1/portgroups", body={"uuid": portgroup, "node_uuid": node, "name": "later-full"})
    group.post("/v1/ports", body={"uuid": uid("later port"), "node_uuid": node, "address": mac(9950), "portgroup_uuid": portgroup, "name": "later-port", "description": "text"})
    for query in ("limit=1", "limit=0", "limit=x", f"marker={uid('later group 0')}", f"marker={uid('nobody')}", "marker=nonsense", "sort_key=name", "sort_key=address&sort_dir=desc", "sort_key=extra",
                  "sort_key=nonsense", "sort_dir=x", "fields=uuid,name", "fields=nonsense", "fields=", "more=1", f"address={mac(9900)}"):
        group.get(f"/v1/nodes/{node}/portgroups?{query}", around(24))
        group.get(f"/v1/nodes/{node}/portgroups/detail?{query}")
    for path in (f"/v1/nodes/{node}/ports", f"/v1/nodes/{node}/portgroups", f"/v1/portgroups/{portgroup}/ports", f"/v1/chassis/{chassis}/nodes", f"/v1/nodes/{node}/volume/connectors", f"/v1/nodes/{node}/volume/targets"):
        for query in ("detail=true", "detail=false", "detail=x"):
            group.get(f"{path}?{query}", (42, 43))
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            group.ask(method, path, 1, body={})
    for query in ("fields=uuid", "fields=uuid,extra", "fields=nonsense"):
        group.get(f"/v1/chassis/{chassis}/nodes?{query}", (7, 8))
        group.get(f"/v1/portgroups/{portgroup}/ports?{query}", (23, 24))


def fields(group):
    """Of one object, and to sort by."""
    for name, since in SORTED.items():
        group.get(f"/v1/nodes?sort_key={name}", around(since))
    for name, since in OF_PORTS.items():
        group.get(f"/v1/ports/{uid('later port')}?fields={name}", around(since))
        group.get(f"/v1/ports?sort_key={name}", around(since))
    for name, since in OF_PORTGROUPS.items():
        group.get(f"/v1/portgroups/{uid('later portgroup')}?fields={name}", around(since))
        group.get(f"/v1/portgroups?sort_key={name}", around(since))
    group.post("/v1/runbooks", body={"uuid": uid("later book"), "name": "CUSTOM_LATER", "steps": BOOK, "description": "text"})
    group.post("/v1/deploy_templates", body={"uuid": uid("later template"), "name": "CUSTOM_LATER", "steps": [{"interface": "bios", "step": "apply", "args": {}, "priority": 1}]})
    for query in ("fields=name", "fields=steps,extra", "fields=nonsense", "detail=true"):
        group.get(f"/v1/runbooks/{uid('later book')}?{query}", (91, 92))
        group.get(f"/v1/deploy_templates/{uid('later template')}?{query}", (54, 55))
    for query in ("fields=hostname", "fields=alive,drivers", "fields=nonsense", "detail=true"):
        group.get(f"/v1/conductors/parity?{query}", around(49))


def parts(group, node):
    """Arguments of what stands below a node."""
    path = f"/v1/nodes/{node}"
    for query in ("fields=component", "fields=component,current_version", "fields=nonsense"):
        group.get(f"{path}/firmware?{query}", (85, 86))
    for query in ("fields=vendor", "fields=component,model,serial_number"):
        group.get(f"{path}/firmware?{query}", (113, 114))
    for query in ("device_types=cdrom", "device_types=nonsense", "more=1"):
        group.delete(f"{path}/vmedia?{query}", (88, 89))
        group.wait(path, "reservation", None)
    for query in ("component=system", "more=1"):
        group.get(f"{path}/management/indicators?{query}", (62, 63))
    for query in ("detail=true", "limit=1", "sort_key=uuid"):
        group.get(f"{path}/history?{query}", 77)
    for query in (f"marker={uid('nobody')}", "marker=nonsense", "more=1"):
        group.get(f"{path}/history?{query}", (77, 78))
    group.get(f"{path}/inventory?fields=uuid", (80, 81))
    for name, since in (("inventory", 81), ("children", 83), ("vifs", 28), ("traits", 37)):
        group.get(f"{path}/{name}?more=1", (since, LATEST))


def records(group):
    """What a record of the history has, which came in three versions."""
    node = group.node("later-history", inspect_interface="agent")
    path = f"/v1/nodes/{node}"
    group.provision(node, "manage", "manageable")
    group.provision(node, "inspect", "inspect wait")
    group.provision(node, "abort", "inspect failed")
    for version in around(78, 112, 113, 114):
        group.get(f"{path}/history?detail=true", version)
    group.get(f"{path}/history?sort_dir=desc", save={"record": "history.0.uuid"})
    for version in around(78, 112, 113, 114):
        group.get(f"{path}/history/${{record}}", version)
    for query in ("detail=true", "fields=event", "more=1"):
        group.get(f"{path}/history/${{record}}?{query}")
    other = group.node("later-history-other")
    group.get(f"/v1/nodes/{other}/history/{uid('nobody')}")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        group.ask(method, f"{path}/history/${{record}}", (77, LATEST), body={})


def verbs(group):
    """What a verb takes from some version on."""
    node = group.active("later-verbs")
    path = f"/v1/nodes/{node}/states/provision"
    group.put(path, 68, body={"target": "rebuild", "deploy_steps": [{**STEP, "priority": 1}]})
    for version in (68, 69):
        group.put(path, version, body={"target": "rebuild", "deploy_steps": [{}]})
    group.put(path, 107, body={"target": "service", "service_steps": [STEP], "disable_ramdisk": True})
    for version in (107, 108):
        group.put(path, version, body={"target": "service", "service_steps": [{}], "disable_ramdisk": True})
    for version in around(92):
        group.put(path, version, body={"target": "service", "runbook": "CUSTOM_NOBODY"})
    for version in (55, 56, 58, 59):
        for drive in ({"meta_data": 1}, {"vendor_data": []}, {"user_data": 1}):
            group.put(path, version, body={"target": "rebuild", "configdrive": drive})
    ready = group.node("later-clean")
    group.provision(ready, "manage", "manageable")
    for version in around(92):
        group.put(f"/v1/nodes/{ready}/states/provision", version, body={"target": "clean", "runbook": "CUSTOM_NOBODY"})
    group.get(f"/v1/nodes/{node}?fields=provision_state,target_provision_state,last_error")


def abort(group):
    """Of a deploy that waits."""
    node = group.node("later-abort", automated_clean=False)
    deploying(FOUND, "wait call-back")(group, node)
    path = f"/v1/nodes/{node}"
    for version in (12, 13, 109):
        group.put(f"{path}/states/provision", version, body={"target": "abort"})
    group.get(f"{path}/states")
    group.put(f"{path}/states/provision", 110, body={"target": "abort"})
    group.wait(path, "provision_state", "deploy failed")
    group.contains(path, "last_error", "aborted")
    group.get(f"{path}?fields=provision_state,target_provision_state,maintenance,fault")
