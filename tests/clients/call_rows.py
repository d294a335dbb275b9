"""The calls of openstacksdk in an order that makes things before they are used, and what each version answers.

Each row gets its method as `do` and what is kept as `k`: the names of `Api.names`, and what a row before this one kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from openstack.baremetal.v1.node import Node
from openstack.baremetal.v1.port import Port

# How the SDK itself says that the version is too old; numbers are the statuses of what the server says.
SDK_NEEDS = "api version 1.{since} is required, but 1.{version} will be used"
SDK_PICKS = "requested microversion is not supported by the server side or the default microversion is too low"


@dataclass(frozen=True)
class Call:
    """A method of the proxy, how it is called, and what comes of it."""

    name: str
    call: Callable
    # The microversion 1.N it came with, and how an older one is refused. Where that is not said, an older one does not try it.
    since: int = 1
    refusal: int | str = ""
    # How every version is refused.
    fails: int | str = ""
    # Attributes, or keys, of what is given; of a list those of one of its objects.
    gives: dict = field(default_factory=dict)
    # The ID, or the UUID, of what is given is kept under this name.
    keeps: str = ""
    # The state that the object `of` is waited for to have.
    ends: str = ""
    of: str = "nodes/{node}"


@dataclass(frozen=True)
class Inspection:
    """The ramdisk of a node sends what it found."""

    node: str


def replaced(path, value):
    """A patch."""
    return [{"op": "add", "path": path, "value": value}]


def provision(target, ends, since=1, refusal="", of="node", **more):
    """A provision verb."""
    return Call(
        "set_node_provision_state", lambda do, k: do(k[of], target, **more), since, refusal, ends=ends, of="nodes/{" + of + "}"
    )


THIRD = {
    "http_methods": ["POST"], "async": False, "attach": False, "require_exclusive_lock": True,
    "description": "Test if the value of bar is meow",
}
RESET = {"interface": "bios", "step": "factory_reset", "args": {}}
ACTION = {"op": "set-attribute", "args": {"path": "/description", "value": "found"}}
ROW = {"extra": {"row": 7}}
NEXT = {"extra": {"row": 8}}

ROWS = [
    # What is there before anything is made.
    Call("drivers", lambda do, k: do(details=True), gives={"name": "fake-hardware"}),
    Call("get_driver", lambda do, k: do("fake-hardware"), gives={"default_power_interface": "fake"}),
    Call("list_driver_vendor_passthru", lambda do, k: do("fake-hardware")),
    Call("call_driver_vendor_passthru", lambda do, k: do("fake-hardware", "GET", "nothing"), fails=400),
    Call("conductors", lambda do, k: do(details=True), 49, 404, gives={"alive": True}),
    Call("get_conductor", lambda do, k: do(k["conductor"]), 49, 404, gives={"hostname": "{conductor}"}),
    # Chassis.
    Call("create_chassis", lambda do, k: do(description="first"), gives={"description": "first"}, keeps="chassis"),
    Call("chassis", lambda do, k: do(details=True), gives={"id": "{chassis}", "description": "first"}),
    Call("find_chassis", lambda do, k: do(k["chassis"]), gives={"id": "{chassis}"}),
    Call("update_chassis", lambda do, k: do(k["chassis"], **ROW), gives=ROW),
    Call("patch_chassis", lambda do, k: do(k["chassis"], replaced("/extra/row", 8)), gives=NEXT),
    Call("get_chassis", lambda do, k: do(k["chassis"]), gives=NEXT),
    # Nodes.
    Call(
        "create_node",
        lambda do, k: do(driver="fake-hardware", name=k["node"], chassis_id=k["chassis"], resource_class=k["class"]),
        gives={"name": "{node}", "provision_state": "enroll"},
        keeps="uuid",
    ),
    Call("nodes", lambda do, k: do(details=True), gives={"id": "{uuid}", "resource_class": "{class}"}),
    Call("find_node", lambda do, k: do(k["node"]), gives={"id": "{uuid}"}),
    Call("update_node", lambda do, k: do(k["node"], **ROW), gives=ROW),
    Call("update_node", lambda do, k: do(k["node"], description="mine"), 51, 406, gives={"description": "mine"}),
    Call("patch_node", lambda do, k: do(k["node"], replaced("/extra/row", 8)), gives=NEXT),
    Call("patch_node", lambda do, k: do(k["node"], replaced("/driver", "fake-hardware"), True), 45, SDK_NEEDS),
    Call("get_node", lambda do, k: do(k["node"]), gives={"id": "{uuid}", **NEXT}),
    Call("validate_node", lambda do, k: do(k["node"], required=["power"])["power"], gives={"result": True}),
    Call("set_node_maintenance", lambda do, k: do(k["node"], "looked at"), gives={"is_maintenance": True}),
    Call("unset_node_maintenance", lambda do, k: do(k["node"]), gives={"is_maintenance": False}),
    Call("list_node_vendor_passthru", lambda do, k: do(k["node"]), gives={"third_method_sync": THIRD}),
    Call("call_node_vendor_passthru", lambda do, k: do(k["node"], "GET", "nothing"), fails=400),
    Call("call_node_vendor_passthru", lambda do, k: do(k["node"], "POST", "third_method_sync", {"bar": "meow"}), gives={"text": "true"}),
    Call("call_node_vendor_passthru", lambda do, k: do(k["node"], "POST", "second_method", {"bar": "kazoo"}), gives={"status_code": 202}),
    # Traits.
    Call("set_node_traits", lambda do, k: do(k["node"], ["CUSTOM_A", "CUSTOM_B"]), 37, SDK_PICKS),
    Call("add_node_trait", lambda do, k: do(k["node"], "CUSTOM_C"), 37, SDK_PICKS),
    Call("get_node", lambda do, k: {"traits": sorted(do(k["node"]).traits or [])}, 37, gives={"traits": ["CUSTOM_A", "CUSTOM_B", "CUSTOM_C"]}),
    Call("remove_node_trait", lambda do, k: do(k["node"], "CUSTOM_C", ignore_missing=False), 37, SDK_PICKS),
    Call("get_node", lambda do, k: {"traits": sorted(do(k["node"]).traits or [])}, 37, gives={"traits": ["CUSTOM_A", "CUSTOM_B"]}),
    # Ports and port groups.
    Call("create_port_group", lambda do, k: do(node_id=k["uuid"], name=k["group"]), gives={"name": "{group}"}, keeps="group_uuid"),
    Call("port_groups", lambda do, k: do(details=True), gives={"id": "{group_uuid}", "name": "{group}"}),
    Call("find_port_group", lambda do, k: do(k["group"]), gives={"id": "{group_uuid}"}),
    Call("update_port_group", lambda do, k: do(k["group"], **ROW), gives=ROW),
    Call("patch_port_group", lambda do, k: do(k["group"], replaced("/extra/row", 8)), gives=NEXT),
    Call("get_port_group", lambda do, k: do(k["group"]), gives={"node_id": "{uuid}", **NEXT}),
    Call("create_port", lambda do, k: do(node_id=k["uuid"], address=k["mac"]), gives={"address": "{mac}"}, keeps="port"),
    Call("ports", lambda do, k: do(details=True, node=k["node"]), gives={"id": "{port}", "node_id": "{uuid}"}),
    Call("find_port", lambda do, k: do(k["port"]), gives={"address": "{mac}"}),
    Call("update_port", lambda do, k: do(k["port"], **ROW), gives=ROW),
    Call(
        "patch_port",
        lambda do, k: do(k["port"], replaced("/portgroup_uuid", k["group_uuid"])),
        gives={"port_group_id": "{group_uuid}"},
    ),
    Call("get_port", lambda do, k: do(k["port"]), gives={"port_group_id": "{group_uuid}", **ROW}),
    Call("delete_port", lambda do, k: do(k["port"], ignore_missing=False)),
    Call("wait_for_delete", lambda do, k: do(Port.new(id=k["port"]), wait=60)),
    Call("get_port", lambda do, k: do(k["port"]), fails=404),
    Call("delete_port_group", lambda do, k: do(k["group"], ignore_missing=False)),
    Call("get_port_group", lambda do, k: do(k["group_uuid"]), fails=404),
    # The machine.
    provision("manage", "manageable"),
    Call("set_node_power_state", lambda do, k: do(k["node"], "power on"), ends="power on"),
    Call("wait_for_node_power_state", lambda do, k: do(k["node"], "power on", timeout=60), gives={"power_state": "power on"}),
    Call("wait_for_node_reservation", lambda do, k: do(k["node"], timeout=60), gives={"reservation": None}),
    Call("inject_nmi_to_node", lambda do, k: do(k["node"])),
    Call("set_node_boot_device", lambda do, k: do(k["node"], "disk", persistent=True)),
    Call("get_node_boot_device", lambda do, k: do(k["node"]), gives={"boot_device": "disk", "persistent": True}),
    Call(
        "get_node_supported_boot_devices",
        lambda do, k: [{"device": device} for device in do(k["node"])["supported_boot_devices"]],
        gives={"device": "pxe"},
    ),
    Call("set_node_boot_mode", lambda do, k: do(k["node"], "bios"), 76, SDK_PICKS, ends="boot mode bios"),
    Call("set_node_boot_mode", lambda do, k: do(k["node"], "uefi"), 76, SDK_PICKS, ends="boot mode uefi"),
    Call("set_node_secure_boot", lambda do, k: do(k["node"], True), 76, SDK_PICKS, ends="secure boot on"),
    Call("set_node_secure_boot", lambda do, k: do(k["node"], False), 76, SDK_PICKS, ends="secure boot off"),
    Call("enable_node_console", lambda do, k: do(k["node"]), ends="console on"),
    Call("get_node_console", lambda do, k: do(k["node"]), gives={"console_enabled": True}),
    Call("disable_node_console", lambda do, k: do(k["node"]), ends="console off"),
    Call("get_node_console", lambda do, k: do(k["node"]), gives={"console_enabled": False}),
    Call("list_node_firmware", lambda do, k: do(k["node"])["firmware"], 86, SDK_NEEDS, gives={"component": "bmc"}),
    Call(
        "attach_vmedia_to_node",
        lambda do, k: do(k["node"], "cdrom", "http://127.0.0.1:1/image.iso"),
        89,
        SDK_NEEDS,
        ends="power on",
    ),
    Call("detach_vmedia_from_node", lambda do, k: do(k["node"], ["cdrom"]), 89, SDK_NEEDS, ends="power on"),
    Call("set_node_power_state", lambda do, k: do(k["node"], "power off"), ends="power off"),
    # Volumes, which are changed while the machine is off.
    Call(
        "create_volume_connector",
        lambda do, k: do(node_id=k["uuid"], type="iqn", connector_id=k["iqn"]),
        32,
        404,
        keeps="connector",
    ),
    Call("volume_connectors", lambda do, k: do(details=True), 32, 404, gives={"id": "{connector}", "connector_id": "{iqn}"}),
    Call("find_volume_connector", lambda do, k: do(k["connector"]), 32, 404, gives={"id": "{connector}"}),
    Call("update_volume_connector", lambda do, k: do(k["connector"], **ROW), 32, 404, gives=ROW),
    Call("patch_volume_connector", lambda do, k: do(k["connector"], replaced("/extra/row", 8)), 32, 404, gives=NEXT),
    Call("get_volume_connector", lambda do, k: do(k["connector"]), 32, 404, gives=NEXT),
    Call("delete_volume_connector", lambda do, k: do(k["connector"], ignore_missing=False), 32, 404),
    Call("get_volume_connector", lambda do, k: do(k["connector"]), fails=404),
    Call(
        "create_volume_target",
        lambda do, k: do(node_id=k["uuid"], volume_type="iscsi", boot_index=0, volume_id="v"),
        32,
        404,
        keeps="target",
    ),
    Call("volume_targets", lambda do, k: do(details=True), 32, 404, gives={"id": "{target}", "volume_id": "v"}),
    Call("find_volume_target", lambda do, k: do(k["target"]), 32, 404, gives={"id": "{target}"}),
    Call("update_volume_target", lambda do, k: do(k["target"], **ROW), 32, 404, gives=ROW),
    Call("patch_volume_target", lambda do, k: do(k["target"], replaced("/extra/row", 8)), 32, 404, gives=NEXT),
    Call("get_volume_target", lambda do, k: do(k["target"]), 32, 404, gives=NEXT),
    Call("delete_volume_target", lambda do, k: do(k["target"], ignore_missing=False), 32, 404),
    Call("get_volume_target", lambda do, k: do(k["target"]), fails=404),
    # Deploy templates, runbooks and inspection rules.
    Call(
        "create_deploy_template",
        lambda do, k: do(name=k["template"], steps=[{**RESET, "priority": 10}]),
        55,
        405,
        keeps="template_uuid",
    ),
    Call("deploy_templates", lambda do, k: do(details=True), 55, 404, gives={"name": "{template}"}),
    Call("find_deploy_template", lambda do, k: do(k["template"]), 55, 404, gives={"id": "{template_uuid}"}),
    Call("update_deploy_template", lambda do, k: do(k["template_uuid"], **ROW), 55, 405, gives=ROW),
    Call("patch_deploy_template", lambda do, k: do(k["template_uuid"], replaced("/extra/row", 8)), 55, 405, gives=NEXT),
    Call("get_deploy_template", lambda do, k: do(k["template"]), 55, 404, gives=NEXT),
    Call("delete_deploy_template", lambda do, k: do(k["template"], ignore_missing=False), 55, 405),
    Call("get_deploy_template", lambda do, k: do(k["template"]), fails=404),
    Call("create_runbook", lambda do, k: do(name=k["runbook"], steps=[{**RESET, "order": 1}]), 92, 405, keeps="runbook_uuid"),
    Call("runbooks", lambda do, k: do(details=True), 92, 404, gives={"name": "{runbook}"}),
    Call("update_runbook", lambda do, k: do(k["runbook"], **ROW), 92, 405, gives=ROW),
    Call("patch_runbook", lambda do, k: do(k["runbook"], replaced("/extra/row", 8)), 92, 405, gives=NEXT),
    Call("set_runbook_traits", lambda do, k: do(k["runbook"], ["CUSTOM_A"]), 112, SDK_PICKS),
    Call("add_runbook_trait", lambda do, k: do(k["runbook"], "CUSTOM_B"), 112, SDK_PICKS),
    Call("remove_runbook_trait", lambda do, k: do(k["runbook"], "CUSTOM_A"), 112, SDK_PICKS),
    Call("get_runbook", lambda do, k: do(k["runbook"]), 92, 404, gives={"traits": ["CUSTOM_B"], **NEXT}),
    Call("delete_runbook", lambda do, k: do(k["runbook"], ignore_missing=False), 92, 405),
    Call("get_runbook", lambda do, k: do(k["runbook"]), fails=404),
    Call("create_inspection_rule", lambda do, k: do(actions=[ACTION], description="first"), 96, 405, keeps="rule"),
    Call("inspection_rules", lambda do, k: do(details=True), 96, 404, gives={"id": "{rule}"}),
    Call("update_inspection_rule", lambda do, k: do(k["rule"], priority=7), 96, 405, gives={"priority": 7}),
    Call("patch_inspection_rule", lambda do, k: do(k["rule"], replaced("/priority", 8)), 96, 405, gives={"priority": 8}),
    Call("get_inspection_rule", lambda do, k: do(k["rule"]), 96, 404, gives={"priority": 8, "description": "first"}),
    Call("delete_inspection_rule", lambda do, k: do(k["rule"], ignore_missing=False), 96, 405),
    Call("get_inspection_rule", lambda do, k: do(k["rule"]), fails=404),
    # The life of a node.
    provision("inspect", "manageable"),
    provision("clean", "manageable", clean_steps=[RESET]),
    provision("provide", "available"),
    Call("wait_for_nodes_provision_state", lambda do, k: do([k["node"]], "available", timeout=60), gives={"id": "{uuid}"}),
    Call(
        "wait_for_status",
        lambda do, k: do(Node.new(id=k["uuid"]), "available", wait=60, attribute="provision_state"),
        gives={"id": "{uuid}"},
    ),
    Call("create_allocation", lambda do, k: do(name=k["allocation"], resource_class=k["class"]), 52, 405, keeps="allocation_uuid"),
    Call(
        "wait_for_allocation",
        lambda do, k: do(k["allocation"], timeout=60),
        52,
        404,
        gives={"state": "active", "node_id": "{uuid}"},
    ),
    Call("allocations", lambda do, k: do(), 52, 404, gives={"id": "{allocation_uuid}"}),
    Call("update_allocation", lambda do, k: do(k["allocation"], **ROW), 57, 405, gives=ROW),
    Call("patch_allocation", lambda do, k: do(k["allocation"], replaced("/extra/row", 8)), 57, 405, gives=NEXT),
    Call("get_allocation", lambda do, k: do(k["allocation"]), 52, 404, gives=NEXT),
    Call("delete_allocation", lambda do, k: do(k["allocation"], ignore_missing=False), 52, 405),
    Call("get_allocation", lambda do, k: do(k["allocation"]), fails=404),
    provision("active", "active"),
    provision("rebuild", "active"),
    provision("rescue", "rescue", 38, SDK_NEEDS, rescue_password="secret"),
    provision("unrescue", "active", 38, SDK_NEEDS),
    provision("deleted", "available"),
    # An inspection by a ramdisk, and virtual interfaces.
    Call(
        "create_node",
        lambda do, k: do(driver="fake-hardware", name=k["waiting"], inspect_interface="agent", network_interface="standalone"),
        keeps="waiting_uuid",
    ),
    Call("create_port", lambda do, k: do(node_id=k["waiting_uuid"], address=k["mac3"])),
    Call("attach_vif_to_node", lambda do, k: do(k["waiting"], k["vif"])),
    Call("list_node_vifs", lambda do, k: [{"id": vif} for vif in do(k["waiting"])], gives={"id": "{vif}"}),
    Call("detach_vif_from_node", lambda do, k: do(k["waiting"], k["vif"], ignore_missing=False)),
    Call("list_node_vifs", lambda do, k: {"vifs": do(k["waiting"])}, gives={"vifs": []}),
    provision("manage", "manageable", of="waiting"),
    provision("inspect", "inspect wait", of="waiting"),
    Inspection("waiting_uuid"),
    Call("get_node_inventory", lambda do, k: do(k["waiting"])["inventory"], 81, 404, gives={"bmc_address": "192.0.2.9"}),
    # A machine that runs already.
    Call("create_node", lambda do, k: do(driver="fake-hardware", name=k["adopted"])),
    provision("manage", "manageable", of="adopted"),
    provision("adopt", "active", of="adopted"),
    Call("set_node_maintenance", lambda do, k: do(k["adopted"])),
    # And all away.
    *(Call("delete_node", lambda do, k, name=name: do(k[name], ignore_missing=False)) for name in ("waiting", "adopted", "node")),
    Call("get_node", lambda do, k: do(k["node"]), fails=404),
    Call("delete_chassis", lambda do, k: do(k["chassis"], ignore_missing=False)),
    Call("get_chassis", lambda do, k: do(k["chassis"]), fails=404),
]
