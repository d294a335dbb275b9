"""What both cycles share: their arguments, and how they fail: with one line that says what was expected."""

import argparse
import os
import sys
import uuid


class Failed(Exception):
    """An expectation that does not hold."""


def arguments(about):
    """The API's URL, and either a driver, for a node that the cycle makes and deletes, or a node that is prepared."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--url", required=True, help="of the API, such as http://127.0.0.1:6385")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--driver", default="fake-hardware", help="the hardware type of the node to make")
    which.add_argument("--node", help="name or UUID of a node in enroll that has all it needs for a deploy")
    parser.add_argument("--timeout", type=int, default=60, help="seconds for each change of state")
    parsed = parser.parse_args()
    parsed.name = parsed.node or "cycle-" + uuid.uuid4().hex[:8]
    parsed.makes = parsed.node is None
    # Nothing of the user's own cloud settings may reach a client.
    for key in [key for key in os.environ if key.startswith("OS_")]:
        del os.environ[key]
    return parsed


def check(what, found, expected):
    """Fails unless both are the same."""
    if found != expected:
        raise Failed(f"{what} is {found!r}, expected {expected!r}")


def check_contains(what, found, part):
    """Fails unless the part is in there."""
    if part not in found:
        raise Failed(f"{what} is {found!r}, expected {part!r} in it")


def mac():
    """An address that no other port has."""
    return "52:54:" + ":".join(f"{byte:02x}" for byte in os.urandom(4))


CONFIG_DRIVE = {
    "meta_data": {"uuid": "0b2f1f1c-7c3b-4a55-9d5e-5a7f5d2f9f10", "hostname": "cycle-host"},
    "network_data": {"links": [], "networks": [], "services": []},
    "user_data": "#cloud-config\nhostname: cycle-host\n",
}


def run(cycle):
    """Ends the process: 0, or 1 with one line."""
    script = os.path.basename(sys.argv[0])
    try:
        cycle()
    except Failed as failure:
        sys.exit(f"{script}: {failure}")
    except Exception as error:  # noqa: BLE001: a client's own error, whatever its type, is one line too.
        sys.exit(f"{script}: {type(error).__name__}: {error}")
    print(f"{script}: passed")
