"""The two servers: Ironic and ferric, each with fake hardware, on loopback, with its state in a folder that goes away."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

# What both enable. An implementation that one of them lacks stands in neither list.
HARDWARE_TYPES = ["fake-hardware", "manual-management"]
INTERFACES = {
    "bios": ["no-bios", "fake"],
    "boot": ["ipxe", "fake"],
    "console": ["no-console", "fake"],
    "deploy": ["direct", "fake"],
    "firmware": ["no-firmware", "fake"],
    "inspect": ["agent", "no-inspect", "fake"],
    "management": ["noop", "fake"],
    "network": ["noop"],
    "power": ["fake"],
    "raid": ["no-raid", "fake"],
    "rescue": ["no-rescue", "agent", "fake"],
    "storage": ["noop", "fake"],
    "vendor": ["no-vendor", "fake"],
}
HOST = "parity"
START_S = 120
STOP_S = 20
ASK_S = 60
# For which another writer of Ironic's database is waited.
LOCKED_S = 60

# Straight to the servers, whatever proxies the environment names.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """A server that does not start."""


# Ports that were given to a server, which may not listen on it yet.
GIVEN = set()


def free_port():
    """A port of 127.0.0.1 that nobody listens on just now, another one each time."""
    while True:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            return port


class Server:
    """A process that answers at `url`, with its files in `folder`. To be used by `with`; ready after `wait_until_ready`."""

    # Whether a state that it does not get into by itself can be written at any time, and is best written.
    writes_states = False
    # It is ready when it has this one, for who sends these headers.
    driver = b'"fake-hardware"'
    headers = {}

    def __init__(self, folder, name):
        self.name = name
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def prepare(self):
        """Writes the configuration; the command that starts the server."""
        raise NotImplementedError

    def __enter__(self):
        command = self.prepare()
        with self.log().open("ab") as log:
            # A session of its own, so that what the server starts ends with it.
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, start_new_session=True
            )
        return self

    def __exit__(self, *_):
        self.stop()

    def log(self):
        """The file with what the server says."""
        return self.folder / "log"

    def wait_until_ready(self):
        """Returns once the server answers and has a driver."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with DIRECT.open(urllib.request.Request(f"{self.url}/v1/drivers", headers=self.headers), timeout=5) as answer:
                    if self.driver in answer.read():
                        return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.1)
        tail = self.log().read_text(errors="replace").splitlines()[-20:]
        raise Failed("\n".join([f"{self.name} did not start:", *tail]))

    def stop(self):
        """Ends the process and all that it started."""
        if self.process is None:
            return
        for how, patience in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
            try:
                # The process leads its group and is not reaped yet, so the group is its own.
                if self.process.returncode is None:
                    os.killpg(self.process.pid, how)
                self.process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                break
        self.process = None


class Ironic(Server):
    """Ironic, all in one process, on SQLite, or on the empty database that `connection` names. `empty` is where several keep
    an empty database of SQLite's, which takes seconds to make."""

    writes_states = True
    # Where its own are.
    programs = pathlib.Path(sys.executable).parent

    def __init__(self, folder, name, empty=None, connection=None):
        super().__init__(folder, name)
        self.empty = empty or self.folder / "empty.sqlite"
        self.connection = connection

    def prepare(self):
        config = self.folder / "ironic.conf"
        config.write_text(self.config())
        for name in ("tmp", "tftp", "http", "images", "locks"):
            (self.folder / name).mkdir()
        database, empty = self.folder / "ironic.sqlite", self.empty
        if self.connection is not None:
            self.create_schema(config)
        else:
            if not empty.exists():
                self.create_schema(config)
                shutil.copy(database, empty)
            if not database.exists():
                shutil.copy(empty, database)
        return [self.programs / "ironic", "--config-file", config]

    def write_node(self, node, fields):
        """Changes a node behind its back, as of now."""
        values = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in fields.items()}
        columns = ", ".join(f"{name} = :{name}" for name in values)
        statement = f"UPDATE nodes SET {columns}, provision_updated_at = datetime('now'), updated_at = datetime('now') WHERE uuid = :node"
        with contextlib.closing(sqlite3.connect(self.folder / "ironic.sqlite", timeout=LOCKED_S)) as database, database:
            if database.execute(statement, {**values, "node": node}).rowcount != 1:
                raise Failed(f"{self.name} has no node {node}")

    def create_schema(self, config):
        """The tables in the database of the configuration."""
        made = subprocess.run(
            [self.programs / "ironic-dbsync", "--config-file", config, "create_schema"], capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            raise Failed(f"ironic-dbsync failed: {made.stderr[-2000:]}")

    def config(self):
        """The configuration file: all that is not here is Ironic's default."""
        sections = {
            "DEFAULT": {
                "auth_strategy": "noauth", "host": HOST, "my_ip": "127.0.0.1", "rpc_transport": "none",
                "state_path": self.folder, "tempdir": self.folder / "tmp",
                "enabled_hardware_types": ",".join(HARDWARE_TYPES),
                **{f"enabled_{kind}_interfaces": ",".join(names) for kind, names in INTERFACES.items()},
                "default_network_interface": "noop",
            },
            "api": {"host_ip": "127.0.0.1", "port": self.port, "api_workers": 1},
            "oslo_middleware": {"enable_proxy_headers_parsing": "true"},
            # Without a check it would answer with nothing.
            "healthcheck": {"enabled": "true", "backends": "disable_by_file"},
            "database": {"connection": self.connection or f"sqlite:///{self.folder}/ironic.sqlite", "sqlite_synchronous": "false"},
            # On SQLite it does not beat, and would be taken for dead after a minute.
            "conductor": {"heartbeat_timeout": 86400},
            "dhcp": {"dhcp_provider": "none"},
            "deploy": {"http_root": self.folder / "http", "http_url": "http://127.0.0.1:1"},
            "pxe": {
                "tftp_root": self.folder / "tftp", "tftp_master_path": self.folder / "tftp/master",
                "images_path": self.folder / "images", "instance_master_path": self.folder / "images/master",
            },
            # Fake machines boot nothing, and are inspected all the same.
            "inspector": {"require_managed_boot": "false"},
            "service_catalog": {"endpoint_override": self.url},
            "oslo_concurrency": {"lock_path": self.folder / "locks"},
        }
        lines = []
        for section, settings in sections.items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in settings.items()), ""]
        return "\n".join(lines)


class Ferric(Server):
    """This project's server, on its embedded store."""

    def __init__(self, folder, program):
        super().__init__(folder, "ferric")
        self.program = pathlib.Path(program).resolve()

    def prepare(self):
        def names(values):
            return "[" + ", ".join(f'"{value}"' for value in values) + "]"

        interfaces = ", ".join(f"{kind} = {names(values)}" for kind, values in INTERFACES.items())
        config = self.folder / "ferric.toml"
        config.write_text(
            f'state_dir = "{self.folder}/store"\n'
            f'host = "{HOST}"\n'
            f'[api]\nlisten = "127.0.0.1:{self.port}"\nenable_proxy_headers_parsing = true\n'
            "[healthcheck]\nenabled = true\n"
            f"[provision]\nlisten = \"127.0.0.1:{free_port()}\"\n"
            f"[drivers]\nenabled_hardware_types = {names(HARDWARE_TYPES)}\n"
            f"enabled_interfaces = {{ {interfaces} }}\n"
            '[boot]\nkernel = "http://127.0.0.1:1/kernel"\nramdisk = "http://127.0.0.1:1/ramdisk"\n'
        )
        return [self.program, "serve", "--config", config]

    def write_node(self, node, fields):
        """Has the node, and what hangs on it, come from elsewhere with these fields."""
        kinds = ("node", "portgroup", "port", "volume_connector", "volume_target")
        exported = [record for kind in kinds for record in self.own("GET", f"/ferric/v1/export?kind={kind}&secrets=true")["records"]]
        records = [record for record in exported if node in (record["document"].get("uuid"), record["document"].get("node_uuid"))]
        if not records:
            raise Failed(f"{self.name} has no node {node}")
        records[0]["document"].update(fields)
        self.own("PUT", f"/v1/nodes/{node}/maintenance", {})
        self.own("DELETE", f"/v1/nodes/{node}")
        done = self.own("POST", "/ferric/v1/import", {"records": records})
        if done["failed"]:
            raise Failed(f"{self.name} does not import {node}: {done['results']}")

    def own(self, method, path, body=None):
        """The body of an answer that must be good."""
        headers = {"X-OpenStack-Ironic-API-Version": "latest", "Content-Type": "application/json"}
        raw = None if body is None else json.dumps(body).encode()
        try:
            with DIRECT.open(urllib.request.Request(self.url + path, data=raw, method=method, headers=headers), timeout=ASK_S) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise Failed(f"{self.name}: {method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        return json.loads(text) if text else None
