"""A node from enroll to active and back, by the baremetal command of python-ironicclient."""

import json
import time

from ironicclient import shell

from cycle import CONFIG_DRIVE, Failed, arguments, check, check_contains, mac, run
from fork import forked

ARGUMENTS = arguments(__doc__)
NAME = ARGUMENTS.name


def command(*words):
    """Runs the command; its exit code, what it printed and what it complained of."""
    return forked(lambda: shell.main(["--os-auth-type", "none", "--os-endpoint", ARGUMENTS.url, *words]))


def do(*words):
    """Runs the command, which must succeed."""
    print("baremetal", *words, flush=True)
    status, printed, complaint = command(*words)
    if status != 0:
        raise Failed(f"baremetal {' '.join(words)}: exit {status}: {complaint.strip()}")
    return printed


def ask(*words):
    """Runs the command, which must print JSON."""
    return json.loads(do(*words, "-f", "json"))


def refuse(text, *words):
    """Runs the command, which must fail and say this."""
    print("baremetal", *words, "(refused)", flush=True)
    status, _, complaint = command(*words)
    if status == 0:
        raise Failed(f"baremetal {' '.join(words)} was not refused")
    check_contains(f"the refusal of baremetal {' '.join(words)}", complaint.lower(), text)


def show(*fields):
    """The node's fields."""
    return ask("node", "show", NAME, *(["--fields", *fields] if fields else []))


def change(verb, *words, ends):
    """A provision verb, waited for."""
    do("node", verb, NAME, *words, "--wait", str(ARGUMENTS.timeout))
    node = show("provision_state", "target_provision_state", "last_error")
    check(f"provision_state after {verb}", node["provision_state"], ends)
    check(f"target_provision_state after {verb}", node["target_provision_state"], None)
    check(f"last_error after {verb}", node["last_error"], None)


def create():
    """A node with a port."""
    driver = ARGUMENTS.driver
    names = [line["name"] for line in ask("driver", "list")]
    check_contains("the list of drivers", names, driver)
    ask("driver", "show", driver)
    ask("driver", "property", "list", driver)
    words = ["--driver", driver, "--name", NAME, "--property", "cpu_arch=x86_64", "--extra", "purpose=cycle"]
    made = ask("node", "create", *words, "--driver-info", "some_password=very secret")
    check("provision_state of a new node", made["provision_state"], "enroll")
    check("name", made["name"], NAME)
    check("properties", made["properties"], {"cpu_arch": "x86_64"})
    check("the password as it is shown", made["driver_info"]["some_password"], "******")
    refuse("", "node", "create", "--driver", driver, "--name", NAME)
    refuse("no-such-driver", "node", "create", "--driver", "no-such-driver")
    ports(made["uuid"])


def ports(node):
    """A port that is made, found and changed."""
    address = mac()
    port = ask("port", "create", address, "--node", node)
    check("address", port["address"], address)
    check("node_uuid", port["node_uuid"], node)
    refuse(address, "port", "create", address, "--node", node)
    check("ports of the node", [line["address"] for line in ask("port", "list", "--node", node)], [address])
    check("ports of the address", len(ask("port", "list", "--address", address)), 1)
    link = ["--local-link-connection", "switch_id=0a:1b:2c:3d:4e:5f", "--local-link-connection", "port_id=Gig0/1"]
    do("port", "set", port["uuid"], *link, "--extra", "slot=1")
    port = ask("port", "show", port["uuid"])
    check("extra of the port", port["extra"], {"slot": 1})
    check("port_id", port["local_link_connection"]["port_id"], "Gig0/1")


def look():
    """Lists and single fields."""
    uuid = show("uuid")["uuid"]
    check_contains("the list of nodes", [line["uuid"] for line in ask("node", "list")], uuid)
    listed = ask("node", "list", "--provision-state", "enroll", "--fields", "uuid", "name", "provision_state")
    check_contains("nodes in enroll", [line["name"] for line in listed], NAME)
    check_contains("the long list", [line["uuid"] for line in ask("node", "list", "--long")], uuid)
    check("a list of one", len(ask("node", "list", "--limit", "1")), 1)
    check_contains("conductors", [line["alive"] for line in ask("conductor", "list")], True)
    refuse("could not be found", "node", "show", "no-such-node")


def alter():
    """Fields that are set and unset."""
    do("node", "set", NAME, "--description", "made by a cycle", "--extra", "color=blue", "--resource-class", "cycle")
    node = show("description", "extra", "resource_class")
    check("description", node["description"], "made by a cycle")
    check("extra.color", node["extra"]["color"], "blue")
    check("resource_class", node["resource_class"], "cycle")
    do("node", "unset", NAME, "--description", "--extra", "color")
    node = show("description", "extra")
    check("description that was unset", node["description"], None)
    check("color that was unset", node["extra"].get("color"), None)
    do("node", "add", "trait", NAME, "CUSTOM_CYCLE")
    check("traits", show("traits")["traits"], ["CUSTOM_CYCLE"])
    do("node", "remove", "trait", NAME, "CUSTOM_CYCLE")
    do("node", "maintenance", "set", NAME, "--reason", "a look")
    check("maintenance_reason", show("maintenance_reason")["maintenance_reason"], "a look")
    do("node", "maintenance", "unset", NAME)
    check("maintenance", show("maintenance")["maintenance"], False)


def power():
    """Power and boot device."""
    do("node", "power", "on", NAME, "--power-timeout", "30")
    wait_for("power_state", "power on")
    do("node", "boot", "device", "set", NAME, "pxe")
    check("boot_device", ask("node", "boot", "device", "show", NAME)["boot_device"], "pxe")
    supported = ask("node", "boot", "device", "show", NAME, "--supported")["supported_boot_devices"]
    check_contains("supported boot devices", supported, "pxe")
    do("node", "power", "off", NAME)
    wait_for("power_state", "power off")


def wait_for(field, value):
    """Looks until the field has the value, as often as there are seconds."""
    found = None
    for _ in range(ARGUMENTS.timeout):
        found = show(field)[field]
        if found == value:
            return
        time.sleep(1)
    raise Failed(f"{field} is {found!r} after {ARGUMENTS.timeout} s, expected {value!r}")


def cycle():
    """The whole life."""
    if ARGUMENTS.makes:
        create()
    check("provision_state at the start", show("provision_state")["provision_state"], "enroll")
    look()
    alter()
    refuse("state", "node", "provide", NAME)
    change("manage", ends="manageable")
    check("power interface", lines_of_validation()["power"], True)
    if ARGUMENTS.makes:
        power()
    change("inspect", ends="manageable")
    check("inspected", show("inspection_finished_at")["inspection_finished_at"] is not None, True)
    change("provide", ends="available")
    change("deploy", "--config-drive", json.dumps(CONFIG_DRIVE), ends="active")
    check("the config drive as it is shown", show("instance_info")["instance_info"].get("configdrive"), "******")
    if ARGUMENTS.makes:
        refuse("", "node", "delete", NAME)
    change("undeploy", ends="available")
    check("instance_info afterwards", show("instance_info")["instance_info"], {})
    if ARGUMENTS.makes:
        do("node", "delete", NAME)
        refuse("could not be found", "node", "show", NAME)


def lines_of_validation():
    """Interface by interface: whether its settings suffice."""
    return {line["Interface"]: line["Result"] for line in ask("node", "validate", NAME)}


run(cycle)
