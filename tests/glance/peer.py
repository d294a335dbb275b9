"""Glance itself, with a store of files on SQLite, behind a Keystone of its own (that of the suite `auth`)."""

import os
import pathlib
import server
import subprocess
import sys
import tempfile
import urllib.request

CONFIG = """[DEFAULT]
log_file = {folder}/glance.log
enabled_backends = files:file
node_staging_uri = file://{folder}/staging
[glance_store]
default_backend = files
[files]
filesystem_store_datadir = {folder}/images
[os_glance_staging_store]
filesystem_store_datadir = {folder}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {folder}/tasks
[database]
connection = sqlite:///{folder}/glance.db
[keystone_authtoken]
www_authenticate_uri = {keystone}/v3
auth_url = {keystone}/v3
auth_type = password
username = glance
password = glance
project_name = service
user_domain_id = default
project_domain_id = default
interface = public
service_type = identity
token_cache_time = -1
[paste_deploy]
flavor = keystone
config_file = {paste}
"""
# Its own entry point, on a server that needs no other program.
SERVE = """
import sys, waitress
port = int(sys.argv.pop())
from glance.wsgi.api import application
waitress.serve(application, host="127.0.0.1", port=port, threads=4)
"""


class Glance:
    """Asks `keystone` about tokens; its images are gone after the `with`. The user `glance` must be there already."""

    def __init__(self, keystone):
        self.keystone = keystone

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        for name in ("images", "staging", "tasks"):
            (folder / name).mkdir()
        paste = pathlib.Path(sys.prefix) / "etc/glance/glance-api-paste.ini"
        config = folder / "glance-api.conf"
        config.write_text(CONFIG.format(folder=folder, keystone=self.keystone.url, paste=paste))
        manage = [str(pathlib.Path(sys.executable).parent / "glance-manage"), "--config-file", str(config), "db_sync"]
        done = subprocess.run(manage, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        self.port = server.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()
        return self

    def start(self):
        folder = pathlib.Path(self.folder.name)
        environment = {**os.environ, "OS_GLANCE_CONFIG_DIR": str(folder)}
        with (folder / "server.log").open("ab") as log:
            command = [sys.executable, "-c", SERVE, str(self.port)]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        server.until("Glance listens", lambda: self.process.poll() is not None or server.listens(self.port))
        assert self.process.poll() is None, (folder / "server.log").read_text()[-3000:]

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __exit__(self, *error):
        self.stop()
        if any(error):
            for name in ("server.log", "glance.log"):
                print((pathlib.Path(self.folder.name) / name).read_text()[-3000:])
        self.folder.cleanup()

    def call(self, method, path, token, body=None):
        headers = {"X-Auth-Token": token}
        status, _, shown = server.request(f"{self.url}/v2{path}", method, headers, body)
        assert status < 300, f"{method} {path}: {status} {shown}"
        return shown

    def create(self, token, data=None, **more):
        """The record of a new image with this data, or of one that waits for its data."""
        body = {"name": "debian", "disk_format": "raw", "container_format": "bare", "visibility": "private", **more}
        image = self.call("POST", "/images", token, body)
        if data is None:
            return image
        headers = {"X-Auth-Token": token, "Content-Type": "application/octet-stream"}
        place = f"{self.url}/v2/images/{image['id']}/file"
        asked = urllib.request.Request(place, data=data, method="PUT", headers=headers)
        with server.opener.open(asked, timeout=server.PATIENCE_S) as answer:
            assert answer.status == 204, answer.status
        return self.call("GET", f"/images/{image['id']}", token)
