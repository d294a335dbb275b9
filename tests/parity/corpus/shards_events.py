"""Shards, and events of the network service."""

from corpus import LATEST, around, mac, uid

GOOD = {"event": "network.bind_port", "port_id": uid("port"), "mac_address": mac(1), "status": "ACTIVE", "device_id": uid("device"), "binding:host_id": uid("host"), "binding:vnic_type": "baremetal"}
BAD = [
    {}, {"events": None}, {"events": []}, {"events": {}}, {"events": [{}]}, {"events": [1]}, {"events": [{"event": "nonsense"}]}, {"events": [{"event": "network.bind_port"}]}, {"events": [{**GOOD, "port_id": "x"}]},
    {"events": [{**GOOD, "mac_address": "x"}]}, {"events": [{**GOOD, "more": 1}]}, {"events": [{**GOOD, "status": 1}]}, {"events": [GOOD], "more": 1}, {"events": [{**GOOD, "event": None}]}, [],
]


def fill(group):
    group.get("/v1/shards", around(82, 1))
    for number, shard in enumerate(("a", "a", "b", None)):
        group.node(f"shards-{number}", shard=shard)
    group.get("/v1/shards", around(82))
    for path in ("/v1/shards?limit=1", "/v1/shards?more=1", "/v1/shards/a", "/v1/shards?fields=name", "/v1/shards/", "/v1/shards?sort_key=count"):
        group.get(path)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        group.ask(method, "/v1/shards", (81, LATEST), body={})
    for version in around(54, 1):
        group.post("/v1/events", version, body={"events": [GOOD]})
    for event in ("network.unbind_port", "network.delete_port"):
        group.post("/v1/events", body={"events": [{**GOOD, "event": event}, GOOD]})
    for body in BAD:
        group.post("/v1/events", body=body)
    group.post("/v1/events?more=1", body={"events": [GOOD]})
    group.post("/v1/events/more", body={"events": [GOOD]})
    for without in GOOD:
        group.post("/v1/events", body={"events": [{key: value for key, value in GOOD.items() if key != without}]})
        for value in (None, 1, "nonsense", []):
            group.post("/v1/events", body={"events": [{**GOOD, without: value}]})
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        group.ask(method, "/v1/events", (53, LATEST))
