"""Every command of python-ironicclient, at its newest microversion, at 1.31 and at 1.50, with fake hardware."""

import importlib.metadata
import json
import os
import shlex
import tempfile
import time

from cliff.lister import Lister
from cliff.show import ShowOne
from ironicclient import shell
from ironicclient.common.http import LAST_KNOWN_API_VERSION

from command_rows import ROWS, Command, Inspection
from cycle import Failed, arguments, check, check_contains, mac, run
from fork import forked
from prepared import Api, filled

ARGUMENTS = arguments(__doc__)
API = Api(ARGUMENTS.url, ARGUMENTS.timeout)
NEWEST = LAST_KNOWN_API_VERSION
VERSIONS = [NEWEST, 31, 50]
ENTRY_POINTS = {
    point.name.removeprefix("baremetal_").replace("_", " "): point
    for point in importlib.metadata.entry_points(group="openstack.baremetal.v1")
}


def tell(row, version, kept):
    """Runs the command by the version, and looks at what it says."""
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
    if prints or row.shows:
        look(line, row, json.loads(printed), kept)
    if row.ends:
        API.wait_for(filled(row.of, kept), row.ends)


def look(what, row, printed, kept):
    """Compares what was printed, and keeps of it."""
    lines = printed if isinstance(printed, list) else [printed]
    if row.keeps:
        kept[row.keeps] = next(value for key, value in lines[0].items() if key.lower() == "uuid")
    expected = filled(row.shows, kept)
    if expected and not any(all(line.get(key) == value for key, value in expected.items()) for line in lines):
        raise Failed(f"{what} printed {printed}, expected {expected}")


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
    try:
        for row in ROWS:
            if isinstance(row, Inspection):
                API.inspect(kept, row.node)
            else:
                tell(row, NEWEST if row.newest else version, kept)
    finally:
        os.unlink(kept["file"])


def commands():
    """Every command that the installed client has, and no other, is in the list."""
    listed = {row.name for row in ROWS if isinstance(row, Command)}
    check("the commands of the client that are in no row", sorted(ENTRY_POINTS.keys() - listed), [])
    check("the commands in rows that the client does not have", sorted(listed - ENTRY_POINTS.keys()), [])
    for version in VERSIONS:
        started = time.monotonic()
        every_command(version)
        print(f"1.{version}: {len(listed)} commands, {time.monotonic() - started:.0f} s")


run(commands)
