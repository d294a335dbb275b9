"""Discovery, version headers, error bodies, methods, slashes, and bodies that are no JSON."""

from corpus import LATEST, add, mac, uid

OWN = "X-OpenStack-Ironic-API-Version"
SHARED = "OpenStack-API-Version"

VALUES = [
    "1.1", "1.2", "1.02", "1.50", "1.115", "latest", "LATEST", "Latest", "1.0", "1.116", "1.9999", "2.1", "0.1", "1", "2",
    "abc", "1.x", "1.2.3", ".", "1.", ".1", "1.-1", "-1.1", "+1.5", "1.+5", "v1.5", "1.5 ", "",
]
SHARED_VALUES = [
    "baremetal 1.9", "baremetal latest", "Baremetal 1.9", "compute 2.1", "compute 2.1, baremetal 1.7",
    "baremetal 1.7, compute 2.1", "baremetal 1.7,baremetal 1.8", "latest", "1.9", "baremetal", "baremetal x",
    "baremetal 1.116", "baremetal 2.0", "baremetal  1.9",
]


def fill(group):
    discovery(group)
    versions(group)
    methods(group)
    paths(group)
    bodies(group)
    arguments(group)
    proxies(group)
    healthcheck(group)


def discovery(group):
    for version in (None, *range(1, LATEST + 1)):
        group.get("/v1", version)
    for path in ("/", "/v1/", "/v1"):
        group.get(path, (None, 1, LATEST))
    group.get("/?a=b", LATEST)
    group.get("/v1?a=b", LATEST)


def versions(group):
    for path in ("/v1", "/v1/nodes", "/v1/nodes/unknown", "/unknown"):
        for value in VALUES:
            group.get(path, None, headers={OWN: value})
    for value in SHARED_VALUES:
        group.get("/v1/nodes", None, headers={SHARED: value})
        group.get("/v1/nodes", None, headers={SHARED: value, OWN: "1.33"})
    group.get("/", None, headers={OWN: "1.116"})
    group.get("/", None, headers={OWN: "abc"})
    for accept in ("application/json", "*/*", "text/html", "application/xml", "application/json, text/plain", "nonsense", "application/*"):
        group.get("/v1/nodes", LATEST, headers={"Accept": accept})
        group.get("/v1/unknown", LATEST, headers={"Accept": accept})
    group.get("/v1/nodes", LATEST, headers={"X-OpenStack-Request-ID": "req-0b2f1f1c-7c3b-4a55-9d5e-5a7f5d2f9f10"})


def methods(group):
    node = group.node("methods-node")
    paths = ["/", "/v1", "/v1/nodes", f"/v1/nodes/{node}", f"/v1/nodes/{node}/states", f"/v1/nodes/{node}/maintenance",
             f"/v1/nodes/{node}/management", f"/v1/nodes/{node}/management/boot_device", f"/v1/nodes/{node}/vendor_passthru",
             f"/v1/nodes/{node}/states/power", f"/v1/nodes/{node}/states/provision", f"/v1/nodes/{node}/states/raid",
             f"/v1/nodes/{node}/validate", f"/v1/nodes/{node}/ports", "/v1/ports", "/v1/drivers", "/v1/drivers/fake-hardware",
             "/v1/conductors", "/v1/lookup", "/v1/heartbeat", "/v1/deploy_templates", "/v1/runbooks", "/v1/unknown"]
    for path in paths:
        for method in ("HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
            harmful = method == "DELETE" and path == f"/v1/nodes/{node}"
            if not harmful:
                group.ask(method, path, LATEST)
    for path in ("/v1/nodes", f"/v1/nodes/{node}", "/v1"):
        group.ask("TRACE", path, LATEST)
        group.ask("BREW", path, LATEST)


def paths(group):
    node = group.node("paths-node")
    for path in ("/v1/nodes/", f"/v1/nodes/{node}/", f"/v1/nodes/{node}/states/", "/v1/ports/", "/v1/drivers/", "/v1/conductors/",
                 "/nodes", f"/nodes/{node}", "/ports", "/drivers", "/drivers/fake-hardware", "//v1/nodes", "/v1//nodes",
                 f"/v1/nodes//{node}", "/v2", "/v2/nodes", "/v1/node", "/unknown", "/v1/unknown/path", f"/v1/nodes/{node}/unknown",
                 f"/v1/nodes/{node}/states/unknown", f"/v1/nodes/{node}/management/unknown", f"/v1/nodes/{node}/validate/more",
                 f"/v1/ports/{uid('no port')}/more", "/v1/drivers/fake-hardware/unknown", "/v1/drivers/fake-hardware/raid",
                 "/v1/nodes/%20", "/v1/nodes/a%2Fb", "/v1/nodes/%C3%A4", "/v1/nodes/%ff", "/v1/nodes/detail/", "/v1/nodes/detail/more",
                 "/v1/ports/detail/more", "/v1/lookup/more", "/v1/NODES", "/V1/nodes"):
        group.get(path, (1, LATEST))
    for version in (1, 2, 90, 91, LATEST):
        group.get("/v1/nodes.json", version)
        group.get(f"/v1/nodes/{node}.json", version)
        group.get("/v1/nodes/paths-node.json", version)
        group.get("/v1.json", version)


def bodies(group):
    node = group.node("bodies-node")
    json = {"Content-Type": "application/json"}
    deep = b"[" * 30 + b"]" * 30
    objects = [b"{", b"{'a': 1}", b"nonsense", b"\xff\xfe", b"{} {}", b"null", b"1", b'"text"', b"true", b"[]", b"[1]", b"{}",
               deep, b'{"a": ' + b"[" * 24 + b"]" * 24 + b"}", b'{"a": ' + b"[" * 25 + b"]" * 25 + b"}", b" ", b'{"driver": NaN}',
               b'{"driver": "fake-hardware", "driver": 3}', b'{"driver": "\\ud800"}']
    for raw in objects:
        for method, path in (("POST", "/v1/nodes"), ("POST", "/v1/ports"), ("PATCH", f"/v1/nodes/{node}"),
                             ("PUT", f"/v1/nodes/{node}/states/power"), ("PUT", f"/v1/nodes/{node}/states/provision"),
                             ("PUT", f"/v1/nodes/{node}/states/raid"), ("POST", "/v1/deploy_templates"), ("POST", "/v1/runbooks")):
            group.ask(method, path, LATEST, body=raw, headers=json)
    large = b'{"driver": "fake-hardware", "extra": {"a": "' + b"x" * (1 << 20) + b'"}}'
    group.post("/v1/nodes", body=large, headers=json)
    group.patch(f"/v1/nodes/{node}", body=b'[{"op": "add", "path": "/extra/a", "value": "' + b"x" * (1 << 20) + b'"}]', headers=json)
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "APPLICATION/JSON"):
        group.post("/v1/ports", body=b'{"node_uuid": "x"}', headers={"Content-Type": kind})
        group.patch(f"/v1/nodes/{node}", body=b'[{"op": "add", "path": "/extra/a", "value": 1}]', headers={"Content-Type": kind})


def arguments(group):
    node = group.node("arguments-node")
    port = uid("arguments-port")
    group.post("/v1/ports", body={"uuid": port, "node_uuid": node, "address": mac(1)})
    for path in ("/v1/nodes", f"/v1/nodes/{node}", f"/v1/nodes/{node}/states", f"/v1/nodes/{node}/validate", "/v1/nodes/detail", "/v1/ports",
                 f"/v1/ports/{port}", "/v1/drivers", "/v1/drivers/fake-hardware", "/v1/conductors", "/v1/conductors/parity",
                 f"/v1/nodes/{node}/ports", f"/v1/nodes/{node}/traits", f"/v1/nodes/{node}/history", f"/v1/nodes/{node}/inventory",
                 "/v1/lookup", "/v1/deploy_templates", "/v1/runbooks", "/v1/drivers/fake-hardware/properties"):
        group.get(f"{path}?unknown=1", LATEST)
        group.get(f"{path}?", LATEST)
        group.get(f"{path}?=", LATEST)
    group.get("/v1/nodes?limit=1&limit=2", LATEST)
    group.get("/v1/nodes?maintenance=true&maintenance=false", LATEST)
    group.patch(f"/v1/nodes/{node}?unknown=1", body=add("/extra/a", 1))
    group.post("/v1/nodes?unknown=1", body={"driver": "fake-hardware"})
    group.put(f"/v1/nodes/{node}/maintenance?unknown=1", body={})
    group.delete(f"/v1/nodes/{node}/maintenance?unknown=1")
    group.delete(f"/v1/ports/{port}?unknown=1")
    group.delete(f"/v1/nodes/{node}?unknown=1")


def proxies(group):
    """What a proxy in front says shows in links, and in Location."""
    node = group.node("proxies-node")
    number = 0
    for headers in (
        {"X-Forwarded-Proto": "https"}, {"X-Forwarded-Host": "metal.example.org"}, {"X-Forwarded-Host": "metal.example.org:8443"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "metal.example.org"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "metal.example.org:443"}, {"X-Forwarded-Host": "metal.example.org:80"},
        {"X-Forwarded-Prefix": "/metal"}, {"X-Forwarded-Host": "metal.example.org", "X-Forwarded-Prefix": "/bare/metal"},
        {"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}, {"Forwarded": "host=metal.example.org;proto=https"},
        {"Forwarded": "for=192.0.2.1; Host=metal.example.org:8443; Proto=https, for=192.0.2.2;host=other.example.org"},
        {"Forwarded": "proto=https", "X-Forwarded-Host": "metal.example.org", "X-Forwarded-Prefix": "/metal"},
    ):
        group.get("/", LATEST, headers=headers)
        group.get("/v1", LATEST, headers=headers)
        group.get(f"/v1/nodes/{node}", LATEST, headers=headers)
        group.get("/v1/nodes?limit=1", LATEST, headers=headers)
        number += 1
        group.post("/v1/nodes", body={"uuid": uid(f"proxied {number}"), "driver": "fake-hardware"}, headers=headers)


def healthcheck(group):
    """Whether the service is up: it has no version."""
    for accept in (None, "*/*", "text/plain", "text/html", "text/*", "application/json", "application/json, */*;q=0.5", "text/html;q=0.5, text/plain;q=0.4", "image/png"):
        group.get("/healthcheck", None, headers={"Accept": accept} if accept else None)
    for version in (1, LATEST):
        group.get("/healthcheck", version)
    for method in ("HEAD", "POST", "PUT", "DELETE"):
        group.ask(method, "/healthcheck", None)
    group.get("/healthcheck?a=b", None)
    for path in ("/healthcheck/", "/healthcheck/more", "/healthcheckup"):
        group.get(path, LATEST)
