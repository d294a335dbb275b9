"""Where the checks take place: a server, and a client who behaves and must notice nothing of the others."""

import contextlib
import json
import os
import threading
import time
import uuid

from server import Ferric, free_port
from wire import Wire, head

NODE = {"driver": "fake-hardware", "network_interface": "noop"}
# For an answer to whoever behaves: what takes longer is noticed. Milliseconds are usual, also beside a busy neighbour.
LONGEST_S = 10


class Place:
    def __init__(self, program):
        self.program = program

    @contextlib.contextmanager
    def server(self, config):
        """A server with both listeners. `machines` is the port of the other one."""
        machines = free_port()
        config = f'host = "here"\n[provision]\nlisten = "127.0.0.1:{machines}"\n{config}'
        with Ferric(self.program, config) as ferric:
            ferric.machines = machines
            yield ferric
            assert ferric.process.poll() is None, "the server has ended"

    @contextlib.contextmanager
    def bystander(self, ferric):
        bystander = Bystander(ferric)
        bystander.thread.start()
        try:
            yield bystander
            before = bystander.answered
            wait("the bystander is answered", lambda: bystander.answered > before + 3 or bystander.error)
        finally:
            bystander.stop = True
            bystander.thread.join()
        assert bystander.error is None, f"the bystander: {bystander.error}"
        assert bystander.longest_s < LONGEST_S, f"the bystander waited {bystander.longest_s:.1f} s for an answer"


class Bystander:
    """Makes a node, reads and changes it again and again, on one connection and on new ones."""

    def __init__(self, ferric):
        self.port, self.answered, self.longest_s, self.error, self.stop = ferric.port, 0, 0.0, None, False
        self.node = str(uuid.uuid4())
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            self._ask("POST", "/v1/nodes", {**NODE, "uuid": self.node}, 201)
            while not self.stop:
                patch = [{"op": "add", "path": "/extra/count", "value": self.answered}]
                self._ask("PATCH", f"/v1/nodes/{self.node}", patch, 200)
                shown = self._ask("GET", f"/v1/nodes/{self.node}", None, 200)
                assert shown["extra"]["count"] == patch[0]["value"], shown["extra"]
                time.sleep(0.05)
            self._ask("DELETE", f"/v1/nodes/{self.node}", None, 204)
        except Exception as error:  # Told to the check, which runs in another thread.
            self.error = f"{type(error).__name__}: {error}"

    def _ask(self, method, path, body, expected):
        text = b"" if body is None else json.dumps(body).encode()
        began = time.monotonic()
        with Wire(self.port, head(method, path, f"Content-Length: {len(text)}") + text) as wire:
            status, _, answer = wire.answer()
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        assert status == expected, f"{method} {path}: {status} {answer[:300]}"
        self.answered += 1
        return json.loads(answer) if answer else None

    def __str__(self):
        return f"{self.answered} answers to another client, the slowest after {self.longest_s:.2f} s"


def wait(what, holds, patience_s=120):
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"in vain waited until {what}"
        time.sleep(0.05)


def resident_mib(ferric):
    with open(f"/proc/{ferric.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def open_files(ferric):
    return len(os.listdir(f"/proc/{ferric.process.pid}/fd"))
