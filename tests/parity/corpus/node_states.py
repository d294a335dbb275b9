"""States of a node: power, provision and its verbs, RAID, console, boot mode, secure boot, maintenance."""

from corpus import LATEST, add, around, remove, replace, uid

VERBS = {
    "active": 1, "deploy": 73, "rebuild": 1, "deleted": 1, "undeploy": 73, "manage": 4, "provide": 4, "inspect": 6, "abort": 13, "clean": 15, "adopt": 17,
    "rescue": 38, "unrescue": 38, "unhold": 85, "service": 87,
}
STEP = {"interface": "deploy", "step": "erase_devices", "args": {}}
RAID = {"logical_disks": [{"size_gb": 100, "raid_level": "1"}]}


def fill(group):
    show(group)
    power(group)
    provision_bodies(group)
    verbs_by_state(group)
    cycle(group)
    inspect_wait(group)
    raid(group)
    switches(group)
    maintenance(group)


def show(group):
    node = group.node("states-show")
    for version in range(1, LATEST + 1):
        group.get(f"/v1/nodes/{node}/states", version)
    group.get("/v1/nodes/states-show/states", (4, 5))
    group.get(f"/v1/nodes/{uid('nobody')}/states", (1, LATEST))
    group.get("/v1/nodes/nobody/states", (4, 5, LATEST))
    for path in ("power", "provision", "raid", "boot_mode", "secure_boot", "console"):
        group.get(f"/v1/nodes/{node}/states/{path}", (1, LATEST))


def power(group):
    node = group.available("states-power")
    path = f"/v1/nodes/{node}/states/power"

    def settled():
        group.wait(f"/v1/nodes/{node}", "target_power_state", None)

    for target, since in (("power on", 1), ("power off", 1), ("rebooting", 1), ("soft rebooting", 27), ("soft power off", 27)):
        for version in around(since):
            group.put(path, version, body={"target": target})
            settled()
        group.get(f"/v1/nodes/{node}/states")
    for version in around(27):
        group.put(path, version, body={"target": "power on", "timeout": 5})
        settled()
    for body in ({}, {"target": None}, {"target": ""}, {"target": "on"}, {"target": "reboot"}, {"target": 1}, {"target": "POWER ON"}, {"timeout": 5},
                 {"target": "error"}, {"target": "power on", "more": 1}, {"target": "power on", "timeout": 0}, {"target": "power on", "timeout": -1},
                 {"target": "power on", "timeout": "x"}, {"target": "power on", "timeout": "5"}, {"target": "power on", "timeout": 1.5},
                 {"target": "power on", "timeout": None}):
        group.put(path, body=body)
        settled()
    group.put(f"{path}?target=power%20off", body={})
    settled()
    group.put(f"/v1/nodes/{uid('nobody')}/states/power", (1, LATEST), body={"target": "power on"})
    group.put("/v1/nodes/states-power/states/power", (4, 5), body={"target": "power on"})
    settled()
    kept = group.node("states-kept-on", disable_power_off=True)
    for target in ("power off", "soft power off", "rebooting", "soft rebooting", "power on"):
        group.put(f"/v1/nodes/{kept}/states/power", body={"target": target})
        group.wait(f"/v1/nodes/{kept}", "target_power_state", None)
    group.get(f"/v1/nodes/{kept}")


def provision_bodies(group):
    node = group.node("states-bodies")
    path = f"/v1/nodes/{node}/states/provision"
    for verb, since in VERBS.items():
        if verb != "manage":
            group.put(path, around(since), body={"target": verb})
    group.put(path, 3, body={"target": "manage"})
    for body in ({}, {"target": None}, {"target": ""}, {"target": "nonsense"}, {"target": 1}, {"target": "available"}, {"target": "enroll"},
                 {"target": "manageable"}, {"target": "ACTIVE"}, {"target": "manage", "more": 1}, {"target": "manage", "configdrive": "x"},
                 {"target": "manage", "clean_steps": []}, {"target": "manage", "rescue_password": "x"}, {"target": "manage", "runbook": "x"},
                 {"target": "manage", "disable_ramdisk": True}, {"target": "manage", "deploy_steps": []}, {"target": "manage", "service_steps": []}):
        group.put(path, body=body)
        group.wait(f"/v1/nodes/{node}", "provision_state", "enroll", "manageable")
    group.put(f"/v1/nodes/{uid('nobody')}/states/provision", (1, LATEST), body={"target": "manage"})
    ready = group.available("states-ready")
    path = f"/v1/nodes/{ready}/states/provision"
    for body in ({"configdrive": 1}, {"configdrive": []}, {"configdrive": {"nonsense": 1}}, {"configdrive": {"meta_data": 1}}, {"configdrive": {"user_data": []}},
                 {"configdrive": {"network_data": "x"}}, {"deploy_steps": {}}, {"deploy_steps": "x"}, {"deploy_steps": [1]}, {"deploy_steps": [{}]},
                 {"deploy_steps": [STEP]}, {"deploy_steps": [{**STEP, "priority": -1}]}, {"deploy_steps": [{**STEP, "priority": "x"}]},
                 {"deploy_steps": [{**STEP, "priority": 1, "more": 1}]}, {"deploy_steps": [{**STEP, "priority": 1, "interface": "nonsense"}]},
                 {"deploy_steps": [{**STEP, "priority": 1, "args": []}]}, {"deploy_steps": [{**STEP, "priority": 1}, {**STEP, "priority": 2}]},
                 {"deploy_steps": [{"interface": "deploy", "step": "deploy", "args": {}, "priority": 5}]},
                 {"deploy_steps": [{"interface": "vendor", "step": "send_raw", "args": {}, "priority": 5}]},
                 {"clean_steps": [STEP]}, {"rescue_password": "x"}, {"service_steps": [STEP]}, {"runbook": "nobody"}, {"disable_ramdisk": True}):
        group.put(path, body={"target": "active", **body})
        group.restore(ready, "available")
    for version in (55, 56, 58, 59):
        group.put(path, version, body={"target": "active", "configdrive": {"vendor_data": 1, "meta_data": {}}})
        group.restore(ready, "available")
    for version in around(69):
        group.put(path, version, body={"target": "active", "deploy_steps": [{}]})
        group.restore(ready, "available")
    for version in around(73):
        for body in ({"configdrive": "x"}, {"configdrive": {"meta_data": {}}}, {"deploy_steps": []}):
            group.put(path, version, body={"target": "deploy", **body})
            group.restore(ready, "available")
    lists_of_steps(group)


def lists_of_steps(group):
    node = group.node("states-steps")
    group.provision(node, "manage", "manageable")
    path = f"/v1/nodes/{node}/states/provision"
    for body in ({}, {"clean_steps": None}, {"clean_steps": []}, {"clean_steps": {}}, {"clean_steps": [1]}, {"clean_steps": [{}]},
                 {"clean_steps": [{"interface": "deploy"}]}, {"clean_steps": [{"interface": "nonsense", "step": "a"}]},
                 {"clean_steps": [{"interface": "deploy", "step": ""}]}, {"clean_steps": [{"interface": "deploy", "step": "a", "priority": 1}]},
                 {"clean_steps": [{"interface": "deploy", "step": "a", "args": []}]}, {"clean_steps": [{"interface": "network", "step": "a"}]},
                 {"clean_steps": [STEP], "disable_ramdisk": "x"}, {"clean_steps": [STEP], "configdrive": "x"},
                 {"clean_steps": [STEP], "rescue_password": "x"}, {"clean_steps": [STEP], "deploy_steps": []}, {"clean_steps": [STEP], "runbook": "x"},
                 {"clean_steps": [{"interface": "deploy", "step": "a", "order": "x"}]}, {"runbook": "nobody"}, {"runbook": uid("nobody")}, {"runbook": 1},
                 {"clean_steps": [{"interface": "vendor", "step": "send_raw"}]},
                 {"clean_steps": [{"interface": "deploy", "step": "a", "execute_on_child_nodes": "x"}]},
                 {"clean_steps": [{"interface": "deploy", "step": "a", "limit_child_node_execution": "x"}]}):
        group.put(path, body={"target": "clean", **body})
        group.restore(node, "manageable")
    for version in around(70):
        group.put(path, version, body={"target": "clean", "clean_steps": [{}], "disable_ramdisk": True})
    group.put(path, 14, body={"target": "clean", "clean_steps": [STEP]})
    group.put(path, 91, body={"target": "clean", "runbook": "CUSTOM_A"})
    group.provision(node, "clean", "manageable", clean_steps=[{"interface": "bios", "step": "factory_reset"}])
    group.get(f"/v1/nodes/{node}")


def verbs_by_state(group):
    nodes = {
        "enroll": group.node("verbs-enroll"),
        "available": group.available("verbs-available"),
        "active": group.active("verbs-active"),
    }
    legal = {"enroll": ["manage"], "available": ["active", "deploy", "manage"],
             "active": ["rebuild", "deleted", "undeploy", "rescue", "service"]}
    for state, node in nodes.items():
        for verb, since in VERBS.items():
            if verb not in legal[state]:
                for version in around(since):
                    group.put(f"/v1/nodes/{node}/states/provision", version, body={"target": verb})
    path = f"/v1/nodes/{nodes['active']}/states/provision"
    for body in ({}, {"rescue_password": None}, {"rescue_password": ""}, {"rescue_password": " "}, {"rescue_password": 1}, {"rescue_password": "x", "configdrive": "x"}):
        group.put(path, body={"target": "rescue", **body})
        group.restore(nodes["active"], "active")
    group.put(path, 37, body={"target": "rescue", "rescue_password": "x"})
    for body in ({}, {"service_steps": None}, {"service_steps": []}, {"service_steps": [{}]}, {"service_steps": [{"interface": "x", "step": "a"}]},
                 {"service_steps": [STEP], "clean_steps": [STEP]}, {"runbook": "nobody"}, {"service_steps": [STEP], "disable_ramdisk": "x"}):
        group.put(path, body={"target": "service", **body})
        group.restore(nodes["active"], "active")
    group.put(path, 86, body={"target": "service", "service_steps": [STEP]})
    group.put(path, 107, body={"target": "service", "service_steps": [{}], "disable_ramdisk": True})
    for version in (34, 35):
        group.put(path, version, body={"target": "rebuild", "configdrive": 1})


def cycle(group):
    node = group.node("states-cycle")
    path = f"/v1/nodes/{node}/states/provision"

    def to(verb, version, *states, **body):
        group.put(path, version, body={"target": verb, **body})
        group.wait(f"/v1/nodes/{node}", "provision_state", *states)
        group.get(f"/v1/nodes/{node}", (1, 2, LATEST))
        group.get(f"/v1/nodes/{node}/states")

    to("manage", 4, "manageable")
    to("inspect", 6, "manageable")
    to("provide", 4, "available")
    to("manage", 4, "manageable")
    to("provide", LATEST, "available")
    # It becomes the lessee until the undeploy.
    group.patch(f"/v1/nodes/{node}", body=add("/instance_info/project_id", "tenant"))
    group.patch(f"/v1/nodes/{node}", body=[{"op": "add", "path": "/instance_info/image_source", "value": "http://127.0.0.1:1/image"}])
    to("active", 1, "active", configdrive="http://127.0.0.1:1/configdrive")
    to("rebuild", 1, "active")
    to("rebuild", 35, "active", configdrive="YWJj")
    to("rescue", 38, "rescue", rescue_password="secret")
    to("rescue", 38, "rescue", rescue_password="secret")
    to("unrescue", 38, "active")
    to("deleted", 1, "available")
    to("deploy", 73, "active")
    group.patch(f"/v1/nodes/{node}", body=replace("/protected", True))
    for verb in ("rebuild", "deleted", "undeploy"):
        group.put(path, body={"target": verb})
    group.delete(f"/v1/nodes/{node}")
    group.patch(f"/v1/nodes/{node}", body=remove("/protected"))
    to("undeploy", 73, "available")
    to("active", LATEST, "active", configdrive={"meta_data": {"a": "b"}, "user_data": "x", "network_data": {}, "vendor_data": {}})
    group.patch(f"/v1/nodes/{node}", body=replace("/retired", True))
    to("deleted", LATEST, "manageable")
    group.put(path, body={"target": "provide"})
    group.patch(f"/v1/nodes/{node}", body=replace("/retired", False))
    to("adopt", 17, "active")
    to("deleted", LATEST, "available")
    group.get(f"/v1/nodes/{node}/history")


def inspect_wait(group):
    node = group.node("states-inspect", inspect_interface="agent")
    path = f"/v1/nodes/{node}/states/provision"
    group.provision(node, "manage", "manageable")
    group.provision(node, "inspect", "inspect wait")
    for version in (1, 5, 6, 38, 39, LATEST):
        group.get(f"/v1/nodes/{node}/states", version)
    group.get("/v1/nodes?provision_state=inspect%20wait", (38, 39))
    group.get("/v1/nodes?provision_state=inspecting", (38, 39))
    for verb in VERBS:
        if verb != "abort":
            group.put(path, body={"target": verb})
    group.put(path, (13, 40), body={"target": "abort"})
    group.put(f"/v1/nodes/{node}/states/power", body={"target": "power on"})
    group.delete(f"/v1/nodes/{node}")
    group.put(path, 41, body={"target": "abort"})
    group.wait(f"/v1/nodes/{node}", "provision_state", "inspect failed")
    group.contains(f"/v1/nodes/{node}", "last_error", "aborted")
    group.get(f"/v1/nodes/{node}", (38, LATEST))
    for verb in ("active", "provide", "clean", "abort", "adopt"):
        group.put(path, body={"target": verb})
    group.provision(node, "manage", "manageable")
    group.get(f"/v1/nodes/{node}")


def raid(group):
    node = group.node("states-raid")
    path = f"/v1/nodes/{node}/states/raid"
    group.put(path, around(12), body=RAID)
    group.get(f"/v1/nodes/{node}/states")
    for body in ({}, {"logical_disks": []}, {"logical_disks": 1}, {"logical_disks": [{}]}, {"logical_disks": [{"size_gb": 1}]},
                 {"logical_disks": [{"size_gb": -1, "raid_level": "1"}]}, {"logical_disks": [{"size_gb": "MAX", "raid_level": "1"}]},
                 {"logical_disks": [{"size_gb": "x", "raid_level": "1"}]}, {"logical_disks": [{"size_gb": 1, "raid_level": "9"}]},
                 {"logical_disks": [{"size_gb": 1, "raid_level": "1", "nonsense": 1}]}, {"nonsense": 1}, [], None,
                 {"logical_disks": [{"size_gb": 1, "raid_level": "1", "is_root_volume": True}, {"size_gb": 1, "raid_level": "1", "is_root_volume": True}]},
                 {"logical_disks": [{"size_gb": 1, "raid_level": "1", "disk_type": "x"}]}):
        group.put(path, body=body)
        group.get(f"/v1/nodes/{node}/states")
    group.put(f"/v1/nodes/{uid('nobody')}/states/raid", body=RAID)
    without = group.node("states-no-raid", raid_interface="no-raid")
    group.put(f"/v1/nodes/{without}/states/raid", body=RAID)
    active = group.active("states-raid-active")
    group.put(f"/v1/nodes/{active}/states/raid", body=RAID)


def switches(group):
    node = group.node("states-switches")
    for what, since, values in (("boot_mode", 76, ["uefi", "bios", "nonsense", "", None, 1, "UEFI"]),
                                ("secure_boot", 76, [True, False, "true", "nonsense", None, 1])):
        path = f"/v1/nodes/{node}/states/{what}"
        group.put(path, around(since), body={"target": values[0]})
        for value in values:
            group.put(path, LATEST, body={"target": value})
            group.wait(f"/v1/nodes/{node}", "reservation", None)
        group.put(path, body={})
        group.put(path, body={"target": values[0], "more": 1})
        group.put(f"{path}?target={values[0]}", body={})
        for ident in (uid("nobody"), "nobody", "states-switches"):
            group.put(f"/v1/nodes/{ident}/states/{what}", body={"target": values[0]})
        for body in ([], None, {"target": []}, {"target": {}}):
            group.put(path, body=body)
        for method in ("POST", "PATCH", "DELETE"):
            group.ask(method, path, LATEST, body={})
        noop = group.node(f"states-noop-{what.replace('_', '-')}", management_interface="noop")
        group.put(f"/v1/nodes/{noop}/states/{what}", body={"target": values[0]})
        group.wait(f"/v1/nodes/{noop}", "reservation", None)
        group.get(f"/v1/nodes/{noop}/states")
    group.get(f"/v1/nodes/{node}/states", around(75))
    for fake in ("fake", "no-console"):
        console = group.node(f"states-console-{fake}", console_interface=fake)
        path = f"/v1/nodes/{console}/states/console"
        group.get(path, (1, LATEST))
        for enabled in (True, False, "true", "nonsense", None, 1, 0):
            group.put(path, body={"enabled": enabled})
            group.wait(f"/v1/nodes/{console}", "reservation", None)
            group.get(path)
        group.put(path, (1, LATEST), body={})
        group.put(path, body={"enabled": True, "more": 1})
        group.put(f"{path}?enabled=true", body={})
        group.wait(f"/v1/nodes/{console}", "reservation", None)
        for body in ([], {"enabled": []}, {"enabled": ""}, {"enabled": "off"}, {"enabled": "yes"}):
            group.put(path, body=body)
            group.wait(f"/v1/nodes/{console}", "reservation", None)
        group.put(path, (1, LATEST), body={"enabled": True})
        group.wait(f"/v1/nodes/{console}", "reservation", None)
        group.get(f"/v1/nodes/{console}/states")
        group.get(f"/v1/nodes/{console}?fields=console_enabled,last_error")
        group.get(path, (1, LATEST))
        group.put(path, body={"enabled": False})
        group.wait(f"/v1/nodes/{console}", "reservation", None)
        for method in ("POST", "PATCH", "DELETE"):
            group.ask(method, path, LATEST, body={})
    for ident in (uid("nobody"), "nobody", "states-console-fake"):
        group.get(f"/v1/nodes/{ident}/states/console", (4, 5, LATEST))
        group.put(f"/v1/nodes/{ident}/states/console", (4, 5, LATEST), body={"enabled": False})


def maintenance(group):
    node = group.node("states-maintenance")
    path = f"/v1/nodes/{node}/maintenance"
    for body in (None, {}, {"reason": "why"}, {"reason": None}, {"reason": ""}, {"reason": 1}, {"more": 1}, {"reason": "x" * 70000}):
        group.put(path, (1, LATEST), body=body)
        group.get(f"/v1/nodes/{node}?fields=maintenance,maintenance_reason,fault", LATEST)
    group.get(path, (1, LATEST))
    group.delete(path, (1, LATEST))
    group.get(f"/v1/nodes/{node}?fields=maintenance,maintenance_reason,fault")
    group.delete(path)
    for ident in (uid("nobody"), "nobody", "states-maintenance"):
        group.put(f"/v1/nodes/{ident}/maintenance", (4, 5, LATEST), body={})
        group.delete(f"/v1/nodes/{ident}/maintenance", (4, 5, LATEST))
