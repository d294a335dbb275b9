"""The options of the commands that are about a node, with what comes of each. What they need is made here, and deleted."""

from dataclasses import dataclass

from command_rows import RESET, Command


@dataclass(frozen=True)
class Containing:
    """A text, or a list, with this in it."""

    part: str

    def __eq__(self, found):
        return found is not None and self.part in found


# Kind, another implementation than the default of fake hardware and its default, and since when nodes show which they have.
INTERFACES = [
    ("bios", "no-bios", "fake", 40), ("boot", "ipxe", "fake", 31), ("console", "no-console", "fake", 31),
    ("deploy", "direct", "fake", 31), ("firmware", "no-firmware", "fake", 86), ("inspect", "agent", "fake", 31),
    ("management", "fake", "fake", 31), ("network", "standalone", "flat", 31), ("power", "fake", "fake", 31),
    ("raid", "no-raid", "fake", 31), ("rescue", "no-rescue", "fake", 38), ("storage", "fake", "noop", 33),
    ("vendor", "no-vendor", "fake", 31),
]
# The two nodes of the lists: `wide` has all options, `slim` none.
WIDE, SLIM, KID, LIVE = "wide-{mark}", "slim-{mark}", "kid-{mark}", "live-{mark}"
CLASS = "options-{mark}"
NETWORK = {"links": [], "networks": [], "services": []}
NETWORK_WORDS = """'{{"links": [], "networks": [], "services": []}}'"""
BIOS_STEP = RESET.replace("{more}", "")


def shows(node, since=1, **fields):
    """The node has these fields, and no other is printed."""
    if "shard" in fields:
        # The client's own list of fields does not have it.
        return Command("node show", node, since=since, shows=fields)
    return Command("node show", f"{node} --fields {' '.join(fields)}", since=since, shows=fields, exact=True)


def changed(name, node, words, since=1, **fields):
    """A command, and what the node shows then."""
    return [Command(name, f"{node} {words}", since=since), shows(node, since, **fields)]


def listed(words, nodes, since=1):
    """A list of those of the class has these nodes."""
    asked = Command("node list", f"--resource-class {CLASS} {words} --fields name", since=since, lines=len(nodes), exact=bool(nodes))
    return [Command(**{**vars(asked), "shows": {"name": node}}) for node in nodes] or [asked]


def creation():
    """A node that is created with what a version knows, and shows it."""
    old = [kind for kind in INTERFACES if kind[3] <= 31]
    interfaces = " ".join(f"--{kind}-interface {other}" for kind, other, _, _ in old)
    first = f"--driver-info a=1 --property cpu_arch=x86_64 --extra e=1 --resource-class {CLASS} --uuid {{own_1}} {interfaces}"
    fields = {f"{kind}_interface": other for kind, other, _, _ in old}
    fields |= {"uuid": "{own_1}", "driver_info": {"a": 1}, "properties": {"cpu_arch": "x86_64"}, "extra": {"e": 1}, "resource_class": CLASS}
    rows = [Command("node create", f"--driver fake-hardware --name {WIDE} {first}", shows=fields), shows(WIDE, **fields)]
    new = {kind: other for kind, other, _, since in INTERFACES if 31 < since <= 50}
    interfaces = " ".join(f"--{kind}-interface {other}" for kind, other in new.items())
    fields = {f"{kind}_interface": other for kind, other in new.items()} | {"automated_clean": True, "owner": "me"}
    rows += made(f"--automated-clean --owner me {interfaces}", 50, fields)
    rows += made("--no-automated-clean", 47, {"automated_clean": False})
    words = (
        "--instance-name web --firmware-interface no-firmware --lessee you --description text --shard s-{mark} "
        f"--network-data {NETWORK_WORDS} --disable-power-off"
    )
    fields = {
        "instance_name": "web", "firmware_interface": "no-firmware", "lessee": "you", "description": "text", "shard": "s-{mark}",
        "network_data": NETWORK, "disable_power_off": True,
    }
    rows += made(words, 104, fields)
    group = "--driver fake-hardware --conductor-group nobody"
    return [*rows, Command("node create", group, since=46, fails="in the conductor group")]


def made(words, since, fields):
    """A node that is there for these options, and goes again."""
    name = "brief-{mark}"
    return [
        Command("node create", f"--driver fake-hardware --name {name} {words}", since=since, shows=fields),
        shows(name, since, **fields),
        Command("node delete", name, since=since),
    ]


def settings():
    """Fields that are set and unset."""
    rows = [
        Command("node set", f"{SLIM} --name renamed-{{mark}}"),
        shows("renamed-{mark}", name="renamed-{mark}"),
        Command("node unset", "renamed-{mark} --name"),
        shows("{own_2}", name=None),
        Command("node set", f"{{own_2}} --name {SLIM}"),
        Command("chassis create", "--uuid {own_3} --extra row=7", shows={"uuid": "{own_3}", "extra": {"row": 7}}),
    ]
    for field, value in {
        "instance_uuid": (1, "{own_4}"), "chassis_uuid": (25, "{own_3}"), "resource_class": (21, "other-{mark}"), "owner": (50, "me"),
        "description": (51, "mine"), "lessee": (65, "you"), "shard": (82, "t-{mark}"), "parent_node": (83, "{own_1}"),
        "instance_name": (104, "web"),
    }.items():
        since, text = value
        option = "--" + field.replace("_", "-")
        rows += changed("node set", SLIM, f"{option} {text}", since, **{field: text})
        if field == "instance_uuid":
            rows.append(Command("node show", "{own_4} --instance --fields uuid", shows={"uuid": "{own_2}"}, exact=True))
        rows += changed("node unset", SLIM, option, since, **{field: None})
    for field in ("property", "extra", "driver_info", "instance_info"):
        option, shown = "--" + field.replace("_", "-"), {"property": "properties"}.get(field, field)
        rows += changed("node set", SLIM, f"{option} a=1 {option} b=text", **{shown: {"a": 1, "b": "text"}})
        rows += changed("node unset", SLIM, f"{option} a {option} b", **{shown: {}})
    raid = """--target-raid-config '{{"logical_disks": [{{"size_gb": 10, "raid_level": "1"}}]}}'"""
    target = {"logical_disks": [{"size_gb": 10, "raid_level": "1"}]}
    rows += changed("node set", SLIM, raid, target_raid_config=target)
    rows += changed("node unset", SLIM, "--target-raid-config", target_raid_config={})
    rows += changed("node set", SLIM, "--automated-clean", 47, automated_clean=True)
    rows += changed("node set", SLIM, "--no-automated-clean", 47, automated_clean=False)
    rows += changed("node unset", SLIM, "--automated-clean", 47, automated_clean=None)
    rows += changed("node set", SLIM, "--retired --retired-reason old", 61, retired=True, retired_reason="old")
    rows += changed("node unset", SLIM, "--retired-reason", 61, retired=True, retired_reason=None)
    rows += changed("node unset", SLIM, "--retired", 61, retired=False)
    rows += changed("node set", SLIM, f"--network-data {NETWORK_WORDS}", 66, network_data=NETWORK)
    rows += changed("node unset", SLIM, "--network-data", 66, network_data={})
    rows += changed("node set", SLIM, "--disable-power-off", 95, disable_power_off=True)
    rows += changed("node set", SLIM, "--enable-power-off", 95, disable_power_off=False)
    rows.append(Command("node set", f"{SLIM} --conductor-group nobody", since=46, fails="in the conductor group"))
    rows += changed("node unset", SLIM, "--conductor-group", 46, conductor_group="")
    return rows


def interfaces():
    """Each interface: another one, its default again by both commands, and those of another driver."""
    rows = []
    for kind, other, default, since in INTERFACES:
        for name, word in (("node set", f"--reset-{kind}-interface"), ("node unset", f"--{kind}-interface")):
            rows += changed("node set", SLIM, f"--{kind}-interface {other}", since, **{f"{kind}_interface": other})
            rows += changed(name, SLIM, word, since, **{f"{kind}_interface": default})
    manual = {"driver": "manual-management", "boot_interface": "ipxe", "deploy_interface": "direct"}
    rows += changed("node set", SLIM, "--driver manual-management --reset-interfaces", 45, **manual)
    fake = {"driver": "fake-hardware", "boot_interface": "fake", "deploy_interface": "fake"}
    return rows + changed("node set", SLIM, "--driver fake-hardware --reset-interfaces", 45, **fake)


def lists():
    """Each filter, with what it finds and what it does not, and the pages."""
    both = [WIDE, SLIM]
    rows = [
        Command("node list", f"--resource-class {CLASS} --limit 1 --fields name", shows={"name": WIDE}, lines=1),
        Command("node list", f"--resource-class {CLASS} --marker {{own_1}} --fields name", shows={"name": SLIM}, lines=1),
        Command("node list", f"--resource-class {CLASS} --sort name --fields name", shows={"name": SLIM}, first=True, lines=2),
        Command("node list", f"--resource-class {CLASS} --sort name:desc --fields name", shows={"name": WIDE}, first=True, lines=2),
        Command("node maintenance set", WIDE),
        Command("node set", f"{WIDE} --instance-uuid {{own_5}} --chassis-uuid {{own_3}}"),
        Command("node set", f"{WIDE} --owner me-{{mark}}", since=50),
        Command("node set", f"{WIDE} --description 'the wide one'", since=51),
        Command("node set", f"{WIDE} --retired", since=61),
        Command("node set", f"{WIDE} --lessee you-{{mark}}", since=65),
        Command("node set", f"{WIDE} --shard s-{{mark}}", since=82),
        Command("node set", f"{WIDE} --instance-name web-{{mark}}", since=104),
        # A child is of its parent's owner.
        Command(
            "node create",
            f"--driver fake-hardware --name {KID} --resource-class {CLASS} --parent-node {{own_1}} --owner me-{{mark}}",
            since=83,
        ),
    ]
    for words, found, since in [
        ("--maintenance", [WIDE], 1), ("--no-maintenance", [SLIM], 1), ("--associated", [WIDE], 1), ("--unassociated", [SLIM], 1),
        ("--provision-state enroll", both, 9), ("--provision-state active", [], 9), ("--driver fake-hardware", both, 16),
        ("--driver redfish", [], 16), ("--chassis {own_3}", [WIDE], 1), ("--fault 'power failure'", [], 42),
        ("--conductor-group nobody", [], 46), ("--conductor {conductor}", both, 49), ("--owner me-{mark}", [WIDE], 50),
        ("--description-contains 'wide'", [WIDE], 51), ("--retired", [WIDE], 61), ("--no-retired", [SLIM], 61),
        ("--lessee you-{mark}", [WIDE], 65), ("--sharded", [WIDE], 82), ("--unsharded", [SLIM], 82), ("--shards s-{mark}", [WIDE], 82),
        ("--include-children", [*both, KID], 83), ("--parent-node {own_1}", [KID], 83), ("--instance-name web-{mark}", [WIDE], 104),
    ]:
        rows += listed(words, found, since)
    return rows


def verbs():
    """Each verb that is waited for: the state is there once the command ends."""
    drive = "--config-drive {drive}"
    steps = "--deploy-steps " + RESET.replace("{more}", ', "priority": 10')
    rows = [Command("node create", f"--driver fake-hardware --name {LIVE}", keeps="live_uuid")]
    for verb, words, state, since in [
        ("manage", "", "manageable", 1), ("inspect", "", "manageable", 1), ("clean", "--clean-steps " + BIOS_STEP, "manageable", 1),
        ("clean", "--disable-ramdisk --clean-steps " + BIOS_STEP, "manageable", 70), ("provide", "", "available", 1),
        ("deploy", drive, "active", 1), ("rebuild", drive, "active", 35), ("rescue", "--rescue-password secret", "rescue", 38),
        ("unrescue", "", "active", 38), ("service", "--disable-ramdisk --service-steps " + BIOS_STEP, "active", 108),
    ]:
        rows += changed(f"node {verb}", LIVE, f"--wait 60 {words}".rstrip(), since, provision_state=state, last_error=None)
        if drive in words:
            rows.append(shows(LIVE, since, instance_info={"configdrive": "******"}))
    rows += changed("node set", LIVE, "--protected --protected-reason mine", 48, protected=True, protected_reason="mine")
    rows.append(Command("node undeploy", LIVE, since=48, fails="protected"))
    rows += changed("node unset", LIVE, "--protected-reason", 48, protected=True, protected_reason=None)
    rows += changed("node unset", LIVE, "--protected", 48, protected=False)
    rows += [
        Command("runbook create", "--name CUSTOM_SERVICE_{MARK} --steps " + RESET.replace("{more}", ', "order": 1'), since=92),
        # By then a runbook is for nodes with one of its traits, and its name is none by itself.
        Command("runbook trait add", "CUSTOM_SERVICE_{MARK} CUSTOM_SERVICE_{MARK}", since=112),
        Command("node trait add", f"{LIVE} CUSTOM_SERVICE_{{MARK}} CUSTOM_MORE", since=92),
        *changed("node service", LIVE, "--wait 60 --runbook CUSTOM_SERVICE_{MARK}", 92, provision_state="active", last_error=None),
        Command("runbook delete", "CUSTOM_SERVICE_{MARK}", since=92),
        *changed("node trait remove", LIVE, "--all", 92, traits=[]),
    ]
    rows += changed("node undeploy", LIVE, "--wait 60", provision_state="available", instance_info={})
    rows += changed("node deploy", LIVE, f"--wait 60 {steps}", 69, provision_state="active", last_error=None)
    rows += changed("node undeploy", LIVE, "--wait 60", 69, provision_state="available")
    rows += changed("node manage", LIVE, "--wait 60", provision_state="manageable")
    return rows + changed("node adopt", LIVE, "--wait 60", provision_state="active", last_error=None)


def machine():
    """Power, boot device, settings, passthru, and a virtual interface."""
    power, of = "--power-timeout 30", "nodes/{live_uuid}"
    return [
        Command("node power on", f"{LIVE} {power}", ends="power on", of=of),
        Command("node power off", f"{LIVE} --soft {power}", ends="power off", of=of),
        Command("node power on", LIVE, ends="power on", of=of),
        Command("node reboot", f"{LIVE} --soft {power}", ends="power on", of=of),
        Command("node boot device show", f"{LIVE} --supported", shows={"supported_boot_devices": Containing("pxe")}),
        Command("node bios setting list", f"{LIVE} --long", since=74, shows={"name": "BootMode", "attribute_type": "Enumeration"}),
        Command(
            "node bios setting list", f"{LIVE} --fields name value",
            since=74, shows={"name": "BootMode", "value": Containing("i")}, exact=True,
        ),
        Command("node passthru call", f"{LIVE} second_method --http-method POST --arg bar=kazoo"),
        Command("node passthru call", f"{LIVE} second_method --http-method GET --arg bar=kazoo", fails="does not support http get"),
        Command(
            "driver passthru call", "fake-hardware nothing --http-method PUT --arg bar=kazoo",
            fails="no handler for method nothing (http 400)",
        ),
        Command("node create", "--driver fake-hardware --name net-{mark} --network-interface standalone", keeps="net_uuid"),
        Command("port create", "{mac4} --node {net_uuid} --physical-network one", since=34, keeps="net_port"),
        Command("node vif attach", "net-{mark} {own_7} --vif-info physical_network=one", since=34),
        Command("node vif list", "net-{mark}", since=34, shows={"id": "{own_7}"}, lines=1),
        Command("node vif detach", "net-{mark} {own_7}", since=34),
        Command("port group create", "--node {net_uuid} --uuid {own_6} --address {mac5}", since=67),
        Command("port create", "{mac6} --node {net_uuid} --port-group {own_6}", since=67),
        Command("node vif attach", "net-{mark} {own_7} --portgroup-uuid {own_6}", since=67),
        Command(
            "port group show", "{own_6} --fields internal_info", since=67, shows={"internal_info": {"tenant_vif_port_id": "{own_7}"}},
        ),
        Command("node vif detach", "net-{mark} {own_7}", since=67),
        Command("node delete", "net-{mark}"),
    ]


ROWS = [
    *creation(),
    Command("node create", f"--driver fake-hardware --name {SLIM} --uuid {{own_2}} --resource-class {CLASS}"),
    *settings(),
    *interfaces(),
    # The class was unset.
    Command("node set", f"{SLIM} --resource-class {CLASS}"),
    *lists(),
    *verbs(),
    *machine(),
    # And all away.
    Command("node delete", KID, since=83),
    Command("node maintenance set", LIVE),
    Command("node delete", f"{LIVE} {SLIM}"),
    Command("node unset", f"{WIDE} --instance-uuid"),
    Command("node delete", WIDE),
    Command("chassis delete", "{own_3}"),
]
