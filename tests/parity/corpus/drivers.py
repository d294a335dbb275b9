"""Drivers and their properties, and conductors."""

from corpus import LATEST, around


def fill(group):
    for version in range(1, LATEST + 1):
        group.get("/v1/drivers/fake-hardware", version)
    for version in (1, 13, 14, 29, 30, 33, 38, 40, 77, 86, LATEST):
        group.get("/v1/drivers", version)
        group.get("/v1/drivers/manual-management", version)
    for path in ("/v1/drivers/nonsense", "/v1/drivers/redfish", "/v1/drivers/FAKE-HARDWARE", "/v1/drivers/fake-hardware.json"):
        group.get(path, (1, LATEST))
    for query, since in (("type=dynamic", 30), ("type=classic", 30), ("type=nonsense", 30), ("type=", 30), ("detail=true", 30), ("detail=false", 30), ("detail=x", 30),
                         ("fields=name", 77), ("fields=name,hosts,type", 77), ("fields=nonsense", 77), ("fields=default_boot_interface", 77), ("fields=links", 77),
                         ("fields=properties", 77), ("fields=enabled_firmware_interfaces", 77), ("fields=", 77), ("detail=true&fields=name", 77), ("type=dynamic&detail=true", 30),
                         ("limit=1", 1), ("sort_key=name", 1)):
        for version in around(since):
            group.get(f"/v1/drivers?{query}", version)
    for version in around(77):
        for query in ("fields=name", "fields=nonsense", "fields=name,default_power_interface"):
            group.get(f"/v1/drivers/fake-hardware?{query}", version)
    for name in ("fake-hardware", "manual-management", "nonsense"):
        group.get(f"/v1/drivers/{name}/properties", (1, LATEST))
        group.get(f"/v1/drivers/{name}/raid/logical_disk_properties", around(12))
        group.get(f"/v1/drivers/{name}/vendor_passthru/methods", (1, LATEST))
        group.get(f"/v1/drivers/{name}/vendor_passthru", (1, LATEST))
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            for path in ("vendor_passthru/nonsense", "vendor_passthru?method=nonsense", "vendor_passthru", "vendor_passthru/methods", "vendor_passthru/"):
                group.ask(method, f"/v1/drivers/{name}/{path}", (1, LATEST))
            group.ask(method, f"/v1/drivers/{name}/vendor_passthru/nonsense", LATEST, body=None if method == "GET" else {"a": 1})
            group.ask(method, f"/v1/drivers/{name}/vendor_passthru?method=nonsense", LATEST, body=None if method == "GET" else [])
            group.ask(method, f"/v1/drivers/{name}/vendor_passthru/nonsense?method=other", LATEST)
        group.get(f"/v1/drivers/{name}/vendor_passthru/methods?more=1")
        group.get(f"/v1/drivers/{name}/vendor_passthru/methods/more")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        group.ask(method, "/v1/drivers", LATEST, body={})
        group.ask(method, "/v1/drivers/fake-hardware", LATEST, body={})
        group.ask(method, "/v1/drivers/fake-hardware/properties", LATEST, body={})
    conductors(group)


def conductors(group):
    for version in (1, 48, 49, 50, LATEST):
        group.get("/v1/conductors", version)
        group.get("/v1/conductors/parity", version)
        group.get("/v1/conductors/nobody", version)
        group.get("/v1/conductors?detail=true", version)
    for query in ("detail=false", "detail=x", "fields=hostname", "fields=hostname,alive,drivers", "fields=nonsense", "fields=", "detail=true&fields=hostname", "limit=1", "limit=0", "limit=x",
                  "marker=parity", "marker=nobody", "sort_key=hostname", "sort_key=alive", "sort_key=drivers", "sort_key=nonsense", "sort_key=conductor_group", "sort_dir=desc", "sort_dir=x",
                  "fields=created_at", "fields=links", "fields=id", "sort_key=id", "sort_key=created_at", "sort_key=updated_at"):
        group.get(f"/v1/conductors?{query}", around(49))
    for query in ("fields=hostname", "fields=nonsense", "fields=alive,drivers", "detail=true"):
        group.get(f"/v1/conductors/parity?{query}", LATEST)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        group.ask(method, "/v1/conductors", (48, LATEST), body={})
        group.ask(method, "/v1/conductors/parity", (48, LATEST), body={})
