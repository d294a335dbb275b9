"""The databases that an Ironic keeps its cloud in: a file of SQLite's, or a server of PostgreSQL or MariaDB of the test's own.

A server has its folder, a port of 127.0.0.1 and a socket for itself, is nobody's who is root, and ends with the test.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

import sqlalchemy

from servers import Failed, free_port

START_S = 120
STOP_S = 30
COMMAND_S = 300
LOCKED_S = 60
# Who runs the servers where the test is root's. Comes with the package of PostgreSQL.
USER = "postgres"
# With everything that has a meaning in a URL.
PASSWORD = "p@ss/w:rd+100%&=?#x y"
QUOTED = urllib.parse.quote(PASSWORD, safe="")


class Database:
    """What `url` names, as [database] connection of ironic.conf has it."""

    # Every other way to the same database, by what is special about it.
    ways = {}
    # URLs that lead nowhere, by what is wrong, each with what ferric says of it.
    astray = {}

    def __init__(self, url):
        self.url = url

    def engine(self):
        """Connections are closed after use: nothing may be left open when the server is to end."""
        patient = {"connect_args": {"timeout": LOCKED_S}} if self.url.startswith("sqlite:") else {}
        return sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.pool.NullPool, **patient)

    def write(self, statement, **values):
        """The number of rows that one write is about."""
        with self.engine().begin() as connection:
            return connection.execute(sqlalchemy.text(statement), values).rowcount

    def read(self, statement):
        """The rows."""
        with self.engine().connect() as connection:
            return [tuple(row) for row in connection.execute(sqlalchemy.text(statement))]


class Sqlite(Database):
    """A file, which Ironic makes."""

    def __init__(self, path):
        super().__init__(f"sqlite:///{path}")
        self.path = path
        self.astray = {
            "no file": (f"sqlite:///{path}.none", "sqlite3 could not read the database"),
            "another schema": ("sqlite:////dev/null", "no Ironic's"),
        }


class Server(Database):
    """A server with an empty database `ironic`, and an account that may do all in it. To be used by `with`."""

    def __init__(self):
        super().__init__(None)
        self.port = free_port()
        self.folder = self.process = None

    def __enter__(self):
        # Below /tmp, since the path of a socket is short.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ferric-db-", dir="/tmp"))
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Makes the server's files and starts it; returns when it has the database."""
        self.give(self.folder)
        for name in ("server", "stranger"):
            self.certificate(name)
        self.create()
        with self.log().open("ab") as log:
            self.process = subprocess.Popen(as_user(*self.command()), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        deadline = time.monotonic() + START_S
        while self.asked("SELECT 1;").returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{type(self).__name__} did not start:\n{self.log().read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)
        done = self.asked(self.beginning())
        if done.returncode != 0:
            raise Failed(f"{type(self).__name__}: {done.stdout}{done.stderr}")

    def stop(self):
        """Ends the server and removes its files."""
        if self.process is not None:
            # SIGQUIT: at once, whoever is connected.
            for how in (signal.SIGQUIT, signal.SIGKILL):
                self.process.send_signal(how)
                try:
                    self.process.wait(STOP_S)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        """What the server says."""
        return self.folder / "log"

    def give(self, path):
        """To the user who runs the server."""
        if os.geteuid() == 0:
            shutil.chown(path, USER, USER)

    def certificate(self, name):
        """A certificate for this address, signed by itself, and its key."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", certificate)
        key.chmod(0o600)
        certificate.chmod(0o644)
        self.give(key)

    def account(self, rest, password=QUOTED):
        """A URL of Ironic's account."""
        return f"{self.scheme}://ironic:{password}@{rest}"


class Postgres(Server):
    """PostgreSQL, the newest that is installed."""

    scheme = "postgresql+psycopg2"

    def __init__(self):
        super().__init__()
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        assert found, "PostgreSQL is missing: install the Debian package `postgresql` (tests/setup does)"
        self.programs = found[-1].parent

    def __enter__(self):
        super().__enter__()
        place = f"127.0.0.1:{self.port}"
        secure = f"{place}/ironic?sslmode=verify-full&sslrootcert={self.folder}"
        self.url = self.account(f"{place}/ironic")
        self.ways = {
            "a socket": self.account(f"/ironic?host={self.folder}&port={self.port}"),
            "TLS": self.account(f"{secure}/server.pem"),
        }
        self.astray = {
            "a wrong password": (self.account(f"{place}/ironic", "wrong"), "password authentication failed"),
            "no server": (self.account(f"127.0.0.1:{free_port()}/ironic"), "Connection refused"),
            "no such database": (self.account(f"{place}/none"), 'database "none" does not exist'),
            "another schema": (self.account(f"{place}/other"), "no Ironic's"),
            "a stranger's certificate": (self.account(f"{secure}/stranger.pem"), "certificate verify failed"),
        }
        return self

    def create(self):
        data = self.folder / "data"
        run(*as_user(self.programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"))
        (data / "pg_hba.conf").write_text(
            f"local all {USER} trust\nlocal all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )

    def command(self):
        settings = [
            "listen_addresses=127.0.0.1", "fsync=off", "ssl=on",
            f"ssl_cert_file={self.folder}/server.pem", f"ssl_key_file={self.folder}/server.key",
        ]
        options = [option for setting in settings for option in ("-c", setting)]
        return [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-p", str(self.port), *options]

    def asked(self, statements):
        """Of the server's own account."""
        command = [
            self.programs / "psql", "--no-psqlrc", "--no-password", "--set=ON_ERROR_STOP=1",
            f"--host={self.folder}", f"--port={self.port}", f"--username={USER}", "--dbname=postgres",
        ]
        return subprocess.run(command, input=statements, capture_output=True, text=True, timeout=COMMAND_S, check=False)

    def beginning(self):
        made = "".join(f"CREATE DATABASE {name} OWNER ironic;\n" for name in ("ironic", "other"))
        return f"CREATE ROLE ironic LOGIN PASSWORD '{PASSWORD}';\n{made}"


class MariaDb(Server):
    """MariaDB, of Debian's packages."""

    scheme = "mysql+pymysql"

    def __enter__(self):
        super().__enter__()
        place = f"127.0.0.1:{self.port}"
        self.url = self.account(f"{place}/ironic?charset=utf8")
        self.ways = {
            "a socket": self.account(f"/ironic?unix_socket={self.socket()}"),
            "TLS": self.account(f"{place}/ironic?ssl_ca={self.folder}/server.pem"),
            "a name that is a socket to clients": self.account(f"localhost:{self.port}/ironic"),
        }
        self.astray = {
            "a wrong password": (self.account(f"{place}/ironic", "wrong"), "Access denied"),
            "no server": (self.account(f"127.0.0.1:{free_port()}/ironic"), "Can't connect"),
            "no such database": (self.account(f"{place}/none"), "mysql could not read the database"),
            "another schema": (self.account(f"{place}/other"), "no Ironic's"),
            "a stranger's certificate": (self.account(f"{place}/ironic?ssl_ca={self.folder}/stranger.pem"), "SSL"),
        }
        return self

    def socket(self):
        """Where it listens beside its port."""
        return self.folder / "socket"

    def create(self):
        # Without a name for this machine it would refuse.
        run(*as_user("mariadb-install-db", "--no-defaults", "--force", "--auth-root-authentication-method=normal", "--skip-test-db",
                     f"--datadir={self.folder}/data"))

    def command(self):
        return [
            "/usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.folder}/data", f"--tmpdir={self.folder}",
            f"--socket={self.socket()}", f"--pid-file={self.folder}/pid", f"--port={self.port}", "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-use-native-aio=0", "--innodb-buffer-pool-size=64M",
            f"--ssl-cert={self.folder}/server.pem", f"--ssl-key={self.folder}/server.key",
        ]

    def asked(self, statements):
        """Of the server's own account."""
        command = ["mariadb", "--no-defaults", "--protocol=SOCKET", f"--socket={self.socket()}", "--user=root"]
        return subprocess.run(command, input=statements, capture_output=True, text=True, timeout=COMMAND_S, check=False)

    def beginning(self):
        lines = [f"CREATE DATABASE {name};" for name in ("ironic", "other")]
        # By name: one for every host would come after the accounts without a name of this one.
        for host in ("localhost", "127.0.0.1"):
            lines.append(f"CREATE USER 'ironic'@'{host}' IDENTIFIED BY '{PASSWORD}';")
            lines += [f"GRANT ALL ON {name}.* TO 'ironic'@'{host}';" for name in ("ironic", "other")]
        return "\n".join(lines)


def as_user(*command):
    """A command that ends when the test does, and is not root's."""
    user = ["--reuid", USER, "--regid", USER, "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig", "QUIT", *user, "--", *map(str, command)]


def run(*command):
    """A command that must succeed."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=COMMAND_S, check=False, cwd="/",
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failed(f"{command[0]} failed: {done.stdout[-1000:]}{done.stderr[-2000:]}")
