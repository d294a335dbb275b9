"""A node from enroll to active and back, by openstacksdk."""

import time

import openstack
from openstack import exceptions

from cycle import CONFIG_DRIVE, Failed, arguments, check, check_contains, mac, run

ARGUMENTS = arguments(__doc__)
NAME = ARGUMENTS.name


def connect():
    """A connection that knows nothing of the user's own clouds."""
    cloud = openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth_type="none",
        auth={"endpoint": ARGUMENTS.url},
        # A conflict that is meant to be one is not tried again.
        baremetal_status_code_retries=0,
    )
    return cloud.baremetal


def refuse(error, what, call, *args, **kwargs):
    """The call must fail with this error."""
    print("refused:", what, flush=True)
    try:
        call(*args, **kwargs)
    except error:
        return
    raise Failed(f"{what} was not refused with {error.__name__}")


def change(baremetal, verb, ends, **kwargs):
    """A provision verb, waited for."""
    print("provision:", verb, flush=True)
    node = baremetal.set_node_provision_state(NAME, verb, wait=True, timeout=ARGUMENTS.timeout, **kwargs)
    check(f"provision_state after {verb}", node.provision_state, ends)
    check(f"target_provision_state after {verb}", node.target_provision_state, None)
    check(f"last_error after {verb}", node.last_error, None)
    return node


def create(baremetal):
    """A node with a port."""
    print("create", flush=True)
    drivers = {driver.name: driver for driver in baremetal.drivers(details=True)}
    check_contains("the drivers", drivers, ARGUMENTS.driver)
    check_contains("power interfaces", drivers[ARGUMENTS.driver].enabled_power_interfaces, drivers[ARGUMENTS.driver].default_power_interface)
    node = baremetal.create_node(
        driver=ARGUMENTS.driver, name=NAME, properties={"cpu_arch": "x86_64"}, extra={"purpose": "cycle"}
    )
    check("provision_state of a new node", node.provision_state, "enroll")
    check("properties", node.properties, {"cpu_arch": "x86_64"})
    refuse(exceptions.ConflictException, "a second node of that name", baremetal.create_node, driver=ARGUMENTS.driver, name=NAME)
    refuse(exceptions.BadRequestException, "an unknown driver", baremetal.create_node, driver="no-such-driver")
    ports(baremetal, node)


def ports(baremetal, node):
    """A port that is made, found, changed, deleted and made again."""
    address = mac()
    port = baremetal.create_port(node_id=node.id, address=address, is_pxe_enabled=True)
    check("address", port.address, address)
    refuse(exceptions.ConflictException, "the address a second time", baremetal.create_port, node_id=node.id, address=address)
    check("ports of the node", [found.address for found in baremetal.ports(node=node.id, details=True)], [address])
    port = baremetal.update_port(port, extra={"slot": "1"})
    check("extra of the port", port.extra, {"slot": "1"})
    baremetal.delete_port(port)
    refuse(exceptions.NotFoundException, "a deleted port", baremetal.get_port, port.id)
    baremetal.create_port(node_id=node.id, address=address)


def look(baremetal):
    """Lists, page by page, and single nodes."""
    print("look", flush=True)
    node = baremetal.get_node(NAME)
    check("name", node.name, NAME)
    check_contains("nodes, one a page", [found.id for found in baremetal.nodes(limit=1)], node.id)
    found = list(baremetal.nodes(details=True, provision_state="enroll"))
    check_contains("nodes in enroll", [one.name for one in found], NAME)
    check("driver in the detailed list", next(one for one in found if one.name == NAME).driver, node.driver)
    partial = baremetal.get_node(NAME, fields=["uuid", "driver"])
    check("a field that was not asked for", partial.provision_state, None)
    refuse(exceptions.NotFoundException, "an unknown node", baremetal.get_node, "no-such-node")


def alter(baremetal):
    """Fields, traits, maintenance."""
    print("alter", flush=True)
    node = baremetal.update_node(NAME, resource_class="cycle", description="made by a cycle")
    check("resource_class", node.resource_class, "cycle")
    patch = [{"op": "add", "path": "/extra/color", "value": "blue"}, {"op": "remove", "path": "/description"}]
    node = baremetal.patch_node(NAME, patch)
    check("color", node.extra["color"], "blue")
    check("description", node.description, None)
    wrong = [{"op": "replace", "path": "/uuid", "value": "x"}]
    refuse(exceptions.BadRequestException, "a patch of the UUID", baremetal.patch_node, NAME, wrong)
    baremetal.set_node_traits(NAME, ["CUSTOM_CYCLE"])
    check("traits", baremetal.get_node(NAME).traits, ["CUSTOM_CYCLE"])
    baremetal.remove_node_trait(NAME, "CUSTOM_CYCLE")
    baremetal.set_node_maintenance(NAME, reason="a look")
    check("maintenance_reason", baremetal.get_node(NAME).maintenance_reason, "a look")
    baremetal.unset_node_maintenance(NAME)
    check("maintenance", baremetal.get_node(NAME).is_maintenance, False)


def power(baremetal):
    """Power and boot device."""
    print("power", flush=True)
    baremetal.set_node_power_state(NAME, "power on", wait=True, timeout=ARGUMENTS.timeout)
    check("power_state", baremetal.get_node(NAME).power_state, "power on")
    baremetal.set_node_boot_device(NAME, "pxe", persistent=True)
    check("boot device", baremetal.get_node_boot_device(NAME)["boot_device"], "pxe")
    check_contains("boot devices", baremetal.get_node_supported_boot_devices(NAME)["supported_boot_devices"], "pxe")
    baremetal.set_node_power_state(NAME, "power off", wait=True, timeout=ARGUMENTS.timeout)


def cycle():
    """The whole life."""
    started = time.monotonic()
    baremetal = connect()
    if ARGUMENTS.makes:
        create(baremetal)
    look(baremetal)
    alter(baremetal)
    refuse(exceptions.BadRequestException, "provide in enroll", baremetal.set_node_provision_state, NAME, "provide")
    change(baremetal, "manage", "manageable")
    baremetal.validate_node(NAME, required=("power",))
    if ARGUMENTS.makes:
        power(baremetal)
    change(baremetal, "inspect", "manageable")
    change(baremetal, "provide", "available")
    node = change(baremetal, "active", "active", config_drive=CONFIG_DRIVE)
    check("the config drive as it is shown", node.instance_info.get("configdrive"), "******")
    if ARGUMENTS.makes:
        refuse(exceptions.HttpException, "deleting an active node", baremetal.delete_node, NAME)
    node = change(baremetal, "deleted", "available")
    check("instance_info afterwards", node.instance_info, {})
    if ARGUMENTS.makes:
        baremetal.delete_node(NAME)
        refuse(exceptions.NotFoundException, "a deleted node", baremetal.get_node, NAME)
    print(f"{time.monotonic() - started:.0f} s")


run(cycle)
