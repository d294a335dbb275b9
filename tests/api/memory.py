"""Memory, when many send much at the same time."""

import json
import threading

from place import resident_mib, wait
from wire import Wire, ask, expect, head

MIB = 1 << 20
ROOM_MIB = 96
CONFIG = f"""
[http]
body_memory_mib = {ROOM_MIB}
answer_memory_mib = {ROOM_MIB}
body_pause_s = 60
"""
# A body grows in steps that double it, lists that are being made are not answers yet, and what the C library keeps for
# later counts, too.
BOUND_MIB = 4 * ROOM_MIB
SENDERS, SIZE = 40, 8 * MIB


def bodies(ferric):
    """Forty bodies of 8 MiB that never come to an end take no more than their room; others are 503 and may come again."""
    before = resident_mib(ferric)
    start = head("POST", "/v1/continue_inspection", f"Content-Length: {SIZE + 1}") + b'{"a": "'
    wires = [Wire(ferric.machines, start) for _ in range(SENDERS)]
    sent, refused, most = [], [], before

    def pour(wire):
        for _ in range(SIZE // MIB):
            if not wire.send(b"x" * (MIB - 7)):
                break
        wire.socket.settimeout(5)
        try:
            status, headers = wire.head()
            refused.append((status, headers.get("retry-after")))
        except TimeoutError:
            # Its body is being waited for.
            sent.append(wire)

    threads = [threading.Thread(target=pour, args=(wire,)) for wire in wires]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, resident_mib(ferric))
        threads[0].join(0.05)
        threads = [thread for thread in threads if thread.is_alive()]
    assert len(sent) * 8 <= ROOM_MIB, f"{len(sent)} are held"
    assert sent and len(refused) == SENDERS - len(sent), (len(sent), refused)
    assert all(status == 503 and after for status, after in refused), refused
    # As long as the room is taken, too: small bodies of strangers, and large ones of callers.
    assert ask(ferric.machines, "POST", "/v1/continue_inspection", body=b"{}")[0] == 400
    large = b'{"driver": "fake-hardware", "extra": {"a": "' + b"x" * 900_000 + b'"}}'
    expect(ferric.port, 201, "POST", "/v1/nodes", body=large)
    most = max(most, resident_mib(ferric))
    for wire in wires:
        wire.close()
    assert most - before < BOUND_MIB, f"{before:.0f} MiB became {most:.0f} MiB"
    print(f"memory: {before:.0f} MiB, at most {most:.0f} MiB (bound: {BOUND_MIB} MiB more)")
    whole = b'{"a": "' + b"x" * SIZE + b'"}'
    wait("the room is free again", lambda: ask(ferric.machines, "POST", "/v1/continue_inspection", body=whole)[0] == 400)


def at_most(ferric, ask_one, count, bound_mib=BOUND_MIB):
    """What so many clients are answered who ask the same; the server takes no more memory for it than that."""
    before = most = resident_mib(ferric)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask_one())) for _ in range(count)]
    for thread in threads:
        thread.start()
    while threads:
        most = max(most, resident_mib(ferric))
        threads[0].join(0.02)
        threads = [thread for thread in threads if thread.is_alive()]
    print(f"memory: {before:.0f} MiB, at most {most:.0f} MiB (bound: {bound_mib} MiB more)")
    assert most - before < bound_mib, f"{before:.0f} MiB became {most:.0f} MiB"
    return answers


def values(ferric):
    """Bodies of millions of small values, which would take forty times their size, are 400 before they are parsed."""
    body = b"[" + b"0," * (15 * MIB // 2) + b"0]"
    answers = at_most(ferric, lambda: ask(ferric.machines, "POST", "/v1/continue_inspection", body=body)[0], 4)
    assert answers == [400] * 4, answers


def defaults(ferric):
    """What a thousand nodes of one request have in common is there once."""
    body = {"action": "delete", "nodes": ["none"] * 1000, "defaults": {"extra": {"a": "x" * 900_000}}}
    texts = []

    def bulk():
        status, _, text = ask(ferric.port, "POST", "/ferric/v1/nodes/bulk", body=json.dumps(body).encode())
        texts.append(text)
        return status

    assert at_most(ferric, bulk, 1) == [200]
    assert json.loads(texts[0])["failed"] == 1000


def answers(ferric):
    """Large lists that a hundred clients ask for and do not read take no more than their room; others are 503."""
    node = json.dumps({"driver": "fake-hardware", "network_interface": "noop", "extra": {"a": "x" * 50_000}}).encode()
    for _ in range(100):
        expect(ferric.port, 201, "POST", "/v1/nodes", body=node)
    before = most = resident_mib(ferric)
    wires = [Wire(ferric.port) for _ in range(100)]
    for wire in wires:
        # Of 5 MB the kernel takes what it may for one connection, and the rest is ours to keep.
        wire.send(head("GET", "/v1/nodes/detail"))
    statuses = []
    for wire in wires:
        statuses.append(wire.head()[0])
        most = max(most, resident_mib(ferric))
    assert set(statuses) == {200, 503}, statuses
    print(f"memory: {before:.0f} MiB, at most {most:.0f} MiB (bound: {BOUND_MIB} MiB more)")
    assert most - before < BOUND_MIB, f"{before:.0f} MiB became {most:.0f} MiB"
    expect(ferric.port, 200, "GET", "/v1/nodes")
    for wire in wires:
        wire.close()
    wait("the room is free again", lambda: ask(ferric.port, "GET", "/v1/nodes/detail")[0] == 200)


CHECKS = [bodies, values, defaults, answers]
