"""Every method of openstacksdk's baremetal proxy, at the versions it chooses, at 1.115, 1.31 and 1.50, with fake hardware."""

import collections.abc
import time

import openstack
from openstack import exceptions
from openstack.baremetal.v1._proxy import Proxy

from call_rows import ROWS, Call, Inspection
from cycle import Failed, arguments, check, check_contains, run
from prepared import Api, filled

ARGUMENTS = arguments(__doc__)
API = Api(ARGUMENTS.url, ARGUMENTS.timeout)
# Above all that the SDK knows: what it is where it chooses itself.
CHOSEN = 999
VERSIONS = [CHOSEN, 115, 31, 50]
METHODS = {name for name, value in vars(Proxy).items() if callable(value) and not name.startswith("_")}


def connect(version):
    """The proxy, with every request at this version."""
    pinned = {} if version == CHOSEN else {"baremetal_default_microversion": f"1.{version}"}
    cloud = openstack.connect(
        load_yaml_config=False, load_envvars=False, auth_type="none", auth={"endpoint": ARGUMENTS.url}, **pinned
    )
    return cloud.baremetal


def tell(row, version, baremetal, kept):
    """Does the call, and looks at what it gives."""
    what = row.name if version == CHOSEN else f"{row.name} at 1.{version}"
    if version < row.since and not row.refusal:
        print(f"{what}: came with 1.{row.since}", flush=True)
        return
    refusal = row.refusal if version < row.since else row.fails
    print(what, *["(refused)"] * bool(refusal), flush=True)
    try:
        given = row.call(getattr(baremetal, row.name), kept)
        # A list is asked for when it is read.
        given = list(given) if isinstance(given, collections.abc.Generator) else given
    except exceptions.SDKException as error:
        if not refusal:
            raise Failed(f"{what}: {type(error).__name__}: {error}") from error
        refused(what, error, refusal, row.since, version)
        return
    if refusal:
        raise Failed(f"{what} was not refused, but gave {given}")
    look(what, row, given, kept)
    if row.ends:
        API.wait_for(filled(row.of, kept), row.ends)


def refused(what, error, refusal, since, version):
    """Compares the status, or the text."""
    if isinstance(refusal, int):
        check(f"the status of {what} ({error})", getattr(error, "status_code", None), refusal)
    else:
        check_contains(f"the refusal of {what}", str(error).lower(), refusal.format(since=since, version=version))


def look(what, row, given, kept):
    """Compares what was given, and keeps of it."""
    if row.keeps:
        kept[row.keeps] = given.id
    expected = filled(row.gives, kept)
    objects = given if isinstance(given, list) else [given]
    if expected and not any(all(part(one, key) == value for key, value in expected.items()) for one in objects):
        raise Failed(f"{what} gave {given}, expected {expected}")


def part(given, key):
    """An attribute of a resource, or what a plain object has."""
    return getattr(given, key) if hasattr(given, key) else given.get(key)


def every_call(version):
    """All rows, by one version."""
    baremetal = connect(version)
    kept = API.names(version)
    for row in ROWS:
        if isinstance(row, Inspection):
            API.inspect(kept, row.node)
        else:
            tell(row, version, baremetal, kept)


def calls():
    """Every method that the installed SDK has, and no other, is in the list."""
    listed = {row.name for row in ROWS if isinstance(row, Call)}
    check("the methods of the SDK that are in no row", sorted(METHODS - listed), [])
    check("the methods in rows that the SDK does not have", sorted(listed - METHODS), [])
    for version in VERSIONS:
        started = time.monotonic()
        every_call(version)
        print(f"{'chosen' if version == CHOSEN else f'1.{version}'}: {len(listed)} methods, {time.monotonic() - started:.0f} s")


run(calls)
