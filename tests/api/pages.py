"""Lists with limits, markers and orders that make no sense."""

import json

from place import NODE
from wire import expect

CONFIG = ""
UNKNOWN = "00000000-0000-4000-8000-00000000dead"
LISTS = [
    "nodes",
    "nodes/detail",
    "ports",
    "ports/detail",
    "portgroups",
    "portgroups/detail",
    "chassis",
    "chassis/detail",
    "volume/connectors",
    "volume/targets",
    "deploy_templates",
    "runbooks",
    "allocations",
    "inspection_rules",
    "conductors",
]


def limits(ferric):
    """A limit that is no positive number is 400; one beyond all measure is the largest that there is."""
    body = json.dumps(NODE).encode()
    for _ in range(3):
        expect(ferric.port, 201, "POST", "/v1/nodes", body=body)
    for name in LISTS:
        for limit in ("0", "-1", "-" + "9" * 30, "ten", "1.5", "0x10", "1e3", "%20", "1,2", "", "%D9%A3", "NaN"):
            expect(ferric.port, 400, "GET", f"/v1/{name}?limit={limit}")
        for limit in ("1", "1000", "1001", str(10**30), "9" * 5000):
            expect(ferric.port, 200, "GET", f"/v1/{name}?limit={limit}")
    for path in ("/ferric/v1/events", f"/ferric/v1/events?after={10**30}&"):
        path += "" if "?" in path else "?"
        for limit in ("0", "-1", "ten"):
            expect(ferric.port, 400, "GET", f"{path}limit={limit}")
        expect(ferric.port, 200, "GET", f"{path}limit={10**30}")


def markers(ferric):
    """A marker that nothing has is 404, one of a wrong form 400."""
    for name in LISTS:
        # A conductor's marker is its name.
        wrong = 404 if name == "conductors" else 400
        expect(ferric.port, 404, "GET", f"/v1/{name}?marker={UNKNOWN}")
        for marker in ("x", "x" * 5000, "1", UNKNOWN[:-1], UNKNOWN + "0", "%7B%7D", "..%2F..", "'%20OR%201=1"):
            expect(ferric.port, wrong, "GET", f"/v1/{name}?marker={marker}")


def orders(ferric):
    """An order by what is no field, or in no direction, is 400."""
    for name in LISTS:
        for query in ("sort_key=bogus", "sort_key=extra[0]", "sort_dir=up", "sort_dir=ASC%00", "bogus=1", "sort_key=" + "x" * 5000):
            expect(ferric.port, 400, "GET", f"/v1/{name}?{query}")


CHECKS = [limits, markers, orders]
