"""What a machine asks for: lookup, heartbeat, and the data of its inspection."""

from corpus import LATEST, around, mac, uid

NODE_MAC = mac(7001)
INVENTORY = {"interfaces": [{"name": "eth0", "mac_address": NODE_MAC, "ipv4_address": "192.0.2.1"}], "cpu": {"count": 2, "architecture": "x86_64"}, "memory": {"physical_mb": 2048}, "disks": [{"name": "/dev/sda", "size": 1 << 34}],
             "bmc_address": "192.0.2.9", "system_vendor": {"product_name": "p"}, "boot": {"current_boot_mode": "uefi", "pxe_interface": NODE_MAC}}


def fill(group):
    node = group.node("ramdisk-node", inspect_interface="agent", driver_info={"password": "p"}, instance_info={"secret": "s"})
    group.post("/v1/ports", body={"uuid": uid("ramdisk-port"), "node_uuid": node, "address": NODE_MAC})
    idle = group.node("ramdisk-idle")
    lookup(group, node, before=True)
    for target in (node, idle, "ramdisk-idle", uid("nobody"), "nobody"):
        beats(group, target, short=True)
    group.provision(node, "manage", "manageable")
    group.provision(node, "inspect", "inspect wait")
    lookup(group, node, before=False)
    beats(group, node, short=False)
    inspection(group, node)


def lookup(group, node, before):
    for version in around(22, 1, 36, 62, 68):
        for query in (f"addresses={NODE_MAC}", f"node_uuid={node}"):
            if before:
                group.get(f"/v1/lookup?{query}", version)
    for query in ("", "addresses=", "addresses=nonsense", f"addresses={mac(7999)}", f"addresses={NODE_MAC},nonsense", f"addresses={mac(7999)},{mac(7998)}", f"node_uuid={uid('nobody')}", "node_uuid=nonsense", "node_uuid=ramdisk-node", "more=1",
                  f"addresses={NODE_MAC}&node_uuid={uid('nobody')}"):
        group.get(f"/v1/lookup?{query}", (21, 22, LATEST))
    if not before:
        group.get(f"/v1/lookup?addresses={NODE_MAC},{mac(7999)}", save={"token": "config.agent_token"})
        group.get(f"/v1/lookup?addresses={NODE_MAC}&node_uuid={node}")
        group.get(f"/v1/lookup?node_uuid={node}")
    for method in ("POST", "PUT", "DELETE"):
        group.ask(method, "/v1/lookup", (21, LATEST), body={})


def beats(group, target, short):
    path = f"/v1/heartbeat/{target}"
    good = {"callback_url": "https://127.0.0.1:1/", "agent_version": "99.0", "agent_token": "wrong"}
    group.post(path, (21, 22, LATEST), body=good)
    if short:
        return
    for body in ({}, {"callback_url": "https://127.0.0.1:1/"}, {"agent_token": "x"}, {**good, "callback_url": 1}, {**good, "callback_url": "nonsense"}, {**good, "agent_version": 1}, {**good, "more": 1}, {**good, "agent_token": None},
                 {**good, "agent_status": "nonsense"}, {**good, "agent_verify_ca": 1}, []):
        group.post(path, body=body)
    good["agent_token"] = "${token}"
    for version in around(36, 62, 67, 68, 71, 72):
        group.post(path, version, body=good)
        group.post(path, version, body={**good, "agent_verify_ca": "abc"})
        group.post(path, version, body={**good, "agent_status": "start", "agent_status_message": "m"})
    group.post(path, body={**good, "callback_url": "http://127.0.0.1:1/"})
    group.post(path, body={**good, "callback_url": "https://127.0.0.2:1/"})
    group.post("/v1/heartbeat", (21, LATEST), body=good)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        group.ask(method, path, LATEST)
    group.get(f"/v1/nodes/{target}?fields=driver_internal_info")


def inspection(group, node):
    path = "/v1/continue_inspection"
    for version in around(84, 1, 2):
        group.post(path, version, body={"inventory": {"interfaces": []}})
    for body in ({}, {"inventory": None}, {"inventory": []}, {"inventory": {"interfaces": [{}]}}, {"inventory": {"interfaces": [{"mac_address": "nonsense"}]}}, {"inventory": {"interfaces": [{"mac_address": mac(7999)}]}}, [],
                 {"inventory": {"interfaces": "x"}}, {"inventory": {"bmc_address": "192.0.2.77"}}, {"nonsense": 1}):
        group.post(path, body=body)
        group.post(f"{path}?node_uuid={uid('nobody')}", body=body)
    group.post(f"{path}?node_uuid=nonsense", body={"inventory": INVENTORY})
    group.post(f"{path}?more=1", body={"inventory": INVENTORY})
    group.get(path)
    group.get(f"/v1/nodes/{node}/inventory")
    group.post(f"{path}?node_uuid={node}", body={"inventory": INVENTORY, "root_disk": {"name": "/dev/sda", "size": 1 << 34}})
    group.wait(f"/v1/nodes/{node}", "provision_state", "manageable")
    group.post(f"{path}?node_uuid={node}", body={"inventory": INVENTORY})
    group.get(f"/v1/nodes/{node}/inventory", around(81))
    group.get(f"/v1/nodes/{node}")
    group.get("/v1/ports/detail")
