"""HTTP to the byte, well formed or not."""

import socket
import struct

PATIENCE_S = 60


class Wire:
    """A connection. What the other side does not do within PATIENCE_S is an error."""

    def __init__(self, port, sent=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.read = b""
        self.send(sent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        # Without TIME_WAIT: thousands of these use up the ports.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data):
        """Whether all of it was taken."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def _more(self):
        try:
            more = self.socket.recv(1 << 16)
        except ConnectionResetError:
            more = b""
        self.read += more
        return bool(more)

    def head(self):
        """Status and headers of the next answer, 100 Continue among them; status None where the connection ends."""
        while b"\r\n\r\n" not in self.read:
            if not self._more():
                return None, {}
        head, self.read = self.read.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, value in pairs}

    def answer(self):
        """Status, headers and body of the next answer."""
        status, headers = self.head()
        length = int(headers.get("content-length", 0))
        while len(self.read) < length and self._more():
            pass
        body, self.read = self.read[:length], self.read[length:]
        return status, headers, body

    def ends(self):
        """Reads to the end; what came before it."""
        while self._more():
            pass
        return self.read


def head(method, target, *headers, version="1.1"):
    """A request's head. Texts are sent as latin-1, so that any byte can be."""
    lines = [f"{method} {target} HTTP/{version}", "Host: localhost", *headers]
    if not any(header.lower().startswith("x-openstack-ironic-api-version") for header in headers):
        lines.append("X-OpenStack-Ironic-API-Version: 1.115")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def ask(port, method, target, *headers, body=None):
    """One request on a connection of its own: status, headers and body of its answer."""
    if body is not None:
        headers = (*headers, f"Content-Length: {len(body)}")
    with Wire(port) as wire:
        # An answer may come before everything was taken.
        wire.send(head(method, target, *headers) + (body or b""))
        return wire.answer()


def expect(port, expected, method, target, *headers, body=None):
    """Asks, and holds the answer's status against the expected one, and a refusal's form against the common one."""
    status, answered, text = ask(port, method, target, *headers, body=body)
    what = f"{method} {target[:100]} {headers!r:.100} {(body or b'')[:100]}"
    allowed = expected if isinstance(expected, tuple) else (expected,)
    assert status in allowed, f"{what}: {status}, not {expected}: {text[:300]}"
    if status >= 400 and answered.get("content-type") == "application/json":
        assert b"fault" in text or b"error" in text, f"{what}: {text[:300]}"
    return answered, text
