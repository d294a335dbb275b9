"""Ten thousand connections that do nothing, or next to nothing."""

import resource

from place import open_files, resident_mib, wait
from wire import Wire, head

# The default of connections is for more than these.
CONFIG = """
[http]
header_timeout_s = 600
"""
COUNT = 10_000
# Of a connection, by what it does.
BOUND_KIB = 40
# More than the server has places for.
CROWD = 3000


def raise_limit():
    """Room for all of them here; the server raises its own limit likewise."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = COUNT + CROWD + 1500
    assert hard == resource.RLIM_INFINITY or hard >= needed, (
        f"the hard limit of open files is {hard}, and this check needs {needed}: raise it (ulimit -Hn)"
    )
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def idle(ferric):
    """10,000 idle connections are held in bounded memory; for more, the oldest of them make room."""
    raise_limit()
    files, before = open_files(ferric), resident_mib(ferric)
    kinds = [b"", b"", b"GET /v1/nodes HTTP/1.1\r\nHost: loc", head("GET", "/v1/nodes?limit=1")]
    wires = [Wire(ferric.port, kinds[number % len(kinds)]) for number in range(COUNT)]
    try:
        for wire in wires[3 :: len(kinds)]:
            assert wire.answer()[0] == 200
        wait("all are accepted", lambda: open_files(ferric) >= files + COUNT)
        after = resident_mib(ferric)
        bound = COUNT * BOUND_KIB / 1024
        print(f"memory: {before:.0f} MiB, with {COUNT} connections {after:.0f} MiB (bound: {bound:.0f} MiB more)")
        assert after - before < bound, f"{before:.0f} MiB became {after:.0f} MiB"
        # Those that were there first are there yet.
        for wire in wires[:400:4]:
            wire.send(head("GET", "/v1/nodes?limit=1"))
            assert wire.answer()[0] == 200
        for _ in range(CROWD):
            wires.append(Wire(ferric.port))
        # None of the first hundred, which were heard of lately.
        gone = wires[401]
        assert gone.ends() == b"", "one that sent nothing is told nothing"
        wires[0].send(head("GET", "/v1/nodes?limit=1"))
        assert wires[0].answer()[0] == 200
        most = open_files(ferric)
        assert most < files + COUNT + CROWD, f"{most} are held"
        with Wire(ferric.port, head("GET", "/v1/nodes?limit=1")) as late:
            assert late.answer()[0] == 200
    finally:
        for wire in wires:
            wire.close()
    wait("all are gone", lambda: open_files(ferric) < files + 100)


CHECKS = [idle]
