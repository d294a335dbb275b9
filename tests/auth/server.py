"""A `ferric` with fake hardware for the scripts here, and requests to it."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

PATIENCE_S = 60
VERSION = {"X-OpenStack-Ironic-API-Version": "latest", "Content-Type": "application/json"}
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def request(url, method="GET", headers=None, body=None):
    """Status, headers and the parsed body (None where it is no JSON) of an answer, whatever its status."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, method=method, headers={**VERSION, **(headers or {})})
    try:
        with opener.open(asked, timeout=PATIENCE_S) as answer:
            status, shown, text = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, shown, text = error.code, error.headers, error.read()
    try:
        return status, shown, json.loads(text)
    except ValueError:
        return status, shown, None


def until(what, holds):
    """Waits until `holds()` is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"in vain waited until {what}"
        time.sleep(0.1)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
        return True
    except OSError:
        return False


class Ferric:
    """The program with this configuration, until the end of the `with`."""

    def __init__(self, program, config):
        self.folder = tempfile.TemporaryDirectory()
        place = pathlib.Path(self.folder.name)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (place / "ferric.toml").write_text(config)
        self.command = [program, "serve", "--config", str(place / "ferric.toml")]
        self.command += ["--state", str(place / "state"), "--listen", f"127.0.0.1:{self.port}"]
        self.log = place / "log"

    def __enter__(self):
        self.start()
        return self

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        until("ferric listens", lambda: self.process.poll() is not None or listens(self.port))
        assert self.process.poll() is None, self.log.read_text()

    def crash(self):
        """SIGKILL; then another process has what this one had stored."""
        self.process.kill()
        self.process.wait()
        self.start()

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait()
        if any(error):
            print(self.log.read_text()[-4000:])
        self.folder.cleanup()

    def ask(self, path, method="GET", headers=None, body=None):
        return request(self.url + path, method, headers, body)


def refused(program, config, *arguments):
    """What the program says that does not start with this configuration."""
    with tempfile.TemporaryDirectory() as folder:
        place = os.path.join(folder, "ferric.toml")
        pathlib.Path(place).write_text(config)
        command = [program, "serve", "--config", place, "--state", os.path.join(folder, "state"), *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        assert ended.returncode != 0, "it started"
        return ended.stderr
