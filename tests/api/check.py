"""Bad clients of a real `ferric`, and what becomes of the others meanwhile: check.py PROGRAM. Standard library only."""

import contextlib
import pathlib
import sys

# A server to ask, as the suite `auth` has it.
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "auth"))

import connections
import content
import framing
import many
import memory
import pages
import readers
import turns
from place import Place


def main():
    place = Place(sys.argv[1])
    count = 0
    for module in (content, pages, framing, many, turns, memory, readers, connections):
        with place.server(module.CONFIG) as ferric:
            for check in module.CHECKS:
                # Of a server that is killed everybody notices something.
                is_killed = module is turns
                with contextlib.nullcontext("nobody else") if is_killed else place.bystander(ferric) as bystander:
                    check(ferric)
                count += 1
                print(f"{module.__name__}: {check.__doc__} Meanwhile: {bystander}", flush=True)
    print(f"{count} passed")


main()
