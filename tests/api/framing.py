"""How a request is framed: bodies that never end, wrong lengths, pipelines, and clients that are slow on purpose."""

import json
import time

from place import NODE, open_files, wait
from wire import Wire, ask, expect, head

CONFIG = """
[http]
header_timeout_s = 4
body_pause_s = 2
body_timeout_s = 6
answer_stall_s = 3
"""
CHUNKED = "Transfer-Encoding: chunked"
MIB = 1 << 20


def drip(wires, data):
    """One byte to each, again and again, until all are answered or closed; their statuses."""
    statuses, deadline = {}, time.monotonic() + 60
    while len(statuses) < len(wires):
        assert time.monotonic() < deadline, f"{len(statuses)} of {len(wires)} were answered"
        for wire in wires:
            if wire not in statuses:
                wire.send(data)
                wire.socket.settimeout(0.001)
                try:
                    status, _ = wire.head()
                    statuses[wire] = status
                except TimeoutError:
                    pass
        time.sleep(0.3)
    return set(statuses.values())


def endless_chunks(ferric):
    """Chunked bodies that never end are 408 when they drip, 413 when they pour, 400 when they are none."""
    for data in (b"1\r\n \r\n", b""):
        wires = [Wire(ferric.port, head("POST", path, CHUNKED)) for path in ("/v1/nodes", "/v1/continue_inspection")]
        assert drip(wires, data) == {408}, data
        for wire in wires:
            wire.close()
    with Wire(ferric.port, head("POST", "/v1/nodes", CHUNKED)) as wire:
        chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
        while wire.send(chunk):
            wire.socket.settimeout(0.01)
            try:
                status, _ = wire.head()
                break
            except TimeoutError:
                wire.socket.settimeout(60)
        assert status == 413, status
    for chunk in (b"x\r\n", b"-1\r\n", b"fffffffffffffffffff\r\n", b"5\r\nabcdefgh\r\n", b"1;" + b"x" * 100_000):
        with Wire(ferric.port, head("POST", "/v1/nodes", CHUNKED) + chunk) as wire:
            wire.socket.shutdown(1)
            assert wire.head()[0] == 400, chunk[:40]
    whole = b"2\r\n{}\r\n0\r\n\r\n"
    with Wire(ferric.port, head("POST", "/v1/nodes", CHUNKED) + whole) as wire:
        assert b"driver" in wire.answer()[2]


def wrong_lengths(ferric):
    """A body that is shorter than was said is 408, a longer one no part of the request; a length that is none is 400."""
    body = json.dumps(NODE).encode()
    with Wire(ferric.port, head("POST", "/v1/nodes", f"Content-Length: {len(body) + 1}") + body) as wire:
        assert wire.answer()[0] == 408
    with Wire(ferric.port, head("POST", "/v1/nodes", f"Content-Length: {len(body) + 1}") + body) as wire:
        # Cut off, which is told to nobody.
        wire.socket.shutdown(1)
        assert wire.answer()[0] in (400, None)
    with Wire(ferric.port, head("POST", "/v1/nodes", f"Content-Length: {len(body)}") + body + b"\x00junk\r\n\r\n") as wire:
        assert wire.answer()[0] == 201
        assert wire.answer()[0] == 400
    for lengths in (["x"], ["-1"], ["1", "2"], ["1, 2"], ["9" * 30], ["0x10"], ["+1"], [""]):
        headers = [f"Content-Length: {length}" for length in lengths]
        with Wire(ferric.port, head("POST", "/v1/nodes", *headers) + body) as wire:
            assert wire.answer()[0] == 400, lengths
    # Of two ways to say the length, which proxies may take differently, one must not hide a second request.
    second = head("DELETE", "/v1/nodes/hidden")
    for headers in ([CHUNKED, f"Content-Length: {len(second) + 5}"], ["Transfer-Encoding: xchunked"], ["Transfer-Encoding: gzip"]):
        with Wire(ferric.port, head("POST", "/v1/nodes", *headers) + b"0\r\n\r\n" + second) as wire:
            assert wire.head()[0] == 400, headers


def pipelines(ferric):
    """Requests that come all at once are answered one by one, in their order."""
    count = 300
    targets = [f"/v1/nodes/{number}" for number in range(count)]
    with Wire(ferric.port, b"".join(head("GET", target) for target in targets)) as wire:
        for number in range(count):
            status, _, body = wire.answer()
            assert status == 404 and f"node {number} could".encode() in body, (number, status, body)
    one = json.dumps({**NODE, "name": "piped"}).encode()
    requests = head("POST", "/v1/nodes", f"Content-Length: {len(one)}") + one
    requests += head("GET", "/v1/nodes/piped") + head("DELETE", "/v1/nodes/piped") + head("GET", "/v1/nodes/piped")
    with Wire(ferric.port, requests) as wire:
        assert [wire.answer()[0] for _ in range(4)] == [201, 200, 204, 404]


def expectations(ferric):
    """Expect: 100-continue is answered before the body is sent, unless the body is not wanted."""
    body = json.dumps(NODE).encode()
    with Wire(ferric.port, head("POST", "/v1/nodes", f"Content-Length: {len(body)}", "Expect: 100-continue")) as wire:
        assert wire.head()[0] == 100
        wire.send(body)
        assert wire.answer()[0] == 201
    with Wire(ferric.port, head("POST", "/v1/nodes", f"Content-Length: {2 * MIB}", "Expect: 100-continue")) as wire:
        assert wire.answer()[0] == 413
    with Wire(ferric.port, head("POST", "/v1/nonsense", "Content-Length: 9", "Expect: 100-continue")) as wire:
        assert wire.answer()[0] == 404


def slow_heads(ferric):
    """Five hundred clients that send a head byte by byte are 408, on both listeners."""
    for port in (ferric.port, ferric.machines):
        wires = [Wire(port, b"GET /v1/nodes HTTP/1.1\r\nHost: localhost\r\nX-A: ") for _ in range(500)]
        try:
            assert drip(wires, b"x") == {408}
        finally:
            for wire in wires:
                wire.close()


def lazy_readers(ferric):
    """Clients that do not read their answers are cut off, and whoever reads slowly is not."""
    extra = json.dumps({**NODE, "extra": {"a": "x" * 50_000}}).encode()
    for _ in range(100):
        expect(ferric.port, 201, "POST", "/v1/nodes", body=extra)
    before = open_files(ferric)
    details = head("GET", "/v1/nodes/detail")
    # More than the kernel holds for anybody: 5 MB each.
    lazy = [Wire(ferric.port, details * 20) for _ in range(20)]
    stream = head("GET", "/ferric/v1/events?after=0", "Accept: text/event-stream")
    lazy += [Wire(ferric.port, stream * 5) for _ in range(5)]
    slow = Wire(ferric.port, details)
    wait("all are served", lambda: open_files(ferric) >= before + 20)
    status, headers = slow.head()
    length, left = int(headers["content-length"]), time.monotonic() + 10
    assert status == 200 and length > 5_000_000, length
    while len(slow.read) < length:
        assert slow._more(), "a slow reader was cut off"
        time.sleep(0.02 if time.monotonic() < left else 0)
    slow.close()
    # The streams have little to send, and may go on.
    wait("they are cut off", lambda: open_files(ferric) <= before + 8)
    for wire in lazy:
        wire.close()
    assert ask(ferric.port, "GET", "/v1/nodes?limit=1")[0] == 200


CHECKS = [endless_chunks, wrong_lengths, pipelines, expectations, slow_heads, lazy_readers]
