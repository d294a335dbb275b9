"""The commands of python-ironicclient in an order that makes things before they are used, and what each version answers.

Words in braces are names and UUIDs: those of `Api.names`, and what a row before this one kept.
"""

from dataclasses import dataclass, field

from prepared import INVENTORY

# How a version that is too old for a command says so.
TOO_NEW = "requested api version 1.{version} is not supported"
NO_RESOURCE = "api version 1.{version} has no such resource: it came with 1.{since} (http 404)"
NOT_FOUND = "the resource could not be found (http 404)"
NO_METHOD = "is not allowed for this resource. (http 405)"
NEEDS = "to change this resource api version 1.{since} or newer is needed (http 405)"
CLIENT_REFUSES = "require api version 1.{since} or later"
STATE = "can not be performed on node"
OLD_VIF = "choosing a port needs api version 1.{since} or newer (http 400)"
NOT_ATTACHED = "because it is not attached to it. (http 400)"


@dataclass(frozen=True)
class Command:
    """A command, its words, and what comes of it."""

    name: str
    words: str = ""
    # The microversion 1.N it came with, and what an older one is told, as part of the complaint in small letters. Where
    # that is not said, an older one does not try it.
    since: int = 1
    refusal: str = ""
    # What every version is told.
    fails: str = ""
    # Fields of what is printed; in a list those of one of its lines.
    shows: dict = field(default_factory=dict)
    # How many lines a list has; whether what is shown is its first one, and whether it has no other fields.
    lines: int | None = None
    first: bool = False
    exact: bool = False
    # The name that a file is kept under which the command writes what is shown to.
    file: str = ""
    # The UUID that is printed, of a list that of its first line, is kept under this name.
    keeps: str = ""
    # The state that the object `of` is waited for to have.
    ends: str = ""
    of: str = "nodes/{node}"
    # Done by the newest version, whichever it is that is tried: what the rows after this one need.
    newest: bool = False


@dataclass(frozen=True)
class Inspection:
    """The ramdisk of a node sends what it found."""

    node: str


CLEAN_HOLD = """--clean-steps '[{{"interface": "deploy", "step": "hold", "args": {{}}}}]'"""
RESET = """'[{{"interface": "bios", "step": "factory_reset", "args": {{}}{more}}}]'"""
STEPS = "--steps " + RESET
ACTIONS = """--actions '[{{"op": "set-attribute", "args": {{"path": "/description", "value": "found"}}}}]'"""

ROWS = [
    # What is there before anything is made.
    Command("driver list", shows={"name": "fake-hardware"}),
    Command("driver list", "--long", shows={"name": "fake-hardware", "type": "dynamic"}),
    Command("driver show", "fake-hardware", shows={"name": "fake-hardware", "default_power_interface": "fake"}),
    Command("driver property list", "redfish", shows={"property": "redfish_address"}),
    Command("driver raid property list", "fake-hardware", shows={"property": "raid_level"}),
    Command("driver passthru list", "fake-hardware"),
    Command("driver passthru call", "fake-hardware nothing", fails="no handler for method nothing (http 400)"),
    Command("conductor list", since=49, refusal=NO_RESOURCE, shows={"alive": True}),
    Command("conductor list", "--long", since=49, refusal=NO_RESOURCE, shows={"hostname": "{conductor}"}),
    Command("conductor show", "{conductor}", since=49, refusal=NO_RESOURCE, shows={"hostname": "{conductor}"}),
    # Chassis.
    Command("chassis create", "--description first", shows={"description": "first"}, keeps="chassis"),
    Command("chassis list", shows={"uuid": "{chassis}"}),
    Command("chassis list", "--long", shows={"uuid": "{chassis}", "description": "first"}),
    Command("chassis set", "{chassis} --description second --extra row=7"),
    Command("chassis show", "{chassis}", shows={"description": "second", "extra": {"row": 7}}),
    Command("chassis unset", "{chassis} --extra row"),
    Command("chassis show", "{chassis}", shows={"extra": {}}),
    # Nodes.
    Command(
        "node create", "--driver fake-hardware --name {node} --chassis-uuid {chassis}",
        shows={"name": "{node}"}, keeps="uuid",
    ),
    Command("node list", shows={"uuid": "{uuid}", "name": "{node}"}),
    Command("node list", "--long", shows={"uuid": "{uuid}", "driver": "fake-hardware", "chassis_uuid": "{chassis}"}),
    Command("node set", "{node} --extra color=blue --resource-class {class}"),
    Command("node show", "{node}", shows={"uuid": "{uuid}", "extra": {"color": "blue"}, "resource_class": "{class}"}),
    Command("node set", "{node} --description mine", since=51, refusal=TOO_NEW),
    Command("node set", "{node} --shard {shard}", since=82, refusal=TOO_NEW),
    Command("shard list", since=82, refusal=NO_RESOURCE, shows={"name": "{shard}", "count": 1}),
    Command("node unset", "{node} --extra color"),
    Command("node show", "{node}", shows={"extra": {}}),
    Command("node validate", "{node}", shows={"Interface": "power", "Result": True}),
    Command("node maintenance set", "{node} --reason looked-at"),
    Command("node show", "{node}", shows={"maintenance": True, "maintenance_reason": "looked-at"}),
    Command("node maintenance unset", "{node}"),
    Command("node show", "{node}", shows={"maintenance": False}),
    Command("node create", "--driver fake-hardware --name {child} --parent-node {uuid}", newest=True, keeps="child_uuid"),
    Command("node children list", "{node}", since=83, refusal=NO_RESOURCE, shows={"children": ["{child_uuid}"]}),
    Command("node passthru list", "{node}", shows={"Name": "third_method_sync", "Supported HTTP methods": "POST", "Async": False}),
    Command("node passthru call", "{node} nothing", fails="no handler for method nothing (http 400)"),
    Command("node passthru call", "{node} second_method", fails="parameter 'bar' not passed to method 'second_method'. (http 400)"),
    Command("node passthru call", "{node} second_method --arg bar=kazoo"),
    Command("create", "{file}"),
    Command("node show", "{filed}", shows={"driver": "fake-hardware"}),
    # Traits.
    Command("node trait add", "{node} CUSTOM_A CUSTOM_B", since=37, refusal=NO_METHOD),
    Command("node add trait", "{node} CUSTOM_C", since=37, refusal=NO_METHOD),
    Command("node trait list", "{node}", since=37, refusal=TOO_NEW, shows={"traits": "CUSTOM_C"}),
    Command("node trait remove", "{node} CUSTOM_A", since=37, refusal=NOT_FOUND),
    Command("node remove trait", "{node} --all", since=37, refusal=NOT_FOUND),
    # Ports and port groups.
    Command("port group create", "--node {uuid} --name {group}", shows={"name": "{group}"}, keeps="group_uuid"),
    Command("port group list", shows={"uuid": "{group_uuid}"}),
    Command("port group list", "--long", shows={"uuid": "{group_uuid}", "node_uuid": "{uuid}"}),
    Command("port group set", "{group} --address {mac2} --extra row=7"),
    Command("port group show", "{group}", shows={"address": "{mac2}", "extra": {"row": 7}}),
    Command("port group unset", "{group} --extra row"),
    Command("port group show", "{group_uuid}", shows={"extra": {}}),
    Command(
        "port create", "{mac} --node {uuid} --pxe-enabled true",
        shows={"address": "{mac}", "node_uuid": "{uuid}"}, keeps="port",
    ),
    Command("port list", "--node {node}", shows={"uuid": "{port}", "address": "{mac}"}),
    Command("port list", "--long", shows={"uuid": "{port}", "node_uuid": "{uuid}"}),
    Command("port set", "{port} --port-group {group_uuid} --extra slot=1"),
    Command("port show", "{port}", shows={"portgroup_uuid": "{group_uuid}", "extra": {"slot": 1}}),
    Command("port unset", "{port} --port-group --extra slot"),
    Command("port show", "{port}", shows={"portgroup_uuid": None, "extra": {}}),
    Command("port group delete", "{group}"),
    # The machine.
    Command("node manage", "{node}", ends="manageable"),
    Command("node power on", "{node}", ends="power on"),
    Command("node reboot", "{node}", ends="power on"),
    Command("node inject nmi", "{node}"),
    Command("node boot device set", "{node} disk --persistent"),
    Command("node boot device show", "{node}", shows={"boot_device": "disk", "persistent": True}),
    Command("node boot mode set", "{node} bios", since=76, refusal=NO_RESOURCE, ends="boot mode bios"),
    Command("node boot mode set", "{node} uefi", since=76, refusal=NO_RESOURCE, ends="boot mode uefi"),
    Command("node secure boot on", "{node}", since=76, refusal=NO_RESOURCE, ends="secure boot on"),
    Command("node secure boot off", "{node}", since=76, refusal=NO_RESOURCE, ends="secure boot off"),
    Command("node console enable", "{node}", ends="console on"),
    Command("node console show", "{node}", shows={"console_enabled": True}),
    Command("node console disable", "{node}", ends="console off"),
    Command("node console show", "{node}", shows={"console_enabled": False}),
    Command("node bios setting list", "{node}", since=40, refusal=NO_RESOURCE, shows={"name": "BootMode"}),
    Command("node bios setting show", "{node} BootMode", since=40, refusal=NO_RESOURCE, shows={"name": "BootMode"}),
    Command("node firmware list", "{node}", since=86, refusal=NO_RESOURCE, shows={"component": "bmc"}),
    Command("node power off", "{node}", ends="power off"),
    Command("node history list", "{node}", since=78, refusal=NO_RESOURCE, shows={"severity": "INFO"}, keeps="event"),
    Command("node history list", "{node} --long", since=78, refusal=NO_RESOURCE, shows={"uuid": "{event}"}),
    Command("node history get", "{node} {event}", since=78, refusal=NO_RESOURCE, shows={"uuid": "{event}"}),
    # Volumes, which are changed while the machine is off.
    Command(
        "volume connector create", "--node {uuid} --type iqn --connector-id {iqn}",
        since=32, refusal=NO_RESOURCE, keeps="connector",
    ),
    Command("volume connector list", since=32, refusal=NO_RESOURCE, shows={"uuid": "{connector}", "connector_id": "{iqn}"}),
    Command("volume connector list", "--long", since=32, refusal=NO_RESOURCE, shows={"uuid": "{connector}", "type": "iqn"}),
    Command("volume connector set", "{connector} --extra row=7", since=32, refusal=NO_RESOURCE),
    Command("volume connector show", "{connector}", since=32, refusal=NO_RESOURCE, shows={"extra": {"row": 7}}),
    Command("volume connector unset", "{connector} --extra row", since=32, refusal=NO_RESOURCE),
    Command("volume connector delete", "{connector}", since=32, refusal=NO_RESOURCE),
    Command(
        "volume target create", "--node {uuid} --type iscsi --boot-index 0 --volume-id v",
        since=32, refusal=NO_RESOURCE, keeps="target",
    ),
    Command("volume target list", since=32, refusal=NO_RESOURCE, shows={"uuid": "{target}", "volume_id": "v"}),
    Command("volume target list", "--long", since=32, refusal=NO_RESOURCE, shows={"uuid": "{target}", "boot_index": 0}),
    Command("volume target set", "{target} --extra row=7", since=32, refusal=NO_RESOURCE),
    Command("volume target show", "{target}", since=32, refusal=NO_RESOURCE, shows={"extra": {"row": 7}}),
    Command("volume target unset", "{target} --extra row", since=32, refusal=NO_RESOURCE),
    Command("volume target delete", "{target}", since=32, refusal=NO_RESOURCE),
    # Deploy templates, runbooks and inspection rules.
    Command(
        "deploy template create", "{template} " + STEPS.replace("{more}", ', "priority": 10'),
        since=55, refusal=NO_METHOD, keeps="template_uuid",
    ),
    Command("deploy template list", since=55, refusal=NO_RESOURCE, shows={"name": "{template}"}),
    Command("deploy template list", "--long", since=55, refusal=NO_RESOURCE, shows={"uuid": "{template_uuid}"}),
    Command("deploy template set", "{template} --extra row=7", since=55, refusal=NO_METHOD),
    Command("deploy template show", "{template}", since=55, refusal=NO_RESOURCE, shows={"extra": {"row": 7}}),
    Command("deploy template unset", "{template} --extra row", since=55, refusal=NO_METHOD),
    Command("deploy template delete", "{template}", since=55, refusal=NO_METHOD),
    Command(
        "runbook create", "--name {runbook} --extra a=1 " + STEPS.replace("{more}", ', "order": 1'),
        since=92, refusal=NO_METHOD, keeps="runbook_uuid",
    ),
    Command("runbook list", since=92, refusal=NO_RESOURCE, shows={"name": "{runbook}"}),
    Command("runbook list", "--long", since=92, refusal=NO_RESOURCE, shows={"uuid": "{runbook_uuid}"}),
    Command("runbook set", "{runbook} --extra row=7", since=92, refusal=NO_METHOD),
    Command("runbook show", "{runbook}", since=92, refusal=NO_RESOURCE, shows={"extra": {"a": 1, "row": 7}}),
    Command("runbook unset", "{runbook} --extra row", since=92, refusal=NO_METHOD),
    Command("runbook trait add", "{runbook} CUSTOM_A CUSTOM_B", since=112, refusal=CLIENT_REFUSES),
    Command("runbook trait list", "{runbook}", since=112, refusal=CLIENT_REFUSES, shows={"traits": "CUSTOM_B"}),
    Command("runbook trait remove", "{runbook} CUSTOM_A", since=112, refusal=CLIENT_REFUSES),
    Command("node trait add", "{node} CUSTOM_B", newest=True),
    Command("node clean", "{node} --runbook {runbook}", since=92, refusal=TOO_NEW, ends="manageable"),
    Command("runbook delete", "{runbook}", since=92, refusal=NO_METHOD),
    # Without `--conditions` the client sends null, which Ironic refuses, too.
    Command("inspection rule create", "--description first --conditions [] " + ACTIONS, since=96, refusal=NEEDS, keeps="rule"),
    Command("inspection rule list", since=96, refusal=NO_RESOURCE, shows={"uuid": "{rule}"}),
    Command("inspection rule list", "--long", since=96, refusal=NO_RESOURCE, shows={"uuid": "{rule}", "description": "first"}),
    Command("inspection rule set", "{rule} --priority 7", since=96, refusal=NEEDS),
    Command("inspection rule show", "{rule}", since=96, refusal=NO_RESOURCE, shows={"priority": 7, "description": "first"}),
    Command("inspection rule unset", "{rule} --description", since=96, refusal=NEEDS),
    Command("inspection rule delete", "{rule}", since=96, refusal=NEEDS),
    # The life of a node.
    Command("node inspect", "{node}", ends="manageable"),
    Command("node clean", "{node} --clean-steps " + RESET.replace("{more}", ""), ends="manageable"),
    Command("node provide", "{node}", ends="available"),
    Command(
        "allocation create", "--name {allocation} --resource-class {class}",
        since=52, refusal=NEEDS, ends="active", of="allocations/{allocation}",
    ),
    Command("allocation list", since=52, refusal=NO_RESOURCE, shows={"name": "{allocation}"}),
    Command("allocation list", "--long", since=52, refusal=NO_RESOURCE, shows={"name": "{allocation}", "node_uuid": "{uuid}"}),
    Command("allocation set", "{allocation} --extra row=7", since=57, refusal=NEEDS),
    Command("allocation show", "{allocation}", since=52, refusal=NO_RESOURCE, shows={"extra": {"row": 7}, "node_uuid": "{uuid}"}),
    Command("allocation unset", "{allocation} --extra row", since=57, refusal=NEEDS),
    Command("allocation delete", "{allocation}", since=52, refusal=NEEDS),
    Command("node deploy", "{node}", ends="active"),
    Command("node rebuild", "{node}", ends="active"),
    Command(
        "node rebuild", "{node} --deploy-steps " + RESET.replace("{more}", ', "priority": 10'),
        since=69, refusal=TOO_NEW, ends="active",
    ),
    Command("node rescue", "{node} --rescue-password secret", since=38, refusal=TOO_NEW, ends="rescue"),
    Command("node unrescue", "{node}", since=38, refusal=TOO_NEW, ends="active"),
    Command("node service", "{node} --service-steps " + RESET.replace("{more}", ""), since=87, refusal=TOO_NEW, ends="active"),
    Command("node undeploy", "{node}", ends="available"),
    # A step that waits for its operator.
    Command("node create", "--driver fake-hardware --name {held}"),
    Command("node manage", "{held}", ends="manageable", of="nodes/{held}"),
    Command("node clean", "{held} " + CLEAN_HOLD, newest=True, ends="clean hold", of="nodes/{held}"),
    Command("node abort", "{held}", ends="clean failed", of="nodes/{held}"),
    Command("node manage", "{held}", ends="manageable", of="nodes/{held}"),
    Command("node maintenance unset", "{held}"),
    Command("node unhold", "{held}", fails=STATE),
    Command("node clean", "{held} " + CLEAN_HOLD, newest=True, ends="clean hold", of="nodes/{held}"),
    Command("node unhold", "{held}", since=85, refusal=TOO_NEW, ends="manageable", of="nodes/{held}"),
    # An inspection by a ramdisk, and virtual interfaces.
    Command(
        "node create", "--driver fake-hardware --name {waiting} --inspect-interface agent --network-interface standalone",
        keeps="waiting_uuid",
    ),
    Command("port create", "{mac3} --node {waiting_uuid}", keeps="waiting_port"),
    Command("node vif attach", "{waiting} {vif} --port-uuid {waiting_port}", since=67, refusal=OLD_VIF),
    Command("node vif detach", "{waiting} {vif}", since=67, refusal=NOT_ATTACHED),
    Command("node vif attach", "{waiting} {vif}"),
    Command("node vif list", "{waiting}", shows={"id": "{vif}"}),
    Command("node vif detach", "{waiting} {vif}"),
    Command("node manage", "{waiting}", ends="manageable", of="nodes/{waiting}"),
    Command("node inspect", "{waiting}", ends="inspect wait", of="nodes/{waiting}"),
    Inspection("waiting_uuid"),
    Command("node inventory save", "{waiting} --file {saved}", since=81, shows={"inventory": INVENTORY}, file="saved"),
    Command("node inventory save", "{waiting}", since=81, refusal=NO_RESOURCE, shows={"inventory": INVENTORY}),
    Command("node inspect", "{waiting}", newest=True, ends="inspect wait", of="nodes/{waiting}"),
    Command("node abort", "{waiting}", since=41, refusal=TOO_NEW, ends="inspect failed", of="nodes/{waiting}"),
    # A machine that runs already.
    Command("node create", "--driver fake-hardware --name {adopted}"),
    Command("node manage", "{adopted}", ends="manageable", of="nodes/{adopted}"),
    Command("node adopt", "{adopted}", ends="active", of="nodes/{adopted}"),
    # And all away.
    Command("port delete", "{port}"),
    Command("port show", "{port}", fails="could not be found"),
    Command("node maintenance set", "{held} {waiting} {adopted}"),
    Command("node delete", "{held} {waiting} {adopted} {child} {filed} {node}"),
    Command("node show", "{node}", fails="could not be found"),
    Command("chassis delete", "{chassis}"),
    Command("chassis show", "{chassis}", fails="could not be found"),
]
