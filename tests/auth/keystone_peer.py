"""`keystone` with Keystone itself: its own program on SQLite, served on this machine."""

import os
import pathlib
import server
import subprocess
import sys
import tempfile

# Of every token but those that are to end in front of us.
LIFE_S = 3600
BRIEF_S = 3
CONFIG = """[DEFAULT]
log_file = {folder}/keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
[fernet_tokens]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[token]
expiration = {life_s}
allow_expired_window = 3600
"""
# Its own entry point, on a server that needs no other program.
SERVE = """
import sys, waitress
port = int(sys.argv.pop())
from keystone.wsgi.api import application
waitress.serve(application, host="127.0.0.1", port=port, threads=4)
"""


class Keystone:
    """With an administrator of the system whose password is `root`, until the end of the `with`."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        config = self.configure(LIFE_S)
        for name in ("fernet", "credential"):
            (config.parent / name).mkdir(mode=0o700)
        self.environment = {**os.environ, "OS_KEYSTONE_CONFIG_FILES": str(config)}
        self.port = server.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        bin_folder = pathlib.Path(sys.executable).parent
        manage = [str(bin_folder / "keystone-manage"), "--config-file", str(config)]
        user = [f"--keystone-{kind}={os.getuid() if kind == 'user' else os.getgid()}" for kind in ("user", "group")]
        for command in (
            ["db_sync"],
            ["fernet_setup", *user],
            ["credential_setup", *user],
            ["bootstrap", "--bootstrap-password", "root", "--bootstrap-public-url", f"{self.url}/v3"],
        ):
            done = subprocess.run([*manage, *command], env=self.environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"
        self.start()
        self.admin = self.token("admin", "root", {"system": {"all": True}})
        return self

    def configure(self, life_s):
        """What is read at the next start: how long tokens live that are made then. Those that were made before keep theirs."""
        config = pathlib.Path(self.folder.name) / "keystone.conf"
        config.write_text(CONFIG.format(folder=self.folder.name, life_s=life_s))
        return config

    def start(self):
        log = open(pathlib.Path(self.folder.name) / "server.log", "ab")
        command = [sys.executable, "-c", SERVE, str(self.port)]
        self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        log.close()
        server.until("Keystone listens", lambda: self.process.poll() is not None or server.listens(self.port))
        if self.process.poll() is not None:
            raise AssertionError((pathlib.Path(self.folder.name) / "server.log").read_text()[-3000:])

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __exit__(self, *error):
        self.stop()
        self.folder.cleanup()

    def token(self, user, password, scope):
        who = {"name": user, "password": password, "domain": {"name": "Default"}}
        identity = {"methods": ["password"], "password": {"user": who}}
        body = {"auth": {"identity": identity, "scope": scope}}
        status, headers, shown = server.request(f"{self.url}/v3/auth/tokens", "POST", body=body)
        assert status == 201, shown
        return headers["X-Subject-Token"]

    def project_token(self, user, project):
        return self.token(user, user, {"project": {"name": project, "domain": {"name": "Default"}}})

    def brief_token(self, user, project):
        """One that ends in seconds."""
        self.restart(BRIEF_S)
        token = self.project_token(user, project)
        self.restart(LIFE_S)
        return token

    def restart(self, life_s):
        self.stop()
        self.configure(life_s)
        self.start()

    def call(self, method, path, body=None, token=None):
        headers = {"X-Auth-Token": token or self.admin}
        status, _, shown = server.request(f"{self.url}/v3{path}", method, headers, body)
        assert status < 300, f"{method} {path}: {status} {shown}"
        return shown

    def role(self, name):
        found = self.call("GET", f"/roles?name={name}")["roles"]
        return found[0]["id"] if found else self.call("POST", "/roles", {"role": {"name": name}})["role"]["id"]

    def user(self, name):
        return self.call("POST", "/users", {"user": {"name": name, "password": name, "domain_id": "default"}})["user"]["id"]

    def project(self, name):
        return self.call("POST", "/projects", {"project": {"name": name, "domain_id": "default"}})["project"]["id"]

    def grant(self, project, user, role):
        self.call("PUT", f"/projects/{project}/users/{user}/roles/{self.role(role)}")


def config(keystone, more):
    return f"auth_strategy = 'keystone'\n[keystone]\nurl = '{keystone.url}'\n{more}"


OURS = "username = 'ferric'\npassword = 'ferric'\nproject_name = 'service'\n"


def with_token(token, service=None):
    return {"X-Auth-Token": token, **({"X-Service-Token": service} if service else {})}


def everything(program):
    """tokens of system and project, revocation, a token that has ended and a service's, application credentials, and its absence"""
    with Keystone() as keystone:
        service, lab, other = (keystone.project(name) for name in ("service", "lab", "other"))
        users = {name: keystone.user(name) for name in ("ferric", "ann", "bob", "eve", "nova")}
        for project, user, role in (
            (service, "ferric", "service"),
            (service, "nova", "service"),
            (lab, "ann", "admin"),
            (lab, "bob", "reader"),
            (other, "eve", "admin"),
        ):
            keystone.grant(project, users[user], role)
        tokens = {name: keystone.project_token(name, project) for name, project in (
            ("ann", "lab"), ("bob", "lab"), ("eve", "other"), ("nova", "service"))}
        with server.Ferric(program, config(keystone, OURS + "cache_s = 1\n")) as ferric:
            who_may_what(ferric, keystone, tokens, lab)
            ended(ferric, keystone, tokens)
            revoked(ferric, keystone, tokens)
            keystone_away(ferric, keystone, tokens)
        application_credential(program, keystone, users["ferric"], tokens)


def who_may_what(ferric, keystone, tokens, lab):
    status, headers, body = ferric.ask("/v1/nodes")
    assert (status, headers["WWW-Authenticate"]) == (401, f'Keystone uri="{keystone.url}"'), (status, headers)
    assert body["error"]["code"] == 401, body
    assert ferric.ask("/v1/nodes", headers=with_token("nonsense"))[0] == 401
    assert ferric.ask("/v1")[0] == 200
    assert ferric.ask("/v1/drivers", headers=with_token(keystone.admin))[0] == 200
    assert ferric.ask("/v1/drivers", headers=with_token(tokens["ann"]))[0] == 403
    node = {"driver": "fake-hardware", "network_interface": "noop", "name": "first"}
    status, _, made = ferric.ask("/v1/nodes", "POST", with_token(tokens["ann"]), node)
    assert (status, made["owner"]) == (201, lab), made
    assert ferric.ask("/v1/nodes", "POST", with_token(tokens["bob"]), node)[0] == 403
    for name, status, count in (("ann", 200, 1), ("bob", 200, 1), ("eve", 404, 0)):
        headers = with_token(tokens[name])
        assert ferric.ask("/v1/nodes/first", headers=headers)[0] == status, name
        assert len(ferric.ask("/v1/nodes", headers=headers)[2]["nodes"]) == count, name
    assert len(ferric.ask("/v1/nodes", headers=with_token(keystone.admin))[2]["nodes"]) == 1
    assert ferric.ask("/v1/nodes", headers=with_token(tokens["bob"], "nonsense"))[0] == 401


def ended(ferric, keystone, tokens):
    """A token that has ended is good with a service's, and with no other."""
    token = keystone.brief_token("bob", "lab")

    def status(service=None, path="/v1/nodes", method="GET"):
        return ferric.ask(path, method, with_token(token, service))[0]

    server.until("the token ends", lambda: status() == 401)
    assert status(tokens["nova"]) == 200
    assert status(tokens["ann"]) == 401
    assert status() == 401
    # It gives bob's rights, a reader's in his project, and not the service's.
    assert status(tokens["nova"], "/v1/nodes/first") == 200
    assert status(tokens["nova"], "/v1/nodes/first", "DELETE") == 403
    # Nor does one that has ended vouch for another.
    assert ferric.ask("/v1/nodes", headers=with_token(tokens["bob"], token))[0] == 401


def revoked(ferric, keystone, tokens):
    token = keystone.project_token("bob", "lab")
    assert ferric.ask("/v1/nodes", headers=with_token(token))[0] == 200
    headers = {"X-Auth-Token": keystone.admin, "X-Subject-Token": token}
    assert server.request(f"{keystone.url}/v3/auth/tokens", "DELETE", headers)[0] == 204
    server.until("the revoked token ends", lambda: ferric.ask("/v1/nodes", headers=with_token(token))[0] == 401)
    assert ferric.ask("/v1/nodes", headers=with_token(tokens["ann"]))[0] == 200


def keystone_away(ferric, keystone, tokens):
    keystone.stop()
    server.until("Keystone is missed", lambda: ferric.ask("/v1/nodes", headers=with_token(tokens["eve"]))[0] == 503)
    assert ferric.ask("/v1")[0] == 200
    keystone.start()
    assert ferric.ask("/v1/nodes", headers=with_token(tokens["eve"]))[0] == 200


def application_credential(program, keystone, user, tokens):
    own = keystone.project_token("ferric", "service")
    body = {"application_credential": {"name": "ferric", "roles": [{"name": "service"}]}}
    made = keystone.call("POST", f"/users/{user}/application_credentials", body, own)["application_credential"]
    more = f"application_credential_id = '{made['id']}'\napplication_credential_secret = '{made['secret']}'\n"
    with server.Ferric(program, config(keystone, more)) as ferric:
        assert ferric.ask("/v1/nodes", headers=with_token(tokens["ann"]))[0] == 200
        assert ferric.ask("/v1/nodes", headers=with_token("nonsense"))[0] == 401


CHECKS = [everything]
