"""Every command of python-ironicclient with every option, at its newest microversion, at 1.31 and at 1.50, with fake hardware."""

import argparse
import base64
import gzip
import importlib.metadata
import json
import pathlib
import shlex
import tempfile
import time

from cliff.command import Command as Cliff
from cliff.lister import Lister
from cliff.show import ShowOne
from ironicclient import shell
from ironicclient.common.http import LAST_KNOWN_API_VERSION
from ironicclient.v1.utils import PROVISION_ACTIONS

from command_rows import ROWS as COMMAND_ROWS
from command_rows import Command, Inspection
from cycle import Failed, arguments, check, check_contains, mac, run
from fork import forked
from node_option_rows import ROWS as NODE_OPTION_ROWS
from part_option_rows import ROWS as PART_OPTION_ROWS
from prepared import Api, filled

ARGUMENTS = arguments(__doc__)
API = Api(ARGUMENTS.url, ARGUMENTS.timeout)
ROWS = [*COMMAND_ROWS, *NODE_OPTION_ROWS, *PART_OPTION_ROWS]
NEWEST = LAST_KNOWN_API_VERSION
VERSIONS = [NEWEST, 31, 50]
# What waits asks again so soon, in seconds, and not after the client's 2 or 10.
for action in filter(None, PROVISION_ACTIONS.values()):
    action["poll_interval"] = 0.2
ENTRY_POINTS = {
    point.name.removeprefix("baremetal_").replace("_", " "): point
    for point in importlib.metadata.entry_points(group="openstack.baremetal.v1")
}


class PlainList(Lister):
    """A list without options."""

    def take_action(self, _):
        """Never done."""


class PlainShow(ShowOne):
    """An object without options."""

    def take_action(self, _):
        """Never done."""


class PlainCommand(Cliff):
    """A command without options."""

    def take_action(self, _):
        """Never done."""


# From what a command is to one that is nothing more.
PLAIN = {Lister: PlainList, ShowOne: PlainShow, Cliff: PlainCommand}


def actions(kind):
    """What the command line of a kind of command may say."""
    return kind(None, None).get_parser("")._actions


def options(command):
    """The names of each of its own options, without those of the form of what is printed, and without hidden ones."""
    kind = ENTRY_POINTS[command].load()
    plain = next(base for base in PLAIN if issubclass(kind, base))
    form = {name for action in actions(PLAIN[plain]) for name in action.option_strings}
    return [
        set(action.option_strings)
        for action in actions(kind)
        if action.option_strings and action.help != argparse.SUPPRESS and not form & set(action.option_strings)
    ]


def tell(row, version, kept):
    """Runs the command by the version, and looks at what it says."""
    if version < row.since and not row.refusal:
        print(f"baremetal {row.name} {row.words}: not in 1.{version}", flush=True)
        return
    # Without the option it is the newest that both know.
    option = "" if version == NEWEST else f"--os-baremetal-api-version 1.{version} "
    line = f"baremetal {option}{row.name} {filled(row.words, kept)}".rstrip()
    prints = issubclass(ENTRY_POINTS[row.name].load(), (Lister, ShowOne))
    words = ["--os-auth-type", "none", "--os-endpoint", ARGUMENTS.url, "--retry-interval", "1", *shlex.split(line)[1:]]
    status, printed, complaint = forked(lambda: shell.main(words + ["-f", "json"] * prints))
    refusal = row.refusal if version < row.since else row.fails
    print(line, *["(refused)"] * bool(refusal), flush=True)
    if refusal:
        if status == 0:
            raise Failed(f"{line} was not refused, but printed {printed.strip()}")
        wrapped = " ".join(complaint.lower().split())
        check_contains(f"the refusal of {line}", wrapped, refusal.format(version=version, since=row.since))
        return
    if status != 0:
        raise Failed(f"{line}: exit {status}: {complaint.strip()}")
    if row.file:
        with open(kept[row.file]) as file:
            look(line, row, json.load(file), kept)
    elif prints or row.shows:
        look(line, row, json.loads(printed), kept)
    if row.ends:
        API.wait_for(filled(row.of, kept), row.ends)


def look(what, row, printed, kept):
    """Compares what was printed, and keeps of it."""
    lines = printed if isinstance(printed, list) else [printed]
    if row.keeps:
        kept[row.keeps] = next(value for key, value in lines[0].items() if key.lower() == "uuid")
    expected = filled(row.shows, kept)
    if row.lines is not None:
        check(f"the number of lines of {what}, which printed {printed}", len(lines), row.lines)
    shown = lines[:1] if row.first else lines
    if expected and not any(all(line.get(key) == value for key, value in expected.items()) for line in shown):
        raise Failed(f"{what} printed {printed}, expected {expected}{' first' if row.first else ''}")
    if row.exact and any(line.keys() != expected.keys() for line in lines):
        raise Failed(f"{what} printed {printed}, expected no other fields than {sorted(expected)}")


def resources(kept):
    """The words for a file that the command `create` makes all of."""
    port = {"address": mac()}
    nodes = {"nodes": [{"driver": "fake-hardware", "name": kept["filed"], "ports": [port]}]}
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(nodes, file)
    return file.name


def every_command(version):
    """All rows, by one version."""
    kept = API.names(version)
    kept["file"] = resources(kept)
    kept["saved"] = kept["file"] + ".inventory"
    with tempfile.NamedTemporaryFile("wb", suffix=".drive", delete=False) as file:
        file.write(base64.b64encode(gzip.compress(b"drive")))
    kept["drive"] = file.name
    try:
        for row in ROWS:
            if isinstance(row, Inspection):
                API.inspect(kept, row.node)
            else:
                tell(row, NEWEST if row.newest else version, kept)
    finally:
        for name in ("file", "saved", "drive"):
            pathlib.Path(kept[name]).unlink(missing_ok=True)


def unused():
    """The options that no row has: command, and option."""
    used = {}
    for row in ROWS:
        if isinstance(row, Command):
            words = shlex.split(row.words.replace("{{", "{").replace("}}", "}"))
            used.setdefault(row.name, set()).update(word for word in words if word.startswith("--"))
    return [f"{name} {min(names)}" for name in sorted(ENTRY_POINTS) for names in options(name) if not names & used.get(name, set())]


def commands():
    """Every command that the installed client has, with every option, and no other, is in the list."""
    listed = {row.name for row in ROWS if isinstance(row, Command)}
    check("the commands of the client that are in no row", sorted(ENTRY_POINTS.keys() - listed), [])
    check("the commands in rows that the client does not have", sorted(listed - ENTRY_POINTS.keys()), [])
    check("the options of the client that are in no row", unused(), [])
    for version in VERSIONS:
        started = time.monotonic()
        every_command(version)
        print(f"1.{version}: {len(listed)} commands, {time.monotonic() - started:.0f} s")


run(commands)
