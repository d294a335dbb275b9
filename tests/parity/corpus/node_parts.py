"""What stands below a node: validation, boot device, indicators, NMI, passthru, VIFs, traits, BIOS, firmware, history and the rest."""

from corpus import LATEST, around, mac, uid


def fill(group):
    validate(group)
    boot_device(group)
    indicators(group)
    passthru(group)
    vifs(group)
    traits(group)
    settings(group)
    history(group)
    children(group)
    vmedia(group)
    links(group)


def everywhere(group, path, since, versions=()):
    """The path below a node, below nobody, and below a node by its name."""
    node = group.node(f"parts-{path.strip('/').replace('/', '-').replace('_', '-').split('?')[0]}")
    for ident in (node, uid("nobody"), "nobody"):
        group.get(f"/v1/nodes/{ident}{path}", around(since, *versions))
    return node


def validate(group):
    node = everywhere(group, "/validate", 1, (30, 31, 33, 38, 40, 86))
    for query in (f"node={node}", f"node_uuid={node}", "node=parts-validate", "node=nobody", "", f"node={node}&node_uuid={node}", "node_uuid=nonsense"):
        group.get(f"/v1/nodes/validate?{query}", (1, 4, 5, LATEST))
    agent = group.node("parts-validate-agent", deploy_interface="direct", inspect_interface="agent", rescue_interface="agent", boot_interface="ipxe")
    group.get(f"/v1/nodes/{agent}/validate")
    manual = group.node("parts-validate-manual", driver="manual-management")
    group.get(f"/v1/nodes/{manual}/validate")


def boot_device(group):
    node = everywhere(group, "/management/boot_device", 1)
    path = f"/v1/nodes/{node}/management/boot_device"
    group.get(f"{path}/supported", (1, LATEST))
    group.get(f"/v1/nodes/{uid('nobody')}/management/boot_device/supported")
    for body in ({"boot_device": "pxe"}, {"boot_device": "pxe", "persistent": True}, {"boot_device": "pxe", "persistent": "true"},
                 {"boot_device": "pxe", "persistent": "nonsense"}, {"boot_device": "nonsense"}, {}, {"boot_device": None}, {"boot_device": 1},
                 {"boot_device": "pxe", "more": 1}, {"persistent": True}, {"boot_device": ""}, {"boot_device": "safe"}, {"boot_device": "disk"}):
        group.put(path, (1, LATEST), body=body)
    group.put(f"{path}?boot_device=pxe&persistent=true", body={})
    group.get(path)
    group.put(f"/v1/nodes/{uid('nobody')}/management/boot_device", body={"boot_device": "pxe"})
    noop = group.node("parts-boot-noop", management_interface="noop")
    group.get(f"/v1/nodes/{noop}/management/boot_device")
    group.get(f"/v1/nodes/{noop}/management/boot_device/supported")
    group.put(f"/v1/nodes/{noop}/management/boot_device", body={"boot_device": "pxe"})
    for version in around(29):
        group.put(f"/v1/nodes/{node}/management/inject_nmi", version, body={})
    for body in (None, [], {"more": 1}):
        group.put(f"/v1/nodes/{node}/management/inject_nmi", body=body)
    group.put(f"/v1/nodes/{node}/management/inject_nmi?more=1", body={})
    group.put(f"/v1/nodes/{noop}/management/inject_nmi", body={})
    for ident in ("nobody", "parts-management-boot-device"):
        group.put(f"/v1/nodes/{ident}/management/inject_nmi", (29, LATEST), body={})
    for method in ("POST", "PATCH", "DELETE"):
        group.ask(method, f"/v1/nodes/{node}/management/inject_nmi", LATEST, body={})
        group.ask(method, path, LATEST, body={})
        group.ask(method, f"{path}/supported", LATEST, body={})
    group.put(f"/v1/nodes/{uid('nobody')}/management/inject_nmi")
    group.get(f"/v1/nodes/{node}/management/inject_nmi")


def indicators(group):
    node = everywhere(group, "/management/indicators", 63)
    path = f"/v1/nodes/{node}/management/indicators"
    for name in ("led@system", "led-0@chassis", "led@nonsense", "nonsense@system", "nonsense", "led@", "@system", "led%40system"):
        group.get(f"{path}/{name}", (62, 63, LATEST))
        group.put(f"{path}/{name}", body={"state": "on"})
    group.get(f"{path}/led@system", around(63))
    group.put(f"{path}/led@system", around(63), body={"state": "on"})
    group.put(f"{path}/led-0@chassis", around(63), body={"state": "on"})
    for query in ("component=system", "component=chassis", "component=nonsense", "component=", "more=1", "fields=name", "limit=1"):
        group.get(f"{path}?{query}")
    group.get(f"{path}/led@system?more=1")
    group.get(f"{path}/led@system/more")
    group.put(f"{path}/led@system?state=on", body={})
    group.put(path, body={"state": "on"})
    for method in ("POST", "PATCH", "DELETE"):
        group.ask(method, path, LATEST, body={})
        group.ask(method, f"{path}/led@system", LATEST, body={})
    for component in ("chassis", "system", "disk", "power", "nic"):
        group.get(f"{path}/led@{component}")
    noop = group.node("parts-indicators-noop", management_interface="noop")
    group.get(f"/v1/nodes/{noop}/management/indicators")
    group.get(f"/v1/nodes/{noop}/management/indicators/led@system")
    group.put(f"/v1/nodes/{noop}/management/indicators/led@system", body={"state": "on"})
    for ident in (uid("nobody"), "nobody"):
        group.get(f"/v1/nodes/{ident}/management/indicators/led@system")
        group.put(f"/v1/nodes/{ident}/management/indicators/led@system", body={"state": "on"})
    for body in ({"state": "unknown"}, {"state": ""}, {"state": []}, [], {"state": "off"}, {"state": "BLINKING"}, {"state": "blinking"}, {"state": "nonsense"}, {}, {"state": None}, {"state": 1}, {"state": "on", "more": 1}):
        group.put(f"{path}/led@system", (62, LATEST), body=body)


def passthru(group):
    node = everywhere(group, "/vendor_passthru/methods", 1)
    path = f"/v1/nodes/{node}/vendor_passthru"
    group.get(path, (1, LATEST))
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        group.ask(method, f"{path}/nonsense", LATEST, body={"a": 1} if method != "GET" else None)
        group.ask(method, f"{path}?method=nonsense", (1, LATEST), body={"a": 1} if method != "GET" else None)
        group.ask(method, f"{path}/first_method", (1, LATEST), body={"bar": "meow"} if method != "GET" else None)
    for body in ({"bar": "meow"}, {"bar": "x"}, {}, {"baz": 1}, []):
        for method in ("first_method", "second_method", "third_method_sync", "fourth_method_shared_lock", "bmc_reset", "log_passthrough", "trait_method"):
            group.post(f"{path}?method={method}", body=body)
            group.wait(f"/v1/nodes/{node}", "reservation", None)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        group.ask(method, f"{path}/third_method_sync", LATEST, body={"bar": "meow"} if method != "GET" else None)
    for version in (1, LATEST):
        group.post(f"{path}/third_method_sync", version, body={"bar": "meow"})
    group.post(f"{path}/create_subscription", body={"Destination": "https://a/b"})
    group.delete(f"{path}/delete_subscription", body={"id": "1"})
    group.post(f"/v1/nodes/{uid('nobody')}/vendor_passthru/first_method", body={})
    without = group.node("parts-no-vendor", vendor_interface="no-vendor")
    group.get(f"/v1/nodes/{without}/vendor_passthru/methods")
    group.post(f"/v1/nodes/{without}/vendor_passthru/first_method", body={})


def vifs(group):
    node = everywhere(group, "/vifs", 28)
    path = f"/v1/nodes/{node}/vifs"
    vif = uid("vif")
    for version in around(28):
        group.post(path, version, body={"id": vif})
        group.delete(f"{path}/{vif}", version)
    port = uid("parts-vif-port")
    group.post("/v1/ports", body={"uuid": port, "node_uuid": node, "address": mac(77)})
    for body in ({}, {"id": None}, {"id": 1}, {"id": "a b"}, {"id": "name"}, {"id": vif, "more": 1}, {"id": vif, "port_uuid": port},
                 {"id": vif, "port_uuid": "nonsense"}, {"id": vif, "portgroup_uuid": uid("nobody")}, {"id": vif, "port_uuid": port, "portgroup_uuid": port}):
        group.post(path, body=body)
        group.get(path)
        group.delete(f"{path}/{vif}")
    for version in around(67):
        group.post(path, version, body={"id": vif, "port_uuid": port})
    group.post(f"/v1/nodes/{uid('nobody')}/vifs", body={"id": vif})
    group.delete(f"/v1/nodes/{uid('nobody')}/vifs/{vif}")
    group.delete(f"{path}/nobody")
    for ident in (node, "parts-vifs", uid("nobody"), "nobody"):
        for name in ("a%20b", "a.b-c_d~e", uid("vif").upper(), "a%2Cb", "x" * 255, "x" * 256):
            group.delete(f"/v1/nodes/{ident}/vifs/{name}")
    group.delete(path)


def traits(group):
    node = everywhere(group, "/traits", 37)
    path = f"/v1/nodes/{node}/traits"
    for version in around(37):
        group.put(path, version, body={"traits": ["CUSTOM_A", "HW_CPU_X86_VMX"]})
        group.put(f"{path}/CUSTOM_B", version)
        group.get(path, version)
        group.get(f"/v1/nodes/{node}?fields=traits", version)
        group.delete(f"{path}/CUSTOM_B", version)
        group.delete(f"{path}/CUSTOM_B", version)
        group.delete(path, version)
    for body in ({}, {"traits": []}, {"traits": None}, {"traits": "CUSTOM_A"}, {"traits": ["custom_a"]}, {"traits": ["NONSENSE"]}, {"traits": [1]},
                 {"traits": ["CUSTOM_" + "X" * 248]}, {"traits": ["CUSTOM_" + "X" * 249]}, {"traits": [f"CUSTOM_{n}" for n in range(50)]},
                 {"traits": [f"CUSTOM_{n}" for n in range(51)]}, {"traits": ["CUSTOM_A", "CUSTOM_A"]}, {"traits": ["CUSTOM_A"], "more": 1},
                 {"traits": ["CUSTOM_Ä"]}, {"traits": ["COMPUTE_NODE"]}, [], ["CUSTOM_A"]):
        group.put(path, body=body)
        group.get(path)
    for trait in ("CUSTOM_Z", "custom_z", "NONSENSE", "CUSTOM_", "CUSTOM_a", "HW_CPU_X86_VMX"):
        group.put(f"{path}/{trait}")
        group.put(f"{path}/{trait}", body={"a": 1})
        group.delete(f"{path}/{trait}")
    group.put(f"{path}/CUSTOM_Z", body={"traits": ["CUSTOM_A"]})
    group.get(f"{path}/CUSTOM_Z")
    group.put(path, body={"traits": [f"CUSTOM_{n}" for n in range(50)]})
    group.put(f"{path}/CUSTOM_MORE")
    group.post(path, body={"traits": []})
    for method in ("PUT", "DELETE"):
        group.ask(method, f"/v1/nodes/{uid('nobody')}/traits", LATEST, body={"traits": []} if method == "PUT" else None)
        group.ask(method, f"/v1/nodes/{uid('nobody')}/traits/CUSTOM_A", LATEST)


def settings(group):
    node = everywhere(group, "/bios", 40, (73, 74))
    for query in ("detail=true", "detail=false", "fields=name,value", "fields=nonsense", "detail=true&fields=name", "limit=1", "detail=x"):
        group.get(f"/v1/nodes/{node}/bios?{query}", (40, 73, 74, LATEST))
    group.get(f"/v1/nodes/{node}/bios/nonsense", around(40))
    for name in ("bios", "firmware"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            group.ask(method, f"/v1/nodes/{node}/{name}", LATEST, body={})
    for ident in (uid("nobody"), "nobody"):
        group.get(f"/v1/nodes/{ident}/bios/BootMode")
    without = group.node("parts-no-bios", bios_interface="no-bios", firmware_interface="no-firmware")
    for name in ("bios", "bios/BootMode", "firmware"):
        group.get(f"/v1/nodes/{without}/{name}")
    group.get(f"/v1/nodes/{node}/bios/a/b")
    everywhere(group, "/firmware", 86, (113, 114))
    for query in ("detail=true", "detail=false", "detail=x", "fields=component", "fields=component,current_version", "fields=nonsense", "fields=", "limit=1", "more=1", "sort_key=component"):
        group.get(f"/v1/nodes/{uid('parts-firmware')}/firmware?{query}")
    group.get(f"/v1/nodes/{uid('parts-firmware')}/firmware/bmc")
    # The fake driver writes what a step is given.
    group.provision(node, "manage", "manageable")
    step = {"interface": "bios", "step": "apply_configuration", "args": {"settings": [{"name": "BootMode", "value": "Uefi"}]}}
    group.provision(node, "clean", "manageable", clean_steps=[step])
    group.get(f"/v1/nodes/{node}/bios", (40, 74, LATEST))
    group.get(f"/v1/nodes/{node}/bios?detail=true")
    group.get(f"/v1/nodes/{node}/bios/BootMode", (40, 73, 74, LATEST))
    for query in ("fields=name", "fields=name,value,attribute_type", "fields=read_only", "detail=true"):
        group.get(f"/v1/nodes/{node}/bios?{query}", (40, 73, 74, LATEST))
        group.get(f"/v1/nodes/{node}/bios/BootMode?{query}", (73, 74, LATEST))
    for settings in ([{"name": "BootMode", "value": "Bios"}, {"name": "NumLock", "value": "Off"}], [{"name": "NumLock", "value": "On"}], []):
        group.provision(node, "clean", "manageable", "clean failed", clean_steps=[{**step, "args": {"settings": settings}}])
        group.get(f"/v1/nodes/{node}/bios")
        group.restore(node, "manageable")
    group.provision(node, "clean", "manageable", clean_steps=[{"interface": "bios", "step": "factory_reset"}])
    group.get(f"/v1/nodes/{node}/bios")
    everywhere(group, "/inventory", 81)


def history(group):
    node = everywhere(group, "/history", 78, (112, 113, 115))
    group.get(f"/v1/nodes/{node}/history/{uid('nobody')}", around(78))
    group.get(f"/v1/nodes/{node}/history/nonsense")
    group.provision(node, "manage", "manageable")
    # The ramdisk that cleans never comes, and what is aborted leaves a record.
    group.patch(f"/v1/nodes/{node}", body=[{"op": "replace", "path": "/deploy_interface", "value": "direct"}])
    group.provision(node, "provide", "clean wait")
    group.put(f"/v1/nodes/{node}/states/provision", body={"target": "abort"})
    group.wait(f"/v1/nodes/{node}", "provision_state", "clean failed")
    group.contains(f"/v1/nodes/{node}", "last_error", "aborted")
    for query in ("", "?detail=true", "?detail=false", "?limit=1", "?limit=0", "?limit=x", f"?marker={uid('nobody')}", "?detail=x", "?fields=event",
                  "?sort_key=uuid", "?sort_key=created_at&sort_dir=desc", "?sort_dir=desc", "?sort_dir=x", "?sort_key=state&detail=true", "?sort_key=id",
                  "?sort_key=version", "?sort_key=nonsense"):
        group.get(f"/v1/nodes/{node}/history{query}", (78, LATEST))
    for method in ("POST", "PUT", "DELETE"):
        group.ask(method, f"/v1/nodes/{node}/history", LATEST)


def children(group):
    node = everywhere(group, "/children", 83)
    group.node("parts-child-1", parent_node=node)
    group.node("parts-child-2", parent_node="parts-children")
    group.get(f"/v1/nodes/{node}/children", around(83))
    group.get("/v1/nodes/parts-children/children")
    group.get(f"/v1/nodes?parent_node={node}")
    group.get("/v1/nodes?parent_node=parts-children")
    group.get("/v1/nodes?include_children=true")
    group.get("/v1/nodes")
    group.get(f"/v1/nodes/{node}/children/{uid('parts-child-1')}")
    for method in ("POST", "PUT", "DELETE"):
        group.ask(method, f"/v1/nodes/{node}/children", LATEST)


def vmedia(group):
    node = everywhere(group, "/vmedia", 93, (88, 89))
    path = f"/v1/nodes/{node}/vmedia"
    good = {"device_type": "cdrom", "image_url": "http://127.0.0.1:1/image.iso"}
    group.post(path, around(89), body=good)
    group.wait(f"/v1/nodes/{node}", "reservation", None)
    group.get(path)
    for body in ({}, {"device_type": "cdrom"}, {"image_url": "http://a/b"}, {**good, "device_type": "nonsense"}, {**good, "device_type": "disk"},
                 {**good, "image_download_source": "local"}, {**good, "image_download_source": "nonsense"}, {**good, "more": 1}, {**good, "image_url": 1},
                 {**good, "image_url": ""}, {**good, "device_type": "floppy"}, {**good, "image_url": "file:///image"}, {**good, "image_url": "nonsense"}, {**good, "device_type": None},
                 {**good, "image_download_source": "http"}, {**good, "image_download_source": "swift"}, {**good, "image_download_source": None}, []):
        group.post(path, body=body)
        group.wait(f"/v1/nodes/{node}", "reservation", None)
    group.delete(path, around(89))
    for query in ("device_types=cdrom", "device_types=cdrom,disk", "device_types=nonsense", "device_types=", "more=1", "device_types=cdrom,nonsense", "device_types=CDROM"):
        group.delete(f"{path}?{query}")
        group.wait(f"/v1/nodes/{node}", "reservation", None)
    group.post(f"/v1/nodes/{uid('nobody')}/vmedia", body=good)
    group.delete(f"/v1/nodes/{uid('nobody')}/vmedia")
    group.post("/v1/nodes/parts-vmedia/vmedia", body=good)
    group.wait(f"/v1/nodes/{node}", "reservation", None)
    group.delete("/v1/nodes/parts-vmedia/vmedia")
    group.wait(f"/v1/nodes/{node}", "reservation", None)
    for method in ("PUT", "PATCH"):
        group.ask(method, path, LATEST, body={})
    group.get(f"{path}/cdrom")
    group.get(f"{path}?more=1")


def links(group):
    """The lists that a node links to."""
    for path, since in (("/ports", 1), ("/ports/detail", 1), ("/portgroups", 24), ("/volume", 32), ("/volume/connectors", 32), ("/volume/targets", 32), ("/allocation", 52)):
        everywhere(group, path, since)
    node = uid("parts-ports")
    for number in range(3):
        group.post("/v1/ports", body={"uuid": uid(f"parts-port-{number}"), "node_uuid": node, "address": mac(50 + number)})
    for query in ("", "?limit=2", "?limit=0", f"?marker={uid('parts-port-0')}", "?sort_key=address&sort_dir=desc", "?fields=uuid,address", "?fields=nonsense", "?detail=true",
                  f"?address={mac(50)}"):
        group.get(f"/v1/nodes/{node}/ports{query}", (7, 8, LATEST))
        group.get(f"/v1/nodes/{node}/ports/detail{query}", LATEST)
    group.post(f"/v1/nodes/{node}/ports", body={"address": mac(60)})
    group.get(f"/v1/nodes/{node}/ports/{uid('parts-port-0')}")
    group.delete(f"/v1/nodes/{node}/ports/{uid('parts-port-0')}")
