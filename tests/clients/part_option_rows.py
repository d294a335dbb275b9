"""The options of the commands that are about anything but a node, with what comes of each."""

from command_rows import ACTIONS, RESET, Command

NODE, OTHER = "parts-{mark}", "others-{mark}"
ORDERED = "--steps " + RESET.replace("{more}", ', "order": 1')
RATED = "--steps " + RESET.replace("{more}", ', "priority": 10')
# The same steps as they are shown.
RATED_STEP = {"interface": "bios", "step": "factory_reset", "args": {}, "priority": 20}
ORDERED_STEP = {"interface": "bios", "step": "factory_reset", "args": {}, "order": 2}
CONDITIONS = """--conditions '[{{"op": "eq", "args": {{"values": [1, 1]}}}}]'"""
OTHER_ACTIONS = """--actions '[{{"op": "set-attribute", "args": {{"path": "/description", "value": "changed"}}}}]'"""


def shows(command, ident, since=1, **fields):
    """The object has these fields, and no other is printed."""
    return Command(f"{command} show", f"{ident} --fields {' '.join(fields)}", since=since, shows=fields, exact=True)


def changed(command, verb, ident, words, since=1, **fields):
    """A `set` or an `unset`, and what the object shows then."""
    return [Command(f"{command} {verb}", f"{ident} {words}", since=since), shows(command, ident, since, **fields)]


def pages(command, first, last, field, values, since=1, within=""):
    """Two objects that were made one after the other, with an order by a field that is the other way round."""
    name, fields = f"{command} list", f"{within} --fields uuid {field}".strip()
    one, two = ({"uuid": ident, field: value} for ident, value in zip((first, last), values))
    rows = [
        Command(name, f"{fields} --marker {first}", since=since, shows=two, lines=1, exact=True),
        Command(name, f"{fields} --sort {field}:desc", since=since, shows=two, first=True),
        Command(name, f"{fields} --limit 1", since=since, lines=1, shows=one if within else {}),
    ]
    return rows


def chassis():
    """Chassis."""
    return [
        Command("chassis create", "--uuid {own_8} --description zy", shows={"uuid": "{own_8}", "description": "zy"}),
        Command("chassis create", "--uuid {own_9} --description zz"),
        *pages("chassis", "{own_8}", "{own_9}", "description", ("zy", "zz")),
        *changed("chassis", "unset", "{own_8}", "--description", uuid="{own_8}", description=None),
        Command("chassis delete", "{own_8} {own_9}"),
    ]


def service():
    """Conductors and drivers."""
    one, none = {"hostname": "{conductor}", "alive": True}, "--marker {conductor}"
    return [
        Command("conductor list", "--fields hostname alive --limit 1 --sort hostname", since=49, shows=one, lines=1, exact=True),
        Command("conductor list", none, since=49, lines=0),
        shows("conductor", "{conductor}", 49, hostname="{conductor}", alive=True),
        Command("driver list", "--type dynamic", since=30, shows={"name": "fake-hardware"}),
        Command("driver list", "--type classic", since=30, lines=0),
        Command("driver list", "--fields name type", since=77, shows={"name": "fake-hardware", "type": "dynamic"}, exact=True),
        shows("driver", "fake-hardware", 77, name="fake-hardware", default_power_interface="fake"),
    ]


def ports():
    """Ports."""
    link = "--local-link-connection switch_id=52:54:00:00:00:01 --local-link-connection port_id=p1"
    link_shown = {"switch_id": "52:54:00:00:00:01", "port_id": "p1"}
    words = f"--node {{own_10}} --uuid {{own_12}} --extra slot=1 --pxe-enabled false --port-group {{own_14}} {link}"
    fields = {
        "uuid": "{own_12}", "extra": {"slot": 1}, "pxe_enabled": False, "portgroup_uuid": "{own_14}", "local_link_connection": link_shown,
    }
    port, smart = "{own_12}", "--local-link-connection hostname=h --local-link-connection port_id=p1"
    rows = [
        Command("port create", "{mac4} " + words, shows=fields),
        shows("port", port, **fields),
        Command("port show", "{mac4} --address --fields uuid", shows={"uuid": port}, exact=True),
        Command("port create", "{mac5} --node {own_10} --uuid {own_13}"),
        Command("port list", "--node {own_10} --marker {own_12} --fields uuid", shows={"uuid": "{own_13}"}, lines=1, exact=True),
        Command("port list", "--node {own_10} --limit 1 --fields uuid", shows={"uuid": port}, lines=1, exact=True),
        Command("port list", "--node {own_10} --sort pxe_enabled:desc --fields uuid pxe_enabled", shows={"uuid": "{own_13}"}, first=True),
        Command("port list", "--address {mac5}", shows={"uuid": "{own_13}"}, lines=1),
        Command("port list", "--port-group {own_14}", shows={"uuid": port}, lines=1),
        *changed("port", "set", port, "--pxe-enabled", pxe_enabled=True),
        *changed("port", "set", port, "--pxe-disabled", pxe_enabled=False),
        Command("port unset", f"{port} --port-group"),
        *changed("port", "set", port, "--address {mac6}", address="{mac6}"),
        *changed("port", "set", port, "--local-link-connection switch_info=s", local_link_connection={**link_shown, "switch_info": "s"}),
        *changed("port", "unset", port, "--local-link-connection switch_info", local_link_connection=link_shown),
        *changed("port", "set", port, "--node {own_11}", node_uuid="{own_11}"),
        Command(
            "port create", f"{{mac7}} --node {{own_10}} --uuid {{own_15}} --is-smartnic {smart}",
            since=53, shows={"is_smartnic": True},
        ),
        *changed("port", "unset", "{own_15}", "--is-smartnic", 53, is_smartnic=False),
        *changed("port", "set", "{own_15}", "--is-smartnic", 53, is_smartnic=True),
        Command("port delete", "{own_15}", since=53),
    ]
    for field, since in (("physical_network", 34), ("name", 88), ("description", 97), ("vendor", 100), ("category", 101)):
        option = "--" + field.replace("_", "-")
        rows += [
            Command("port create", f"{{mac7}} --node {{own_10}} --uuid {{own_15}} {option} one-{{mark}}", since=since),
            # The client's own list of fields has no description.
            Command("port show", "{own_15}", since=since, shows={field: "one-{mark}"}),
            Command("port set", f"{{own_15}} {option} two-{{mark}}", since=since),
            Command("port show", "{own_15}", since=since, shows={field: "two-{mark}"}),
            Command("port unset", f"{{own_15}} {option}", since=since),
            Command("port show", "{own_15}", since=since, shows={field: None}),
            Command("port delete", "{own_15}", since=since),
        ]
    return rows


def groups():
    """Port groups. The first one is what a port is put into, and stays."""
    name, group, second = "port group", "{own_14}", "{own_16}"
    words = "--address {mac6} --name zy-{mark} --extra row=7 --mode 802.3ad --property a=1 --unsupport-standalone-ports"
    fields = {
        "uuid": group, "address": "{mac6}", "name": "zy-{mark}", "extra": {"row": 7}, "mode": "802.3ad", "properties": {"a": 1},
        "standalone_ports_supported": False,
    }
    rows = [
        Command("port group create", f"--node {{own_10}} --uuid {group} {words}", shows=fields),
        shows(name, group, **fields),
        Command("port group show", "{mac6} --address --fields uuid", shows={"uuid": group}, exact=True),
        Command("port group create", f"--node {{own_10}} --uuid {second} --name zz-{{mark}} --support-standalone-ports",
                shows={"standalone_ports_supported": True}),
        *pages(name, group, second, "name", ("zy-{mark}", "zz-{mark}"), within="--node {own_10}"),
        Command("port group list", "--address {mac6}", shows={"uuid": group}, lines=1),
        Command("node set", f"{NODE} --shard parts-{{mark}}", since=82),
        Command("port group list", "--shards parts-{mark} --sort name", since=106, shows={"uuid": group}, first=True, lines=2),
        Command("port group list", "--shards other-{mark}", since=106, lines=0),
        *changed(name, "unset", group, "--address", address=None),
        *changed(name, "unset", group, "--name", name=None),
        *changed(name, "set", group, "--name new-{mark}", name="new-{mark}"),
        *changed(name, "unset", group, "--property a", properties={}),
        *changed(name, "set", group, "--property b=2", properties={"b": 2}),
        *changed(name, "set", group, "--mode 4", mode="4"),
        *changed(name, "set", group, "--support-standalone-ports", standalone_ports_supported=True),
        *changed(name, "set", group, "--unsupport-standalone-ports", standalone_ports_supported=False),
        *changed(name, "set", group, "--support-standalone-ports", standalone_ports_supported=True),
        *changed(name, "set", second, "--node {own_11}", node_uuid="{own_11}"),
    ]
    for field, since in (("physical_network", 102), ("category", 103)):
        option = "--" + field.replace("_", "-")
        rows += [
            Command("port group create", f"--node {{own_10}} --uuid {{own_17}} {option} one", since=since, shows={field: "one"}),
            *changed(name, "set", "{own_17}", f"{option} two", since, **{field: "two"}),
            *changed(name, "unset", "{own_17}", option, since, **{field: None}),
            Command("port group delete", "{own_17}", since=since),
        ]
    return rows


def volumes():
    """Connectors and targets, which are changed while the machine is off."""
    connector, target = "volume connector", "volume target"
    return [
        *(Command("node power off", f"{{own_{number}}}", ends="power off", of=f"nodes/{{own_{number}}}") for number in (10, 11)),
        Command(
            "volume connector create", "--node {own_10} --type iqn --connector-id {iqn}:y --uuid {own_18} --extra row=7",
            since=32, shows={"uuid": "{own_18}", "extra": {"row": 7}},
        ),
        Command("volume connector create", "--node {own_10} --type iqn --connector-id {iqn}:z --uuid {own_19}", since=32),
        *pages(connector, "{own_18}", "{own_19}", "connector_id", ("{iqn}:y", "{iqn}:z"), 32, "--node {own_10}"),
        Command("volume connector list", "--node {own_11}", since=32, lines=0),
        *changed(connector, "set", "{own_18}", "--type wwpn --connector-id x-{mark}", 32, type="wwpn", connector_id="x-{mark}"),
        *changed(connector, "set", "{own_18}", "--node {own_11}", 32, node_uuid="{own_11}"),
        Command(
            "volume target create",
            "--node {own_10} --type iscsi --boot-index 0 --volume-id y --property lun=1 --uuid {own_20} --extra row=7",
            since=32, shows={"uuid": "{own_20}", "extra": {"row": 7}, "properties": {"lun": 1}},
        ),
        Command("volume target create", "--node {own_10} --type iscsi --boot-index 1 --volume-id z --uuid {own_21}", since=32),
        *pages(target, "{own_20}", "{own_21}", "volume_id", ("y", "z"), 32, "--node {own_10}"),
        Command("volume target list", "--node {own_11}", since=32, lines=0),
        *changed(
            target, "set", "{own_20}", "--boot-index 7 --volume-id x --type fibre_channel",
            32, boot_index=7, volume_id="x", volume_type="fibre_channel",
        ),
        *changed(target, "set", "{own_20}", "--property a=1", 32, properties={"lun": 1, "a": 1}),
        *changed(target, "unset", "{own_20}", "--property lun", 32, properties={"a": 1}),
        *changed(target, "set", "{own_20}", "--node {own_11}", 32, node_uuid="{own_11}"),
        Command("volume connector delete", "{own_18} {own_19}", since=32),
        Command("volume target delete", "{own_20} {own_21}", since=32),
    ]


def templates():
    """Deploy templates."""
    name, new = "deploy template", RATED.replace('"priority": 10', '"priority": 20')
    return [
        Command(
            "deploy template create", "CUSTOM_ZY_{MARK} --uuid {own_22} --extra row=7 " + RATED,
            since=55, shows={"uuid": "{own_22}", "extra": {"row": 7}},
        ),
        Command("deploy template create", "CUSTOM_ZZ_{MARK} --uuid {own_23} " + RATED, since=55),
        *pages(name, "{own_22}", "{own_23}", "name", ("CUSTOM_ZY_{MARK}", "CUSTOM_ZZ_{MARK}"), 55),
        *changed(name, "set", "{own_22}", "--name CUSTOM_ZX_{MARK}", 55, name="CUSTOM_ZX_{MARK}"),
        *changed(name, "set", "{own_22}", new, 55, steps=[RATED_STEP]),
        Command("deploy template delete", "{own_22} {own_23}", since=55),
    ]


def runbooks():
    """Runbooks."""
    name, book = "runbook", "{own_22}"
    new = ORDERED.replace('"order": 1', '"order": 2')
    words = f"--name CUSTOM_ZY_{{MARK}} --uuid {book} --owner me --disable-ramdisk {ORDERED}"
    rows = [
        Command("runbook create", words, since=92, shows={"uuid": book, "owner": "me", "disable_ramdisk": True}),
        Command("runbook create", f"--name CUSTOM_ZZ_{{MARK}} --uuid {{own_23}} --public true {ORDERED}", since=92, shows={"public": True}),
        *pages(name, book, "{own_23}", "name", ("CUSTOM_ZY_{MARK}", "CUSTOM_ZZ_{MARK}"), 92),
        *changed(name, "set", book, "--name CUSTOM_ZX_{MARK}", 92, name="CUSTOM_ZX_{MARK}"),
        *changed(name, "set", book, new, 92, steps=[ORDERED_STEP]),
        *changed(name, "unset", book, "--disable-ramdisk", 92, disable_ramdisk=False),
        *changed(name, "set", book, "--disable-ramdisk true", 92, disable_ramdisk=True),
        *changed(name, "unset", book, "--owner", 92, owner=None),
        *changed(name, "set", book, "--owner you", 92, owner="you"),
        *changed(name, "unset", "{own_23}", "--public", 92, public=False),
        *changed(name, "set", "{own_23}", "--public true", 92, public=True),
        Command("runbook unset", f"{book} --name", since=92, fails="(http 400)"),
        Command(
            "runbook create", f"--name CUSTOM_ZW_{{MARK}} --uuid {{own_24}} --description one {ORDERED}",
            since=112, refusal="--description requires api version 1.{since} or later", shows={"description": "one"},
        ),
        *changed(name, "set", "{own_24}", "--description two", 112, description="two"),
        *changed(name, "unset", "{own_24}", "--description", 112, description=None),
        Command("runbook trait add", "{own_24} CUSTOM_A CUSTOM_B", since=112),
        *changed(name, "trait remove", "{own_24}", "--all", 112, traits=[]),
        Command("runbook delete", "{own_24}", since=112),
        Command("runbook delete", f"{book} {{own_23}}", since=92),
    ]
    return rows


def rules():
    """Inspection rules. The client sends a priority as a text, and knows lists of conditions and actions by names they do not have."""
    name, rule = "inspection rule", "{own_22}"
    condition = {"op": "eq", "args": {"values": [1, 1]}}
    action = {"op": "set-attribute", "args": {"path": "/description", "value": "changed"}}
    main = f"--uuid {rule} --phase main --description zy --conditions [] {ACTIONS}"
    return [
        Command("inspection rule create", main, since=96, shows={"uuid": rule, "sensitive": False, "phase": "main"}),
        # The client sends a text.
        Command("inspection rule create", f"--sensitive true --conditions [] {ACTIONS}", since=96, fails="sensitive must be true or false"),
        Command("inspection rule create", f"--priority 7 --conditions [] {ACTIONS}", since=96, fails="priority"),
        Command("inspection rule create", f"--uuid {{own_23}} --description zz --conditions [] {ACTIONS}", since=96),
        *pages(name, rule, "{own_23}", "description", ("zy", "zz"), 96),
        *changed(name, "set", "{own_23}", "--description other --priority 7", 96, description="other", priority=7),
        *changed(name, "set", "{own_23}", "--phase main", 96, phase="main"),
        *changed(name, "set", "{own_23}", OTHER_ACTIONS, 96, actions=[action]),
        *changed(name, "set", "{own_23}", CONDITIONS, 96, conditions=[condition]),
        *changed(name, "unset", "{own_23}", "--priority --phase --description", 96, priority=0, phase="main", description=None),
        Command("inspection rule unset", "{own_23} --condition 0", since=96, fails="(http 400)"),
        Command("inspection rule unset", "{own_23} --action 0", since=96, fails="(http 400)"),
        Command("inspection rule delete", f"{rule} {{own_23}}", since=96),
    ]


def allocations():
    """Allocations: one that chooses, and one for a node that is in use already."""
    name, which = "allocation", f"--resource-class {NODE}"
    chosen = f"--name zy-{{mark}} --uuid {{own_22}} {which} --trait CUSTOM_A --candidate-node {{own_10}} --extra row=7 --wait 60"
    chosen_fields = {"uuid": "{own_22}", "state": "active", "traits": ["CUSTOM_A"], "candidate_nodes": ["{own_10}"], "extra": {"row": 7}}
    of, verbs = "nodes/{own_10}", [("manage", "manageable"), ("provide", "available")]
    rows = [Command(f"node {verb}", NODE, ends=state, of=of) for verb, state in verbs]
    rows += [Command(f"node {verb}", OTHER, ends=state, of="nodes/{own_11}") for verb, state in verbs]
    rows += [
        Command("node trait add", f"{NODE} CUSTOM_A", since=52),
        Command("allocation create", chosen, since=52, shows=chosen_fields | {"node_uuid": "{own_10}"}),
        Command("node deploy", OTHER, since=58, ends="active", of="nodes/{own_11}"),
        Command(
            "allocation create", "--name zz-{mark} --uuid {own_23} --node {own_11} --wait",
            since=58, shows={"state": "active", "node_uuid": "{own_11}"},
        ),
        *pages(name, "{own_22}", "{own_23}", "name", ("zy-{mark}", "zz-{mark}"), 58),
        Command("allocation list", which, since=52, shows={"uuid": "{own_22}"}, lines=1),
        Command("allocation list", "--node {own_10}", since=52, shows={"uuid": "{own_22}"}, lines=1),
        Command("allocation list", f"{which} --state active", since=52, shows={"uuid": "{own_22}"}, lines=1),
        Command("allocation list", f"{which} --state error", since=52, lines=0),
        *changed(name, "set", "{own_22}", "--name new-{mark}", 57, name="new-{mark}"),
        *changed(name, "unset", "{own_22}", "--name", 57, name=None),
        Command("allocation delete", "{own_22}", since=52),
        Command(
            "allocation create", "--uuid {own_24} --owner me-{mark} --resource-class nobody-{mark}",
            since=60, shows={"owner": "me-{mark}"}, ends="error", of="allocations/{own_24}",
        ),
        Command("allocation list", "--owner me-{mark}", since=60, shows={"uuid": "{own_24}"}, lines=1),
        shows(name, "{own_24}", 60, owner="me-{mark}", state="error"),
        Command("allocation delete", "{own_24}", since=60),
        Command("node undeploy", OTHER, since=58, ends="available", of="nodes/{own_11}"),
        Command("allocation show", "{own_23}", since=58, fails="could not be found"),
    ]
    return rows


ROWS = [
    *chassis(),
    *service(),
    Command("node create", f"--driver fake-hardware --name {NODE} --uuid {{own_10}} --resource-class {NODE}"),
    Command("node create", f"--driver fake-hardware --name {OTHER} --uuid {{own_11}} --resource-class {OTHER}"),
    *groups(),
    *ports(),
    *volumes(),
    *templates(),
    *runbooks(),
    *rules(),
    *allocations(),
    Command("node delete", f"{NODE} {OTHER}"),
]
