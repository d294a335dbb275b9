"""A cloud in a running Ironic, with something of everything: by its API, and what no request leads to by its database."""

import datetime
import json
import time


# Nodes that Ironic itself brings there, with fake hardware.
WAYS = {
    "enroll": [],
    "manageable": ["manage"],
    "available": ["manage", "provide"],
    "active": ["manage", "provide", "active"],
}
# What a running Ironic gets into by accidents only.
FAILED = [
    "deploy failed", "clean failed", "inspect failed", "adopt failed", "rescue failed", "unrescue failed", "service failed", "rescue", "error",
]
# On their way somewhere, and where that fails.
MOVING = {
    "deploying": "deploy failed", "wait call-back": "deploy failed", "deploy hold": "deploy failed", "clean wait": "clean failed",
    "inspect wait": "inspect failed", "rescue wait": "rescue failed", "service hold": "service failed", "deleting": "error",
    "verifying": "enroll",
}
# What nodes rest in have no target.
TARGETS = {"clean failed": "manageable", "rescue failed": "rescue", "inspect failed": "manageable", "rescue": None, "error": None}
WAIT_S = 60
# What a client of a database may take for its own.
ODD = "\"q' \\ \\n \n\t|%;-- ß 節 \U0001f600"


class Cloud:
    """Makes it; `moving` has the UUIDs of the nodes that are on their way, by state."""

    def __init__(self, ironic, database):
        self.ironic = ironic
        self.database = database
        self.moving = {}
        self.numbers = iter(range(1, 1000))

    def build(self):
        """All but the nodes that are on their way."""
        racks = [self.make("chassis", {"description": f"rack {name}", "extra": {"row": name}}) for name in "ab"]
        for state, verbs in WAYS.items():
            for number in range(3):
                node = self.node(state, number, racks)
                for verb in verbs:
                    self.provision(node, verb)
                self.hang_on(node, number)
        for state in FAILED:
            node = self.node(state, 0, racks)
            self.hang_on(node, 0)
            self.put_in(node, state)
        self.oddities()
        self.recipes()
        self.allocations()
        self.inventories()
        self.power()

    def make(self, path, body):
        """The UUID of a new object."""
        return self.ironic.ask("POST", f"/v1/{path}", body)["uuid"]

    def patch(self, path, **values):
        """Changes fields of an object."""
        self.ironic.ask("PATCH", f"/v1/{path}", [{"op": "add", "path": f"/{key}", "value": value} for key, value in values.items()])

    def node(self, state, number, racks):
        """A new node with everything that a new node may have."""
        name = f"{state.replace(' ', '-')}-{number}"
        node = self.make("nodes", {
            "driver": "fake-hardware", "name": name, "chassis_uuid": racks[number % len(racks)],
            "deploy_interface": "fake", "boot_interface": "fake", "inspect_interface": "fake", "rescue_interface": "fake",
            "driver_info": {
                "fake_address": f"https://{name}.example", "fake_username": "admin", "fake_password": f"secret of {name}",
                "nested": {"auth_token": "deep " + name, "port": 443},
                "odd_password": ODD, "kernel_append_params": f"nofb token=inside-{name} x=1", "urls": [f"https://{name}.example/?password=inside", 1],
            },
            "properties": {"cpus": 4, "memory_mb": 8192, "capabilities": "boot_mode:uefi", "root_device": {"serial": name}},
            "extra": {"note": "häßlich — 節点", "empty": {}, "list": [1, None, "x"]},
            "resource_class": f"class-{number}", "description": f"the node {name}", "lessee": "lessee",
            "automated_clean": False, "shard": f"shard-{number}", "disable_power_off": number == 2,
            "network_data": {"links": [{"id": "l", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01"}], "networks": [], "services": []},
        })
        # Who makes a node without Keystone is of no project, and may give it away only afterwards.
        self.patch(f"nodes/{node}", owner=f"owner-{number}")
        return node

    def provision(self, node, verb):
        """Asks for a verb and waits until the node is where it leads to."""
        self.ironic.ask("PUT", f"/v1/nodes/{node}/states/provision", {"target": verb})
        ends = {"manage": "manageable", "provide": "available", "active": "active"}[verb]
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            found = self.ironic.ask("GET", f"/v1/nodes/{node}")
            if found["provision_state"] == ends and found["reservation"] is None:
                return
            time.sleep(0.05)
        raise AssertionError(f"Ironic's node stays in {found['provision_state']!r}: {found['last_error']}")

    def hang_on(self, node, number):
        """A port group with two ports, a lone port, a connector and two targets; traits."""
        group = self.make("portgroups", {
            "node_uuid": node, "name": f"bond-{next(self.numbers)}", "address": self.mac(), "mode": "802.3ad",
            "properties": {"miimon": 100}, "extra": {"a": 1}, "standalone_ports_supported": False,
        })
        for member in range(2):
            self.make("ports", {
                "node_uuid": node, "address": self.mac(), "portgroup_uuid": group, "pxe_enabled": False,
                "local_link_connection": {"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": f"Ethernet{member}", "switch_info": "s"},
                "name": f"port-{next(self.numbers)}", "description": "of a bond", "category": "storage", "vendor": "acme",
            })
        self.make("ports", {"node_uuid": node, "address": self.mac(), "extra": {"slot": 3}, "physical_network": "physnet1"})
        number = next(self.numbers)
        self.make("volume/connectors", {"node_uuid": node, "type": "iqn", "connector_id": f"iqn.2026-01.example:{number}", "extra": {"b": 2}})
        for index in range(2):
            self.make("volume/targets", {
                "node_uuid": node, "volume_type": "iscsi", "boot_index": index, "volume_id": f"vol-{number}-{index}",
                "properties": {"target_iqn": "iqn.2026-01.example:t", "auth_username": "u", "auth_password": f"volume secret {number} {ODD}"},
            })
        self.ironic.ask("PUT", f"/v1/nodes/{node}/traits", {"traits": ["CUSTOM_GOLD", f"CUSTOM_N{number}", "HW_CPU_X86_VMX"]})

    def mac(self):
        """A MAC address of its own."""
        return f"52:54:00:aa:{next(self.numbers) // 250:02x}:{next(self.numbers) % 250:02x}"

    def put_in(self, node, state):
        """Moves a node behind Ironic's back."""
        target = TARGETS.get(state, "available" if state in ("clean wait", "deleting") else "active")
        self.edit("UPDATE nodes SET provision_state = :state, target_provision_state = :target, last_error = :error WHERE uuid = :node",
                  state=state, target=target, error=f"made up: {state}", node=node)

    def edit(self, statement, **values):
        """One row of Ironic's database."""
        assert self.database.write(statement, **values) == 1, statement

    def oddities(self):
        """Maintenance, protection, retirement, a parent, an instance with a config drive and custom RAID."""
        self.ironic.ask("PUT", "/v1/nodes/available-1/maintenance", {"reason": "a fan is broken"})
        self.patch("nodes/active-1", protected=True, protected_reason="it pays")
        self.patch("nodes/manageable-1", retired=True, retired_reason="old")
        parent = self.ironic.ask("GET", "/v1/nodes/manageable-1")["uuid"]
        self.patch("nodes/enroll-1", parent_node=parent)
        self.patch("nodes/active-2", instance_info={
            "image_source": "http://images.example/i.qcow2?token=inside", "image_checksum": "0" * 32, "root_gb": 10,
            "configdrive": "H4sIAAAA" * 40, "image_url": "http://images.example/i?token=t",
        }, instance_uuid="11111111-2222-3333-4444-555555555555")
        self.ironic.ask("PUT", "/v1/nodes/manageable-2/maintenance", {})

    def recipes(self):
        """Templates, runbooks and inspection rules, one of them sensitive."""
        steps = [{"interface": "deploy", "step": "deploy", "args": {"a": [1, {"b": 2}]}, "priority": 10}]
        self.make("deploy_templates", {"name": "CUSTOM_GOLD", "steps": steps, "extra": {"c": 3}})
        steps = [{"interface": "management", "step": step, "args": {}, "order": order} for order, step in ((2, "a"), (1, "b"))]
        for public in (False, True):
            self.make("runbooks", {"name": f"CUSTOM_BOOK_{public}".upper(), "steps": steps, "public": public, "disable_ramdisk": True})
        for sensitive in (False, True):
            self.make("inspection_rules", {
                "description": f"rule {sensitive}", "priority": 7, "sensitive": sensitive,
                "conditions": [{"op": "is-true", "args": {"value": "{inventory[cpu]}"}, "loop": ["x", "y"], "multiple": "all"}],
                "actions": [{"op": "set-attribute", "args": {"path": "/extra/a", "value": "v"}}],
            })

    def allocations(self):
        """One of an active node, and one that nothing came of."""
        self.make("allocations", {"name": "taken", "node": "active-0", "resource_class": "class-0", "extra": {"d": 4}})
        lost = self.make("allocations", {"name": "lost", "resource_class": "no such", "traits": ["CUSTOM_NONE"]})
        deadline = time.monotonic() + WAIT_S
        while self.ironic.ask("GET", f"/v1/allocations/{lost}")["state"] != "error":
            assert time.monotonic() < deadline, "the allocation that cannot be had does not fail"
            time.sleep(0.05)

    def inventories(self):
        """As an inspection by an agent leaves one."""
        inventory = {"cpu": {"count": 4, "architecture": "x86_64"}, "interfaces": [{"name": "eth0", "lldp": None}]}
        [(node,)] = self.database.read("SELECT id FROM nodes WHERE name = 'manageable-0'")
        self.edit("INSERT INTO node_inventory (inventory_data, plugin_data, version, node_id) VALUES (:inventory, :plugin, '1.0', :node)",
                  inventory=json.dumps(inventory), plugin=json.dumps({"valid_macs": []}), node=node)

    def power(self):
        """Each machine is on or off; Ironic's fake ones are as they are said to be."""
        for state, power in (("active", "power on"), ("rescue", "power on"), ("%failed", "power off"), ("%able", "power off"), ("error", "power off")):
            self.database.write("UPDATE nodes SET power_state = :power WHERE provision_state LIKE :state", power=power, state=state)

    def move(self):
        """Nodes that are on their way, with a port each."""
        for state in MOVING:
            name = f"moving-{state.replace(' ', '-')}"
            node = self.make("nodes", {"driver": "fake-hardware", "name": name, "driver_info": {"fake_password": "p"}})
            self.make("ports", {"node_uuid": node, "address": self.mac()})
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
            self.edit("UPDATE nodes SET provision_state = :state, target_provision_state = :target, provision_updated_at = :now WHERE uuid = :node",
                      state=state, target="available" if state == "clean wait" else "active", now=now, node=node)
            self.moving[state] = node

    def secrets(self):
        """What the database has of nodes: driver_info and instance_info, by UUID."""
        return self.stored("SELECT uuid, driver_info, instance_info FROM nodes")

    def volume_secrets(self):
        """What it has of volume targets: properties, by UUID."""
        return self.stored("SELECT uuid, properties FROM volume_targets")

    def states(self):
        """What it has of the nodes' states, by UUID."""
        rows = self.database.read("SELECT uuid, provision_state, target_provision_state, instance_uuid FROM nodes")
        return {uuid: tuple(states) for uuid, *states in rows}

    def stored(self, statement):
        """Rows of a UUID and texts of JSON."""
        rows = self.database.read(statement)
        return {uuid: tuple(json.loads(text) if text else {} for text in texts) for uuid, *texts in rows}
