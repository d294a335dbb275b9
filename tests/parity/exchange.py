"""One request to one server, and its answer with everything taken out that differs between any two servers."""

import http.client
import json
import re
import socket

TIMEOUT_S = 60
ATTEMPTS = 20
VERSION_HEADER = "X-OpenStack-Ironic-API-Version"

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?")
VARIABLE = re.compile(r"\$\{(\w+)\}")


class Answer:
    """Status, headers (names in lower case) and body: parsed JSON, or text."""

    def __init__(self, status, headers, raw):
        self.status = status
        self.headers = headers
        self.raw = raw
        self.body = parsed(raw)


def parsed(raw):
    """JSON where it is some, else text; `None` for nothing."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")


class Peer:
    """A server as its clients see it, with what its answers said that later requests need (`variables`)."""

    def __init__(self, server):
        self.name = server.name
        self.server = server
        self.variables = {}
        self.known = set()
        self.connection = None

    def ask(self, step):
        """Sends a request; a connection that the server has closed meanwhile is made anew."""
        path, body = self.fill(step.path), None
        headers = dict(step.headers)
        if step.body is not None:
            raw = isinstance(step.body, bytes)
            body = step.body if raw else json.dumps(self.fill(step.body)).encode()
            headers.setdefault("Content-Type", "application/json")
        if isinstance(step.version, int):
            headers[VERSION_HEADER] = f"1.{step.version}"
        self.known |= set(UUID.findall(path)) | set(UUID.findall((body or b"").decode(errors="replace").lower()))
        answer = self.insist(step.method, path, body, headers)
        for name, keys in step.save.items():
            self.variables[name] = dig(answer.body, keys)
        return answer

    def insist(self, method, path, body, headers):
        """An exchange on as many connections as it takes: a server that refuses a large body may cut off its own answer."""
        for _ in range(ATTEMPTS - 1):
            try:
                return self.send(method, path, body, headers)
            except (http.client.HTTPException, ConnectionError):
                self.connection = None
        return self.send(method, path, body, headers)

    def send(self, method, path, body, headers):
        """One exchange on the kept connection."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=TIMEOUT_S)
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            try:
                self.connection.request(method, path, body=body, headers=headers)
            except BrokenPipeError:
                # The answer may have come before all of the body was sent.
                pass
            response = self.connection.getresponse()
            raw = response.read()
        except BaseException:
            self.connection.close()
            self.connection = None
            raise
        found = {}
        for name, value in response.getheaders():
            name = name.lower()
            found[name] = f"{found[name]}, {value}" if name in found else value
        return Answer(response.status, found, raw)

    def fill(self, value):
        """`${name}` replaced by what was saved under that name."""
        if isinstance(value, str):
            return VARIABLE.sub(lambda match: str(self.variables.get(match[1], "unknown")), value)
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        return value

    def normal(self, text):
        """A text without addresses, times, and the ids that this server chose itself."""
        text = text.replace(self.server.url, "<base>").replace(f"127.0.0.1:{self.server.port}", "<base>")
        for name, value in self.variables.items():
            if isinstance(value, str) and len(value) > 8:
                text = text.replace(value, f"<{name}>")
        text = UUID.sub(lambda match: match[0] if match[0] in self.known else "<uuid>", text)
        return TIME.sub("<time>", text)


def dig(body, keys):
    """The value at `a.b.0.c`, or `None`."""
    for key in keys.split("."):
        try:
            body = body[int(key)] if isinstance(body, list) else body[key]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return body
