"""What is in a request: JSON that is none, or too deep, or too much; bytes that are no text; heads without measure."""

import json

from place import NODE
from wire import ask, expect, head, Wire

CONFIG = ""
MIB = 1 << 20
JSON = "Content-Type: application/json"
UUID = "00000000-0000-4000-8000-000000000001"


def nested(levels, inner=b"1"):
    return b'{"a":' * levels + inner + b"}" * levels


def node(extra):
    """The body of a new node with this text as its field extra."""
    return json.dumps(NODE).encode()[:-1] + b', "extra": ' + extra + b"}"


def bodies(port):
    """Methods and paths that take a body."""
    expect(port, 201, "POST", "/v1/nodes", JSON, body=node(b"{}")[:-1] + b', "uuid": "' + UUID.encode() + b'"}')
    yield from [
        ("POST", "/v1/nodes"),
        ("POST", "/v1/ports"),
        ("POST", "/v1/allocations"),
        ("PATCH", f"/v1/nodes/{UUID}"),
        ("PUT", f"/v1/nodes/{UUID}/states/power"),
        ("PUT", f"/v1/nodes/{UUID}/traits"),
        ("POST", f"/v1/heartbeat/{UUID}"),
        ("POST", "/v1/continue_inspection"),
        ("POST", f"/ferric/v1/nodes/{UUID}/plan"),
        ("POST", "/ferric/v1/nodes/bulk"),
    ]
    expect(port, 204, "DELETE", f"/v1/nodes/{UUID}")


def malformed(ferric):
    """Malformed JSON is 400, wherever a body is taken."""
    texts = [b"{", b'{"a":}', b"nonsense", b"{} {}", b"[1,]", b"'a'", b'"\\x"', b"\xef\xbb\xbf{}", b"1e", b"\x00"]
    for method, path in bodies(ferric.port):
        for text in texts:
            expect(ferric.port, 400, method, path, JSON, body=text)


def deep(ferric):
    """JSON may be 25 levels deep and no more: 400."""
    expect(ferric.port, 201, "POST", "/v1/nodes", JSON, body=node(nested(24)))
    for method, path in bodies(ferric.port):
        for text in (nested(26), b"[" * 26, b"[" * 500_000, node(nested(25))):
            expect(ferric.port, 400, method, path, JSON, body=text)
        patch = b'[{"op": "add", "path": "/extra/a", "value": %b}]'
        if method == "PATCH":
            expect(ferric.port, 200, method, path, JSON, body=patch % nested(23))
            expect(ferric.port, 400, method, path, JSON, body=patch % nested(24))
    for query in ("fields=" + "[" * 5000, "sort_key=" + "%5B" * 1000, "a" + "[a]" * 1000 + "=1"):
        expect(ferric.port, 400, "GET", f"/v1/nodes?{query}")


def large(ferric):
    """A body of 2 MiB is 413, where it is not a config drive or an inspection; those have limits of their own."""
    for method, path in bodies(ferric.port):
        size, expected = 2 * MIB, 413
        if path.endswith(("continue_inspection", "bulk")):
            size = 17 * MIB
        expect(ferric.port, expected, method, path, JSON, body=b'{"a": "' + b"x" * size + b'"}')
    # Whoever waits for a word is told before it sends.
    for size in (2 * MIB, 10**30):
        wire = Wire(ferric.port, head("POST", "/v1/nodes", f"Content-Length: {size}", "Expect: 100-continue"))
        with wire:
            assert wire.answer()[0] in (413, 400), size
    values = b"[" + b"0," * (3 * MIB) + b"0]"
    expect(ferric.port, 400, "POST", "/v1/continue_inspection", JSON, body=values)


def no_text(ferric):
    """Invalid UTF-8 and NUL are refused in body, path, query and headers."""
    for method, path in bodies(ferric.port):
        for text in (b'{"name": "\xff"}', b'{"name": "\xc3"}', b'{"\xed\xa0\x80": 1}', b'{"name": "a\x00"}', b"\xff\xfe"):
            expect(ferric.port, 400, method, path, JSON, body=text)
    for name in ('"a\\u0000b"', '"\\ud800"'):
        expect(ferric.port, 400, "POST", "/v1/nodes", JSON, body=node(b"{}")[:-1] + b', "name": ' + name.encode() + b"}")
    for path in ("/v1/nodes/%ff", "/v1/nodes/%00", "/v1/nodes/a%00", "/v1/ports/%c3", "/v1/nodes/\xff", "/v1/drivers/%ff"):
        expect(ferric.port, (400, 404), "GET", path)
    for path in ("/v1/nodes/a\x00", "/v1/\x00", "/\x01"):
        expect(ferric.port, 400, "GET", path)
    for query in ("fields=%ff", "owner=%00", "owner=a%00b", "%c3=1", "marker=%ff", "limit=%ff", "owner=\xff"):
        expect(ferric.port, 400, "GET", f"/v1/nodes?{query}")
        expect(ferric.port, 400, "GET", f"/v1/lookup?{query}")
    for value in ("\xff", "1.\xff"):
        expect(ferric.port, 406, "GET", "/v1/nodes", f"X-OpenStack-Ironic-API-Version: {value}")
    expect(ferric.port, 400, "GET", "/v1/nodes", "X-A: a\x00b")
    expect(ferric.port, 400, "GET", "/v1/nodes", "X\x00: a")
    # In a header that nobody reads it is none of our business.
    expect(ferric.port, 200, "GET", "/v1/nodes", "X-A: \xff")


def heads(ferric):
    """Heads without measure are 431 or 414, and thousands of arguments 400."""
    expect(ferric.port, 431, "GET", "/v1/nodes", "X-A: " + "x" * 50_000)
    expect(ferric.port, 431, "GET", "/v1/nodes", "X-A: " + "x" * 5_000_000)
    expect(ferric.port, 431, "GET", "/v1/nodes", *(f"X-{number}: 1" for number in range(1000)))
    expect(ferric.port, (414, 431), "GET", "/v1/nodes?" + "&".join(f"a{number}=1" for number in range(100_000)))
    expect(ferric.port, (414, 431), "GET", "/v1/nodes/" + "a" * 100_000)
    expect(ferric.port, 400, "GET", "/v1/nodes?" + "&".join(f"a{number}=1" for number in range(3000)))
    expect(ferric.port, 400, "GET", "/v1/nodes?" + "&".join(["limit=1"] * 3000))
    expect(ferric.port, 400, "GET", "/v1/nodes?fields=" + ",".join(map(str, range(5000))))
    expect(ferric.port, (400, 404), "GET", "/v1/nodes/" + "a" * 20_000)
    expect(ferric.port, 404, "GET", "/v1" + "/a" * 10_000)
    for line in ("GET", "GET /", "get", "GET / HTTP/1.1 x", "\r\n", "GET http:// HTTP/1.1", "PRI * HTTP/2.0", "\x16\x03\x01"):
        with Wire(ferric.port, line.encode("latin-1") + b"\r\n\r\n") as wire:
            wire.socket.shutdown(1)
            status = wire.answer()[0]
            assert status is None or 400 <= status < 600 and status != 500, f"{line!r}: {status}"


def foreign_pages(ferric):
    """What a web page of another origin sends is 403, on both listeners."""
    body = json.dumps(NODE).encode()
    for header in ("Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"):
        expect(ferric.port, 403, "POST", "/v1/nodes", "Content-Type: text/plain", header, body=body)
        expect(ferric.port, 403, "DELETE", f"/v1/nodes/{UUID}", header)
        expect(ferric.machines, 403, "POST", "/v1/continue_inspection", header, body=b"{}")
    # A name that leads here is no proof of anything.
    rebound = head("POST", "/v1/nodes", f"Origin: http://evil.example:{ferric.port}", f"Content-Length: {len(body)}")
    rebound = rebound.replace(b"Host: localhost", b"Host: evil.example:%d" % ferric.port)
    with Wire(ferric.port, rebound + body) as wire:
        assert wire.answer()[0] == 403
    own = ("Origin: http://localhost", "Sec-Fetch-Site: same-origin")
    expect(ferric.port, 201, "POST", "/v1/nodes", *own, body=body)
    assert ask(ferric.port, "GET", "/v1/nodes", "Origin: http://evil.example")[0] == 200


CHECKS = [malformed, deep, large, no_text, heads, foreign_pages]
