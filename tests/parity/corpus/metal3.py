"""The calls of Metal3's baremetal-operator, in the versions that it chooses, in the order of the life of a host."""

from corpus import add, mac, remove, replace, uid
from corpus.ramdisk import INVENTORY

# Those of older operators, too.
VERSIONS = (81, 87, 89, 93, 95, 109, 110)
INTERFACES = {"bios_interface": "no-bios", "boot_interface": "fake", "deploy_interface": "direct", "firmware_interface": "no-firmware", "inspect_interface": "agent", "management_interface": "fake", "power_interface": "fake",
              "raid_interface": "no-raid", "vendor_interface": "no-vendor"}


def fill(group):
    group.get("/", None)
    for version in VERSIONS:
        host(group, version)
        verbs(group, version)
    life(group)
    inspected(group)
    power_failure(group)


def host(group, version):
    """Registration and looks, which come again and again."""
    name, node = f"metal3~host-{version}", uid(f"metal3 {version}")
    address = mac(8000 + version)
    group.get("/v1/drivers", version)
    group.get(f"/v1/nodes/{name}", version)
    body = {"uuid": node, "name": name, "driver": "fake-hardware", **INTERFACES, "automated_clean": True, "properties": {"capabilities": "boot_mode:uefi", "cpu_arch": "x86_64"},
            "driver_info": {"deploy_kernel": "http://127.0.0.1:1/k", "deploy_ramdisk": "http://127.0.0.1:1/r", "kernel_append_params": "%default% a=b", "redfish_password": "secret"}}
    if version >= 95:
        body["disable_power_off"] = False
    if version < 86:
        del body["firmware_interface"]
    group.post("/v1/nodes", version, body=body)
    group.get(f"/v1/nodes/{name}", version)
    group.get(f"/v1/nodes/{node}", version)
    group.get("/v1/nodes?fields=uuid,name,provision_state,boot_interface", version)
    group.get(f"/v1/ports?fields=node_uuid,uuid,address&address={address}", version)
    group.get(f"/v1/ports?fields=node_uuid,uuid,address&node_uuid={node}", version)
    group.post("/v1/ports", version, body={"node_uuid": node, "address": address, "pxe_enabled": True})
    group.post("/v1/ports", version, body={"node_uuid": node, "address": address, "pxe_enabled": True})
    group.get(f"/v1/ports?fields=node_uuid,uuid,address&address={address}", version)
    group.get(f"/v1/nodes/{node}/validate", version)
    group.get(f"/v1/nodes/{node}/inventory", version)
    group.get(f"/v1/nodes/{node}/bios?detail=true", version)
    group.get(f"/v1/nodes/{node}/firmware", version)
    group.patch(f"/v1/nodes/{node}", version, body=[
        {"op": "add", "path": "/instance_uuid", "value": uid(f"consumer {version}")},
        {"op": "add", "path": "/instance_info", "value": {"image_source": "http://127.0.0.1:1/image", "image_os_hash_algo": "sha256", "image_os_hash_value": "0" * 64, "image_disk_format": "raw", "capabilities": {}}},
        {"op": "add", "path": "/automated_clean", "value": False},
        {"op": "add", "path": "/network_data", "value": {"links": [], "networks": [], "services": []}},
    ])
    group.patch(f"/v1/nodes/{node}", version, body=[{"op": "add", "path": "/instance_info/root_device", "value": {"name": "s== /dev/sda"}}, {"op": "remove", "path": "/driver_info/kernel_append_params"}])
    for values in (
        {"driver_info/deploy_iso": "http://127.0.0.1:1/i", "driver_info/external_http_url": "http://127.0.0.1:1/", "driver_info/force_persistent_boot_device": "Default"},
        {"instance_info/image_checksum": "0" * 32, "instance_info/boot_iso": "http://127.0.0.1:1/b", "instance_info/image_pull_secret": "hush"},
        {"properties/capabilities": "boot_mode:uefi,secure_boot:true", "properties/cpu_arch": "aarch64"}, {"deploy_interface": "ramdisk"}, {"deploy_interface": "custom-agent"}, {"network_data": {"links": [], "networks": [], "services": []}}, {"automated_clean": True},
    ):
        group.patch(f"/v1/nodes/{node}", version, body=[change for name, value in values.items() for change in add(f"/{name}", value)])
    group.patch(f"/v1/nodes/{node}", version, body=[remove("/instance_info/image_checksum")[0], remove("/instance_info/boot_iso")[0], remove("/instance_info/image_pull_secret")[0]])
    group.put(f"/v1/nodes/{node}/maintenance", version, body={"reason": "x"})
    group.delete(f"/v1/nodes/{node}/maintenance", version)
    group.put(f"/v1/nodes/{node}/states/raid", version, body={"logical_disks": []})
    group.get(f"/v1/nodes/{node}/vmedia", version)
    group.post(f"/v1/nodes/{node}/vmedia", version, body={"device_type": "cdrom", "image_url": "http://127.0.0.1:1/i"})
    group.delete(f"/v1/nodes/{node}/vmedia", version)
    group.post(f"/v1/nodes/{node}/vendor_passthru?method=create_subscription", version, body={"Destination": "https://a/b"})
    group.delete(f"/v1/nodes/{node}/vendor_passthru?method=delete_subscription", version, body={"id": "1"})
    group.put(f"/v1/nodes/{node}/states/provision", version, body={"target": "manage"})
    group.wait(f"/v1/nodes/{node}", "provision_state", "manageable")
    group.delete(f"/v1/nodes/{node}", version)
    group.patch(f"/v1/nodes/{node}", version, body=[{"op": "remove", "path": "/instance_uuid"}])
    group.delete(f"/v1/nodes/{node}", version)
    group.get(f"/v1/nodes/{node}", version)


def verbs(group, version):
    """Each verb in one of the operator's versions, with what the operator reads after it."""
    node = group.node(f"metal3~verbs-{version}", inspect_interface="agent", automated_clean=False)
    path = f"/v1/nodes/{node}"
    drive = {"meta_data": {"name": "a"}, "user_data": "#cloud-config", "network_data": {}}
    setting = {"interface": "bios", "step": "apply_configuration", "args": {"settings": [{"name": "BootMode", "value": "Uefi"}]}}

    def go(verb, state, **body):
        group.put(f"{path}/states/provision", version, body={"target": verb, **body})
        group.wait(path, "provision_state", state)
        group.get(path, version)

    go("manage", "manageable")
    go("inspect", "inspect wait")
    go("abort", "inspect failed")
    go("manage", "manageable")
    go("clean", "manageable", clean_steps=[setting])
    go("provide", "available")
    go("active", "active", configdrive=drive, deploy_steps=[])
    go("service", "active", **({"service_steps": [setting]} if version >= 87 else {}))
    for target in ("power off", "power on"):
        group.put(f"{path}/states/power", version, body={"target": target})
        group.wait(path, "power_state", target)
    group.put(f"{path}/states/power", version, body={"target": "soft power off", "timeout": 60})
    group.wait(path, "power_state", "power off")
    go("deleted", "available")
    go("manage", "manageable")
    go("adopt", "active")
    group.put(f"{path}/states/provision", version, body={"target": "provide"})
    group.put(f"{path}/maintenance", version, body={"reason": "forced"})
    group.delete(path, version)


def inspected(group):
    """What the operator asks for after an inspection."""
    node, address = group.node("metal3~inspected", inspect_interface="agent"), mac(8998)
    path = f"/v1/nodes/{node}"
    group.post("/v1/ports", 110, body={"node_uuid": node, "address": address, "pxe_enabled": True})
    group.provision(node, "manage", "manageable")
    group.provision(node, "inspect", "inspect wait")
    group.get(f"{path}/inventory", VERSIONS)
    inventory = {**INVENTORY, "interfaces": [{"name": "eth0", "mac_address": address}], "boot": {"current_boot_mode": "uefi", "pxe_interface": address}}
    group.post(f"/v1/continue_inspection?node_uuid={node}", body={"inventory": inventory})
    group.wait(path, "provision_state", "manageable")
    group.get(f"{path}/inventory", VERSIONS)
    group.get(path, VERSIONS)
    group.get(f"{path}/validate", 110)
    group.get("/v1/ports?fields=node_uuid,uuid,address", 110)


def power_failure(group):
    """The operator tells it by the word of the fault."""
    node = group.node("metal3~fault", automated_clean=False)
    path = f"/v1/nodes/{node}"
    group.provision(node, "manage", "manageable")
    for end in ("DELETE", "PATCH"):
        group.place(node, "manageable", fault="power failure", maintenance=True, maintenance_reason="no answer")
        group.get(path, VERSIONS)
        group.get("/v1/nodes?fault=power%20failure", 110)
        group.ask(end, f"{path}/maintenance" if end == "DELETE" else path, 110, body=None if end == "DELETE" else replace("/maintenance", False))
        group.get(f"{path}?fields=fault,maintenance,maintenance_reason,last_error", 110)


def life(group):
    """From registration to deletion, with what the operator reads in texts."""
    node = group.node("metal3~life", inspect_interface="agent", automated_clean=False)
    path = f"/v1/nodes/{node}"
    group.provision(node, "manage", "manageable")
    group.get(path, 110)
    group.provision(node, "inspect", "inspect wait")
    group.put(f"{path}/states/provision", 110, body={"target": "abort"})
    group.wait(path, "provision_state", "inspect failed")
    group.contains(path, "last_error", "aborted")
    group.get(path, 110)
    group.provision(node, "inspect", "inspect wait")
    group.put(f"{path}/states/provision", 110, body={"target": "abort"})
    group.wait(path, "provision_state", "inspect failed")
    group.provision(node, "manage", "manageable")
    group.get(path, 110)
    group.provision(node, "adopt", "active")
    group.get(path, 110)
    for target in ("power off", "power on"):
        group.put(f"{path}/states/power", 110, body={"target": target})
        group.wait(path, "power_state", target)
        group.get(path, 110)
    group.put(f"{path}/states/power", 110, body={"target": "soft power off", "timeout": 60})
    group.wait(path, "power_state", "power off")
    group.provision(node, "deleted", "available")
    group.get(path, 110)
    group.provision(node, "active", "active", configdrive={"meta_data": {"name": "a"}, "user_data": "#cloud-config", "network_data": {}}, deploy_steps=[])
    group.get(path, 110)
    group.patch(path, 110, body=replace("/deploy_interface", "fake"))
    group.provision(node, "deleted", "available")
    group.provision(node, "manage", "manageable")
    group.patch(path, 110, body=replace("/raid_interface", "fake"))
    group.put(f"{path}/states/raid", 110, body={"logical_disks": [{"size_gb": 10, "raid_level": "1"}]})
    for steps in ([{"interface": "bios", "step": "factory_reset"}], [{"interface": "bios", "step": "apply_configuration", "args": {"settings": [{"name": "BootMode", "value": "Bios"}]}}]):
        group.put(f"{path}/states/provision", 110, body={"target": "clean", "clean_steps": steps})
        group.wait(path, "provision_state", "manageable")
        group.get(path, 110)
        group.get(f"{path}/bios?detail=true", 110)
        group.get(f"{path}/firmware", 110)
    group.provision(node, "provide", "available")
    group.get(path, 110)
    group.provision(node, "active", "active", deploy_steps=[])
    group.put(f"{path}/states/provision", 110, body={"target": "service", "service_steps": [{"interface": "bios", "step": "apply_configuration", "args": {"settings": [{"name": "BootMode", "value": "Uefi"}]}}]})
    group.wait(path, "provision_state", "active", "service failed")
    group.get(path, 110)
    group.restore(node, "active")
    group.patch(path, 110, body=[{"op": "remove", "path": "/deploy_interface"}])
    group.delete(path, 110)
    group.put(f"{path}/maintenance", 110, body={"reason": "forced"})
    group.delete(path, 110)
    group.get(path, 110)
    life_of_ports(group)
    steps_of_ramdisk(group)


def life_of_ports(group):
    """What the operator does about addresses: one that is taken is a conflict, and goes with its node."""
    nodes = [group.node(f"metal3~address-{number}", inspect_interface="agent") for number in range(2)]
    address = mac(8999)
    for node in nodes:
        group.post("/v1/ports", 110, body={"node_uuid": node, "address": address, "pxe_enabled": True})
        group.get(f"/v1/ports?fields=node_uuid,uuid,address&address={address.upper()}", 110)
    group.get("/v1/ports?fields=node_uuid,uuid,address", 110)
    group.delete(f"/v1/nodes/{nodes[0]}", 110)
    group.get(f"/v1/ports?fields=node_uuid,uuid,address&address={address}", 110)
    group.post("/v1/ports", 110, body={"node_uuid": nodes[1], "address": address, "pxe_enabled": True})
    node, path = nodes[1], f"/v1/nodes/{nodes[1]}"
    group.provision(node, "manage", "manageable")
    group.provision(node, "inspect", "inspect wait")
    group.delete(path, 110)
    group.put(f"{path}/states/provision", 110, body={"target": "abort"})
    group.wait(path, "provision_state", "inspect failed")
    group.delete(path, 110)
    group.get(path, 110)


def steps_of_ramdisk(group):
    """The steps before a host is used: they need a ramdisk, which never comes."""
    node = group.node("metal3~steps", automated_clean=False, raid_interface="fake", firmware_interface="fake", deploy_interface="direct")
    path = f"/v1/nodes/{node}"
    group.provision(node, "manage", "manageable")
    raid = [{"interface": "raid", "step": "delete_configuration"}, {"interface": "raid", "step": "create_configuration"}]
    erase = {"interface": "deploy", "step": "erase_devices_metadata"}
    images = [{"component": "bios", "url": "http://127.0.0.1:1/bios"}, {"component": "bmc", "url": "http://127.0.0.1:1/bmc", "wait": 0}]
    firmware = {"interface": "firmware", "step": "update", "args": {"settings": images}}
    disks = [{"size_gb": 10, "raid_level": "1", "is_root_volume": True}, {"size_gb": "MAX", "raid_level": "0", "volume_name": "data"}]
    for logical_disks, wanted in (([], raid[:1]), (disks, raid), (disks, [*raid, erase]), ([], [erase]), ([], [firmware])):
        group.put(f"{path}/states/raid", 110, body={"logical_disks": logical_disks})
        group.put(f"{path}/states/provision", 110, body={"target": "clean", "clean_steps": wanted})
        group.wait(path, "provision_state", "clean wait", "clean failed")
        group.get(path, 110)
        group.put(f"{path}/states/provision", 110, body={"target": "abort"})
        group.wait(path, "provision_state", "clean failed")
        group.get(path, 110)
        group.restore(node, "manageable")
    for args in ({}, {"settings": "x"}, {"settings": images, "more": 1}):
        group.put(f"{path}/states/provision", 110, body={"target": "clean", "clean_steps": [{**firmware, "args": args}]})
        group.restore(node, "manageable")
    group.get(f"{path}/firmware", 110)
