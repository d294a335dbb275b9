#!/usr/bin/env python3
"""A hardware manager of a site: refuses machines that have less memory than was ordered.

It shows the whole protocol of docs/hardware-managers.md: a description, the support for the machine, a step with an
argument, progress, errors, and what is added to the inspection. It changes nothing.
"""

import json
import sys

NAME = "site-checks"
VERSION = "1.0"
PROTOCOL = 1

# Levels of support, as Ironic has them. The built-in manager has GENERIC; a higher level wins where both have a step.
NONE, GENERIC, MAINLINE, SERVICE_PROVIDER = range(4)


class Refused(Exception):
    """A reason that is told to the operator. Anything else that is raised is a fault of this program."""


def memory_mb():
    with open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) // 1024
    raise Refused("the kernel does not say how much memory there is")


def describe(_request):
    return {"name": NAME, "version": VERSION, "protocol": PROTOCOL, "calls": ["collect_inspection"]}


def evaluate_hardware_support(_request):
    # A manager for one kind of hardware looks for it here, and answers NONE where it is not.
    return SERVICE_PROVIDER


def list_steps(request):
    # Cleaning runs it on its own, before the disks are erased; in other flows somebody has to ask for it.
    priorities = {"clean": 95, "deploy": 0, "service": 0}
    return [
        {
            "step": "verify_memory",
            "interface": "deploy",
            "priority": priorities[request["kind"]],
            "reboot_requested": False,
            "abortable": True,
            "argsinfo": {
                "missing_percent": {
                    "description": "How much of properties.memory_mb may be missing; 5 percent by default.",
                    "required": False,
                }
            },
        }
    ]


def verify_memory(node, args):
    wanted = int(node["properties"].get("memory_mb") or 0)
    found = memory_mb()
    # The error output is the agent's log.
    print(f"comparing the memory: {found} MiB found, {wanted} MiB wanted", file=sys.stderr)
    say(progress={"phase": "comparing the memory"})
    if found < wanted * (100 - args.get("missing_percent", 5)) / 100:
        raise Refused(f"the machine has {found} MiB of memory, and {wanted} MiB were ordered")
    return {"found_mb": found, "wanted_mb": wanted}


STEPS = {"verify_memory": verify_memory}


def run_step(request):
    return STEPS[request["step"]](request["node"], request["args"])


def collect_inspection(_request):
    return {"site_checks": {"memory_mb": memory_mb()}}


CALLS = {
    call.__name__: call
    for call in (describe, evaluate_hardware_support, list_steps, run_step, collect_inspection)
}


def say(**line):
    """One line of the protocol. Nothing else may be written to the output."""
    print(json.dumps(line), flush=True)


def main():
    request = json.load(sys.stdin)
    try:
        result = CALLS[request["call"]](request)
    except Refused as reason:
        say(error=str(reason))
    else:
        say(result=result)


if __name__ == "__main__":
    main()
